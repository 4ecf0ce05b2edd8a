// A server that has keys is never open: whatever else is set beside them, nobody without keys is let in,
// by any dialect, and a document that is not good lets in nobody at all.

import { describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { serveDurable } from "../../../worker/durable/face.ts";
import { serveKinesis } from "../../../worker/kinesis/face.ts";
import { serveOperator } from "../../../worker/operator/routes.ts";
import { serveV3io } from "../../../worker/v3io/face.ts";
import { serveYandex } from "../../../worker/yandex/face.ts";
import { authorizationFor } from "../kinesis/client.ts";
import { home, keysOf, backendWith } from "./keys.ts";

const keys = keysOf([{ accessKeyId: "owner", account: "111122223333" }]);
const MILLRACE_ACCESS = "open";

const listStreams = (target: string, path: string, contentType: string, sent: object = {}) =>
  new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": contentType, "x-amz-target": `${target}.ListStreams`, ...sent },
    body: "{}",
  });

const signed = {
  authorization: authorizationFor("us-east-1"),
  "x-amz-date": "20260101T000000Z",
};

/** What an open server would do for each of them. */
const requests: [string, (access: Partial<Env>) => Promise<Response>][] = [
  [
    "Kinesis",
    (access) =>
      serveKinesis(
        listStreams("Kinesis_20131202", "/", "application/x-amz-json-1.1", signed),
        backendWith(access),
        home,
      ),
  ],
  [
    "Yandex",
    (access) =>
      serveYandex(
        listStreams("kinesisApi", "/Root", "application/json", { authorization: "Bearer any" }),
        backendWith(access),
        home,
      ),
  ],
  [
    "v3io",
    (access) =>
      serveV3io(
        new Request("http://localhost/bigdata/", { headers: { "x-v3io-session-key": "any" } }),
        backendWith(access),
        home,
      ),
  ],
  [
    "Durable Streams",
    (access) =>
      serveDurable(
        new Request(`http://localhost/v1/stream/open-${crypto.randomUUID()}`, {
          method: "PUT",
          headers: { authorization: "Bearer any" },
        }),
        backendWith(access),
        home,
      ),
  ],
  [
    "the statistics",
    (access) =>
      serveOperator(new Request("http://localhost/_millrace/stats"), backendWith(access), home),
  ],
];

describe.each(requests)("%s", (_, ask) => {
  test("is open where that is said and there are no keys", async () => {
    expect((await ask({ MILLRACE_ACCESS })).ok).toBe(true);
  });

  test.each<[string, Partial<Env>]>([
    ["keys", keys],
    ["keys beside what says open", { ...keys, MILLRACE_ACCESS }],
    ["an empty document beside it", { MILLRACE_AUTH: "", MILLRACE_ACCESS }],
    ["a blank document beside it", { MILLRACE_AUTH: " \n", MILLRACE_ACCESS }],
    ["a bad document beside it", { MILLRACE_AUTH: "{}", MILLRACE_ACCESS }],
    ["a document without principals", { MILLRACE_AUTH: '{"principals":[]}', MILLRACE_ACCESS }],
    ["nothing", {}],
    ["another word", { MILLRACE_ACCESS: "OPEN" }],
  ])("with %s lets in nobody without keys", async (_, access) => {
    const reply = await ask(access);
    await reply.arrayBuffer();
    expect([400, 401, 403]).toContain(reply.status);
  });
});
