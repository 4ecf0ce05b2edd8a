// Reads CBOR (RFC 8949; the first byte is drawn in kinesis/cbor.ts), strictly: one item of any
// well-formed encoding, lengths definite or not, and nothing after it. Tags are read over, because
// the only one that clients send marks a timestamp, and that is known from the shape. A key that is
// no text is refused, and so are nesting deeper than any shape could need and more items than a
// request may have. No claimed length is believed before the bytes are there.
import { concatBytes } from "./bytes.ts";
import { requestItemsMax } from "../limits.ts";
import {
  UNSIGNED,
  NEGATIVE,
  BYTES,
  TEXT,
  ARRAY,
  MAP,
  TAG,
  INDEFINITE,
  BREAK,
} from "./cborTypes.ts";

/** The deepest shape has five levels. */
const depthMax = 64;

/** Number of bytes that follow additional information of 24 to 27. */
const argumentBytes = [1, 2, 4, 8];

/** Up to this length a text of ASCII is read faster without the decoder. */
const shortTextBytes = 32;

// Broken UTF-8 is a broken body, and a byte order mark is a character like any other.
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Byte strings are views of the body. Integers that a number cannot hold are bigints. Throws for
 * what is not well formed, and for more than `itemsMax` items, keys and chunks of strings counted
 * too.
 */
export function decodeCbor(body: Uint8Array, itemsMax = requestItemsMax): unknown {
  const reader = new CborReader(body, itemsMax);
  const value = reader.readItem(0);
  reader.expectEnd();
  return value;
}

class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #itemsLeft: number;
  #at = 0;

  constructor(bytes: Uint8Array, itemsMax: number) {
    this.#itemsLeft = itemsMax;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) throw malformed("trailing bytes");
  }

  readItem(depth: number): unknown {
    if (depth > depthMax) throw malformed("nested too deeply");
    const first = this.#head();
    const major = first >> 5;
    const info = first & 31;
    switch (major) {
      case UNSIGNED:
        return this.#argument(info);
      case NEGATIVE: {
        const argument = this.#argument(info);
        return typeof argument === "bigint" ? -1n - argument : -1 - argument;
      }
      case BYTES:
        return info === INDEFINITE ? this.#chunkedBytes() : this.#take(this.#length(info));
      case TEXT:
        return info === INDEFINITE ? this.#chunkedText() : this.#text(this.#length(info));
      case ARRAY:
        return this.#array(info, depth);
      case MAP:
        return this.#map(info, depth);
      case TAG:
        this.#argument(info);
        return this.readItem(depth + 1);
      default:
        return this.#simple(info);
    }
  }

  #array(info: number, depth: number): unknown[] {
    const items: unknown[] = [];
    const count = info === INDEFINITE ? Infinity : this.#length(info);
    for (let i = 0; i < count; i++) {
      if (count === Infinity && this.#isBreak()) break;
      items.push(this.readItem(depth + 1));
    }
    return items;
  }

  /** If a key occurs again, the last value counts, as in JSON. */
  #map(info: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const count = info === INDEFINITE ? Infinity : this.#length(info);
    for (let i = 0; i < count; i++) {
      if (count === Infinity && this.#isBreak()) break;
      const key = this.#key();
      const value = this.readItem(depth + 1);
      if (key !== "__proto__") map[key] = value;
      else Object.defineProperty(map, key, { value, enumerable: true, configurable: true });
    }
    return map;
  }

  #key(): string {
    const first = this.#head();
    if (first >> 5 !== TEXT) throw malformed("a key that is no text");
    const info = first & 31;
    return info === INDEFINITE ? this.#chunkedText() : this.#text(this.#length(info));
  }

  #simple(info: number): unknown {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22: // null
      case 23: // undefined
        return null;
      case 25:
        return this.#half();
      case 26:
        return this.#view.getFloat32(this.#skip(4));
      case 27:
        return this.#view.getFloat64(this.#skip(8));
      default:
        throw malformed(`simple value ${info}`);
    }
  }

  /** Sign, five bits of exponent, ten of fraction. */
  #half(): number {
    const bits = this.#view.getUint16(this.#skip(2));
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    const significand = exponent === 0 ? fraction : 1024 + fraction;
    return sign * significand * 2 ** (Math.max(exponent, 1) - 25);
  }

  #chunkedBytes(): Uint8Array {
    const chunks: Uint8Array[] = [];
    while (!this.#isBreak()) chunks.push(this.#take(this.#chunkLength(BYTES)));
    return concatBytes(chunks);
  }

  /** Each chunk is whole UTF-8 by itself. */
  #chunkedText(): string {
    let text = "";
    while (!this.#isBreak()) text += this.#text(this.#chunkLength(TEXT));
    return text;
  }

  #chunkLength(major: number): number {
    const first = this.#head();
    if (first >> 5 !== major) throw malformed("a chunk of another type");
    return this.#length(first & 31);
  }

  #text(length: number): string {
    const bytes = this.#take(length);
    if (length > shortTextBytes) return utf8Decoder.decode(bytes);
    let text = "";
    for (const byte of bytes) {
      if (byte > 127) return utf8Decoder.decode(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** A count of bytes or items, each of which takes a byte at least. */
  #length(info: number): number {
    const length = this.#argument(info);
    if (length > this.#bytes.length - this.#at) throw malformed("short");
    return Number(length);
  }

  #argument(info: number): number | bigint {
    if (info < 24) return info;
    const width = argumentBytes[info - 24];
    if (width === undefined) throw malformed(`additional information ${info}`);
    const at = this.#skip(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at);
    if (width === 4) return this.#view.getUint32(at);
    const wide = this.#view.getBigUint64(at);
    return wide < Number.MAX_SAFE_INTEGER ? Number(wide) : wide;
  }

  #isBreak(): boolean {
    if (this.#bytes[this.#at] !== BREAK) return false;
    this.#at++;
    return true;
  }

  /** Reads the first byte of the next item, key or chunk. */
  #head(): number {
    if (this.#itemsLeft-- === 0) throw malformed("too many items");
    return this.#byte();
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw malformed("short");
    return byte;
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** The address of the next bytes; throws unless there are that many. */
  #skip(length: number): number {
    const at = this.#at;
    this.#at = at + length;
    if (this.#at > this.#bytes.length) throw malformed("short");
    return at;
  }
}

function malformed(what: string): Error {
  return new Error(`cbor ${what}`);
}
