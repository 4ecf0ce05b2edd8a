// Containers are those that the operator names. Any other is 404 in every operation, with the words that v3io-py's
// tests look for ("Container not found"), and nothing is stored or made, whoever's path it is.

import { listDurableObjectIds } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { readContainers } from "../../../worker/core/settings.ts";
import { Backend } from "../../../worker/stream/backend.ts";
import { serveV3io } from "../../../worker/v3io/face.ts";
import { errorText, v3ioOver } from "./client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);

const notFound = errorText(-117440513, "Container not found");
const home = { account: "000000000000", region: "us-east-1" };

describe("a container that nobody named", () => {
  const body = {
    ShardCount: 1,
    ShardId: 0,
    Type: "EARLIEST",
    Location: "AQAAAAAAAAAAAAAAAAAAAA==",
  };
  const item = { Records: [{ Data: "" }], Item: {}, UpdateExpression: "a = 1" };

  test.each([
    "CreateStream",
    "UpdateStream",
    "DescribeStream",
    "PutRecords",
    "SeekShard",
    "GetRecords",
    "GetItem",
    "GetItems",
    "PutItem",
    "UpdateItem",
    "GetClusterMD",
    "Nothing",
  ])("%s: 404, and no object is made", async (name) => {
    await expectNothingMade(async () => {
      for (const container of ["bigdat", "BIGDATA", "1", "container"]) {
        const reply = await v3io(name, `/${container}/dir/name/`, { ...body, ...item });
        expect([reply.status, reply.text]).toEqual([404, notFound]);
      }
    });
  });

  test.each([
    ["PUT", "/bigdat/a"],
    ["POST", "/bigdat/a/"],
    ["GET", "/bigdat/a"],
    ["DELETE", "/bigdat/a/"],
    ["GET", "/bigdat"],
    ["GET", "/bigdat/?prefix=a/"],
    ["PUT", "/bigdat"],
    ["DELETE", "/bigdat/"],
    ["POST", "/2015-03-31/functions/f/invocations"],
    ["POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"],
    ["PUT", "/some-bucket/some-key"],
  ])("%s %s: 404, and no object is made", async (method, path) => {
    await expectNothingMade(async () => {
      const init = method === "PUT" || method === "POST" ? { method, body: "x" } : { method };
      const reply = await send(path, init);
      expect([reply.status, await reply.text()]).toEqual([404, notFound]);
    });
    expect((await send(path, { method: "HEAD" })).status).toBe(404);
  });

  test.each([
    "/_localstack/health",
    "/_millrace/other",
    "/_",
    "/health",
    "/metrics",
    "/favicon.ico",
  ])("%s is reserved: nothing is made there, whatever a request says", async (path) => {
    await expectNothingMade(async () => {
      for (const method of ["PUT", "POST", "DELETE"]) {
        const init = { method, headers: { "x-v3io-function": "PutItem" }, body: "x" };
        for (const sent of [init, { method }]) {
          const { status, headers } = await send(path, sent);
          expect([404, 405]).toContain(status);
          expect(headers.get("content-type")).toBe("application/json");
        }
      }
    });
  });
});

test("what was put into a container is there again once the container is named again", async () => {
  const path = `/old data/${crypto.randomUUID()}`;
  const named = { MILLRACE_V3IO_CONTAINERS: "bigdata, old data" };
  expect((await as(named, path, { method: "PUT", body: "kept" })).status).toBe(200);
  expect((await as({}, path)).status).toBe(404);
  expect((await as({ MILLRACE_V3IO_CONTAINERS: "users" }, path)).status).toBe(404);
  const reply = await as(named, path);
  expect([reply.status, Buffer.from(await reply.arrayBuffer()).toString()]).toEqual([200, "kept"]);
});

test("who has a session key or a password is told which containers there are", async () => {
  for (const headers of [{ "x-v3io-session-key": "any" }, { authorization: "Basic dTpw" }]) {
    const reply = await send("/", { headers });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "application/xml"]);
    const text = await reply.text();
    expect(text).toMatch(/^<ListAllMyBucketsResult>.*<Buckets><Bucket>.*<\/Buckets>/);
    expect([...text.matchAll(/<Name>(.*?)<\/Name>/g)].map(([, name]) => name)).toEqual([
      "bigdata",
      "users",
      "projects",
    ]);
    expect([...text.matchAll(/<Id>(\d+)<\/Id>/g)]).toHaveLength(3);
  }
  expect((await send("/")).headers.get("content-type")).not.toBe("application/xml");
});

describe("the setting", () => {
  test.each([
    [undefined, ["bigdata", "users", "projects"]],
    ["a", ["a"]],
    [" a , b-c.d,a,ü ", ["a", "b-c.d", "ü"]],
  ])("%j: %j", (text, names) => {
    expect(readContainers(text === undefined ? {} : { MILLRACE_V3IO_CONTAINERS: text })).toEqual(
      names,
    );
  });

  test.each([
    "",
    "a,,b",
    "a/b",
    "_a",
    "health",
    "a,metrics",
    "favicon.ico",
    "v1",
    "Ping",
    "..",
    "a\nb",
    "x".repeat(129),
  ])("%j is refused by name", async (text) => {
    const variables = { MILLRACE_V3IO_CONTAINERS: text };
    expect(() => readContainers(variables)).toThrow(/^MILLRACE_V3IO_CONTAINERS has /);
  });
});

/** With other variables than the Worker's. */
function as(variables: Partial<Env>, path: string, init?: RequestInit): Promise<Response> {
  const bindings: Env = { ...env, ...variables };
  const backend = new Backend({
    env: bindings,
    segments: exports.Segments,
    waitUntil: () => {},
  });
  return serveV3io(new Request(`http://localhost${path}`, init), backend, home);
}

async function expectNothingMade(work: () => Promise<void>): Promise<void> {
  const before = await objects();
  await work();
  expect(await objects()).toEqual(before);
}

async function objects(): Promise<string[]> {
  const ids = await Promise.all([
    listDurableObjectIds(env.ITEMS),
    listDurableObjectIds(env.CATALOG),
    listDurableObjectIds(env.SHARD),
  ]);
  return ids.flat().map(String).sort();
}
