// Pages of selected records in each dialect that has them, and the scan over HTTP: over segments, the tail, and a shard
// that was split. What they select is said by the plain evaluator; the numbers are those of the pages without a filter.

import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { findStream } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { selects } from "../../reference/scan.ts";
import { account, kinesis, region } from "../kinesis/claims.ts";
import { base64 } from "../kinesis/client.ts";
import { forgetBodies } from "../../../test/support/storage.ts";
import { v3ioOver } from "../v3io/client.ts";
import { yandexOver } from "../yandex/client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);
const yandex = yandexOver(send);

/** The oldest record of the one shard. */
async function yandexIterator(): Promise<string> {
  const place = { StreamName: stream, ShardId: "shard-000000", ShardIteratorType: "TRIM_HORIZON" };
  return (await yandex("GetShardIterator", place)).output.ShardIterator;
}

/** The text of a scan's reply: the runtime takes text() for a mistake, as the type is not text/. */
async function textOf(path: string): Promise<string> {
  return new TextDecoder().decode(await (await send(path)).arrayBuffer());
}

interface Put {
  key: string;
  data: string;
}

interface Found {
  SequenceNumber: string;
  PartitionKey: string;
  Data: string;
}

const stream = "orders";
const puts: Put[] = [];
/** Records of all shards, by shard, as GetRecords returns them without a filter. */
let all: Found[][] = [];

/** Three segments of half a megabyte, and a tail. */
beforeAll(async () => {
  await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
  for (const count of [450, 450, 450, 30]) await putOrders(count);
  all = [await readAll("shardId-000000000000")];
  expect(all[0]).toHaveLength(1380);
});

async function putOrders(count: number): Promise<void> {
  const orders = Array.from({ length: count }, (_, i) => {
    const n = puts.length + i;
    const order = {
      id: n,
      status: n % 10 === 3 ? "failed" : "ok",
      amount: n % 250,
      customer: { name: `c\u00e9sar ${n % 7}`, ip: `10.0.${n % 3}.7` },
      tags: [`t${n % 5}`, "all"],
      text: "x".repeat(900),
    };
    return { key: `customer-${n % 97}`, data: n % 100 === 99 ? "no JSON" : JSON.stringify(order) };
  });
  puts.push(...orders);
  const Records = orders.map(({ key, data }) => ({ PartitionKey: key, Data: base64(data) }));
  const { output } = await kinesis("PutRecords", { StreamName: stream, Records });
  expect(output.FailedRecordCount).toBe(0);
}

async function iteratorOf(ShardId: string): Promise<string> {
  const place = { StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  return (await kinesis("GetShardIterator", place)).output.ShardIterator;
}

interface Page {
  records: Found[];
  scanned: string | null;
  behind: number;
}

/** Every page of a shard, until it is at the tip. */
async function readPages(ShardId: string, filter?: string, Limit?: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let ShardIterator = await iteratorOf(ShardId); ;) {
    const reply = await send("/", {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Kinesis_20131202.GetRecords",
        authorization:
          "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=x",
        "x-amz-date": "20260101T000000Z",
        ...(filter !== undefined && { "x-millrace-filter": filter }),
      },
      body: JSON.stringify({ ShardIterator, Limit }),
    });
    expect(reply.status).toBe(200);
    const output = await reply.json<{
      Records: Found[];
      NextShardIterator?: string;
      MillisBehindLatest: number;
    }>();
    pages.push({
      records: output.Records,
      scanned: reply.headers.get("x-millrace-scanned"),
      behind: output.MillisBehindLatest,
    });
    if (output.NextShardIterator === undefined || output.MillisBehindLatest === 0) return pages;
    ShardIterator = output.NextShardIterator;
  }
}

async function readAll(shard: string): Promise<Found[]> {
  return (await readPages(shard)).flatMap(({ records }) => records);
}

/** The records of `all` that the plain evaluator selects. */
function expected(pattern: object, shard = 0): Found[] {
  return all[shard]!.filter(({ Data, PartitionKey }) =>
    selects(JSON.stringify(pattern), {
      key: new TextEncoder().encode(PartitionKey),
      timeMs: 0,
      data: Buffer.from(Data, "base64"),
    }),
  );
}

const patterns: [name: string, pattern: object][] = [
  ["a key", { partitionKey: ["customer-5"] }],
  ["keys that begin so", { partitionKey: [{ prefix: "customer-1" }] }],
  ["a field", { data: { status: ["failed"] } }],
  ["a range", { data: { amount: [{ numeric: [">", 100, "<=", 102] }] } }],
  [
    "a field of a field",
    { data: { customer: { name: [{ suffix: "é" }, { prefix: "césar 3" }] } } },
  ],
  ["an element", { data: { tags: ["t4"] } }],
  ["an address", { data: { customer: { ip: [{ cidr: "10.0.2.0/24" }] } } }],
  ["bytes", { data: [{ contains: '"amount":17,' }] }],
  ["what is no JSON", { data: ["no JSON"] }],
  ["one or the other", { $or: [{ partitionKey: ["customer-5"] }, { data: { amount: [7] } }] }],
  ["nothing", { data: { status: ["lost"] } }],
  ["everything", { partitionKey: [{ exists: true }] }],
];

/** A header has ASCII only. */
function ascii(pattern: object): string {
  return JSON.stringify(pattern).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

describe.each(patterns)("%s", (_, pattern) => {
  test("Kinesis: the same records, fewer of them", async () => {
    forgetBodies();
    const pages = await readPages("shardId-000000000000", ascii(pattern));
    expect(pages.flatMap(({ records }) => records)).toEqual(expected(pattern));
    const records = pages.map(({ scanned }) =>
      Number(/^records=(\d+) bytes=\d+$/.exec(scanned!)?.[1]),
    );
    expect(records.reduce((sum, each) => sum + each, 0)).toBe(1380);
  });

  test("Kinesis: pages of 37 end after the last of them, and go on after it", async () => {
    const pages = await readPages("shardId-000000000000", ascii(pattern), 37);
    expect(pages.flatMap(({ records }) => records)).toEqual(expected(pattern));
    for (const { records } of pages.slice(0, -1)) expect(records).toHaveLength(37);
  });

  test("v3io: the same records and lags", async () => {
    forgetBodies();
    const found: { PartitionKey: string; Data: string; SequenceNumber: number }[] = [];
    for (let Location = "AQAAAAAAAAAAAAAAAAAAAA=="; ;) {
      const Filter = found.length === 0 ? pattern : JSON.stringify(pattern);
      const { status, output, headers } = await v3io("GetRecords", `/bigdata/${stream}/0`, {
        Location,
        Limit: 50,
        Filter,
      });
      expect(status).toBe(200);
      expect(headers.get("x-millrace-scanned")).toMatch(/^records=\d+ bytes=\d+$/);
      found.push(...output.Records);
      if (output.RecordsBehindLatest === 0) break;
      expect(output.Records).toHaveLength(50);
      expect(output.RecordsBehindLatest).toBe(1380 - output.Records.at(-1)!.SequenceNumber);
      Location = output.NextLocation;
    }
    expect(found.map(({ Data }) => Data)).toEqual(expected(pattern).map(({ Data }) => Data));
    const index = new Map(all[0]!.map((record, i) => [record.Data, i]));
    if (found.length < 1380)
      for (const each of found.filter(({ Data }) => Data !== base64("no JSON"))) {
        expect(each.SequenceNumber).toBe(index.get(each.Data)! + 1);
      }
  });

  test("Yandex: the same records, by pages of 50", async () => {
    forgetBodies();
    const found: string[] = [];
    for (let ShardIterator = await yandexIterator(); ;) {
      const { status, output, headers } = await yandex(
        "GetRecords",
        { ShardIterator, Limit: 50 },
        { headers: { "x-millrace-filter": ascii(pattern) } },
      );
      expect(status).toBe(200);
      expect(headers.get("x-millrace-scanned")).toMatch(/^records=\d+ bytes=\d+$/);
      const { Records = [], NextShardIterator } = output;
      found.push(...Records.map(({ Data }) => Data));
      if (Records.length < 50) break;
      ShardIterator = NextShardIterator!;
    }
    expect(found).toEqual(expected(pattern).map(({ Data }) => Data));
  });

  test("scan: a line for each record, and where to go on", async () => {
    const query = new URLSearchParams({ stream, where: JSON.stringify(pattern) });
    const reply = await send(`/_millrace/scan?${query.toString()}`);
    expect(reply.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = new TextDecoder()
      .decode(await reply.arrayBuffer())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const last = lines.pop();
    const records = expected(pattern);
    expect(lines).toEqual(
      records.map((record) => ({ ShardId: "shardId-000000000000", ...record })),
    );
    expect(last).toMatchObject({ done: true, found: records.length, scanned: { records: 1380 } });
  });

  test("scan: in parts of twenty, by cursor", async () => {
    const found: unknown[] = [];
    const query = new URLSearchParams({ stream, where: JSON.stringify(pattern), limit: "20" });
    for (let parts = 0; ; parts++) {
      const text = await textOf(`/_millrace/scan?${query.toString()}`);
      const lines = text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, string>);
      const { cursor } = lines.pop()!;
      found.push(...lines.map(({ SequenceNumber }) => SequenceNumber));
      if (lines.length === 0) break;
      expect(parts).toBeLessThan(100);
      query.set("cursor", cursor!);
    }
    expect(found).toEqual(expected(pattern).map(({ SequenceNumber }) => SequenceNumber));
  });

  test("scan: counted", async () => {
    const query = new URLSearchParams({ stream, where: JSON.stringify(pattern), select: "count" });
    const reply = JSON.parse(await textOf(`/_millrace/scan?${query.toString()}`));
    expect(reply).toMatchObject({ count: expected(pattern).length, done: true });
  });

  test("scan: by minute, as many as there are", async () => {
    const query = new URLSearchParams({
      stream,
      where: JSON.stringify(pattern),
      select: "histogram",
      by: "minute",
    });
    const lines = (await textOf(`/_millrace/scan?${query.toString()}`)).trimEnd().split("\n");
    const counts = lines
      .slice(0, -1)
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { from: string; count: number });
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(expected(pattern).length);
    for (const { from } of counts) expect(from).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00.000Z$/);
  });
});

/** The lines of a scan's reply. */
async function lines(query: Record<string, string>): Promise<string[]> {
  const text = await textOf(`/_millrace/scan?${new URLSearchParams(query).toString()}`);
  return text.trimEnd().split("\n");
}

describe("scan", () => {
  test("counts without a condition look at nothing", async () => {
    const [line] = await lines({ stream, select: "count" });
    expect(JSON.parse(line!)).toMatchObject({ count: 1380, scanned: { records: 0, bytes: 0 } });
  });

  test("counts no more than the limit, and goes on from there", async () => {
    const query = { stream, select: "count", limit: "1000" };
    const [first] = await lines(query);
    expect(JSON.parse(first!)).toMatchObject({ count: 1000, found: 1000, done: true });
    const { cursor } = JSON.parse(first!) as { cursor: string };
    expect(JSON.parse((await lines({ ...query, cursor }))[0]!)).toMatchObject({ count: 380 });
  });

  test("format=data is the data itself", async () => {
    const where = JSON.stringify({ data: { status: ["failed"] } });
    const found = await lines({ stream, where, format: "data" });
    expect(found.map((line) => base64(line))).toEqual(
      expected({ data: { status: ["failed"] } }).map(({ Data }) => Data),
    );
  });

  test("key may be given more than once", async () => {
    const reply = await send(
      `/_millrace/scan?stream=${stream}&key=customer-1&key=customer-2&select=count`,
    );
    expect(await reply.json()).toMatchObject({
      count: expected({ partitionKey: ["customer-1", "customer-2"] }).length,
    });
  });

  test("from and to are times of arrival", async () => {
    const shard = (await findStream(env, { account, region }, stream)).description.shards[0]!;
    const { view } = unwrap(await env.SHARD.getByName(shard.uid).seek({ kind: "latest" }));
    const last = (view.lastTimeMs + 1) / 1000;
    const count = async (query: Record<string, string>) =>
      (JSON.parse((await lines({ stream, select: "count", ...query }))[0]!) as { count: number })
        .count;
    expect(await count({ from: String(last) })).toBe(0);
    expect(await count({ to: String(last) })).toBe(1380);
    expect(await count({ from: "2020-01-01", to: new Date(last * 1000).toISOString() })).toBe(1380);
    expect(await count({ from: "2020-01-01", to: "2020-01-02T00:00:00Z" })).toBe(0);
    const key = { key: "customer-1" };
    expect(await count({ ...key, to: String(last) })).toBe(
      expected({ partitionKey: ["customer-1"] }).length,
    );
    expect(await count({ ...key, from: String(last) })).toBe(0);
  });

  test.each([
    [{}, "invalidQuery", "stream"],
    [
      { stream, lines: "5" },
      "invalidQuery",
      "no other parameters than stream, shard, from, to, key, where, limit, format, select, by, cursor",
    ],
    [{ stream, limit: "0" }, "invalidQuery", "limit as a number of records"],
    [
      { stream, from: "yesterday" },
      "invalidQuery",
      "from as seconds, or as a date such as 2026-11-27 or 2026-11-27T12:00:00Z",
    ],
    [
      { stream, to: "2026-02-30" },
      "invalidQuery",
      "to as seconds, or as a date such as 2026-11-27 or 2026-11-27T12:00:00Z",
    ],
    [{ stream, select: "sum" }, "invalidQuery", "select as count or histogram"],
    [{ stream, by: "hour" }, "invalidQuery", "by with select=histogram"],
    [
      { stream, select: "histogram", by: "week" },
      "invalidQuery",
      "by as one of second, minute, hour, day",
    ],
    [{ stream, format: "csv" }, "invalidQuery", "format as records or data"],
    [{ stream, format: "data", select: "count" }, "invalidQuery", "select or format"],
    [{ stream, shard: "first" }, "invalidQuery", "shard as a number or shardId-000000000000"],
    [{ stream, cursor: "1" }, "invalidQuery", "the cursor of a scan"],
    [{ stream, cursor: "00000000~0.5" }, "invalidQuery", "a cursor of this stream"],
    [{ stream, where: "{}" }, "invalidCondition", undefined],
    [{ stream: "none" }, "streamNotFound", undefined],
    [{ stream, shard: "7" }, "shardNotFound", undefined],
  ] as [Record<string, string>, string, string | undefined][])(
    "%j is refused: %s",
    async (query, error, wanted) => {
      const reply = await send(`/_millrace/scan?${new URLSearchParams(query).toString()}`);
      expect(reply.status).toBe(error.endsWith("NotFound") ? 404 : 400);
      expect(await reply.json()).toMatchObject({ error, ...(wanted !== undefined && { wanted }) });
    },
  );
});

describe("patterns that mean nothing", () => {
  const text =
    "The pattern of records is invalid at character 14 (data.a): an array of what the value may be is expected.";

  test("Kinesis says so", async () => {
    const input = { ShardIterator: await iteratorOf("shardId-000000000000") };
    const reply = await kinesis("GetRecords", input, { "x-millrace-filter": '{"data":{"a":"x"}}' });
    expect([reply.status, reply.error]).toEqual([
      400,
      { name: "InvalidArgumentException", message: text },
    ]);
  });

  test("v3io says so", async () => {
    const Location = "AQAAAAAAAAAAAAAAAAAAAA==";
    const input = { Location, Filter: { data: { a: "x" } } };
    const { status, output } = await v3io("GetRecords", `/bigdata/${stream}/0`, input);
    expect([status, output.ErrorMessage]).toEqual([400, `InvalidArgumentException. ${text}`]);
  });

  test("Yandex says so", async () => {
    const input = { ShardIterator: await yandexIterator() };
    const headers = { "x-millrace-filter": '{"data":{"a":"x"}}' };
    const { status, error } = await yandex("GetRecords", input, { headers });
    expect([status, error]).toEqual([
      400,
      { name: "ValidationException", message: `<main>: Error: ${text}, code: 500080\n` },
    ]);
  });

  test("the scan says so", async () => {
    const query = new URLSearchParams({ stream, where: '{"data":{"a":"x"}}' });
    const reply = await send(`/_millrace/scan?${query.toString()}`);
    expect([reply.status, await reply.json()]).toMatchObject([
      400,
      { error: "invalidCondition", at: 14, path: "data.a", message: text },
    ]);
  });
});
