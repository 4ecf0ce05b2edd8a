import { expect, it } from "vitest";
import { addBacklog, backlogsOf } from "../../console/app/backlogs.ts";

const queue = { id: "queue", waiting: 0, inFlight: 0, dead: 0 };

it("a reader is as old as in the shard where it is furthest behind, and has the records of all shards left", () => {
  addBacklog(
    "a",
    1000,
    [
      { shard: 0, dialect: "kinesis", consumer: "bills", behindMs: 5000, behindRecords: 3 },
      { shard: 1, dialect: "kinesis", consumer: "bills", behindMs: 200, behindRecords: 4 },
      { shard: 1, dialect: "v3io", behindMs: 0, behindRecords: 0 },
    ],
    [{ ...queue, name: "jobs", undelivered: 6, waiting: 2 }],
  );
  expect(backlogsOf("a")).toEqual({
    times: [1000],
    ages: [
      { name: "bills", values: [5000] },
      { name: "v3io readers", values: [0] },
    ],
    records: [
      { name: "bills", values: [7] },
      { name: "v3io readers", values: [0] },
    ],
    queues: [{ name: "jobs", values: [8] }],
  });
});

it("lines have the same times: a reader that comes or goes has gaps", () => {
  const reader = { shard: 0, dialect: "kinesis", behindMs: 1, behindRecords: 1 };
  addBacklog("b", 1000, [{ ...reader, consumer: "first" }], []);
  addBacklog("b", 2000, [{ ...reader, consumer: "second" }], []);
  addBacklog("b", 2000, [], []);
  const { times, records } = backlogsOf("b");
  expect(times).toEqual([1000, 2000]);
  expect(records).toEqual([
    { name: "first", values: [1, null] },
    { name: "second", values: [null, 1] },
  ]);
});

it("old samples are dropped from all lines", () => {
  const reader = { shard: 0, dialect: "kinesis", behindMs: 1, behindRecords: 1 };
  for (let i = 1; i <= 1000; i++) addBacklog("c", i, [reader], []);
  const { times, ages, records } = backlogsOf("c");
  expect([times.length, times[0]]).toEqual([900, 101]);
  expect([ages[0]?.values.length, records[0]?.values.length]).toEqual([900, 900]);
});
