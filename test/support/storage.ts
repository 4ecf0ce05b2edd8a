// What the proofs of the storage engine share: pages read as a Worker reads them, caches emptied at
// will, every statement of a shard watched, messages to shards weighed, and a bucket that fails,
// waits or lies when told to. The real simulators of SQLite and R2 are always underneath.

import { setClock } from "./clock.ts";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { Env, Runtime } from "../../worker/core/bindings.ts";
import { engine } from "../../worker/engine/instance.ts";
import { bodyCacheBytesMax } from "../../worker/limits.ts";
import { bodies } from "../../worker/core/bodyCache.ts";
import type { PageLimits } from "../../worker/stream/readPlan.ts";
import { type Page, readPage, type Trimmed } from "../../worker/stream/reader.ts";
import { unwrap } from "../../worker/core/rpc.ts";
import { Segments } from "../../worker/stream/segments.ts";
import type { SegmentBucket } from "../../worker/core/segmentBucket.ts";
import type { Location, ShardStats } from "../../worker/core/types.ts";
import { parseGiven } from "../reference/parse.ts";
import { arrivalOrdinals } from "../reference/record.ts";
import { sabotage, type ShardStub, type Stored } from "./shards.ts";
import { patience } from "./patience.ts";

const PAGE: PageLimits = { recordsMax: 10_000, bytesMax: 10_485_760 };

/** The start of a shard. */
export const START: Location = { segment: 0, index: 0 };

export interface Reading {
  from?: Location;
  limits?: Partial<PageLimits>;
  trimmed?: Trimmed;
  runtime?: Runtime;
}

/** A page as a Worker gathers it: from caches, segments or the shard. */
export async function gatherPage(shard: ShardStub, reading: Reading = {}) {
  const { from = START, limits, trimmed = "skip", runtime = runtimeWith(env) } = reading;
  const uid = shard.name ?? "";
  const page = await readPage(runtime, uid, from, { ...PAGE, ...limits }, trimmed);
  return { records: storedOf(uid, page), next: page.next, view: page.view };
}

/** Every record from a location to the end of the shard, page by page. */
export async function gatherAll(shard: ShardStub, reading: Reading = {}): Promise<Stored[]> {
  const records: Stored[] = [];
  for (let from = reading.from ?? START; ;) {
    const page = await gatherPage(shard, { ...reading, from });
    records.push(...page.records);
    from = page.next;
    if (from.index >= page.view.nextIndex) return records;
  }
}

/** What a Worker with these bindings has: segments are served by its own entrypoint, uncached. */
export function runtimeWith(bindings: Env): Runtime {
  const ctx = { exports, waitUntil: () => {}, passThroughOnException: () => {} };
  const segments = new Segments(ctx as unknown as ExecutionContext, bindings);
  const runtime = {
    env: bindings,
    auth: { mode: "open" as const, account: "000000000000" },
    segments: {
      fetch: async (input: RequestInfo | URL, init?: RequestInit) =>
        segments.fetch(new Request(input, init)),
    },
    waitUntil: (work: Promise<unknown>) => void work,
  };
  return runtime;
}

export async function statsOf(shard: ShardStub): Promise<ShardStats> {
  return unwrap(await shard.stats());
}

const half = new Uint8Array(bodyCacheBytesMax / 2);

/** How to let each held object go; both ends of a hold must be in the object. */
const holds = new Map<string, { shard: ShardStub; release: () => void }>();

/**
 * Keeps the object that is in memory now: workerd gives up an object between two calls when it has
 * been busy elsewhere for long enough, and whatever a test has changed about it with it.
 */
export async function hold(shard: ShardStub): Promise<void> {
  const name = shard.name ?? "";
  if (holds.has(name)) return;
  const gate = Promise.withResolvers<void>();
  holds.set(name, { shard, release: gate.resolve });
  // An object that is aborted ends its hold by failing it.
  runInDurableObject(shard, () => gate.promise).catch(() => holds.delete(name));
  await sabotage(shard, () => {});
}

export async function letGo(shard: ShardStub): Promise<void> {
  const held = holds.get(shard.name ?? "");
  if (held === undefined) return;
  holds.delete(shard.name ?? "");
  await sabotage(held.shard, held.release).catch(() => {});
}

/** For the end of each test: the clock is right again, and no object is held. */
export async function tidyUp(): Promise<void> {
  vi.useRealTimers();
  for (const { shard } of holds.values()) await letGo(shard);
}

/** Empties the isolate's cache of chunks and segments. */
export function forgetBodies(): void {
  bodies.put("half", half);
  bodies.put("other half", half);
  expect(bodies.bytes).toBe(bodyCacheBytesMax);
  bodies.delete("half");
  bodies.delete("other half");
}

/** The shard's object is thrown out of memory, and every cached body with it. */
export async function evictAll(shard: ShardStub): Promise<void> {
  await letGo(shard);
  // Only one that is there can be thrown out.
  await sabotage(shard, () => {});
  await evictDurableObject(shard);
  forgetBodies();
}

/** Moves the clock and lets the alarm do what is due. */
export async function ringAlarm(shard: ShardStub, timeMs: number): Promise<void> {
  setClock(timeMs);
  await runDurableObjectAlarm(shard);
}

/** Moves the clock and rings as the runtime does, which says for when the alarm was set. */
export async function ringAlarmSetFor(
  stub: DurableObjectStub<Rpc.DurableObjectBranded>,
  setForMs: number,
  nowMs: number,
): Promise<void> {
  setClock(nowMs);
  await runInDurableObject(stub, async (instance, { storage }) => {
    const object = instance as unknown as Required<Pick<DurableObject, "alarm">>;
    await storage.deleteAlarm();
    await object.alarm({ isRetry: false, retryCount: 0, scheduledTime: setForMs });
  });
}

/** Resolves when the shard has moved all that is sealed to R2. */
export async function untilTiered(shard: ShardStub): Promise<void> {
  await hold(shard);
  await vi.waitUntil(
    async () => {
      const { tieredSegment, segment } = unwrap(await shard.view());
      return tieredSegment >= segment;
    },
    { ...patience, interval: 2 },
  );
}

/** Names and sizes of a shard's objects in R2, by segment. */
export async function objectsOf(shard: ShardStub): Promise<Map<number, number>> {
  const objects = new Map<number, number>();
  const prefix = `segments/${shard.name}/`;
  for (let cursor: string | undefined; ;) {
    const found = await env.SEGMENTS!.list({ prefix, ...(cursor !== undefined && { cursor }) });
    for (const { key, size } of found.objects) objects.set(Number(key.slice(prefix.length)), size);
    if (!found.truncated) return objects;
    cursor = found.cursor;
  }
}

export interface Statement {
  query: string;
  bindings: readonly unknown[];
  rowsWritten: number;
  rowsRead: number;
}

export interface Watch {
  statements: Statement[];
  alarms: number;
  commits: number;
}

/** Notes from now on what the shard's object does to its storage. */
export async function watchStorage(shard: ShardStub): Promise<Watch> {
  const watch: Watch = { statements: [], alarms: 0, commits: 0 };
  await hold(shard);
  await sabotage(shard, (storage) => {
    const { sql } = storage;
    const exec = sql.exec.bind(sql);
    const setAlarm = storage.setAlarm.bind(storage);
    const sync = storage.sync.bind(storage);
    sql.exec = (query, ...bindings) => {
      const cursor = exec(query, ...bindings);
      const { rowsWritten, rowsRead } = cursor;
      watch.statements.push({ query, bindings, rowsWritten, rowsRead });
      return cursor as never;
    };
    storage.setAlarm = (...when) => {
      watch.alarms++;
      return setAlarm(...when);
    };
    storage.sync = () => {
      watch.commits++;
      return sync();
    };
  });
  return watch;
}

/** Rows written by statements that match. */
export function rowsOf({ statements }: Watch, pattern = /./): number {
  return statements
    .filter(({ query }) => pattern.test(query))
    .reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
}

/** Bindings whose shards are called through a scale: `messages` are bytes of arguments and replies. */
export function weighMessages(bindings: Env): { bindings: Env; messages: number[] } {
  const messages: number[] = [];
  const weigh = (stub: ShardStub): ShardStub =>
    new Proxy(stub, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          messages.push(bytesIn(args));
          const reply: unknown = await Reflect.apply(member, target, args);
          messages.push(bytesIn(reply));
          return reply;
        };
      },
    });
  const SHARD = {
    getByName: (name: string) => weigh(bindings.SHARD.getByName(name)),
  } as unknown as Env["SHARD"];
  return { bindings: { ...bindings, SHARD }, messages };
}

function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  return Object.values(value).reduce((sum: number, each) => sum + bytesIn(each), 0);
}

/** What a bucket does instead of what it is asked; what is left out it does as asked. */
export type Faults = Partial<Pick<R2Bucket, "put" | "get" | "delete" | "list">> &
  Pick<SegmentBucket, "confirm" | "stage">;

/** The real bucket, but for the faults, which may be changed while it is in use. */
export function faultyBucket(faults: Faults): R2Bucket {
  return new Proxy(env.SEGMENTS!, {
    get(target, name) {
      const fault: unknown = Reflect.get(faults, name);
      if (fault !== undefined) return fault;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Binds the object that is in memory now to another bucket, or to none. */
export async function rebind(shard: ShardStub, bucket: R2Bucket | undefined): Promise<void> {
  await hold(shard);
  await runInDurableObject(shard, (instance) => {
    const object = instance as unknown as { tiering: { bucket: R2Bucket | undefined } };
    expect(object.tiering).toHaveProperty("bucket");
    object.tiering.bucket = bucket;
  });
}

/** The engine cuts the page out, which is proven elsewhere; the reference reads what is left. */
/** The records of a page. */
export function storedOf(uid: string, { runs }: Page): Stored[] {
  return runs.flatMap(({ chunk, from, to }) => {
    const parsed = parseGiven(engine.slice(chunk, from, to), uid);
    const ordinals = arrivalOrdinals(parsed);
    return parsed.records.map((record, i) =>
      Object.assign(record, { index: parsed.firstIndex + i, ordinal: ordinals[i] as number }),
    );
  });
}
