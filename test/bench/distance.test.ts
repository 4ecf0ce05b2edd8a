// The distance bench runs in its small form, and what its far Workers ask of a shard holds: once the view
// is known, a page of history asks it nothing; at the tip each poll asks it once, and so does a put.
// Where there is no bucket, each segment is asked for once. No time is looked at.

import { beforeAll, expect, test } from "vitest";
import { benchDistance, roundTripsMs } from "../../bench/distance/distance.ts";
import { sumOf } from "../../bench/distance/counts.ts";
import { distanceTables } from "../../bench/distance/tables.ts";
import type { DistanceRow } from "../../bench/distance/tally.ts";

let rows: DistanceRow[] = [];

beforeAll(async () => {
  ({ rows } = await benchDistance({ quick: true }, () => {}));
});

test("every table has its rows, and each title one for each distance", () => {
  const shown = distanceTables(rows).flatMap((table) => table.rows);
  expect(shown.length).toBe(rows.length);
  for (const { title } of rows) {
    expect(find(title).map(({ roundTripMs }) => roundTripMs)).toEqual(roundTripsMs);
  }
});

test.each(["the page after it", "all other pages", "the last of them again"])(
  "history in the bucket, %s: only the shard's view is asked for, if anything",
  (what) => {
    for (const { counts, exchanges } of find(`in the bucket: ${what}`)) {
      expect(exchanges).toBeGreaterThan(0);
      expect(sumOf(counts, "shard")).toBe(counts["shard.view"] ?? 0);
      expect(sumOf(counts, "catalog")).toBe(0);
    }
  },
);

test("history with the shard: no segment is asked for twice", () => {
  const [segments, ...others] = roundTripsMs.map((_, i) =>
    ["the page after it", "all other pages", "the last of them again"].reduce(
      (sum, what) => sum + (find(`with the shard: ${what}`)[i]?.counts["shard.segment"] ?? 0),
      0,
    ),
  );
  expect(segments).toBeGreaterThan(0);
  for (const other of others) expect(other).toBe(segments);
  for (const { counts } of find("with the shard: the last of them again")) {
    expect(counts["shard.segment"] ?? 0).toBe(0);
  }
});

test("a Worker that is new asks the catalog once and the shard once", () => {
  for (const { counts } of find("in the bucket: a page, by a Worker that is new")) {
    expect(counts).toMatchObject({ "catalog.describeStream": 1, "shard.read": 1 });
    expect(sumOf(counts, "shard") + sumOf(counts, "catalog")).toBe(2);
  }
});

test("a poll at the tip asks the shard once", () => {
  for (const { counts, exchanges } of find("GetRecords, again and again")) {
    expect(counts).toEqual({ "shard.read": exchanges });
  }
});

test("a subscription asks for the next records, and nothing else of the shard", () => {
  for (const { counts, exchanges } of find("SubscribeToShard")) {
    const own = counts["shard.next"] ?? 0;
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThanOrEqual(exchanges + 1);
  }
});

test("a put asks the shard once", () => {
  for (const title of ["PutRecord", "PutRecords, 500 records"]) {
    for (const { counts, exchanges } of find(title)) {
      expect(counts["shard.append"]).toBe(exchanges);
      expect(sumOf(counts, "shard")).toBe(exchanges);
    }
  }
});

function find(title: string): DistanceRow[] {
  return rows.filter((row) => row.title === title);
}
