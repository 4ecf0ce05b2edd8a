// What clients carry for us: shard iterators and page tokens, both good for five minutes. One from
// the future is as good as new: the clock has been set back, or is another machine's. They hold
// everything that goes on with them, the region included, since GetRecords may be asked at any path.
// Content of the token (worker/auth/token.ts), texts with their length before them:
//
//   iterator    0  16  location            16  4  shard index, u32       20  texts: region, uid, name, full
//   page token  0  4   entries read, u32   4   4  page size, u32         8   texts: region, name, full, uid
import { Buffer } from "node:buffer";
import { defaultRegion } from "../core/defaults.ts";
import type { Backend } from "../stream/backend.ts";
import { engine } from "../engine/instance.ts";
import { iteratorTtlMs } from "../limits.ts";
import type { Location } from "../core/types.ts";
import { verifyToken, signToken } from "../auth/token.ts";
import { issue } from "./errors.ts";
import type { StreamAddress } from "./names.ts";

export interface Iterator {
  stream: StreamAddress;
  shardIndex: number;
  shardUid: string;
  location: Location;
}

export interface PageToken {
  stream: StreamAddress;
  /** Uid of the stream that was listed. */
  uid: string;
  alreadyRead: number;
  maxResults: number;
}

const LOCATION_BYTES = 16;
const ITERATOR_HEAD_BYTES = 20;
const PAGE_HEAD_BYTES = 8;

export async function signIterator(
  backend: Backend,
  cursor: Iterator,
  nowMs: number,
): Promise<string> {
  const { stream, shardIndex, shardUid, location } = cursor;
  const head = Buffer.alloc(ITERATOR_HEAD_BYTES);
  head.set(engine.encodeLocation(location));
  head.writeUInt32LE(shardIndex, LOCATION_BYTES);
  const texts = [stream.scope.region, shardUid, stream.name, stream.full];
  return sign(backend, "iterator", stream.scope.account, [head, ...texts.map(sized)], nowMs);
}

/** Throws InvalidArgumentException, or ExpiredIteratorException. */
export async function verifyIterator(
  backend: Backend,
  account: string,
  text: string,
  nowMs: number,
): Promise<Iterator> {
  const token = await verify(backend, "iterator", account, text);
  const content = token && Buffer.from(token.content);
  const location = content && engine.decodeLocation(content.subarray(0, LOCATION_BYTES));
  if (token === undefined || content === undefined || location === undefined) {
    throw issue("argument", "Provided shard iterator is malformed");
  }
  if (nowMs - token.issuedMs >= backend.controls.iteratorTtlMs) {
    throw issue("iteratorExpired", "Provided shard iterator is expired");
  }
  const [region = "", shardUid = "", name = "", full = ""] = textsAt(
    content,
    ITERATOR_HEAD_BYTES,
    4,
  );
  return {
    stream: { scope: { account, region }, name, given: full, full },
    shardIndex: content.readUInt32LE(LOCATION_BYTES),
    shardUid,
    location,
  };
}

export async function signPageToken(
  backend: Backend,
  page: PageToken,
  nowMs: number,
): Promise<string> {
  const { stream, uid, alreadyRead, maxResults } = page;
  const head = Buffer.alloc(PAGE_HEAD_BYTES);
  head.writeUInt32LE(alreadyRead, 0);
  head.writeUInt32LE(maxResults, 4);
  const texts = [stream.scope.region, stream.name, stream.full, uid];
  return sign(backend, "page", stream.scope.account, [head, ...texts.map(sized)], nowMs);
}

/** Throws InvalidArgumentException, or ExpiredNextTokenException. */
export async function verifyPageToken(
  backend: Backend,
  account: string,
  text: string,
  nowMs: number,
): Promise<PageToken> {
  const token = await verify(backend, "page", account, text);
  if (token === undefined) throw issue("argument", "Provided next token is malformed");
  if (nowMs - token.issuedMs >= iteratorTtlMs) {
    throw tokenExpired();
  }
  const content = Buffer.from(token.content);
  const [region = "", name = "", full = "", uid = ""] = textsAt(content, PAGE_HEAD_BYTES, 4);
  return {
    stream: { scope: { account, region }, name, given: full, full },
    uid,
    alreadyRead: content.readUInt32LE(0),
    maxResults: content.readUInt32LE(4),
  };
}

/** Throws ExpiredNextTokenException for a stream that was deleted and made anew since the token was made. */
export function requireListed({ uid: listed }: PageToken, { uid }: { uid: string }): void {
  if (listed !== uid) throw tokenExpired();
}

function tokenExpired() {
  return issue("tokenExpired", "Provided next token is expired");
}

/** One key for all regions of an account: which one it is stands in the token. */
async function sign(
  backend: Backend,
  kind: string,
  account: string,
  parts: readonly Uint8Array[],
  issuedMs: number,
): Promise<string> {
  const key = await backend.accounts.cursorKey({ account, region: defaultRegion });
  return signToken(key, `yandex/${kind}/${account}/`, { issuedMs, content: Buffer.concat(parts) });
}

async function verify(backend: Backend, kind: string, account: string, text: string) {
  const key = await backend.accounts.findCursorKey({ account, region: defaultRegion });
  return verifyToken(key, `yandex/${kind}/${account}/`, text);
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([new Uint8Array([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function textsAt(content: Buffer, at: number, count: number): string[] {
  const texts: string[] = [];
  for (let start = at; texts.length < count;) {
    // A page token of 0.1.0 has one text less.
    const bytes = start + 2 <= content.length ? content.readUInt16BE(start) : 0;
    const end = start + 2 + bytes;
    texts.push(content.toString("utf8", start + 2, end));
    start = end;
  }
  return texts;
}
