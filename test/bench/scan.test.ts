// The scan benchmark in its small form: both sides find the same records, and a scan for a key fetches the segments that
// have it and no others. No time is looked at.

import { expect, test } from "vitest";
import { benchIndex } from "../../bench/scan/index.ts";
import { benchEngine } from "../../bench/scan/scan.ts";
import { contests } from "../../bench/scan/contests.ts";
import { makeOrder } from "../../bench/scan/orders.ts";

test("the engine and plain TypeScript find the same records in every contest", () => {
  const rows = benchEngine(true);
  expect(rows.map(({ title }) => title)).toEqual(contests.map(({ title }) => title));
  expect(rows.every(({ engine, plain }) => engine > 0 && plain > 0)).toBe(true);
});

test("orders are JSON of a kibibyte, the same in every run", () => {
  const orders = Array.from({ length: 200 }, (_, i) => makeOrder(i));
  for (const { data } of orders) {
    expect(JSON.parse(data.toString())).toHaveProperty("status");
    expect(data.length).toBe(1024);
  }
});

test("with filters the segments of a key are fetched, without them all", async () => {
  const rows = await benchIndex({ quick: true });
  expect(
    rows.map(({ segments, filters, found, fetched }) => [segments, filters, found, fetched]),
  ).toEqual([
    [200, true, 100, 100],
    [200, false, 100, 200],
  ]);
});
