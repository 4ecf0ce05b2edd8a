// CBOR as Kinesis speaks it (application/x-amz-cbor-1.1; RFC 8949), and how it is written: as the
// service writes it, with maps and arrays of indefinite length, timestamps as whole milliseconds
// under tag 1, bytes as byte strings. Reading it is in codec/cborReader.ts.
//
//   first byte   major type, 3 bits      additional information, 5 bits
//                0 unsigned, 1 negative   0..23 the number itself
//                2 bytes, 3 text          24, 25, 26, 27: it is in the next 1, 2, 4, 8 bytes
//                4 array, 5 map           31 of indefinite length (2 to 5), or its end (7)
//                6 tag, 7 simple, float   28..30 not well formed
import { decodeCbor } from "../codec/cborReader.ts";
import { type BodyCodec, Timestamp } from "./codec.ts";

export const cborCodec: BodyCodec = {
  format: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode: decodeCbor,
  encode: encodeCbor,
};

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;

const BREAK = 0xff;
const OPEN_MAP = 0xbf;
const OPEN_ARRAY = 0x9f;
/** Tag 1, under which the RFC has seconds and the service milliseconds. */
const EPOCH_TIME = 0xc1;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const FLOAT64 = 0xfb;

/** Room for a tag, and for the first byte of an item and its argument. */
const headBytesMax = 10;

const utf8Encoder = new TextEncoder();

/** Throws a TypeError for what no reply holds, such as a bigint. */
export function encodeCbor(value: unknown): Uint8Array {
  const writer = new CborWriter();
  writer.writeItem(value);
  return writer.take();
}

class CborWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  writeItem(value: unknown): void {
    this.#reserve(headBytesMax);
    switch (typeof value) {
      case "string":
        return this.#writeBytes(TEXT, utf8Encoder.encode(value));
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

  #writeObject(value: object): void {
    if (value instanceof Timestamp) {
      this.#writeByte(EPOCH_TIME);
      return this.#writeNumber(value.ms);
    }
    if (value instanceof Uint8Array) return this.#writeBytes(BYTES, value);
    if (Array.isArray(value)) {
      this.#writeByte(OPEN_ARRAY);
      for (const item of value) this.writeItem(item);
    } else {
      this.#writeByte(OPEN_MAP);
      for (const [key, item] of Object.entries(value)) {
        if (item === undefined) continue;
        this.#writeBytes(TEXT, utf8Encoder.encode(key));
        this.writeItem(item);
      }
    }
    this.#reserve(1);
    this.#writeByte(BREAK);
  }

  #writeNumber(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value < 0) this.#writeHead(NEGATIVE, -1 - value);
      else this.#writeHead(UNSIGNED, value);
    } else {
      this.#writeByte(FLOAT64);
      this.#view.setFloat64(this.#advance(8), value);
    }
  }

  #writeBytes(major: number, bytes: Uint8Array): void {
    this.#reserve(headBytesMax + bytes.length);
    this.#writeHead(major, bytes.length);
    this.#bytes.set(bytes, this.#advance(bytes.length));
  }

  #writeHead(major: number, argument: number): void {
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
