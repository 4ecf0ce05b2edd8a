// Puts a batch of records into a stream: hashes the keys, finds each record's shard, packs one run per
// shard and appends all runs at once. Records keep their order within a shard. A shard that cannot
// take its run fails the records of that run alone. A shard that was closed or is gone shows that the map is
// stale: the catalog says when it has a new one, and the run's records go where they now belong.
import { HASH_BYTES, type RecordInput } from "../engine.ts";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { engine } from "../isolate.ts";
import { chunkBytesMax, chunkRecordsMax, reroutesMax } from "../limits.ts";
import { CHUNK_HEADER_BYTES, columnBytesMax, readHeader } from "./chunk.ts";
import { type KnownStream, settledStream } from "./directory.ts";
import { findRoute, heirOf } from "./hashrange.ts";
import { unwrap } from "./rpc.ts";
import type { AppendReceipt, ShardDescription } from "./types.ts";

export interface RecordPut extends RecordInput {
  /** 16 bytes that route the record instead of its key's MD5. */
  hash?: Uint8Array | undefined;
  /** Index of the shard that the record goes to, whatever its key. */
  shard?: number | undefined;
}

/** A record's place. */
export interface PlacedRecord {
  shard: ShardDescription;
  index: number;
  timeMs: number;
}

/** A record's place, or why it has none. */
export type PutResult = PlacedRecord | { shard: ShardDescription; failure: unknown };

/** Records that lie as the engine packs them: PACK_ROW lengths each, and their bytes one after the other. */
export interface PackedRecords {
  count: number;
  rows: Uint32Array;
  payload: Uint8Array;
}

/**
 * Puts all records into the only open shard of a stream, in one chunk; the result is the first one's, and the
 * others follow it. Undefined when there are several shards, or the one has closed, and when a chunk does not hold the
 * records: nothing has been put then. Where the service's limits are kept a shard may take some of them, so this is not for there.
 */
export async function putPacked(
  env: Env,
  { routes }: KnownStream,
  packed: PackedRecords,
): Promise<PutResult | undefined> {
  const [shard] = routes.shards;
  const { count, payload } = packed;
  const bytes = CHUNK_HEADER_BYTES + payload.length + count * columnBytesMax;
  if (shard === undefined || routes.shards.length > 1 || bytes > chunkBytesMax) return undefined;
  try {
    const chunk = engine.packPayload(packed);
    const { receipts } = unwrap(await env.SHARD.getByName(shard.uid).append([chunk]));
    const { firstIndex: index, timeMs } = receipts[0] as AppendReceipt;
    return { shard, index, timeMs };
  } catch (failure) {
    return isStale(failure) ? undefined : { shard, failure };
  }
}

/** Results in the order of `records`. Throws only when the stream itself is gone. */
export async function putRecords(
  env: Env,
  stream: KnownStream,
  records: readonly RecordPut[],
): Promise<PutResult[]> {
  const results: PutResult[] = Array.from({ length: records.length });
  const { description } = stream;
  let current = stream;
  let which = records.map((_, i) => i);
  for (let reroutes = 0; ; reroutes++) {
    which = await putRouted(env, current, records, which, results);
    if (which.length === 0 || reroutes === reroutesMax) return results;
    try {
      current = await settledStream(env, description, description.name);
    } catch (error) {
      // What could not be put is told record by record: others of the call may have been.
      if (error instanceof StreamError) throw error;
      console.error("no new map of the stream's shards", error);
      return results;
    }
  }
}

/** Fills in the results of the records at `which`; returns those whose shard is closed or gone. */
async function putRouted(
  env: Env,
  stream: KnownStream,
  records: readonly RecordPut[],
  which: readonly number[],
  results: PutResult[],
): Promise<number[]> {
  const stale: number[] = [];
  const runs = groupByShard(stream, records, which);
  await Promise.all(
    runs.map(async ([shard, run]) => {
      try {
        const chunks = packRun(run.map((i) => records[i] as RecordPut));
        const reply = unwrap(await env.SHARD.getByName(shard.uid).append(chunks));
        const taken = run.length - reply.refused;
        placeRecords(results, shard, run.slice(0, taken), reply.receipts, chunks);
        for (const i of run.slice(taken)) {
          results[i] = { shard, failure: new StreamError("overloaded") };
        }
      } catch (failure) {
        for (const i of run) results[i] = { shard, failure };
        if (isStale(failure)) stale.push(...run);
      }
    }),
  );
  return stale.sort((a, b) => a - b);
}

function isStale(failure: unknown): boolean {
  if (!(failure instanceof StreamError)) return false;
  return failure.code === "shardNotFound" || failure.code === "shardClosed";
}

function groupByShard(
  stream: KnownStream,
  records: readonly RecordPut[],
  which: readonly number[],
): [ShardDescription, number[]][] {
  const { routes } = stream;
  const [only] = routes.shards;
  if (only !== undefined && routes.shards.length === 1) return [[only, [...which]]];
  const hashes = hashesOf(records, which);
  const runs = new Map<number, number[]>();
  for (const [at, i] of which.entries()) {
    const { shard } = records[i] as RecordPut;
    const route =
      shard === undefined
        ? findRoute(routes, hashes, at * HASH_BYTES)
        : routeTo(stream, shard, hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
    const run = runs.get(route);
    if (run === undefined) runs.set(route, [i]);
    else run.push(i);
  }
  return [...runs].map(([route, run]) => [routes.shards[route] as ShardDescription, run]);
}

/** Position of the shard with that index, or of the one that has taken its place. */
function routeTo({ routes, description }: KnownStream, index: number, hash: Uint8Array): number {
  const route = routes.shards.findIndex((shard) => shard.index === index);
  if (route >= 0) return route;
  const heir = heirOf(description.shards, index, Buffer.from(hash).toString("hex"));
  const found = routes.shards.findIndex((shard) => shard.index === heir?.index);
  // A number that never was a shard, or was forgotten, is as good as none.
  return found < 0 ? findRoute(routes, hash, 0) : found;
}

function hashesOf(records: readonly RecordPut[], which: readonly number[]): Uint8Array {
  const hashes = engine.hashKeys(which.map((i) => (records[i] as RecordPut).key));
  for (const [at, i] of which.entries()) {
    const { hash } = records[i] as RecordPut;
    if (hash !== undefined) hashes.set(hash, at * HASH_BYTES);
  }
  return hashes;
}

/** Packs records into as few chunks as their bytes allow. */
function packRun(records: readonly RecordInput[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let run: RecordInput[] = [];
  let bytes = 0;
  for (const record of records) {
    const recordBytes =
      record.key.length + record.info.length + record.data.length + columnBytesMax;
    const full =
      bytes + recordBytes > chunkBytesMax - CHUNK_HEADER_BYTES || run.length === chunkRecordsMax;
    if (full && run.length > 0) {
      chunks.push(engine.pack(run));
      run = [];
      bytes = 0;
    }
    run.push(record);
    bytes += recordBytes;
  }
  chunks.push(engine.pack(run));
  return chunks;
}

/** Tells the records of a run, chunk by chunk, where they are: a shard may have taken the first ones only. */
function placeRecords(
  results: PutResult[],
  shard: ShardDescription,
  run: readonly number[],
  receipts: readonly AppendReceipt[],
  chunks: readonly Uint8Array[],
): void {
  let at = 0;
  for (const [i, { firstIndex, timeMs }] of receipts.entries()) {
    const { count } = readHeader(chunks[i] as Uint8Array);
    const end = Math.min(at + count, run.length);
    for (let index = firstIndex; at < end; at++, index++) {
      results[run[at] as number] = { shard, index, timeMs };
    }
  }
}
