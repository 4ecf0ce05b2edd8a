// The table of runs, held to a map of single records, and its size: a million records that were
// received one by one and never acknowledged take less than 32 MB.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Run, RunState } from "../../../worker/delivery/run.ts";
import { RunTable } from "../../../worker/delivery/runs.ts";

const states = [RunState.waiting, RunState.inFlight, RunState.dead, RunState.deadInFlight];

const change = fc.record({
  from: fc.nat(3000),
  length: fc.integer({ min: 1, max: 40 }),
  state: fc.option(fc.constantFrom(...states), { nil: undefined }),
  receives: fc.nat(3),
});

const plain = { receives: 1, firstMs: 5, generation: 7, endMs: 0 };

test("assigning and clearing ranges is what it is for single records", () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 400 }), (changes) => {
      const table = new RunTable();
      const records = new Map<number, Omit<Run, "from" | "to">>();
      for (const { from, length, state, receives } of changes) {
        const to = from + length;
        if (state === undefined) table.clear(from, to);
        else table.assign({ ...plain, from, to, state, receives });
        for (let index = from; index < to; index++) {
          if (state === undefined) records.delete(index);
          else records.set(index, { ...plain, state, receives });
        }
      }
      const found = [...table.within(0, 4000)];
      for (const [i, run] of found.entries()) {
        expect(run.from).toBeGreaterThanOrEqual(found[i - 1]?.to ?? 0);
      }
      const listed = found.flatMap(({ from, to, ...run }) =>
        Array.from({ length: to - from }, (_, i) => [from + i, run] as const),
      );
      expect(new Map(listed)).toEqual(new Map([...records].toSorted(([a], [b]) => a - b)));
      const counts = table.counts();
      for (const state of states) {
        const wanted = [...records.values()].filter((record) => record.state === state).length;
        expect(counts.of(state)).toBe(wanted);
        expect(table.first(state)?.from).toBe(found.find((run) => run.state === state)?.from);
      }
    }),
    { seed: 20_261_127, numRuns: 40 },
  );
});

test("ranges longer than a run may be are several", () => {
  const table = new RunTable();
  table.insert({ ...plain, from: 10, to: 200_010, state: RunState.waiting });
  expect(table.runCount).toBe(4);
  expect(table.counts().waiting).toBe(200_000);
  table.clear(50_000, 150_000);
  expect([...table.within(0, 1e6)].map(({ from, to }) => [from, to])).toEqual([
    [10, 50_000],
    [150_000, 196_615],
    [196_615, 200_010],
  ]);
});

test("a delivery ends at its time, or when the clock was set back by more than any may last", () => {
  const table = new RunTable();
  table.insert({ ...plain, from: 0, to: 5, state: RunState.inFlight, endMs: 1000 });
  table.insert({ ...plain, from: 5, to: 6, state: RunState.deadInFlight, endMs: 2000 });
  expect(table.nextEndMs()).toBe(1000);
  expect(table.ended(999, 1000)).toEqual([]);
  expect(table.ended(1000, 1000).map(({ from, to }) => [from, to])).toEqual([[0, 5]]);
  expect(table.ended(-1, 1000).map(({ from, to }) => [from, to])).toEqual([
    [0, 5],
    [5, 6],
  ]);
});

test("a million records that differ take less than 32 MB, and are found at once", () => {
  const table = new RunTable();
  for (let index = 0; index < 1_000_000; index++) {
    const run = { ...plain, from: index, to: index + 1, generation: index + 1 };
    table.insert({ ...run, state: index % 9 === 0 ? RunState.dead : RunState.waiting });
  }
  expect(table.runCount).toBe(1_000_000);
  expect(table.bytes).toBeLessThan(32_000_000);
  expect(table.get(654_321)).toMatchObject({ from: 654_321, generation: 654_322 });
  table.clear(0, 999_999);
  expect(table.runCount).toBe(1);
});
