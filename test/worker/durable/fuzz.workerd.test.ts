// Requests that nobody would send, to the Durable Streams face inside workerd: paths, queries, headers and bodies out
// of a seeded generator, most of them almost right. Whatever comes in is answered in bounded time, never with an
// error of the server, and with the headers that a browser needs to read the answer; and a stream that was there before
// is there afterwards with all of its records.

import { env, exports } from "cloudflare:workers";
import { expect, inject, test } from "vitest";
import { Backend } from "../../../worker/stream/backend.ts";
import { serveDurable } from "../../../worker/durable/face.ts";
import { Random } from "../../engine/random.ts";

const { seed, rounds } = inject("fuzz");
const requestCount = Math.ceil(rounds / 4);
const longPollMs = "20";
const backend = new Backend({
  env: { ...env, MILLRACE_LONG_POLL_MS: longPollMs },
  segments: exports.Segments,
  waitUntil: () => {},
});
const home = { account: "000000000000", region: "us-east-1" };

const paths = [
  "kept",
  "kept",
  "a",
  "a",
  "b",
  "b/c",
  "a%2Fb",
  "%6bept",
  "caf%C3%A9",
  "a b",
  "x".repeat(129),
  "",
  "/",
  "//",
  "a/",
  "/a",
  "a//b",
  ".",
  "..",
  "%2e%2e",
  "a/../b",
  "%",
  "%zz",
  "%00",
  "%ff",
  "__ds",
  "__ds/jwks.json",
  "__ds/subscriptions/x",
  "a/".repeat(40),
  "é",
  "n".repeat(1100),
];
const offsets = [
  "-1",
  "now",
  "",
  "0",
  "-2",
  "NOW",
  "0000000000000000_0000000000000000",
  "0000000000000001_0000000000000000",
  "0000000000000001_0000000000000009",
  "9999999999999999_9999999999999999",
  "0000000000000002_9999999999999999",
  "1_1",
  "0000000000000000_",
  "0000000000000000_000000000000000a",
  "a,b",
  "a b",
  "../x",
  "%00",
];
const values = [
  "",
  "0",
  "1",
  "2",
  "3",
  "-1",
  "01",
  "+1",
  "1.5",
  "1e3",
  "9007199254740991",
  "9007199254740992",
  "true",
  "TRUE",
  "false",
  "application/json",
  "Application/JSON; charset=utf-8",
  "text/plain",
  "text/html",
  "nonsense",
  "/",
  "a/b;",
  "2030-01-01T00:00:00Z",
  "2030-13-01T00:00:00Z",
  "*",
  "1999-01-01T00:00:00+02:00",
  "/v1/stream/kept",
  "/v1/stream/a",
  "http://h/v1/stream/kept",
  "/v1/stream/",
  "/elsewhere",
  "%",
  'W/"x", "y"',
  "x".repeat(300),
  "p",
  ...offsets,
];
const headerNames = [
  "content-type",
  "stream-ttl",
  "stream-expires-at",
  "stream-closed",
  "stream-seq",
  "stream-key",
  "stream-forked-from",
  "stream-fork-offset",
  "stream-fork-sub-offset",
  "stream-shard-count",
  "producer-id",
  "producer-epoch",
  "producer-seq",
  "if-none-match",
  "authorization",
  "origin",
];
const bodies = [
  "",
  "a",
  "[]",
  "[1]",
  "[1,[2]]",
  "{",
  '{"a":1}',
  "[,]",
  "[1,]",
  "\ufeff1",
  "null",
  '"\\ud800"',
  "[".repeat(5000),
  `[${"1,".repeat(3000)}1]`,
  "\u0000",
  "1 2",
  ' [ {"a" : "]," } , [ ] ] ',
];
const methods = ["GET", "GET", "POST", "POST", "PUT", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"];
const queryNames = ["offset", "offset", "live", "cursor", "shard", "key", "where", "sign", "other"];
const queryValues = [
  ...offsets,
  "long-poll",
  "sse",
  "true",
  "1",
  "-1",
  "99999999999999999999",
  "",
  "4294967296",
  '{"data":{"a":[1]}}',
  "{",
  "[]",
  '{"partitionKey":["k"]}',
];

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

function requestOf(random: Random): Request {
  const method = pick(random, methods);
  const query = new URLSearchParams();
  for (let i = random.below(4); i > 0; i--) {
    query.append(pick(random, queryNames), pick(random, queryValues));
  }
  const headers = new Headers();
  for (let i = random.below(6); i > 0; i--) {
    const value = pick(random, values);
    // Values that no client can send are not sent.
    if (/^[\x20-\x7e]*$/.test(value)) headers.set(pick(random, headerNames), value);
  }
  const path = pick(random, paths);
  // The stream that must not change is only read.
  const isKept = /^(?:kept|%6bept)$/.test(path);
  const asks = isKept && method !== "HEAD" && method !== "OPTIONS" ? "GET" : method;
  const hasBody = asks !== "GET" && asks !== "HEAD";
  return new Request(`http://localhost/v1/stream/${path}?${query.toString()}`, {
    method: asks,
    headers,
    ...(hasBody && random.below(3) > 0 && { body: pick(random, bodies) }),
  });
}

test(`whatever comes is answered (SEED=${seed}, ${requestCount} requests)`, async () => {
  const random = new Random(seed);
  const kept = "http://localhost/v1/stream/kept";
  const json = { "content-type": "application/json" };
  await send(new Request(kept, { method: "PUT", headers: json, body: "[1,2,3]" }));
  for (let i = 0; i < requestCount; i++) {
    const request = requestOf(random);
    const what = `${request.method} ${request.url} ${JSON.stringify([...request.headers])}`;
    const isLive = request.url.includes("live=sse");
    const reply = await send(request);
    expect([what, reply.status < 500]).toEqual([what, true]);
    expect([what, reply.headers.get("access-control-allow-origin")]).toEqual([what, "*"]);
    expect([what, reply.headers.get("x-content-type-options")]).toEqual([what, "nosniff"]);
    if (isLive && reply.ok) await reply.body?.cancel();
    else if (reply.status >= 400 && request.method !== "HEAD") {
      const { error } = await reply.json<{ error: { code: string; message: string } }>();
      expect([what, error.code]).toEqual([what, expect.stringMatching(/^[A-Z_]+$/)]);
    } else await reply.arrayBuffer();
  }
  expect(await (await send(new Request(kept))).text()).toBe("[1,2,3]");
});

function send(request: Request): Promise<Response> {
  return serveDurable(request, backend, home);
}
