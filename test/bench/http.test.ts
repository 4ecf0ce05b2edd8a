// The benchmark over HTTP runs, in its small form against the real local server, and what it counts
// holds: history is read without a request to the shard, and commits are shared. No time is looked at.

import { beforeAll, expect, test } from "vitest";
import { benchHttp } from "../../bench/http/http.ts";
import { httpTables } from "../../bench/http/tables.ts";
import type { Summary } from "../../bench/tools/load.ts";

let rows: Summary[] = [];
let hash = "";

beforeAll(async () => {
  ({ rows, hash } = await benchHttp({ quick: true, seconds: 1 }, () => {}));
});

test("every load ran, and every table has its rows", () => {
  expect(rows.every(({ exchanges }) => exchanges > 0)).toBe(true);
  const shown = httpTables(rows).flatMap((table) => table.rows);
  expect(shown.length).toBe(rows.length);
});

test("labels name the sizes that were used, and one round has no spread", () => {
  expect(find("history 1024").title).toBe("GetRecords, pages of 50 records, history");
  expect(find("history 65536").title).toBe("GetRecords, pages of 1 record, history");
  expect(find("catch up").title).toMatch(/^catch up on [2-9]\d{3} records$/);
  for (const { columns, rows: shown } of httpTables(rows)) {
    for (const row of shown) {
      expect([row[columns.indexOf("rounds")], row[columns.indexOf("spread")]]).toEqual(["1", "–"]);
    }
  }
});

test("what is read back before the clock starts is the same every time", () => {
  expect(hash).toBe("28ab515313519cd8");
});

test("a page of history is not asked of the shard; one of the tail is at most once", () => {
  for (const recordBytes of [100, 1024, 65_536]) {
    const history = find(`history ${recordBytes}`);
    expect(history.observed).toMatchObject({ shardPages: 0, historyPages: history.exchanges });
    const tail = find(`tail ${recordBytes}`);
    const { shardPages = NaN, nextDoorPages = NaN, historyPages } = tail.observed;
    expect(nextDoorPages).toBeGreaterThan(0);
    expect({ tail: shardPages + nextDoorPages, historyPages }).toEqual({
      tail: tail.exchanges,
      historyPages: 0,
    });
  }
});

test("one producer: a row for each put, and one now and then for a segment or the alarm", () => {
  for (const id of ["put one 1", "put 500 × 1024 1"]) {
    const { observed, exchanges } = find(id);
    expect(observed["rows"]).toBeGreaterThanOrEqual(exchanges);
    expect(observed["rows"]).toBeLessThanOrEqual(2 * exchanges + 1);
  }
});

// How many share one depends on how long the disk takes; without sharing each has its own row.
test("many producers share commits: rows for at most half of their puts", () => {
  for (const id of ["put one 64", "put one 256"]) {
    const { observed, exchanges } = find(id);
    expect(observed["rows"]).toBeLessThanOrEqual(exchanges / 2);
  }
});

function find(id: string): Summary {
  const row = rows.find((row) => row.id === id);
  if (row === undefined) throw new Error(`no load ${id}`);
  return row;
}
