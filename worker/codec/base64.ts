// Base64 texts into bytes, strictly: length a multiple of 4, the standard alphabet, padding at the end
// only, no stray bits in the last character. What to say about a text that is refused is up to the
// dialects.
import { Buffer } from "node:buffer";

/** The bytes of a text, or undefined for one that is not strict base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = new Uint8Array(base64Length(text));
  return decodeBase64Into(bytes, text) ? bytes : undefined;
}

/** How many bytes a text stands for, if it is strict base64. Its length must be a multiple of 4. */
export function base64Length(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** False unless the text is the strict base64 of exactly as many bytes as `bytes` has. */
type DecodeInto = (bytes: Uint8Array<ArrayBuffer>, text: string) => boolean;

const strict = { lastChunkHandling: "strict" } as const;

// Skips white space and so comes out short.
const decodeNatively: DecodeInto = (bytes, text) => {
  try {
    return bytes.setFromBase64(text, strict).written === bytes.length;
  } catch {
    return false;
  }
};

// For Node before 25. Buffer forgives everything, so the bytes must encode to the same text again.
const decodeByBuffer: DecodeInto = (bytes, text) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.write(text, "base64") === bytes.length && buffer.toString("base64") === text;
};

export const decodeBase64Into: DecodeInto =
  typeof Uint8Array.prototype.setFromBase64 === "function" ? decodeNatively : decodeByBuffer;
