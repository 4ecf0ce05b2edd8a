// Puts records into a stream: packs a chunk for each shard that gets records, and appends all
// chunks at once. Records keep their order within a shard. If a shard cannot accept its records,
// only those fail. If a shard is closed or does not exist, the map is stale: the writer asks the
// catalog for the new map and sends those records to the shards that own them now.
import type { WriteRuntime } from "../core/bindings.ts";
import { invariant, isCode, isStreamError, StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import { chunkBytesMax, chunkRecordsMax, reroutesMax } from "../limits.ts";
import { type RecordBatch, partsOf, selectBatch } from "../engine/recordBatch.ts";
import { CHUNK_HEADER_BYTES, columnBytesMax } from "../engine/chunk.ts";
import { type KnownStream, settledStream } from "./directory.ts";
import { findRoute, successorOf } from "../core/hashRange.ts";
import { unwrap } from "../core/rpc.ts";
import { appendJointly } from "./jointAppends.ts";
import type { AppendReceipt, ShardDescription } from "../core/types.ts";

/** Where a record is stored. */
export interface PlacedRecord {
  shard: ShardDescription;
  index: number;
  timeMs: number;
}

/** Where a record is stored, or why it is not. */
export type PutResult = PlacedRecord | { shard: ShardDescription; failure: unknown };

/** Records that are stored one after the other, all with the same time. */
export interface PlacedRun extends PlacedRecord {
  count: number;
}

/** Records of which each shard that got some stored its own as one run. */
export interface PlacedRuns {
  /** By route. */
  runs: readonly (PlacedRun | undefined)[];
  /** The route of each record; those of one route are in the order of its run. */
  routes: Uint32Array;
}

/** Records by route, and the route of each. */
interface RoutedPut {
  puts: ShardPut[];
  routes: Uint32Array;
}

/** The records for one shard: the chunks, and the number of records in each. */
interface ShardPut {
  route: number;
  shard: ShardDescription;
  chunks: Uint8Array[];
  counts: number[];
}

/** What became of them: where the first ones are, and why the others are nowhere. */
interface Outcome {
  route: number;
  shard: ShardDescription;
  runs: readonly PlacedRun[];
  failed: number;
  failure?: unknown;
}

/**
 * As `putRecords`. Of a batch that its stream's only shard takes as one chunk the result is one run, and of one of which
 * each shard takes a chunk a run for each: no record of a usual batch becomes an object.
 */
export async function putBatch(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
): Promise<PlacedRun | PlacedRuns | PutResult[]> {
  const [shard, more] = stream.routes.shards;
  if (shard === undefined || more !== undefined || !isOneChunk(records)) {
    return putRouted(runtime, stream, records);
  }
  const { count } = records;
  try {
    const reply = await appendJointly(runtime, shard.uid, [engine.pack(records)]);
    const { receipts, refused } = unwrap(reply);
    const [receipt, another] = receipts;
    const isOne = receipt !== undefined && another === undefined;
    invariant(isOne, "not one receipt for a chunk", { shard: shard.uid });
    const run = {
      shard,
      index: receipt.firstIndex,
      timeMs: receipt.timeMs,
      count: count - refused,
    };
    return refused === 0 ? run : [...eachOf(run), ...failures(shard, refused, overloaded())];
  } catch (failure) {
    // Nothing is stored; the other way asks the catalog which shards follow.
    if (isStale(failure)) return putRouted(runtime, stream, records);
    return failures(shard, count, failure);
  }
}

/** The places of a run's records. */
function eachOf({ shard, index, timeMs, count }: PlacedRun): PlacedRecord[] {
  return Array.from({ length: count }, (_, i) => ({ shard, index: index + i, timeMs }));
}

export function failures(shard: ShardDescription, count: number, failure: unknown): PutResult[] {
  return Array.from({ length: count }, () => ({ shard, failure }));
}

function overloaded(): StreamError {
  return new StreamError("overloaded");
}

/** Returns results in the order of the records. Throws only if the stream does not exist. */
export async function putRecords(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
): Promise<PutResult[]> {
  const placed = await putRouted(runtime, stream, records);
  if (!("routes" in placed)) return placed;
  return inOrder(
    placed.routes,
    placed.runs.map((run) => run && eachOf(run)),
  );
}

async function putRouted(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
): Promise<PlacedRuns | PutResult[]> {
  const { description } = stream;
  const { routes, outcomes } = await appendRouted(runtime, stream, records);
  if (outcomes.every(isOneRun))
    return { runs: byRoute(outcomes, ({ runs: [run] }) => run), routes };
  const results = inOrder(routes, byRoute(outcomes, resultsOf));
  let which = staleOf(results, results.keys());
  for (let reroutes = 0; ; reroutes++) {
    // The new map has shards that are not there: the stream has expired.
    const isGone = reroutes > 0 && which.every((i) => isMissing(results[i]!));
    if (isGone && which.length === records.count) {
      throw new StreamError("streamNotFound", { stream: description.name });
    }
    if (which.length === 0 || isGone || reroutes === reroutesMax) return results;
    let current: KnownStream;
    try {
      current = await settledStream(runtime.env, description, description.name);
    } catch (error) {
      // Failures are reported record by record, because other records of the call may be stored.
      if (isStreamError(error)) throw error;
      console.error("no new map of the stream's shards", error);
      return results;
    }
    const isAll = which.length === records.count;
    const left = isAll ? records : selectBatch(records, which);
    const again = await appendRouted(runtime, current, left);
    const replaced = inOrder(again.routes, byRoute(again.outcomes, resultsOf));
    for (const [at, i] of which.entries()) results[i] = replaced[at]!;
    which = staleOf(results, which);
  }
}

async function appendRouted(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
): Promise<{ outcomes: Outcome[]; routes: Uint32Array }> {
  const { puts, routes } = packRuns(stream, records);
  return { outcomes: await Promise.all(puts.map((put) => appendRun(runtime, put))), routes };
}

async function appendRun(runtime: WriteRuntime, put: ShardPut): Promise<Outcome> {
  const { route, shard, chunks, counts } = put;
  const count = counts.reduce((sum, each) => sum + each, 0);
  try {
    const { receipts, refused } = unwrap(await appendJointly(runtime, shard.uid, chunks));
    const runs = runsOf(put, receipts, count - refused);
    const failure = refused === 0 ? undefined : overloaded();
    return { route, shard, runs, failed: refused, failure };
  } catch (failure) {
    return { route, shard, runs: [], failed: count, failure };
  }
}

function isOneRun({ runs, failed }: Outcome): boolean {
  return runs.length === 1 && failed === 0;
}

function resultsOf({ shard, runs, failed, failure }: Outcome): PutResult[] {
  return [...runs.flatMap(eachOf), ...failures(shard, failed, failure)];
}

/** By route; undefined for routes without records. */
function byRoute<T>(outcomes: readonly Outcome[], of: (outcome: Outcome) => T): (T | undefined)[] {
  const values: (T | undefined)[] = [];
  for (const outcome of outcomes) values[outcome.route] = of(outcome);
  return values;
}

/** The results of the records, from those of each route. */
function inOrder(
  routes: Uint32Array,
  results: readonly (readonly PutResult[] | undefined)[],
): PutResult[] {
  const next = results.map(() => 0);
  return Array.from(routes, (route) => results[route]![next[route]!++]!);
}

/** Those of the records whose shard is closed or does not exist. */
function staleOf(results: readonly PutResult[], which: Iterable<number>): number[] {
  return [...which].filter((i) => {
    const result = results[i]!;
    return "failure" in result && isStale(result.failure);
  });
}

function isMissing(result: PutResult): boolean {
  return "failure" in result && isCode(result.failure, "shardNotFound");
}

function isStale(failure: unknown): boolean {
  return isCode(failure, "shardNotFound", "shardClosed");
}

/** Packs the records of each shard into as few chunks as their bytes allow. */
function packRuns(stream: KnownStream, records: RecordBatch): RoutedPut {
  const { shards, starts } = stream.routes;
  const puts = new Map<number, ShardPut>();
  const routes = new Uint32Array(records.count);
  const add = (route: number, chunk: Uint8Array, count: number): void => {
    let put = puts.get(route);
    if (put === undefined) {
      put = { route, shard: shards[route]!, chunks: [], counts: [] };
      puts.set(route, put);
    }
    put.chunks.push(chunk);
    put.counts.push(count);
  };
  const bytesMax = chunkBytesMax - CHUNK_HEADER_BYTES;
  for (const part of partsOf(records, chunkRecordsMax, bytesMax, columnBytesMax)) {
    if (shards.length === 1) {
      add(0, engine.pack(part), part.count);
      continue;
    }
    const packed = engine.packRouted(part, starts, (shard, hash) => routeTo(stream, shard, hash));
    for (const { route, chunk, count } of packed.chunks) add(route, chunk, count);
    routes.set(packed.routes, part.first);
  }
  return { puts: [...puts.values()], routes };
}

function isOneChunk({ count, payload }: RecordBatch): boolean {
  const bytes = CHUNK_HEADER_BYTES + payload.length + count * columnBytesMax;
  return count === 1 || (count <= chunkRecordsMax && bytes <= chunkBytesMax);
}

/** Packs records for one shard, as few chunks as their bytes allow. */
export function packRecords(records: RecordBatch): Uint8Array[] {
  const bytesMax = chunkBytesMax - CHUNK_HEADER_BYTES;
  const parts = partsOf(records, chunkRecordsMax, bytesMax, columnBytesMax);
  return [...parts].map((part) => engine.pack(part));
}

/** Position of the shard with that index, or of its open successor. */
function routeTo({ routes, description }: KnownStream, index: number, hash: Uint8Array): number {
  const route = routes.shards.findIndex((shard) => shard.index === index);
  if (route >= 0) return route;
  const successor = successorOf(description.shards, index, Buffer.from(hash).toString("hex"));
  const found = routes.shards.findIndex((shard) => shard.index === successor?.index);
  // An index without a shard counts as not given.
  return found < 0 ? findRoute(routes, hash, 0) : found;
}

/** Where the first `taken` records are stored, chunk by chunk: a shard may have accepted no others. */
function runsOf(
  { shard, counts }: ShardPut,
  receipts: readonly AppendReceipt[],
  taken: number,
): PlacedRun[] {
  let [at, next] = [0, 0];
  const place = { shard: shard.uid };
  const runs = receipts.map(({ firstIndex, timeMs }, i) => {
    const count = Math.min(counts[i] ?? 0, taken - at);
    invariant(firstIndex >= next && count > 0, "a receipt for other records", place);
    at += count;
    next = firstIndex + count;
    return { shard, index: firstIndex, timeMs, count };
  });
  invariant(at === taken, "no receipt for some of the records", place);
  return runs;
}
