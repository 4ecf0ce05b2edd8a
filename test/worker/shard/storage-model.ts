// The storage engine against an array. A run is a list of steps, plain data made by fast-check, so that
// a failing run shrinks to a few of them: appends of any size, alone and side by side, reads as a
// Worker reads, seeks, the clock, the alarm, evictions, caches emptied, objects that crash in the
// middle of a commit, R2 that fails, retention that changes, removal and a new beginning. After every
// step the shard must answer as the array does. Steps name places by thousandths of what is there.

import { setClock } from "../../support/clock.ts";
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect } from "vitest";
import { StreamError } from "../../../worker/errors.ts";
import { chunkBytesMax, viewTtlMs } from "../../../worker/limits.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { AppendReceipt, Location } from "../../../worker/core/types.ts";
import {
  chunkOf,
  type Offered,
  openShard,
  sabotage,
  type ShardStub,
  type Stored,
} from "../../support/shards.ts";
import { keep, type KeptBodies, stagingBucket } from "../../support/staging.ts";
import {
  evictAll,
  faultyBucket,
  forgetBodies,
  gatherAll,
  gatherPage,
  objectsOf,
  rebind,
  statsOf,
  tidyUp,
} from "../../support/storage.ts";

export type Step =
  /** Calls side by side, each of records of these sizes. */
  | { do: "append"; calls: number[][] }
  /** A chunk whose body the front keeps, beside calls of small records. */
  | { do: "keep"; sizes: number[]; calls: number[][] }
  /** The object ends while the call is being made durable. */
  | { do: "crash"; call: number[]; isKept: boolean }
  /** From a place, with any hint; or from where one of three consumers stopped. */
  | { do: "read"; place: number; hint: Hint; records: number; bytes: number; strict: boolean }
  | { do: "consume"; who: number; records: number; bytes: number }
  | { do: "seek"; place: number; offsetMs: number; ordinal: number }
  | { do: "wait"; ms: number }
  | { do: "alarm" | "evict" | "forget" | "remove" }
  /** R2 fails until the object is evicted. */
  | { do: "fault"; operation: "put" | "get" | "delete" }
  | { do: "retain"; hours: number };

type Hint = "right" | "early" | "late";

const hourMs = 3_600_000;

/** What small, large and very large mean to the engine: a tail, a segment, several rows. */
const sizes = fc.oneof(
  { weight: 40, arbitrary: fc.nat(200) },
  { weight: 10, arbitrary: fc.nat(20_000) },
  { weight: 5, arbitrary: fc.integer({ min: 200_000, max: 700_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(1_048_576, 1_899_941, 1_899_942, 2_000_000, 4_000_000) },
);

/** With one of them a chunk may be a segment by itself. */
const largeSizes = fc.integer({ min: 300_000, max: 450_000 });

const calls = fc.array(sizes, { minLength: 1, maxLength: 4 });
const places = fc.nat(1000);
const recordCounts = fc.constantFrom(1, 2, 7, 10_000);
const byteCounts = fc.constantFrom(0, 300, 1_000_000, 10_485_760);
const waits = fc.constantFrom(1, 400, 1001, 60_000, 660_000, hourMs, 5 * hourMs, 23 * hourMs);

export const steps: fc.Arbitrary<Step> = fc.oneof(
  step(30, { do: fc.constant("append"), calls: fc.array(calls, { minLength: 1, maxLength: 3 }) }),
  step(6, {
    do: fc.constant("keep"),
    sizes: fc.array(largeSizes, { minLength: 1, maxLength: 4 }),
    calls: fc.array(calls, { maxLength: 2 }),
  }),
  step(4, { do: fc.constant("crash"), call: calls, isKept: fc.boolean() }),
  step(18, {
    do: fc.constant("read"),
    place: places,
    hint: fc.constantFrom<Hint[]>("right", "right", "early", "late"),
    records: recordCounts,
    bytes: byteCounts,
    strict: fc.boolean(),
  }),
  step(18, {
    do: fc.constant("consume"),
    who: fc.nat(2),
    records: recordCounts,
    bytes: byteCounts,
  }),
  step(8, {
    do: fc.constant("seek"),
    place: places,
    offsetMs: fc.constantFrom(-1, 0, 0, 1, hourMs),
    ordinal: fc.constantFrom(0, 0, 1, 5),
  }),
  step(12, { do: fc.constant("wait"), ms: waits }),
  step(8, { do: fc.constant("alarm") }),
  step(5, { do: fc.constantFrom("evict", "forget") }),
  step(3, { do: fc.constant("fault"), operation: fc.constantFrom("put", "get", "delete") }),
  step(2, { do: fc.constant("retain"), hours: fc.constantFrom(1, 6, 24, 48) }),
  step(1, { do: fc.constant("remove") }),
);

interface Model {
  shard: ShardStub;
  nowMs: number;
  retentionHours: number;
  /** Nothing that arrived before it is kept, whatever retention says. */
  floorMs: number;
  stored: Entry[];
  consumers: Location[];
  serial: number;
}

/** A stored record, without its bytes: they follow from its serial number. */
type Entry = Pick<Stored, "index" | "timeMs" | "ordinal"> & { serial: number; bytes: number };

export async function runSteps(run: readonly Step[]): Promise<void> {
  const model: Model = { ...(await begin()), nowMs: Date.UTC(2036, 0, 1, 12), serial: 0 };
  setClock(model.nowMs);
  try {
    for (const each of run) await take(model, each);
    await finish(model);
  } finally {
    await tidyUp();
  }
}

async function begin(): Promise<Omit<Model, "nowMs" | "serial">> {
  const start = { segment: 0, index: 0 };
  const consumers = [start, start, start];
  return { shard: await openShard(), retentionHours: 24, floorMs: 0, stored: [], consumers };
}

async function take(model: Model, step: Step): Promise<void> {
  switch (step.do) {
    case "append":
      return append(model, step.calls);
    case "keep":
      return appendKept(model, step.sizes, step.calls);
    case "crash":
      return crash(model, step.call, step.isKept);
    case "read":
      return read(model, step);
    case "consume":
      model.consumers[step.who] = await expectPage(model, model.consumers[step.who]!, step);
      return;
    case "seek":
      return seek(model, step);
    case "wait":
      model.nowMs += step.ms;
      return setClock(model.nowMs);
    case "alarm":
      return void (await runDurableObjectAlarm(model.shard));
    case "evict":
      return evictAll(model.shard);
    case "forget":
      return forgetBodies();
    case "fault":
      return failBucket(model, step.operation);
    case "retain":
      return retain(model, step.hours);
    case "remove":
      return remove(model);
  }
}

async function append(model: Model, calls: readonly number[][]): Promise<void> {
  const offered = calls.map((sizes) => sizes.map((size) => offer(model, size)));
  const replies = await Promise.all(offered.map((call) => model.shard.append(chunksOf(call))));
  for (const [call, reply] of replies.entries()) {
    const receipt = unwrap(reply).receipts[0];
    expect(receipt?.firstIndex).toBe(model.stored.length);
    expect(receipt?.timeMs).toBe(Math.max(model.nowMs, model.stored.at(-1)?.timeMs ?? 0));
    remember(model, offered[call]!, receipt?.timeMs ?? 0);
  }
}

/** Kept bodies are a commit by themselves, so the calls beside them come before or after. */
async function appendKept(
  model: Model,
  sizes: readonly number[],
  calls: readonly number[][],
): Promise<void> {
  if (env.SEGMENTS === undefined) return append(model, [[...sizes]]);
  const kept: KeptBodies = new Map();
  await rebind(model.shard, stagingBucket(kept));
  const own = sizes.map((size) => offer(model, size));
  const others = calls.map((call) => call.map((size) => offer(model, size)));
  const [reply, ...replies] = await Promise.all([
    model.shard.appendKept(keep(kept, chunkOf(...own.map(({ record }) => record)))),
    ...others.map((call) => model.shard.append(chunksOf(call))),
  ]);
  const placed = replies.map((each, i) => ({ call: others[i]!, reply: each }));
  if (reply !== null) placed.push({ call: own, reply });
  const receipts = placed.map(({ call, reply }) => ({ call, receipt: unwrap(reply).receipts[0]! }));
  for (const { call, receipt } of receipts.toSorted(byIndex)) {
    expect(receipt.firstIndex).toBe(model.stored.length);
    remember(model, call, receipt.timeMs);
  }
}

function byIndex(a: { receipt: AppendReceipt }, b: { receipt: AppendReceipt }): number {
  return a.receipt.firstIndex - b.receipt.firstIndex;
}

/** The call may be stored, as a whole, or not: that is then so for good. */
async function crash(model: Model, sizes: readonly number[], isKept: boolean): Promise<void> {
  await tidyUp();
  setClock(model.nowMs);
  const kept: KeptBodies = new Map();
  if (isKept && env.SEGMENTS !== undefined) await rebind(model.shard, stagingBucket(kept));
  await sabotage(model.shard, (storage, state) => {
    storage.sync = async () => state.abort("crash");
  });
  const offered = sizes.map((size) => offer(model, size));
  const chunk = chunkOf(...offered.map(({ record }) => record));
  const canKeep = kept !== undefined && isKept && chunk.length <= chunkBytesMax;
  const call = async () =>
    (canKeep ? await model.shard.appendKept(keep(kept, chunk)) : null) ??
    (await model.shard.append(chunksOf(offered)));
  const reply = await call().then(
    () => "acknowledged",
    () => "crashed",
  );
  expect(reply).toBe("crashed");
  model.shard = env.SHARD.getByName(model.shard.name ?? "");
  const { nextIndex, lastTimeMs } = unwrap(await model.shard.view());
  const count = nextIndex - model.stored.length;
  expect([0, offered.length]).toContain(count);
  if (count > 0) remember(model, offered, lastTimeMs);
}

async function read(model: Model, step: Extract<Step, { do: "read" }>): Promise<void> {
  const { shard, stored } = model;
  const index = placeIn(model, step.place);
  const found = unwrap(await shard.seek({ kind: "index", index })).location;
  const segment = { right: found.segment, early: 0, late: found.segment + 5 }[step.hint];
  if (!step.strict) return void (await expectPage(model, { segment, index }, step));
  const limits = { recordsMax: step.records, bytesMax: step.bytes };
  const reading = { from: { segment, index }, limits, trimmed: "refuse" as const };
  const refused = await gatherPage(shard, reading).then(
    () => false,
    (error: unknown) => error instanceof StreamError && error.code === "locationNotFound",
  );
  if (refused) expect(isKept(model, stored[index])).toBe(false);
}

/** A page is a run of the records that are kept, from its place on; an empty one is the end. */
async function expectPage(
  model: Model,
  from: Location,
  { records: recordsMax, bytes: bytesMax }: { records: number; bytes: number },
): Promise<Location> {
  const { stored } = model;
  const page = await gatherPage(model.shard, { from, limits: { recordsMax, bytesMax } });
  const kept = stored.slice(from.index).filter((entry) => isKept(model, entry));
  const expected = kept.slice(0, page.records.length);
  expect(page.records.map(placeOf)).toEqual(expected.map(placeOf));
  for (const [i, { data }] of page.records.entries()) expectData(data, expected[i]!);
  expect(page.records.length > 0 || kept.length === 0).toBe(true);
  expect(page.records.length).toBeLessThanOrEqual(recordsMax);
  const bytes = expected.reduce((sum, entry) => sum + entry.bytes, 0);
  expect(bytes <= bytesMax || page.records.length === 1).toBe(true);
  const next = expected.at(-1);
  if (next === undefined) expect(page.next.index).toBe(stored.length);
  else expect(page.next.index).toBe(next.index + 1);
  // Caught up is said only of what is so.
  if (page.next.index >= page.view.nextIndex) expect(page.next.index).toBe(stored.length);
  return page.next;
}

/** The first record at or after a moment, or an expired one that stands before the first kept. */
async function seek(model: Model, step: Extract<Step, { do: "seek" }>): Promise<void> {
  const { shard, stored } = model;
  const timeMs = (stored[placeIn(model, step.place)]?.timeMs ?? model.nowMs) + step.offsetMs;
  const { ordinal } = step;
  const found = stored.findIndex(
    (entry) => entry.timeMs > timeMs || (entry.timeMs === timeMs && entry.ordinal >= ordinal),
  );
  const sought = found < 0 ? stored.length : found;
  // A moment within a segment that R2 alone has cannot be looked up while R2 is down.
  const reply = await shard.seek({ kind: "time", timeMs, ordinal }).catch(unlessDown);
  if (reply === undefined) return;
  const { location, view } = unwrap(reply);
  expect(location.index).toBeGreaterThanOrEqual(sought);
  const skipped = stored.slice(sought, location.index);
  expect(skipped.some((entry) => isKept(model, entry))).toBe(false);
  expect(view.nextIndex).toBe(stored.length);
  const latest = unwrap(await shard.seek({ kind: "latest" })).location;
  expect(latest.index).toBe(stored.length);
}

async function failBucket(model: Model, operation: "put" | "get" | "delete"): Promise<void> {
  if (env.SEGMENTS === undefined) return;
  await rebind(model.shard, faultyBucket({ [operation]: fail }));
}

/** The disk, which has what is staged, does not fail with R2. */
function fail(key?: unknown): Promise<never> | Promise<R2ObjectBody | null> {
  if (typeof key === "string" && key.startsWith("staged/")) return env.SEGMENTS!.get(key);
  return Promise.reject(new Error("R2 is down"));
}

function unlessDown(error: unknown): undefined {
  if (!(error instanceof Error) || error.message !== "R2 is down") throw error;
}

async function retain(model: Model, hours: number): Promise<void> {
  unwrap(await model.shard.retain(hours));
  model.floorMs = horizonOf(model);
  model.retentionHours = hours;
  // Readers know of it as soon as what they know is a second old.
  model.nowMs += viewTtlMs + 1;
  setClock(model.nowMs);
}

async function remove(model: Model): Promise<void> {
  const { shard } = model;
  await tidyUp();
  setClock(model.nowMs);
  await evictAll(shard);
  await shard.destroy();
  await expectNothing(shard);
  Object.assign(model, await begin());
}

/** Everything is there when nothing is left in memory; and nothing is when the shard is removed. */
async function finish(model: Model): Promise<void> {
  await evictAll(model.shard);
  await runDurableObjectAlarm(model.shard);
  const kept = model.stored.filter((entry) => isKept(model, entry));
  const all = await gatherAll(model.shard);
  expect(all.map(placeOf)).toEqual(kept.map(placeOf));
  for (const [i, { data }] of all.entries()) expectData(data, kept[i]!);
  const { records, pendingBytes } = await statsOf(model.shard);
  expect(records).toBeGreaterThanOrEqual(kept.length);
  expect(pendingBytes).toBe(0);
  await remove(model);
}

async function expectNothing(shard: ShardStub): Promise<void> {
  expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
  if (env.SEGMENTS !== undefined) expect((await objectsOf(shard)).size).toBe(0);
  const tables = await sabotage(shard, ({ sql }) =>
    sql.exec("SELECT name FROM sqlite_master WHERE name NOT GLOB '_cf_*'").toArray(),
  );
  expect(tables).toEqual([]);
}

interface Numbered {
  serial: number;
  record: Offered;
}

/** As a Worker packs them: a large record is a chunk by itself. */
function chunksOf(offered: readonly Numbered[]): Uint8Array[] {
  const runs: Offered[][] = [];
  for (const { record } of offered) {
    const run = runs.at(-1);
    const joins = [record, run?.[0]].every((each) => each && each.data.length < 500_000);
    if (joins) run?.push(record);
    else runs.push([record]);
  }
  return runs.map((run) => chunkOf(...run));
}

function offer(model: Model, size: number): Numbered {
  const serial = model.serial++;
  const info = new Uint8Array(serial % 5 === 0 ? 16 : 0);
  return { serial, record: { key: keyOf(serial), info, data: dataOf(serial, size) } };
}

function remember({ stored }: Model, offered: readonly Numbered[], timeMs: number): void {
  for (const { serial, record } of offered) {
    const last = stored.at(-1);
    const ordinal = last?.timeMs === timeMs ? last.ordinal + 1 : 0;
    const bytes = record.key.length + record.info.length + record.data.length;
    stored.push({ index: stored.length, timeMs, ordinal, serial, bytes });
  }
}

function isKept(model: Model, entry: Entry | undefined): boolean {
  return entry !== undefined && entry.timeMs >= horizonOf(model);
}

function horizonOf({ nowMs, retentionHours, floorMs }: Model): number {
  return Math.max(nowMs - retentionHours * hourMs, floorMs);
}

function placeIn({ stored }: Model, place: number): number {
  return Math.floor((place / 1000) * stored.length);
}

function placeOf({ index, timeMs, ordinal }: Pick<Stored, "index" | "timeMs" | "ordinal">) {
  return `${index} ${timeMs} ${ordinal}`;
}

function keyOf(serial: number): Uint8Array {
  return new TextEncoder().encode("k".repeat(serial % 7));
}

function dataOf(serial: number, size: number): Uint8Array {
  const data = new Uint8Array(size).fill(serial);
  for (let at = 0; at < size; at += 4096) data[at] = (serial >>> 8) + at;
  return data;
}

function expectData(data: Uint8Array, { serial }: Entry): void {
  expect(Buffer.compare(data, dataOf(serial, data.length))).toBe(0);
}

/** Steps of one kind; the weight says how often. */
function step(weight: number, fields: Record<string, fc.Arbitrary<unknown>>) {
  return { weight, arbitrary: fc.record(fields) as unknown as fc.Arbitrary<Step> };
}
