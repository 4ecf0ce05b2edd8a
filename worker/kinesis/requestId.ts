// The two ids of every reply: x-amzn-RequestId, a random UUID, and x-amz-id-2, base64 of 72 random
// bytes. They only need to differ from each other, so random bytes are made for many replies at
// once and each reply takes a slice.
import { Buffer } from "node:buffer";

export interface RequestIds {
  readonly requestId: string;
  readonly extendedId: string;
}

const repliesPerFill = 64;

const uuidBytes = 16;

/** A multiple of 3, so that each slice of the text decodes by itself. */
const extendedBytes = 72;

const extendedLength = (extendedBytes / 3) * 4;

/** `fill` writes random bytes, as crypto.getRandomValues does; it is first called by a request. */
export function createRequestIds(fill: (bytes: Uint8Array) => void): () => RequestIds {
  let hex = "";
  let base64 = "";
  let next = repliesPerFill;
  return () => {
    if (next === repliesPerFill) {
      const bytes = new Uint8Array(repliesPerFill * (uuidBytes + extendedBytes));
      fill(bytes);
      const split = repliesPerFill * uuidBytes;
      hex = Buffer.from(bytes.buffer, 0, split).toString("hex");
      base64 = Buffer.from(bytes.buffer, split).toString("base64");
      next = 0;
    }
    const i = next++;
    return {
      requestId: writeUuid(hex.slice(i * uuidBytes * 2, (i + 1) * uuidBytes * 2)),
      extendedId: base64.slice(i * extendedLength, (i + 1) * extendedLength),
    };
  };
}

/** Version 4, variant 1 (RFC 9562). */
function writeUuid(hex: string): string {
  const variant = "89ab".charAt(Number.parseInt(hex.charAt(16), 16) & 3);
  return (
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-` +
    `${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
  );
}
