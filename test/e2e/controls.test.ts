// A server that behaves badly on purpose: calls and records that fail, replies that come late, iterators
// that expire early, and a line for each request. In all dialects, and nothing of it unless asked for.

import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { describe, expect, test } from "vitest";
import { connect, iteratorFor, readShard, shardIdAt } from "./sdk.ts";
import { runToEnd, type Server, startServer } from "./server.ts";

const StreamName = "orders";
const streams = ["--memory", "--streams", "orders:2"];
const Data = new TextEncoder().encode("one");
const ShardIteratorType = "TRIM_HORIZON" as const;

function connectOnce({ endpoint }: Server) {
  return connect(endpoint, { maxAttempts: 1 });
}

/** A call as the Yandex dialect has it. */
async function callYandex({ endpoint }: Server, operation: string, body: object) {
  const credential = "Credential=a/20260101/ru-central1/kinesis/aws4_request";
  const reply = await fetch(endpoint, {
    method: "POST",
    headers: {
      "x-amz-target": `kinesisApi.${operation}`,
      "content-type": "application/json",
      "x-amz-date": "20260101T000000Z",
      authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=b`,
    },
    body: JSON.stringify(body),
  });
  return { status: reply.status, body: await reply.text() };
}

describe("--error-rate", () => {
  test("1: every call fails with the error that clients retry, in each dialect", async () => {
    const rates = "PutRecord=1,GetRecords=1,DescribeStreamSummary=1,ListStreams=1,ReadStream=1";
    await using server = await startServer({ flags: [...streams, "--error-rate", rates] });
    const kinesis = connectOnce(server);
    await expect(
      kinesis.send(new PutRecordCommand({ StreamName, PartitionKey: "a", Data })),
    ).rejects.toMatchObject({ name: "ProvisionedThroughputExceededException" });
    const ShardIterator = await iteratorFor(kinesis, {
      StreamName,
      ShardId: shardIdAt(0),
      ShardIteratorType,
    });
    await expect(kinesis.send(new GetRecordsCommand({ ShardIterator }))).rejects.toMatchObject({
      name: "ProvisionedThroughputExceededException",
    });
    await expect(
      kinesis.send(new DescribeStreamSummaryCommand({ StreamName })),
    ).rejects.toMatchObject({ name: "LimitExceededException" });

    const v3io = await fetch(`${server.endpoint}/users/x/0`, {
      method: "POST",
      headers: { "x-v3io-function": "GetRecords" },
      body: JSON.stringify({ Location: "AQAAAAAAAAAAAAAAAAAAAA==", Limit: 1 }),
    });
    expect(await v3io.text()).toMatch(/ProvisionedThroughputExceeded/);

    const yandex = await callYandex(server, "ListStreams", {});
    expect(yandex.body).toMatch(/"__type":"ThrottlingException"/);

    const durable = await fetch(`${server.endpoint}/v1/stream/orders`);
    expect(durable.status).toBe(429);
    await kinesis.send(new CreateStreamCommand({ StreamName: "more", ShardCount: 1 }));
  });

  test("of PutRecords is of each record: what is refused is not stored, what is stored is said", async () => {
    await using server = await startServer({
      flags: [...streams, "--error-rate", "PutRecords=0.5"],
    });
    const kinesis = connectOnce(server);
    const names = Array.from({ length: 400 }, (_, i) => `record ${i}`);
    const Records = names.map((name, i) => ({
      PartitionKey: String(i),
      Data: new TextEncoder().encode(name),
    }));
    const reply = await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
    const said = names.filter((_, i) => reply.Records?.[i]?.SequenceNumber !== undefined);
    const refused = reply.Records?.filter(({ ErrorCode }) => ErrorCode !== undefined) ?? [];
    expect(refused.length).toBe(reply.FailedRecordCount);
    expect(said.length + refused.length).toBe(400);
    expect(said.length).toBeGreaterThan(100);
    expect(refused.length).toBeGreaterThan(100);
    expect(new Set(refused.map(({ ErrorCode }) => ErrorCode))).toEqual(
      new Set(["ProvisionedThroughputExceededException"]),
    );
    const shards = await Promise.all([0, 1].map((at) => readShard(kinesis, StreamName, at)));
    const stored = shards.flat().map((record) => new TextDecoder().decode(record.Data));
    expect(stored.sort()).toEqual(said.sort());
    const yandex = await callYandex(server, "PutRecords", {
      StreamName,
      Records: names.map((PartitionKey) => ({ PartitionKey, Data: "YQ==" })),
    });
    expect(yandex.status).toBe(200);
    expect(JSON.parse(yandex.body).FailedRecordCount).toBeGreaterThan(100);
  });

  test("* is of all other operations", async () => {
    const flags = [...streams, "--error-rate", "*=1", "--error-rate", "ListStreams=0"];
    await using server = await startServer({ flags });
    const kinesis = connectOnce(server);
    expect((await kinesis.send(new ListStreamsCommand({}))).StreamNames).toEqual([StreamName]);
    const put = new PutRecordCommand({ StreamName, PartitionKey: "a", Data });
    await expect(kinesis.send(put)).rejects.toThrow();
  });
});

test("--iterator-ttl: an iterator expires at that age, in both dialects that have them", async () => {
  await using server = await startServer({ flags: [...streams, "--iterator-ttl", "1ms"] });
  const kinesis = connectOnce(server);
  const shard = { StreamName, ShardId: shardIdAt(0), ShardIteratorType };
  const ShardIterator = await iteratorFor(kinesis, shard);
  await expect
    .poll(() => kinesis.send(new GetRecordsCommand({ ShardIterator })).catch((error) => error.name))
    .toBe("ExpiredIteratorException");
  const made = await callYandex(server, "GetShardIterator", { ...shard, ShardId: "shard-000000" });
  const { ShardIterator: other } = JSON.parse(made.body);
  await expect
    .poll(async () => (await callYandex(server, "GetRecords", { ShardIterator: other })).body)
    .toMatch(/ExpiredIterator/);
});

test("--latency: a reply takes at least that long, but not that of an operator", async () => {
  await using server = await startServer({ flags: [...streams, "--latency", "300ms"] });
  const timeOf = async (path: string) => {
    const startMs = performance.now();
    await (await fetch(`${server.endpoint}${path}`)).text();
    return performance.now() - startMs;
  };
  await timeOf("/_millrace/health");
  expect(await timeOf("/users/none")).toBeGreaterThan(299);
  expect(await timeOf("/v1/stream/none")).toBeGreaterThan(299);
});

describe("--log", () => {
  test("info: a line for each request, with what was asked of which stream", async () => {
    await using server = await startServer({ flags: [...streams, "--log", "info"] });
    const { lines } = await use(server);
    const line = /^\d{4}-\d\d-\d\dT[\d:.]+Z (\S+) (\S+) (\S+) (\d{3}) \d+ms (\S+)$/;
    expect(lines.map((text) => line.exec(text)?.slice(1, 5))).toEqual([
      ["kinesis", "PutRecord", "orders", "200"],
      ["kinesis", "GetShardIterator", "orders", "200"],
      ["kinesis", "GetRecords", "orders", "200"],
      ["kinesis", "DescribeStreamSummary", "none", "400"],
      ["v3io", "GetObject", "none", "404"],
      ["yandex", "ListStreams", "-", "200"],
      ["durable", "ReadStream", "none", "404"],
      ["operator", "/_millrace/stats", "-", "200"],
    ]);
    for (const text of lines.slice(0, 4)) expect(line.exec(text)?.[5]).toMatch(/^[\da-f-]{36}/);
  });

  test("warn: only those that are refused or fail, as JSON if asked", async () => {
    const { startMillrace } = await import("../../package/startMillrace.ts");
    const lines: string[] = [];
    await using server = await startMillrace({
      streams: { orders: 1 },
      log: "warn",
      json: true,
      onLog: (line) => lines.push(line),
    });
    const kinesis = connect(server.endpoint, { maxAttempts: 1 });
    await kinesis.send(new ListStreamsCommand({}));
    const missing = new DescribeStreamSummaryCommand({ StreamName: "none" });
    await expect(kinesis.send(missing)).rejects.toThrow();
    await expect.poll(() => lines.length).toBe(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      level: "warn",
      dialect: "kinesis",
      operation: "DescribeStreamSummary",
      stream: "none",
      status: 400,
      error: "ResourceNotFoundException",
      ms: expect.any(Number),
      requestId: expect.stringMatching(/^[\da-f-]{36}$/),
    });
  });

  test("is off unless asked for", async () => {
    await using server = await startServer({ flags: streams });
    expect((await use(server)).lines).toEqual([]);
  });
});

/** One request of each dialect and some more, then the log. */
async function use(server: Server): Promise<{ lines: string[] }> {
  const kinesis = connectOnce(server);
  await kinesis.send(new PutRecordCommand({ StreamName, PartitionKey: "a", Data }));
  const shard = { StreamName, ShardId: shardIdAt(0), ShardIteratorType };
  const ShardIterator = await iteratorFor(kinesis, shard);
  await kinesis.send(new GetRecordsCommand({ ShardIterator }));
  const missing = new DescribeStreamSummaryCommand({ StreamName: "none" });
  await expect(kinesis.send(missing)).rejects.toThrow();
  await fetch(`${server.endpoint}/users/none`);
  await callYandex(server, "ListStreams", {});
  await fetch(`${server.endpoint}/v1/stream/none`);
  await fetch(`${server.endpoint}/_millrace/stats`);
  const { stderr } = await server.stop();
  return { lines: stderr.split("\n").filter((line) => line !== "") };
}

test.each([
  ["--iterator-ttl", "5", /--iterator-ttl 5 is not valid: pass a time with its unit/],
  ["--iterator-ttl", "0ms", /--iterator-ttl is "0": set 1 to/],
  ["--latency", "soon", /--latency soon is not valid/],
  ["--error-rate", "PutRecrd=0.1", /--error-rate has "PutRecrd=0.1": set names of operations/],
  ["--log", "all", /--log is "all": set off, error, warn, info/],
])("%s %s is one line on stderr", async (flag, value, line) => {
  const ended = await runToEnd(["--port", "0", "--memory", flag, value]);
  expect(ended.stderr).toMatch(line);
  expect(ended.stderr).toMatch(/^millrace: [^\n]+\n$/);
  expect(ended.exitCode).toBe(2);
});
