// Decodes request bodies and encodes replies. Kinesis has the formats JSON 1.1 and CBOR 1.1 with
// the same shapes. They differ in how they carry bytes and timestamps; validate.ts handles that by
// `format`. A codec knows nothing of operations.
import { parseJson } from "../codec/json.ts";

export type WireFormat = "json" | "cbor";

/**
 * A point in time in a reply: seconds with a fraction in JSON, whole milliseconds under tag 1 in
 * CBOR.
 */
export class Timestamp {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  toJSON(): number {
    return this.ms / 1000;
  }
}

export interface BodyCodec {
  readonly format: WireFormat;
  readonly contentType: string;
  /**
   * Plain objects, arrays, strings, numbers (or bigints), booleans, null, and Uint8Array where the
   * format has bytes. Throws when the body is not well formed.
   */
  decode(body: Uint8Array): unknown;
  /** Members that are undefined are left out; times are Timestamps. */
  encode(value: unknown): Uint8Array;
}

export interface Codecs {
  readonly json: BodyCodec;
  readonly cbor: BodyCodec;
}

const encoder = new TextEncoder();

export const jsonCodec: BodyCodec = {
  format: "json",
  contentType: "application/x-amz-json-1.1",
  decode: (body) => parseJson(body),
  encode: (value) => encoder.encode(JSON.stringify(value)),
};

/** Undefined for a body that cannot be parsed, or that is no structure. */
export function decodeObject(body: Uint8Array, codec: BodyCodec): object | undefined {
  try {
    const decoded = codec.decode(body);
    return typeof decoded === "object" && decoded !== null ? decoded : undefined;
  } catch {
    return undefined;
  }
}
