// Opaque texts that clients keep for us (shard iterators, page tokens): some bytes and their time
// of issue, authenticated with the scope's key so that clients cannot make or change them. In
// base64:
//
//   0   8   00 00 00 00 00 00 00 01
//   8   8   issued, Unix milliseconds, f64 little-endian
//   16  n   content, then zeros: 152 bytes in all, or 16, 32, 48 … more
//   end 16  HMAC-SHA256 of purpose and everything before, first half
//
// The first eight bytes and the sizes are those of the service's own iterators (kinesalite
// db/index.js: eight bytes, then blocks of 16), for clients and tests that look at them.
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { BoundedMap } from "../core/boundedMap.ts";
import { MacKey } from "./macKey.ts";

export interface Token {
  issuedMs: number;
  content: Uint8Array;
}

const MARK = 7;
const ISSUED_AT = 8;
export const TOKEN_CONTENT_AT = 16;
const BLOCK_BYTES = 16;
const MAC_BYTES = 16;
const TOKEN_BYTES_MIN = 152;

/** Keys that are ready for use: one for each scope. */
const keysMax = 1024;
const keys = new BoundedMap<MacKey>(keysMax);

/** For a purpose and the token after it. Nothing is awaited while it is in use. */
const scratch = Buffer.alloc(4096);

/** `purpose` prevents that a token of one kind and scope is accepted as another. */
export function signToken(key: string, purpose: string, { issuedMs, content }: Token): string {
  const used = TOKEN_CONTENT_AT + content.length + MAC_BYTES;
  const blocks = Math.ceil(Math.max(used - TOKEN_BYTES_MIN, 0) / BLOCK_BYTES);
  const length = TOKEN_BYTES_MIN + blocks * BLOCK_BYTES;
  const { bytes, start } = writePurpose(purpose, length);
  const end = start + length - MAC_BYTES;
  bytes.fill(0, start, end);
  bytes[start + MARK] = 1;
  bytes.writeDoubleLE(issuedMs, start + ISSUED_AT);
  bytes.set(content, start + TOKEN_CONTENT_AT);
  bytes.set(keyOf(key).of(bytes.subarray(0, end)).subarray(0, MAC_BYTES), end);
  return bytes.toString("base64", start, end + MAC_BYTES);
}

/**
 * The token, whose content still has the zeros at its end. Undefined if it is not valid; without a
 * key no token is.
 */
export function verifyToken(
  key: string | undefined,
  purpose: string,
  text: string,
): Token | undefined {
  if (key === undefined) return undefined;
  const { bytes, start } = writePurpose(purpose, text.length);
  const length = bytes.write(text, start, "base64");
  if (length < TOKEN_BYTES_MIN) return undefined;
  if (bytes.toString("base64", start, start + length) !== text) return undefined;
  const end = start + length - MAC_BYTES;
  const mac = keyOf(key).of(bytes.subarray(0, end)).subarray(0, MAC_BYTES);
  if (!timingSafeEqual(mac, bytes.subarray(end, end + MAC_BYTES))) return undefined;
  return {
    issuedMs: bytes.readDoubleLE(start + ISSUED_AT),
    content: new Uint8Array(bytes.subarray(start + TOKEN_CONTENT_AT, end)),
  };
}

/** Where a token of so many bytes has room, behind its purpose. */
function writePurpose(purpose: string, tokenBytes: number): { bytes: Buffer; start: number } {
  const bytesMax = purpose.length * 3 + tokenBytes;
  const bytes = bytesMax > scratch.length ? Buffer.alloc(bytesMax) : scratch;
  return { bytes, start: bytes.write(purpose) };
}

function keyOf(text: string): MacKey {
  let key = keys.get(text);
  if (key === undefined) {
    key = new MacKey(text);
    keys.set(text, key);
  }
  return key;
}
