// Writes CBOR (RFC 8949; the first byte is drawn in kinesis/cbor.ts) in the style of a dialect's
// service: definite lengths or a break, members in their order or sorted, fractions in single
// precision if that is exact. Undefined members are left out.
import { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, INDEFINITE, BREAK } from "./cborTypes.ts";

/** The choices of a service that the RFC leaves open. */
export interface CborStyle {
  /** Arrays and maps end with a break and have no length. */
  indefinite: boolean;
  /** Members of a map by their names. */
  sorted: boolean;
  /** Fractions take four bytes when that is exact. */
  singles: boolean;
  /** Milliseconds of a value that is a time; it is written under tag 1. */
  momentOf?(value: object): number | undefined;
}

/** Tag 1, under which the RFC has seconds and Kinesis milliseconds. */
const EPOCH_TIME = 0xc1;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const FLOAT32 = 0xfa;
const FLOAT64 = 0xfb;

/** Bytes for a tag, and for the first byte of an item and its argument. */
const headBytesMax = 10;
/** Up to this length a text of ASCII is written character by character. */
const shortTextLength = 64;

const encoder = new TextEncoder();

/** Throws a TypeError for values that no reply contains, such as a bigint. */
export function writeCbor(value: unknown, style: CborStyle): Uint8Array {
  const writer = new CborWriter(style);
  writer.writeItem(value);
  return writer.take();
}

/** The head of an array with `count` items. */
export function writeArrayHead(count: number): Uint8Array {
  const writer = new CborWriter({ indefinite: false, sorted: false, singles: false });
  writer.writeHead(ARRAY, count);
  return writer.take();
}

class CborWriter {
  readonly #style: CborStyle;
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(style: CborStyle) {
    this.#style = style;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  writeItem(value: unknown): void {
    this.#reserve(headBytesMax);
    switch (typeof value) {
      case "string":
        return this.#writeText(value);
      case "number":
        return this.#writeNumber(value);
      case "boolean":
        return this.#writeByte(value ? TRUE : FALSE);
      case "object":
        return value === null ? this.#writeByte(NULL) : this.#writeObject(value);
      default:
        throw new TypeError(`no CBOR for a ${typeof value}`);
    }
  }

  writeHead(major: number, argument: number): void {
    const first = major << 5;
    if (argument < 24) {
      this.#writeByte(first + argument);
    } else if (argument < 2 ** 8) {
      this.#writeByte(first + 24);
      this.#writeByte(argument);
    } else if (argument < 2 ** 16) {
      this.#writeByte(first + 25);
      this.#view.setUint16(this.#advance(2), argument);
    } else if (argument < 2 ** 32) {
      this.#writeByte(first + 26);
      this.#view.setUint32(this.#advance(4), argument);
    } else {
      this.#writeByte(first + 27);
      this.#view.setBigUint64(this.#advance(8), BigInt(argument));
    }
  }

  #writeObject(value: object): void {
    if (value instanceof Uint8Array) return this.#writeBytes(BYTES, value);
    const moment = this.#style.momentOf?.(value);
    if (moment !== undefined) {
      this.#writeByte(EPOCH_TIME);
      return this.#writeNumber(moment);
    }
    if (Array.isArray(value)) {
      this.#open(ARRAY, value.length);
      for (const item of value) this.writeItem(item);
    } else {
      this.#writeMembers(value);
    }
    if (!this.#style.indefinite) return;
    this.#reserve(1);
    this.#writeByte(BREAK);
  }

  #writeMembers(value: object): void {
    const members: [string, unknown][] = Object.entries(value).filter(
      ([, member]) => member !== undefined,
    );
    if (this.#style.sorted) members.sort(([a], [b]) => (a < b ? -1 : 1));
    this.#open(MAP, members.length);
    for (const [name, member] of members) {
      this.#reserve(headBytesMax);
      this.#writeText(name);
      this.writeItem(member);
    }
  }

  #open(major: number, length: number): void {
    if (this.#style.indefinite) this.#writeByte((major << 5) + INDEFINITE);
    else this.writeHead(major, length);
  }

  #writeNumber(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value < 0) this.writeHead(NEGATIVE, -1 - value);
      else this.writeHead(UNSIGNED, value);
    } else if (this.#style.singles && Math.fround(value) === value) {
      this.#writeByte(FLOAT32);
      this.#view.setFloat32(this.#advance(4), value);
    } else {
      this.#writeByte(FLOAT64);
      this.#view.setFloat64(this.#advance(8), value);
    }
  }

  #writeText(text: string): void {
    const { length } = text;
    if (length > shortTextLength) return this.#writeBytes(TEXT, encoder.encode(text));
    this.#reserve(headBytesMax + length);
    const start = this.#at;
    this.writeHead(TEXT, length);
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = start;
        return this.#writeBytes(TEXT, encoder.encode(text));
      }
      this.#bytes[this.#at++] = code;
    }
  }

  #writeBytes(major: number, bytes: Uint8Array): void {
    this.#reserve(headBytesMax + bytes.length);
    this.writeHead(major, bytes.length);
    this.#bytes.set(bytes, this.#advance(bytes.length));
  }

  #writeByte(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  #advance(length: number): number {
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const wider = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    wider.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = wider;
    this.#view = new DataView(wider.buffer);
  }
}
