// Decodes the base64 texts of a request, once and strictly (codec/base64.ts). An invalid text is
// refused with the messages of kinesalite validations/index.js. The blobs of one request lie one
// after another in one buffer, in the order of the records: allocating a buffer per record would
// cost as much as decoding it.
import { base64Length, decodeBase64Into } from "../codec/base64.ts";
import { echo, KinesisError } from "./errors.ts";

/**
 * The buffer for the blobs of one request. A blob for which it has no room gets a buffer of its
 * own.
 */
export class BlobArena {
  readonly #bytesMax: number;
  #buffer: ArrayBuffer | undefined;
  #used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    const end = this.#used + length;
    if (end > this.#bytesMax) return new Uint8Array(length);
    this.#buffer ??= new ArrayBuffer(this.#bytesMax);
    const blob = new Uint8Array(this.#buffer, this.#used, length);
    this.#used = end;
    return blob;
  }
}

/** Bytes that base64 in a body of this size can hold at most. */
export function blobBytesMax(bodyBytes: number): number {
  return Math.floor(bodyBytes / 4) * 3;
}

export function decodeBlob(text: string, arena: BlobArena): Uint8Array {
  if (text.length % 4 !== 0) throw refuse(text);
  const blob = arena.take(base64Length(text));
  if (!decodeBase64Into(blob, text)) throw refuse(text);
  return blob;
}

/** Says what is wrong with a text that is not strict base64, in the order in which AWS looks. */
function refuse(text: string): KinesisError {
  return new KinesisError(
    "SerializationException",
    `'${echo(text)}' can not be converted to a Blob: ${fault(text)}`,
  );
}

function fault(text: string): string {
  if (text.length % 4 !== 0) {
    return `Base64 encoded length is expected a multiple of 4 bytes but found: ${text.length}`;
  }
  const stray = /[^a-zA-Z0-9+/=]|=[^=]/.exec(text);
  return stray
    ? `Invalid Base64 character: '${stray[0].charAt(0)}'`
    : "Invalid last non-pad Base64 character dectected";
}
