// Opaque texts that clients carry for us (shard iterators, page tokens): some bytes and when they
// were issued, authenticated with the scope's key so that none can be made or altered elsewhere. In base64:
//
//   0   8   00 00 00 00 00 00 00 01
//   8   8   issued, Unix milliseconds, f64 little-endian
//   16  n   content, then zeros: 152 bytes in all, or 16, 32, 48 … more
//   end 16  HMAC-SHA256 of purpose and everything before, first half
//
// The first eight bytes and the sizes are those of the service's own iterators (kinesalite
// db/index.js: eight bytes, then blocks of 16), for clients and tests that look.
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

/** Tokens of this isolate's own making, by key, purpose and text: most come back to where they are from. */
const sealedMax = 4096;
const sealed = new BoundedMap<Token>(sealedMax);

/** `purpose` keeps tokens of one kind and scope from passing for another. */
export function sealToken(key: string, purpose: string, token: Token): string {
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
 * The token, its content still with the zeros at its end; undefined when it is not one of ours, as
 * none is where there is no key.
 */
export function openToken(
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

/** No text of a client's holds the key, so none passes for a name of another purpose. */
function nameOf(key: string, purpose: string, text: string): string {
  return `${purpose} ${key} ${text}`;
}
