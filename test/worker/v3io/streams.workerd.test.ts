// The v3io face over HTTP, inside workerd: streams and how they are addressed, what becomes of each
// record of a PutRecords, where each kind of Seek ends up, and what a page of GetRecords says. Errors
// have the names, numbers and bytes of the Iguazio web API reference. The clock is the test's.

import { exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { base64, kinesisOver, textIn } from "../kinesis/client.ts";
import { errorText, v3ioOver, type V3ioRecord } from "./client.ts";

const v3io = v3ioOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));
const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

const noonMs = Date.UTC(2036, 0, 1, 12);
const start = "AQAAAAAAAAAAAAAAAAAAAA==";
const invalid = errorText(-201326592, "InvalidArgumentException");
const outOfRange = errorText(-201326594, "ShardIDOutOfRangeException");

let stream: string;
let path: string;

beforeEach(async () => {
  setClock(noonMs);
  stream = crypto.randomUUID();
  path = `/bigdata/dir/${stream}`;
  await v3io("CreateStream", path, { ShardCount: 3, RetentionPeriodHours: 24 });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("streams", () => {
  test("CreateStream: 204 without a body, and the stream is there at once", async () => {
    const other = `/bigdata/${crypto.randomUUID()}/`;
    const body = { ShardCount: 7, RetentionPeriodHours: 48 };
    const created = await v3io("CreateStream", other, body, "POST");
    expect([created.status, created.text]).toEqual([204, ""]);
    const { status, headers, output } = await v3io("DescribeStream", other);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json");
    expect(output).toEqual({ ShardCount: 7, RetentionPeriodHours: 48 });
  });

  test.each([{}, { ShardCount: null }, { RetentionPeriodHours: 24 }, { ShardCount: 1 }])(
    "CreateStream: %j is one shard that keeps its records for a day",
    async (body) => {
      const other = `/bigdata/${crypto.randomUUID()}/`;
      expect((await v3io("CreateStream", other, body)).status).toBe(204);
      const { output } = await v3io("DescribeStream", other);
      expect(output).toEqual({ ShardCount: 1, RetentionPeriodHours: 24 });
    },
  );

  test("CreateStream: a second one of that path is refused with 409", async () => {
    const body = { ShardCount: 1, RetentionPeriodHours: 1 };
    const { status, output } = await v3io("CreateStream", path, body);
    expect([status, output.ErrorMessage]).toEqual([409, "ResourceInUseException"]);
    expect(output.ErrorCode).toBeLessThan(0);
    expect((await v3io("DescribeStream", path)).output.ShardCount).toBe(3);
  });

  test.each([
    { ShardCount: 0, RetentionPeriodHours: 1 },
    { ShardCount: 4097, RetentionPeriodHours: 1 },
    { ShardCount: 1.5, RetentionPeriodHours: 1 },
    { ShardCount: "1", RetentionPeriodHours: 1 },
    { ShardCount: 1, RetentionPeriodHours: 0 },
    { ShardCount: 1, RetentionPeriodHours: 8761 },
  ])("CreateStream: %j is refused", async (body) => {
    const { status, text } = await v3io("CreateStream", `/bigdata/${crypto.randomUUID()}`, body);
    expect([status, text]).toEqual([400, invalid]);
  });

  test.each(["DescribeStream", "PutRecords", "Seek", "GetRecords"])(
    "%s: a stream that is not there is 404 by name",
    async (name) => {
      const Records = [{ Data: "" }];
      const body = { Records, ShardId: 0, Type: "EARLIEST", Location: start };
      const { status, output } = await v3io(name, `/bigdata/${crypto.randomUUID()}/`, body);
      expect([status, output.ErrorMessage]).toEqual([404, "ResourceNotFoundException"]);
      expect(output.ErrorCode).toBeLessThan(0);
    },
  );

  test("DescribeStream: slashes before, between and behind do not matter, nor does the verb", async () => {
    const paths = [`${path}/`, `/${path}`, `//bigdata//dir///${stream}//`, path];
    for (const each of paths) {
      for (const method of ["PUT", "POST"]) {
        const { status, output } = await v3io("DescribeStream", each, undefined, method);
        expect([status, output.ShardCount]).toEqual([200, 3]);
      }
    }
    const byName = await v3io("DescribeStream", "/bigdata/dir/", { StreamName: stream });
    expect(byName.output.ShardCount).toBe(3);
  });

  test("Seek and GetRecords: stream and shard in the path, the shard or both in the body", async () => {
    await put([{ Data: base64("a"), ShardId: 2 }]);
    const forms: [string, object][] = [
      [`${path}/2`, {}],
      [`${path}/2/`, {}],
      [path, { ShardId: 2 }],
      [`${path}/`, { ShardId: 2 }],
      ["/bigdata/dir/", { StreamName: stream, ShardId: 2 }],
    ];
    for (const [each, names] of forms) {
      const { output } = await v3io("SeekShard", each, { ...names, Type: "EARLIEST" });
      const page = await v3io("GetRecords", each, { ...names, Location: output.Location });
      expect(page.output.Records.map(textIn)).toEqual(["a"]);
    }
  });

  test("a stream below the root is not seen by Kinesis, nor the other way round", async () => {
    const input = { StreamName: stream };
    expect((await kinesis("DescribeStream", input)).error.name).toBe("ResourceNotFoundException");
    await kinesis("CreateStream", { ...input, ShardCount: 1 });
    expect((await v3io("DescribeStream", path)).output.ShardCount).toBe(3);
    expect((await v3io("DescribeStream", `/bigdata/${stream}`)).output.ShardCount).toBe(1);
    expect((await v3io("DescribeStream", `/other/${stream}`)).status).toBe(404);
  });
});

describe("PutRecords", () => {
  test("sequence numbers count from 1 in each shard", async () => {
    const first = await put([
      { Data: base64("a"), ShardId: 1 },
      { Data: base64("b"), ShardId: 1 },
      { Data: base64("c"), ShardId: 0 },
    ]);
    expect(first).toEqual([
      { SequenceNumber: 1, ShardId: 1 },
      { SequenceNumber: 2, ShardId: 1 },
      { SequenceNumber: 1, ShardId: 0 },
    ]);
    const [next] = await put([{ Data: base64("d"), ShardId: 1 }]);
    expect(next).toEqual({ SequenceNumber: 3, ShardId: 1 });
  });

  test("records of one key stay together, and go where Kinesis would send them", async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `key ${i % 20}`);
    const outcomes = await put(keys.map((PartitionKey) => ({ Data: "", PartitionKey })));
    const shardByKey = new Map(keys.map((key, i) => [key, outcomes[i]?.ShardId]));
    expect(outcomes.map(({ ShardId }) => ShardId)).toEqual(keys.map((key) => shardByKey.get(key)));
    expect(new Set(shardByKey.values()).size).toBe(3);
    const root = crypto.randomUUID();
    await kinesis("CreateStream", { StreamName: root, ShardCount: 3 });
    const Records = keys.map((PartitionKey) => ({ PartitionKey, Data: "" }));
    const { output } = await kinesis("PutRecords", { StreamName: root, Records });
    const shards = output.Records.map(({ ShardId }) => Number(ShardId.slice(-12)));
    expect(shards).toEqual(outcomes.map(({ ShardId }) => ShardId));
  });

  test("records with neither shard nor key take turns, over calls too", async () => {
    const first = await put([{ Data: "" }, { Data: "" }, { Data: "", ShardId: 0 }, { Data: "" }]);
    const second = await put([{ Data: "" }, { Data: "", PartitionKey: "" }]);
    const turns = [...first.filter((_, i) => i !== 2), ...second].map(({ ShardId }) => ShardId);
    expect(turns).toEqual([0, 1, 2, 0, 1]);
  });

  test("a record that cannot be taken fails alone, each for its own reason", async () => {
    const bad = { ErrorCode: -201326592, ErrorMessage: "InvalidArgumentException" };
    const noSuchShard = { ErrorCode: -201326594, ErrorMessage: "ShardIDOutOfRangeException" };
    const records: [object, object][] = [
      [
        { Data: base64("good"), ShardId: 0 },
        { SequenceNumber: 1, ShardId: 0 },
      ],
      [{ Data: base64("x"), ShardId: 3 }, noSuchShard],
      [{ ShardId: 0 }, bad],
      [{ Data: "%%%%", ShardId: 0 }, bad],
      [{ Data: "abc", ShardId: 0 }, bad],
      [{ Data: 7, ShardId: 0 }, bad],
      [{ Data: "", ShardId: -1 }, bad],
      [{ Data: "", ShardId: "0" }, bad],
      [{ Data: "", ShardId: 0, PartitionKey: "k".repeat(257) }, bad],
      [{ Data: "", ShardId: 0, PartitionKey: 5 }, bad],
      [{ Data: "", ShardId: 0, ClientInfo: base64(new Uint8Array(17)) }, bad],
      [{ Data: base64(new Uint8Array(2 * 1024 * 1024 + 1)), ShardId: 0 }, bad],
      [
        { Data: base64("also good"), ShardId: 0 },
        { SequenceNumber: 2, ShardId: 0 },
      ],
    ];
    const Records = records.map(([record]) => record);
    const { status, output } = await v3io("PutRecords", path, { Records });
    expect(status).toBe(200);
    expect(output.FailedRecordCount).toBe(11);
    expect(output.Records).toEqual(records.map(([, outcome]) => outcome));
    const page = await v3io("GetRecords", `${path}/0`, { Location: start });
    expect(page.output.Records.map(textIn)).toEqual(["good", "also good"]);
  });

  test.each<[string, object]>([
    ["no records", { Records: [] }],
    ["no list of records", {}],
    ["1001 records", { Records: Array.from({ length: 1001 }, () => ({ Data: "" })) }],
  ])("%s: the whole call is refused", async (_, body) => {
    const { status, text } = await v3io("PutRecords", path, body);
    expect([status, text]).toEqual([400, invalid]);
  });

  test("1000 records, and records of 2 MiB, are taken", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({ Data: base64(`${i}`), ShardId: 1 }));
    const outcomes = await put(many);
    expect(outcomes.map(({ SequenceNumber }) => SequenceNumber)).toEqual(many.map((_, i) => i + 1));
    const large = base64(new Uint8Array(2 * 1024 * 1024).fill(1));
    expect(await put([{ Data: large, ShardId: 1 }])).toMatchObject([{ SequenceNumber: 1001 }]);
  });
});

describe("Seek", () => {
  /** Milliseconds after noon, with two records that arrive together. */
  const arrivals = [0, 0, 1500, 4250];

  beforeEach(async () => {
    await put([
      { Data: base64("1"), ShardId: 0 },
      { Data: base64("2"), ShardId: 0 },
    ]);
    for (const [i, ms] of arrivals.entries()) {
      if (i < 2) continue;
      setClock(noonMs + ms);
      await put([{ Data: base64(`${i + 1}`), ShardId: 0 }]);
    }
  });

  const second = noonMs / 1000;

  test.each<[object, string[]]>([
    [{ Type: "EARLIEST" }, ["1", "2", "3", "4"]],
    [{ Type: "LATEST" }, []],
    [{ Type: "SEQUENCE", StartingSequenceNumber: 1 }, ["1", "2", "3", "4"]],
    [{ Type: "SEQUENCE", StartingSequenceNumber: 3 }, ["3", "4"]],
    [{ Type: "SEQUENCE", StartingSequenceNumber: 5 }, []],
    [{ Type: "TIME", TimestampSec: 0, TimestampNSec: 0 }, ["1", "2", "3", "4"]],
    [{ Type: "TIME", TimestampSec: second, TimestampNSec: 0 }, ["1", "2", "3", "4"]],
    [{ Type: "TIME", TimestampSec: second, TimestampNSec: 1 }, ["2", "3", "4"]],
    [{ Type: "TIME", TimestampSec: second, TimestampNSec: 2 }, ["3", "4"]],
    [{ Type: "TIME", TimestampSec: second + 1, TimestampNSec: 500_000_000 }, ["3", "4"]],
    [{ Type: "TIME", TimestampSec: second + 1, TimestampNSec: 500_000_001 }, ["4"]],
    [{ Type: "TIME", TimestampSec: second + 9, TimestampNSec: 999_999_999 }, []],
  ])("%j finds %j", async (target, expected) => {
    const { status, output } = await v3io("Seek", `${path}/0`, target);
    expect(status).toBe(200);
    const page = await v3io("GetRecords", `${path}/0`, { Location: output.Location });
    expect(page.output.Records.map(textIn)).toEqual(expected);
  });

  test("the start of a shard is the location of the reference's example", async () => {
    const { text } = await v3io("Seek", `${path}/0`, { Type: "EARLIEST" });
    expect(text).toBe(`{"Location":"${start}"}`);
  });

  test("a record's own arrival time finds it, down to the nanosecond", async () => {
    const { output } = await v3io("GetRecords", `${path}/0`, { Location: start });
    for (const record of output.Records) {
      const TimestampSec = record.ArrivalTimeSec;
      const TimestampNSec = record.ArrivalTimeNSec;
      const found = await v3io("Seek", `${path}/0`, { Type: "TIME", TimestampSec, TimestampNSec });
      const page = await v3io("GetRecords", `${path}/0`, {
        Location: found.output.Location,
        Limit: 1,
      });
      expect(page.output.Records).toEqual([record]);
    }
  });

  test.each<object>([
    {},
    { Type: "earliest" },
    { Type: "SEQUENCE" },
    { Type: "SEQUENCE", StartingSequenceNumber: "1" },
    { Type: "SEQUENCE", StartingSequenceNumber: 0 },
    { Type: "SEQUENCE", StartingSequenceNumber: 6 },
    { Type: "TIME" },
    { Type: "TIME", TimestampSec: 1 },
    { Type: "TIME", TimestampSec: 1, TimestampNSec: null },
    { Type: "TIME", TimestampSec: 1, TimestampNSec: 1_000_000_000 },
  ])("%j is refused", async (target) => {
    const { status, text } = await v3io("Seek", `${path}/0`, target);
    expect([status, text]).toEqual([400, invalid]);
  });

  test("a shard that the stream does not have is refused by name", async () => {
    for (const [name, body] of [
      ["Seek", { Type: "EARLIEST" }],
      ["GetRecords", { Location: start }],
    ] as const) {
      const { status, text } = await v3io(name, `${path}/3`, body);
      expect([status, text]).toEqual([400, outOfRange]);
    }
  });
});

describe("GetRecords", () => {
  test("a record has what its producer gave it, and nothing else", async () => {
    setClock(noonMs + 1234);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("base64");
    await put([
      { Data: bytes, ClientInfo: base64("info"), PartitionKey: 'k"\\\u0001語', ShardId: 0 },
      { Data: "", ShardId: 0 },
    ]);
    const { status, headers, text, output } = await v3io("GetRecords", `${path}/0`, {
      Location: start,
    });
    expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
    const ArrivalTimeSec = noonMs / 1000 + 1;
    expect(output.Records).toEqual([
      {
        ArrivalTimeSec,
        ArrivalTimeNSec: 234_000_000,
        SequenceNumber: 1,
        ClientInfo: base64("info"),
        PartitionKey: 'k"\\\u0001語',
        Data: bytes,
      },
      { ArrivalTimeSec, ArrivalTimeNSec: 234_000_001, SequenceNumber: 2, Data: "" },
    ]);
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      "NextLocation",
      "MSecBehindLatest",
      "RecordsBehindLatest",
      "Records",
    ]);
  });

  test("how far behind a page is: records and milliseconds, exactly", async () => {
    for (let i = 0; i < 5; i++) {
      setClock(noonMs + i * 100);
      await put([{ Data: base64(`${i}`), ShardId: 0 }]);
    }
    const seen: unknown[] = [];
    for (let Location = start, left = 3; left > 0; left--) {
      const { output } = await v3io("GetRecords", `${path}/0`, { Location, Limit: 2 });
      const { MSecBehindLatest, RecordsBehindLatest, Records } = output;
      seen.push([Records.map(textIn), MSecBehindLatest, RecordsBehindLatest]);
      Location = output.NextLocation;
    }
    expect(seen).toEqual([
      [["0", "1"], 300, 3],
      [["2", "3"], 100, 1],
      [["4"], 0, 0],
    ]);
  });

  test("at the end: an empty page that says to stay there, however often", async () => {
    const { output } = await v3io("GetRecords", `${path}/1`, { Location: start });
    expect(output).toEqual({
      NextLocation: start,
      MSecBehindLatest: 0,
      RecordsBehindLatest: 0,
      Records: [],
    });
  });

  test("no limit, 0 and null mean 1000; more is as many as there are", async () => {
    for (const call of [0, 1]) {
      await put(
        Array.from({ length: 800 }, (_, i) => ({ Data: base64(`${call * 800 + i}`), ShardId: 0 })),
      );
    }
    for (const [Limit, count] of [
      [undefined, 1000],
      [0, 1000],
      [null, 1000],
      [1, 1],
      [5000, 1600],
    ]) {
      const { output } = await v3io("GetRecords", `${path}/0`, { Location: start, Limit });
      expect(output.Records.map(textIn)).toEqual(
        Array.from({ length: count ?? 0 }, (_, i) => `${i}`),
      );
    }
  });

  test("a location has no end of life but retention", async () => {
    await put([{ Data: base64("old"), ShardId: 0 }]);
    setClock(noonMs + 23 * 3_600_000);
    await put([{ Data: base64("new"), ShardId: 0 }]);
    const all = await v3io("GetRecords", `${path}/0`, { Location: start });
    expect(all.output.Records.map(textIn)).toEqual(["old", "new"]);
    setClock(noonMs + 25 * 3_600_000);
    const kept = await v3io("Seek", `${path}/0`, { Type: "EARLIEST" });
    const page = await v3io("GetRecords", `${path}/0`, { Location: kept.output.Location });
    expect(page.output.Records.map(textIn)).toEqual(["new"]);
  });

  test.each<[string, number, string, object]>([
    ["no location", 400, "InvalidArgumentException", {}],
    ["a location that is no text", 400, "InvalidArgumentException", { Location: 5 }],
    ["a location cut short", 400, "IllegalLocationException", { Location: start.slice(0, 20) }],
    [
      "a location that is not base64",
      400,
      "InvalidArgumentException",
      { Location: "!".repeat(24) },
    ],
    ["another kind", 400, "IllegalLocationException", { Location: `AgAA${start.slice(4)}` }],
    ["beyond the end", 400, "IllegalLocationException", { Location: "AQAAAAAAAAAJAAAAAAAAAA==" }],
    ["a limit below 0", 400, "InvalidArgumentException", { Location: start, Limit: -1 }],
    ["a limit in text", 400, "InvalidArgumentException", { Location: start, Limit: "1" }],
  ])("%s is refused: %i %s", async (_, status, name, body) => {
    const reply = await v3io("GetRecords", `${path}/0`, body);
    expect([reply.status, reply.output.ErrorMessage]).toEqual([status, name]);
    expect(reply.text).toBe(errorText(reply.output.ErrorCode, name));
  });
});

function setClock(timeMs: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: timeMs });
}

async function put(Records: object[]): Promise<V3ioRecord[]> {
  const { status, output } = await v3io("PutRecords", path, { Records }, "POST");
  expect([status, output.FailedRecordCount]).toEqual([200, 0]);
  return output.Records;
}
