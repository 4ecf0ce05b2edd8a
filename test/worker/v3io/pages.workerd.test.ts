// What has a bound in v3io, and what happens at it, inside workerd: pages of ten megabytes that are cut and
// go on, bodies of ten megabytes, arrival times that never repeat or go back. Limits of the Iguazio web
// API reference, GetRecords and PutRecords. The clock is the test's.

import { beginAtNoon, noonMs } from "../../support/clock.ts";
import { exports } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { errorText, v3ioOver } from "./client.ts";

const v3io = v3ioOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));

const start = "AQAAAAAAAAAAAAAAAAAAAA==";
const recordBytes = 2 * 1024 * 1024;
const bodyBytesMax = 10 * 1024 * 1024;

let path: string;

beginAtNoon();

beforeEach(async () => {
  path = `/bigdata/pages/${crypto.randomUUID()}`;
  await v3io("CreateStream", path, { ShardCount: 1, RetentionPeriodHours: 24 });
});

test("a page of ten megabytes is cut, and NextLocation goes on where it ended", async () => {
  const Data = Buffer.alloc(recordBytes, 7).toString("base64");
  for (let i = 0; i < 7; i++) {
    vi.setSystemTime(noonMs + i * 1000);
    await v3io("PutRecords", path, { Records: [{ Data }] });
  }
  const pages: unknown[] = [];
  for (let Location = start; ;) {
    const { output } = await v3io("GetRecords", `${path}/0`, { Location, Limit: 1000 });
    const { MSecBehindLatest, RecordsBehindLatest, Records } = output;
    if (Records.length === 0) break;
    expect(Records.every((record) => record.Data.length === Data.length)).toBe(true);
    pages.push([Records.map(({ SequenceNumber }) => SequenceNumber), MSecBehindLatest]);
    expect(RecordsBehindLatest).toBe(7 - (Records.at(-1)?.SequenceNumber ?? 0));
    Location = output.NextLocation;
  }
  expect(pages).toEqual([
    [[1, 2, 3, 4, 5], 2000],
    [[6, 7], 0],
  ]);
});

test("a body of ten megabytes is taken, and one byte more is not", async () => {
  const Data = Buffer.alloc(1_900_000, 1).toString("base64");
  const body = JSON.stringify({ Records: Array.from({ length: 4 }, () => ({ Data })) });
  const padded = body.padEnd(bodyBytesMax);
  const taken = await v3io("PutRecords", path, padded);
  expect([taken.status, taken.output.FailedRecordCount]).toEqual([200, 0]);
  const refused = await v3io("PutRecords", path, `${padded} `);
  expect([refused.status, refused.text]).toEqual([
    400,
    errorText(-201326592, "InvalidArgumentException"),
  ]);
});

test("arrival times never repeat and never go back, whatever the clock does", async () => {
  const Records = Array.from({ length: 300 }, () => ({ Data: "" }));
  for (const ms of [0, 0, 1, -5000, 7, 999, 1000]) {
    vi.setSystemTime(noonMs + ms);
    await v3io("PutRecords", path, { Records });
  }
  const { output } = await v3io("GetRecords", `${path}/0`, { Location: start, Limit: 10_000 });
  expect(output.Records).toHaveLength(2100);
  let last = -1n;
  for (const { ArrivalTimeSec, ArrivalTimeNSec } of output.Records) {
    expect(ArrivalTimeNSec).toBeLessThan(1_000_000_000);
    const at = BigInt(ArrivalTimeSec) * 1_000_000_000n + BigInt(ArrivalTimeNSec);
    expect(at).toBeGreaterThan(last);
    last = at;
  }
});

test("a location that retention has taken is illegal, and the oldest that is left is sought", async () => {
  await v3io("PutRecords", path, { Records: [{ Data: "AA==" }] });
  vi.setSystemTime(noonMs + 50 * 3_600_000);
  await v3io("PutRecords", path, { Records: [{ Data: "AQ==" }] });
  const { output } = await v3io("Seek", `${path}/0`, { Type: "EARLIEST" });
  const oldest = await v3io("GetRecords", `${path}/0`, { Location: output.Location });
  expect(oldest.output.Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual([2]);
  const { status, text } = await v3io("GetRecords", `${path}/0`, { Location: start });
  expect([status, text]).toEqual([400, errorText(-201326597, "IllegalLocationException")]);
  const gone = { Type: "SEQUENCE", StartingSequenceNumber: 1 };
  const sought = await v3io("Seek", `${path}/0`, gone);
  expect(sought.output.Location).toBe(output.Location);
});
