// The shard iterator: a location, and everything else that reading a page needs, so that GetRecords
// only calls the shard. Content of the token (worker/auth/token.ts):
//
//   0   16  location               28  1  length of the shard's uid, then the uid
//   16  8   shard created ms, f64  .   1  length of the stream's name, then the name
//   24  4   shard index, u32; its top bit says that the shard was created ahead
import { Buffer } from "node:buffer";
import { engine } from "../engine/instance.ts";
import type { Location, Scope, ShardDescription } from "../core/types.ts";
import { verifyToken, signToken, TOKEN_CONTENT_AT } from "../auth/token.ts";
import { iteratorExpired, iteratorInvalid } from "./errorTexts.ts";

/** Where a consumer continues to read. */
export interface Cursor {
  stream: string;
  shard: Pick<ShardDescription, "uid" | "index" | "createdMs" | "createdAhead">;
  location: Location;
}

const CREATED_AT = 16;
const INDEX_AT = 24;
const NAMES_AT = 28;
const AHEAD = 2 ** 31;

/** For the content of an iterator that is being made. */
const scratch = Buffer.alloc(1024);

export function signIterator(key: string, scope: Scope, cursor: Cursor, issuedMs: number): string {
  const { shard, stream, location } = cursor;
  const bytes = NAMES_AT + 2 + shard.uid.length + stream.length;
  const content = bytes > scratch.length ? Buffer.alloc(bytes) : scratch.subarray(0, bytes);
  content.set(engine.encodeLocation(location));
  content.writeDoubleLE(shard.createdMs, CREATED_AT);
  content.writeUInt32LE(shard.index + (shard.createdAhead === true ? AHEAD : 0), INDEX_AT);
  let at = NAMES_AT;
  for (const name of [shard.uid, stream]) {
    content[at] = name.length;
    content.write(name, at + 1, "latin1");
    at += 1 + name.length;
  }
  return signToken(key, purposeOf(scope), { issuedMs, content });
}

/** `ttlMs`: age at which it expires. Throws InvalidArgumentException for what is no iterator of the scope, or ExpiredIterator. */
export function verifyIterator(
  key: string,
  scope: Scope,
  text: string,
  { nowMs, ttlMs }: { nowMs: number; ttlMs: number },
): Cursor {
  const token = verifyToken(key, purposeOf(scope), unquote(text));
  if (token === undefined) throw iteratorInvalid();
  if (nowMs - token.issuedMs > ttlMs) throw iteratorExpired(token.issuedMs, nowMs);
  const { buffer, byteOffset, length } = token.content;
  const content = Buffer.from(buffer, byteOffset, length);
  const location = engine.decodeLocation(content.subarray(0, CREATED_AT));
  if (location === undefined) throw iteratorInvalid();
  const uid = nameAt(content, NAMES_AT);
  const index = content.readUInt32LE(INDEX_AT);
  return {
    location,
    shard: {
      uid,
      createdMs: content.readDoubleLE(CREATED_AT),
      index: index % AHEAD,
      createdAhead: index >= AHEAD,
    },
    stream: nameAt(content, NAMES_AT + 1 + uid.length),
  };
}

/** The stream that an iterator names, before the iterator is verified. */
export function claimedStream(text: string): string {
  const content = Buffer.from(unquote(text), "base64").subarray(TOKEN_CONTENT_AT);
  const uidBytes = content[NAMES_AT] ?? 0;
  return nameAt(content, NAMES_AT + 1 + uidBytes);
}

function nameAt(content: Buffer, at: number): string {
  return content.toString("latin1", at + 1, at + 1 + (content[at] ?? 0));
}

function purposeOf(scope: Scope): string {
  return `iterator/${scope.account}/${scope.region}/`;
}

/** The service takes an iterator in double quotes (seen in tests validated against it). */
function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
