// A shard against an array: random appends of random sizes at random times, some side by side,
// among reads, seeks, evictions and alarms, and after each step the shard must answer as the array
// does, whether the records are in its tail, sealed, moved to R2, or past their retention. The clock
// is the test's and may go back a little. A failure names its seed, and the step.

import { noonMs } from "../../support/clock.ts";
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { Location, SeekRequest } from "../../../worker/core/types.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import { payloadBytes } from "../../reference/record.ts";
import {
  append,
  gatherPage,
  type Offered,
  openShard,
  type ShardStub,
  type Stored,
} from "../../support/shards.ts";

const minuteMs = 60_000;
const retentionHours = 1;
const retentionMs = retentionHours * 60 * minuteMs;
const encoder = new TextEncoder();

interface Model {
  random: Random;
  shard: ShardStub;
  nowMs: number;
  /** The latest that the clock has ever been: what was past retention then may be gone. */
  latestMs: number;
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
  [15, turnClock],
];

afterEach(() => {
  vi.useRealTimers();
});

test.each([11, 22, 33])("shard and array agree after every step, seed %i", async (seed) => {
  const random = new Random(seed);
  const shard = await openShard(retentionHours);
  const model: Model = { random, shard, nowMs: noonMs, latestMs: noonMs, stored: [] };
  setClock(model, noonMs);
  let sealedCount = 0;
  for (let count = 0; count < 300; count++) {
    const step = pickStep(random);
    try {
      await step(model);
    } catch (error) {
      throw new Error(`seed ${seed}, step ${count}: ${step.name}`, { cause: error });
    }
    sealedCount = Math.max(sealedCount, unwrap(await shard.stats()).segments.count);
  }
  expect(sealedCount).toBeGreaterThan(3);
  await expectWhole(model);
  await evictDurableObject(shard);
  await expectWhole(model);
});

async function appendOne(model: Model): Promise<void> {
  const records = offerRecords(model.random);
  const { firstIndex, timeMs } = await append(model.shard, ...records);
  expect(firstIndex).toBe(model.stored.length);
  expect(timeMs).toBe(Math.max(model.nowMs, model.stored.at(-1)?.timeMs ?? 0));
  remember(model, records, timeMs);
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

/** From any index, with the right segment for a hint or any other. */
async function readSomewhere(model: Model): Promise<void> {
  const { random, shard, stored } = model;
  const index = random.chance(0.2) ? stored.length : random.below(stored.length + 1);
  const found = unwrap(await shard.seek({ kind: "index", index }));
  const hint = random.chance(0.6) ? found.location.segment : random.below(found.view.segment + 2);
  const location = { segment: hint, index: random.chance(0.5) ? index : found.location.index };
  const recordsMax = random.pick([1, 2, 10, 100, 10_000]);
  const bytesMax = random.pick([0, 100, 5000, 1_000_000, 10_485_760]);
  await expectPage(model, location, recordsMax, bytesMax);
}

async function seekSomewhere(model: Model): Promise<void> {
  const { random, stored, nowMs } = model;
  const near = stored[random.below(Math.max(stored.length, 1))];
  const timeMs = (near?.timeMs ?? nowMs) + random.pick([-1, 0, 0, 0, 1]);
  const ordinal = random.pick([0, 0, near?.ordinal ?? 0, (near?.ordinal ?? 0) + 1, 500]);
  const found = stored.findIndex(
    (record) => record.timeMs > timeMs || (record.timeMs === timeMs && record.ordinal >= ordinal),
  );
  await expectPlace(model, { kind: "time", timeMs, ordinal }, found < 0 ? stored.length : found);
  await expectPlace(model, { kind: "latest" }, stored.length);
  await expectPlace(model, { kind: "earliest" }, 0);
}

async function turnClock(model: Model): Promise<void> {
  const { random, nowMs } = model;
  const steps = [1, 1, 2, 10, 1000, minuteMs, 11 * minuteMs, 25 * minuteMs, -1, -5000];
  setClock(model, nowMs + random.pick(steps));
}

function setClock(model: Model, nowMs: number): void {
  model.nowMs = nowMs;
  model.latestMs = Math.max(model.latestMs, nowMs);
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs });
}

/** A place may be before the one that was sought where all between is past retention. */
async function expectPlace(model: Model, request: SeekRequest, sought: number): Promise<void> {
  const { location, view } = unwrap(await model.shard.seek(request));
  expect(view.nextIndex).toBe(model.stored.length);
  const between = model.stored.slice(location.index, sought);
  expect(between.every((record) => isPast(record, model.nowMs))).toBe(true);
  const skipped = model.stored.slice(sought, location.index);
  expect(skipped.every((record) => isPast(record, model.latestMs))).toBe(true);
}

/** Returns where the page says to go on. */
async function expectPage(
  model: Model,
  location: Location,
  recordsMax = 10_000,
  bytesMax = 10_485_760,
): Promise<Location> {
  const { stored, nowMs, latestMs } = model;
  const page = await gatherPage(model.shard, location, { recordsMax, bytesMax });
  const first = page.records[0]?.index ?? page.next.index;
  expect(first).toBeGreaterThanOrEqual(location.index);
  const skipped = stored.slice(location.index, first);
  expect(skipped.every((record) => isPast(record, latestMs))).toBe(true);
  const expected = fitting(stored.slice(first), recordsMax, bytesMax);
  expect(page.records.some((record) => isPast(record, nowMs))).toBe(false);
  // A page may end early, where the tail begins or past what it skips, but it always leads on.
  if (expected.length > 0) expect(page.next.index).toBeGreaterThan(location.index);
  expectRecords(page.records, expected.slice(0, page.records.length));
  expect(page.next.index).toBe(first + page.records.length);
  return page.next;
}

async function expectWhole(model: Model): Promise<void> {
  let location = unwrap(await model.shard.seek({ kind: "earliest" })).location;
  while (location.index < model.stored.length) location = await expectPage(model, location);
}

function isPast({ timeMs }: Stored, nowMs: number): boolean {
  return timeMs < nowMs - retentionMs;
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
