// A shard against an array: random appends of random sizes at random times, some side by side,
// among reads, seeks, evictions and alarms, and after each step the shard must answer as the array
// does. The clock is the test's and may go back. A failure names its seed, and the step.

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import { payloadBytes } from "../../reference/record.ts";
import {
  append,
  type Offered,
  openShard,
  readPage,
  seek,
  type ShardStub,
  type Stored,
} from "./shards.ts";

const noonMs = Date.UTC(2036, 0, 1, 12);
const encoder = new TextEncoder();

interface Model {
  random: Random;
  shard: ShardStub;
  nowMs: number;
  stored: Stored[];
}

type Step = (model: Model) => Promise<void>;

/** What may happen, and how often. */
const steps: [weight: number, step: Step][] = [
  [40, appendOne],
  [15, appendTogether],
  [25, readSomewhere],
  [25, seekSomewhere],
  [5, async ({ shard }) => evictDurableObject(shard)],
  [5, async ({ shard }) => void (await runDurableObjectAlarm(shard))],
  [20, turnClock],
];

afterEach(() => {
  vi.useRealTimers();
});

test.each([11, 22, 33, 44])("shard and array agree after every step, seed %i", async (seed) => {
  const random = new Random(seed);
  const model: Model = { random, shard: await openShard(), nowMs: noonMs, stored: [] };
  setClock(model, noonMs);
  for (let count = 0; count < 250; count++) {
    const step = pickStep(random);
    try {
      await step(model);
    } catch (error) {
      throw new Error(`seed ${seed}, step ${count}: ${step.name}`, { cause: error });
    }
  }
  await expectWhole(model);
  await evictDurableObject(model.shard);
  await expectWhole(model);
});

async function appendOne(model: Model): Promise<void> {
  const records = offerRecords(model.random);
  const { firstIndex, timeMs } = await append(model.shard, ...records);
  expect(firstIndex).toBe(model.stored.length);
  remember(model, records, timeMs);
  expect(timeMs).toBe(Math.max(model.nowMs, model.stored[firstIndex - 1]?.timeMs ?? 0));
}

async function appendTogether(model: Model): Promise<void> {
  const calls = Array.from({ length: model.random.between(2, 12) }, () =>
    offerRecords(model.random),
  );
  const receipts = await Promise.all(calls.map((records) => append(model.shard, ...records)));
  for (const [call, { firstIndex, timeMs }] of receipts.entries()) {
    expect(firstIndex).toBe(model.stored.length);
    remember(model, calls[call] as Offered[], timeMs);
  }
}

async function readSomewhere({ random, shard, stored }: Model): Promise<void> {
  const index = random.chance(0.2) ? stored.length : random.below(stored.length + 1);
  const recordsMax = random.pick([1, 2, 10, 100, 10_000]);
  const bytesMax = random.pick([0, 100, 5000, 1_000_000, 10_485_760]);
  const { records, next, view } = await readPage(shard, { index, recordsMax, bytesMax });
  const expected = fitting(stored.slice(index), recordsMax, bytesMax);
  expectRecords(records, expected);
  expect(next.index).toBe(index + expected.length);
  expect(view).toMatchObject({
    firstIndex: 0,
    nextIndex: stored.length,
    lastTimeMs: stored.at(-1)?.timeMs ?? 0,
  });
}

async function seekSomewhere({ random, shard, stored, nowMs }: Model): Promise<void> {
  const near = stored[random.below(Math.max(stored.length, 1))];
  const timeMs = (near?.timeMs ?? nowMs) + random.pick([-1, 0, 0, 0, 1]);
  const ordinal = random.pick([0, 0, near?.ordinal ?? 0, (near?.ordinal ?? 0) + 1, 500]);
  const found = stored.findIndex(
    (record) => record.timeMs > timeMs || (record.timeMs === timeMs && record.ordinal >= ordinal),
  );
  const place = await seek(shard, { kind: "time", timeMs, ordinal });
  expect(place).toBe(found < 0 ? stored.length : found);
  expect(await seek(shard, { kind: "latest" })).toBe(stored.length);
  expect(await seek(shard, { kind: "earliest" })).toBe(0);
}

async function turnClock(model: Model): Promise<void> {
  const { random } = model;
  setClock(model, model.nowMs + random.pick([1, 1, 2, 10, 1000, 60_000, -1, -5000]));
}

function setClock(model: Model, nowMs: number): void {
  model.nowMs = nowMs;
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs });
}

async function expectWhole({ shard, stored }: Model): Promise<void> {
  const records: Stored[] = [];
  for (let index = 0; index < stored.length;) {
    const page = await readPage(shard, { index });
    records.push(...page.records);
    index = page.next.index;
  }
  expectRecords(records, stored);
}

/** Mostly a few small ones; at times many, or large ones that do not fit a segment or a row. */
function offerRecords(random: Random): Offered[] {
  const isLarge = random.chance(0.03);
  const count = isLarge ? 1 : random.chance(0.1) ? random.between(50, 400) : random.between(1, 5);
  return Array.from({ length: count }, () => ({
    key: encoder.encode("k".repeat(random.below(20))),
    info: random.bytes(random.pick([0, 0, 0, 16])),
    data: random.bytes(isLarge ? random.between(500_000, 3_000_000) : random.below(2000)),
  }));
}

function remember({ stored }: Model, records: readonly Offered[], timeMs: number): void {
  for (const record of records) {
    const last = stored.at(-1);
    const ordinal = last?.timeMs === timeMs ? last.ordinal + 1 : 0;
    stored.push({ ...record, timeMs, index: stored.length, ordinal });
  }
}

/** The longest run within both bounds, and one record in any case. */
function fitting(stored: readonly Stored[], recordsMax: number, bytesMax: number): Stored[] {
  const run: Stored[] = [];
  let bytes = 0;
  for (const record of stored) {
    bytes += payloadBytes(record);
    if (run.length === recordsMax || (run.length > 0 && bytes > bytesMax)) break;
    run.push(record);
  }
  return run;
}

function expectRecords(actual: readonly Stored[], expected: readonly Stored[]): void {
  expect(actual.map(placeOf)).toEqual(expected.map(placeOf));
  for (const [i, record] of expected.entries()) {
    const { key, info, data } = actual[i] as Stored;
    expectBytes(key, record.key);
    expectBytes(info, record.info);
    expectBytes(data, record.data);
  }
}

function placeOf({ index, timeMs, ordinal }: Stored): number[] {
  return [index, timeMs, ordinal];
}

function pickStep(random: Random): Step {
  let at = random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, step] of steps) {
    if (at < weight) return step;
    at -= weight;
  }
  return appendOne;
}
