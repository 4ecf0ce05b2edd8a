// Hostile requests of the faces that are spoken by paths and queries: Durable Streams, and what operators ask.
// `/_millrace/reset` is left out, because it empties the store of the correct client too.

import type { Random } from "../../test/engine/random.ts";
import { brokenBody, encode, anyValue, targetStream, textOf } from "./hostileValues.ts";

export interface PathRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

const streamNames = [
  targetStream,
  targetStream,
  "fork",
  "a/b",
  "a%2Fb",
  "%00",
  "%ff",
  "%zz",
  "..",
  "%2e%2e/x",
  "caf%C3%A9",
  "",
  "/",
  "a/".repeat(60),
  "n".repeat(1100),
  "__ds/subscriptions/x",
];

const offsets = [
  "-1",
  "now",
  "",
  "-2",
  "0",
  "0000000000000000_0000000000000000",
  "0000000000000001_0000000000000000",
  "0000000000000001_0000000000000000_abcdef",
  "9999999999999999_9999999999999999_000000",
  "9999999999999999_9999999999999999",
  "x".repeat(5000),
];

const patterns = [
  '{"data":{"a":[1]}}',
  '{"data":{"a":[{"numeric":[">",1e400]}]}}',
  '{"data":{"a":[{"prefix":"\\ud800"}]}}',
  '{"data":{"$or":[{"a":[1]},{"b":[{"exists":false}]}]}}',
  '{"data":{"a":[{"anything-but":[]}]}}',
  '{"data":{"a":[{"wildcard":"***********"}]}}',
  `{"data":${'{"a":'.repeat(300)}[1]${"}".repeat(300)}}`,
  "{",
  "[]",
  "null",
  `{"data":{"a":[${"1,".repeat(5000)}1]}}`,
];

const types = ["application/json", "text/plain", "application/octet-stream", "a", "", "a/b; c=d"];

/** Header names that the protocol knows, with values that are almost right. */
const streamHeaders: readonly [name: string, values: readonly string[]][] = [
  ["stream-ttl", ["0", "1", "60", "-1", "1.5", "1e3", "99999999999999999999", "x"]],
  ["stream-expires-at", ["2999-01-01T00:00:00Z", "2999-01-01T00:00:00+99:00", "x", "0"]],
  ["stream-closed", ["true", "TRUE", "yes", "0"]],
  ["stream-seq", ["", "a", "0", "~".repeat(3000)]],
  ["stream-key", ["", "k", "k".repeat(300)]],
  ["stream-shard-count", ["1", "2", "0", "4097", "-1", "1e9", "x"]],
  ["stream-forked-from", [`/v1/stream/${targetStream}`, "/v1/stream/none", "x", "", "//"]],
  ["stream-fork-offset", offsets.slice(0, -1)],
  ["stream-fork-sub-offset", ["0", "1", "-1", "1e9", "9007199254740993", "x"]],
  ["producer-id", ["p", "", "p".repeat(300)]],
  ["producer-epoch", ["0", "1", "-1", "9007199254740993", "x"]],
  ["producer-seq", ["0", "1", "5", "-1", "9007199254740993", "x"]],
  ["if-none-match", ["*", '"x"', "x", ","]],
  ["authorization", ["Bearer x", "Bearer", "Basic %%%", "x".repeat(5000)]],
];

/** A request to `/v1/stream/`. A long poll at the end waits as long as the server lets it. */
export function durableRequest(random: Random): PathRequest {
  const method = random.pick(["PUT", "POST", "POST", "GET", "GET", "HEAD", "DELETE", "OPTIONS"]);
  const headers: Record<string, string> = { "content-type": random.pick(types) };
  for (const [name, values] of streamHeaders) {
    if (random.chance(0.12)) headers[name] = random.pick(values);
  }
  const query = new URLSearchParams();
  if (random.chance(0.7)) query.append("offset", random.pick(offsets));
  if (random.chance(0.2)) query.append("live", random.pick(["long-poll", "sse", "", "x"]));
  if (random.chance(0.1)) query.append("cursor", textOf(random));
  if (random.chance(0.1)) query.append("shard", random.pick(["0", "1", "-1", "x", "9".repeat(30)]));
  if (random.chance(0.1)) query.append("key", textOf(random));
  if (random.chance(0.1)) query.append("where", random.pick(patterns));
  if (random.chance(0.1)) query.append("access", textOf(random));
  const path = `/v1/stream/${random.pick(streamNames)}?${bounded(query)}`;
  const hasBody = method === "PUT" || method === "POST";
  return { method, path, headers, body: hasBody ? bodyOf(random) : new Uint8Array(0) };
}

const places = [
  "scan",
  "scan",
  "scan",
  "stats",
  "skip",
  "permissions",
  "health",
  "console/",
  "console/%2e%2e/x",
  "none",
  "",
];

const parameters = [
  "stream",
  "shard",
  "segment",
  "from",
  "to",
  "key",
  "where",
  "limit",
  "format",
  "select",
  "by",
  "cursor",
  "account",
  "action",
  "x",
];

/** A request below `/_millrace/`, or to `/metrics`. */
export function operatorRequest(random: Random): PathRequest {
  const query = new URLSearchParams();
  if (random.chance(0.7)) query.append("stream", targetStream);
  for (let i = random.below(5); i > 0; i--) {
    const name = random.pick(parameters);
    query.append(name, name === "where" ? random.pick(patterns) : String(anyText(random)));
  }
  const path = random.chance(0.1) ? "/metrics" : `/_millrace/${random.pick(places)}`;
  const method = random.pick(["GET", "GET", "GET", "POST", "HEAD", "DELETE", "PUT", "OPTIONS"]);
  const headers: Record<string, string> = {};
  if (random.chance(0.1)) headers["origin"] = random.pick(["null", "http://localhost", "x", ""]);
  if (random.chance(0.1))
    headers["authorization"] = random.pick(["Bearer x", "AWS4-HMAC-SHA256 x"]);
  return { method, path: `${path}?${bounded(query)}`, headers, body: new Uint8Array(0) };
}

function anyText(random: Random): unknown {
  return random.chance(0.5) ? textOf(random) : anyValue(random, 1);
}

/** A longer target is refused before anybody reads it. */
function bounded(query: URLSearchParams): string {
  return query.toString().slice(0, 20_000).replace(/%.?$/, "");
}

function bodyOf(random: Random): Uint8Array {
  if (random.chance(0.1)) return new Uint8Array(0);
  return random.chance(0.2) ? brokenBody(random) : encode(random, anyValue(random, 3), "json");
}
