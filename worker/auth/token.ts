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
import { createHmac, timingSafeEqual } from "node:crypto";
import { BoundedMap } from "../core/boundedMap.ts";

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

/**
 * Cache of tokens that this isolate issued, by key, purpose and text. Most are presented to the
 * same isolate again.
 */
const sealedMax = 4096;
const sealed = new BoundedMap<Token>(sealedMax);

/** `purpose` prevents that a token of one kind and scope is accepted as another. */
export function signToken(key: string, purpose: string, token: Token): string {
  const used = TOKEN_CONTENT_AT + token.content.length + MAC_BYTES;
  const blocks = Math.ceil(Math.max(used - TOKEN_BYTES_MIN, 0) / BLOCK_BYTES);
  const length = TOKEN_BYTES_MIN + blocks * BLOCK_BYTES;
  const bytes = Buffer.alloc(length);
  bytes[MARK] = 1;
  bytes.writeDoubleLE(token.issuedMs, ISSUED_AT);
  bytes.set(token.content, TOKEN_CONTENT_AT);
  const end = length - MAC_BYTES;
  bytes.set(macOf(key, purpose, bytes.subarray(0, end)), end);
  const text = bytes.toString("base64");
  sealed.set(nameOf(key, purpose, text), contentOf(bytes));
  return text;
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
  const known = sealed.get(nameOf(key, purpose, text));
  if (known !== undefined) return known;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length < TOKEN_BYTES_MIN || bytes.toString("base64") !== text) return undefined;
  const end = bytes.length - MAC_BYTES;
  if (!timingSafeEqual(macOf(key, purpose, bytes.subarray(0, end)), bytes.subarray(end))) {
    return undefined;
  }
  return contentOf(bytes);
}

function contentOf(bytes: Buffer): Token {
  return {
    issuedMs: bytes.readDoubleLE(ISSUED_AT),
    content: bytes.subarray(TOKEN_CONTENT_AT, bytes.length - MAC_BYTES),
  };
}

function macOf(key: string, purpose: string, bytes: Uint8Array): Buffer {
  const all = Buffer.concat([Buffer.from(purpose), bytes]);
  return createHmac("sha256", key).update(all).digest().subarray(0, MAC_BYTES);
}

/**
 * A client does not know the key, so it cannot make a text that equals an entry of another purpose.
 */
function nameOf(key: string, purpose: string, text: string): string {
  return `${purpose} ${key} ${text}`;
}
