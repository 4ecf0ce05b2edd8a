// Arrays of numbers as attributes: a blob with a header. v3io servers compute with them, and v3io
// clients pack and unpack them (v3io-py kv_array.py, after Iguazio's data-layer reference, array
// attributes).
//
//   0   4   magic 11223344 (u32 LE)      8   4   bytes of the elements (u32 LE)
//   4   4   version 1 (u32 LE)          12   4   type: 259 whole numbers of 64 bits, 261 doubles (u32 LE)
//   16  …   elements, 8 bytes each, little-endian
import { Buffer } from "node:buffer";
import { StreamError } from "../errors.ts";
import { rowBodyBytesMax } from "../limits.ts";

const MAGIC = 11_223_344;
const VERSION = 1;
const WHOLE = 259;
const DOUBLE = 261;
const HEADER_BYTES = 16;
const ELEMENT_BYTES = 8;

/** The maximum that fits a row in base64, which has four characters for three bytes. */
const elementsMax = Math.floor(((rowBodyBytesMax / 4) * 3 - HEADER_BYTES) / ELEMENT_BYTES);

export class NumberArray {
  readonly elements: BigInt64Array | Float64Array;

  constructor(elements: BigInt64Array | Float64Array) {
    this.elements = elements;
  }

  /** An array of equal elements. Throws `expressionFailed` if an attribute cannot hold it. */
  static filled(count: number, isWhole: boolean, value: bigint | number): NumberArray {
    if (!Number.isSafeInteger(count) || count < 0 || count > elementsMax) {
      throw failed(`an array of ${count}`);
    }
    const array = new NumberArray(isWhole ? new BigInt64Array(count) : new Float64Array(count));
    for (let i = 0; i < count; i++) array.put(i, value);
    return array;
  }

  /** Undefined if the bytes are not an array. */
  static decode(base64: string): NumberArray | undefined {
    const bytes = Buffer.from(base64, "base64");
    const size = bytes.length - HEADER_BYTES;
    if (size < 0 || size % ELEMENT_BYTES !== 0) return undefined;
    const isArray = bytes.readUInt32LE(0) === MAGIC && bytes.readUInt32LE(4) === VERSION;
    const type = bytes.readUInt32LE(12);
    if (!isArray || bytes.readUInt32LE(8) !== size) return undefined;
    if (type !== WHOLE && type !== DOUBLE) return undefined;
    const body = new Uint8Array(size);
    body.set(bytes.subarray(HEADER_BYTES));
    return new NumberArray(
      type === WHOLE ? new BigInt64Array(body.buffer) : new Float64Array(body.buffer),
    );
  }

  encode(): string {
    const { buffer, byteLength, byteOffset } = this.elements;
    const bytes = Buffer.alloc(HEADER_BYTES + byteLength);
    bytes.writeUInt32LE(MAGIC, 0);
    bytes.writeUInt32LE(VERSION, 4);
    bytes.writeUInt32LE(byteLength, 8);
    bytes.writeUInt32LE(this.isWhole ? WHOLE : DOUBLE, 12);
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), HEADER_BYTES);
    return bytes.toString("base64");
  }

  get isWhole(): boolean {
    return this.elements instanceof BigInt64Array;
  }

  get length(): number {
    return this.elements.length;
  }

  /** Throws `expressionFailed` for an index outside the array. */
  at(index: number): bigint | number {
    const element = this.elements[index];
    if (element === undefined) throw failed(`element ${index} of ${this.length}`);
    return element;
  }

  /** An array of whole numbers drops the fraction. Throws `expressionFailed`. */
  put(index: number, value: bigint | number): void {
    if (!(index in this.elements)) throw failed(`element ${index} of ${this.length}`);
    if (this.elements instanceof Float64Array) {
      this.elements[index] = Number(value);
      return;
    }
    if (typeof value === "number" && !Number.isFinite(value)) throw failed("a number out of range");
    const whole = typeof value === "bigint" ? value : BigInt(Math.trunc(value));
    if (BigInt.asIntN(64, whole) !== whole) throw failed("a number out of range");
    this.elements[index] = whole;
  }

  /** A copy of the elements from `first` to `last`, both included. Throws `expressionFailed`. */
  slice(first: number, last: number): NumberArray {
    if (first > last || last >= this.length || first < 0) {
      throw failed(`elements ${first} to ${last} of ${this.length}`);
    }
    return new NumberArray(this.elements.slice(first, last + 1));
  }

  copy(): NumberArray {
    return new NumberArray(this.elements.slice());
  }

  /**
   * Replaces its elements from `first` to `last` by those of the other array. Throws
   * `expressionFailed`.
   */
  replace(first: number, last: number, other: NumberArray): void {
    const { length } = this.slice(first, last);
    if (length !== other.length) throw failed(`${other.length} elements in the place of ${length}`);
    for (let i = 0; i < length; i++) this.put(first + i, other.at(i));
  }

  /** Computes element by element over two arrays of the same length. Throws `expressionFailed`. */
  combine(
    other: NumberArray,
    choose: (a: bigint | number, b: bigint | number) => bigint | number,
  ): NumberArray {
    if (this.length !== other.length) throw failed("arrays of different lengths");
    const isWhole = this.isWhole && other.isWhole;
    const combined = NumberArray.filled(this.length, isWhole, isWhole ? 0n : 0);
    for (let i = 0; i < this.length; i++) combined.put(i, choose(this.at(i), other.at(i)));
    return combined;
  }
}

function failed(what: string): StreamError {
  return new StreamError("expressionFailed", { what });
}
