/**
 * A disk that is almost full: writes are refused in each dialect's own form, as errors that clients try
 * again; what is stored can be read and deleted. No disk of a test has as much free as is asked for here.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sendRaw } from "./raw.ts";
import { bannerValue, type Server, startServer } from "./server.ts";

const data = mkdtempSync(join(tmpdir(), "millrace-space-"));
let server: Server;

beforeAll(async () => {
  await using before = await startServer({ data });
  const { endpoint } = before;
  await call(endpoint, kinesis("CreateStream"), { StreamName: "kept", ShardCount: 1 });
  await call(endpoint, kinesis("PutRecord"), record);
  await fetch(`${endpoint}/bigdata/object`, { method: "PUT", body: "whole" });
  await before.stop();
  server = await startServer({ data, flags: ["--min-free", "999999999"] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

const record = { StreamName: "kept", PartitionKey: "k", Data: "aGVsbG8=" };

const endpoints: Record<string, () => string> = {
  front: () => server.endpoint,
  direct: () => bannerValue(server.banner, "direct").replace(/ .*$/, ""),
};

describe.each(Object.entries(endpoints))("by the %s port", (_name, endpoint) => {
  test.each([
    ["kinesis", kinesis("PutRecord"), "/", /"__type":"ServiceUnavailable","message":".*full/],
    ["kinesis", kinesis("CreateStream"), "/", /"__type":"ServiceUnavailable"/],
    ["yandex", yandex("PutRecord"), "/", /"__type":"Unavailable","message":".*full/],
    ["v3io", { "x-v3io-function": "PutRecords" }, "/bigdata/kept/", /"ErrorCode": -\d+.*full/s],
    ["v3io", { "x-v3io-function": "PutItem" }, "/bigdata/item", /"ErrorCode": -\d+.*full/s],
    ["v3io", {}, "/bigdata/new", /"ErrorCode": -\d+.*full/s],
  ])("%s: %o is a 503 that says why", async (_face, headers, path, body) => {
    const init = { method: "PUT", headers, body: JSON.stringify(record) };
    const method = "x-amz-target" in headers ? "POST" : "PUT";
    const reply = await fetch(`${endpoint()}${path}`, { ...init, method });
    expect([reply.status, await reply.text()]).toEqual([503, expect.stringMatching(body)]);
  });

  test("what is stored can be read", async () => {
    const shard = { StreamName: "kept", ShardId: "shardId-000000000000" };
    const start = { ...shard, ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = await call(endpoint(), kinesis("GetShardIterator"), start);
    const { Records } = await call(endpoint(), kinesis("GetRecords"), { ShardIterator });
    expect(Records).toMatchObject([{ Data: record.Data }]);
    expect(await (await fetch(`${endpoint()}/bigdata/object`)).text()).toBe("whole");
  });
});

test("the banner, the log and the statistics say so, once", async () => {
  expect(server.banner).toMatch(/^ {2}warning .*has less than 999999999 MB free/m);
  await server.untilStderr(/disk of .* has less than 999999999 MB free: writes are refused/);
  const reply = await sendRaw(server.endpoint, [
    "GET /_millrace/stats HTTP/1.1",
    "Host: localhost",
  ]);
  expect(JSON.parse(reply.body)).toMatchObject({ disk: { spareBytes: 0, takesWrites: false } });
  const { endpoint } = server;
  await call(endpoint, kinesis("DeleteStream"), { StreamName: "kept" });
  expect((await fetch(`${endpoint}/bigdata/object`, { method: "DELETE" })).status).toBe(204);
  const { stderr } = await server.stop();
  expect(stderr.match(/writes are refused/g)).toHaveLength(1);
});

function kinesis(operation: string): Record<string, string> {
  return {
    "x-amz-target": `Kinesis_20131202.${operation}`,
    "content-type": "application/x-amz-json-1.1",
    ...signature("us-east-1"),
  };
}

function yandex(operation: string): Record<string, string> {
  return {
    "x-amz-target": `kinesisApi.${operation}`,
    "content-type": "application/json",
    ...signature("ru-central1"),
  };
}

function signature(region: string): Record<string, string> {
  const scope = `20260101/${region}/kinesis/aws4_request`;
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=a/${scope}, SignedHeaders=host, Signature=b`,
    "x-amz-date": "20260101T000000Z",
  };
}

async function call(
  endpoint: string,
  headers: Record<string, string>,
  input: object,
): Promise<Record<string, unknown>> {
  const reply = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify(input) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(text);
  return text === "" ? {} : JSON.parse(text);
}
