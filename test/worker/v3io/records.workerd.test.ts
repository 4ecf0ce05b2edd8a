// The v3io face over HTTP, inside workerd: where each kind of Seek ends up, and what a page of
// GetRecords says. Errors have the names, numbers and bytes of the Iguazio web API reference. The clock
// is the test's.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { base64, textIn } from "../kinesis/client.ts";
import { errorText, v3ioOver, type V3ioRecord } from "./client.ts";

const v3io = v3ioOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));

const start = "AQAAAAAAAAAAAAAAAAAAAA==";
const invalid = errorText(-201326592, "InvalidArgumentException");
const outOfRange = errorText(-201326594, "ShardIDOutOfRangeException");

let path: string;

beginAtNoon();

beforeEach(async () => {
  path = `/bigdata/dir/${crypto.randomUUID()}`;
  await v3io("CreateStream", path, { ShardCount: 3, RetentionPeriodHours: 24 });
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

async function put(Records: object[]): Promise<V3ioRecord[]> {
  const { status, output } = await v3io("PutRecords", path, { Records }, "POST");
  expect([status, output.FailedRecordCount]).toEqual([200, 0]);
  return output.Records;
}
