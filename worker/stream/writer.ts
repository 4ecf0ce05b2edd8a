// Puts a batch of records into a stream: hashes the keys, finds each record's shard, packs one run per
// shard and appends all runs at once. Records keep their order within a shard. A shard that cannot
// take its run fails the records of that run alone; a stale shard map is fetched anew and tried once more.
import { HASH_BYTES, type RecordInput } from "../engine.ts";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { engine } from "../isolate.ts";
import { chunkBytesMax, chunkRecordsMax } from "../limits.ts";
import { CHUNK_HEADER_BYTES, columnBytesMax, readHeader } from "./chunk.ts";
import { type KnownStream, refreshStream } from "./directory.ts";
import { findRoute } from "./hashrange.ts";
import { unwrap } from "./rpc.ts";
import type { AppendReceipt, ShardDescription } from "./types.ts";

export interface RecordPut extends RecordInput {
  /** 16 bytes that route the record instead of its key's MD5. */
  hash?: Uint8Array | undefined;
  /** Index of the shard that the record goes to, whatever its key. */
  shard?: number | undefined;
}

/** A record's place, or why it has none. */
export type PutResult =
  | { shard: ShardDescription; index: number; timeMs: number }
  | { shard: ShardDescription; failure: unknown };

/** Results in the order of `records`. Throws only when the stream itself is gone. */
export async function putRecords(
  env: Env,
  stream: KnownStream,
  records: readonly RecordPut[],
): Promise<PutResult[]> {
  const results: PutResult[] = Array.from({ length: records.length });
  const stale = await putRouted(
    env,
    stream,
    records,
    records.map((_, i) => i),
    results,
  );
  if (stale.length === 0) return results;
  const { description } = stream;
  const current = await refreshStream(env, description, description.name);
  await putRouted(env, current, records, stale, results);
  return results;
}

/** Fills in the results of the records at `which`; returns those whose shard does not exist. */
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
        for (const [at, place] of places(reply.receipts, chunks).entries()) {
          results[run[at] as number] = { shard, ...place };
        }
      } catch (failure) {
        for (const i of run) results[i] = { shard, failure };
        if (failure instanceof StreamError && failure.code === "shardNotFound") stale.push(...run);
      }
    }),
  );
  return stale;
}

function groupByShard(
  stream: KnownStream,
  records: readonly RecordPut[],
  which: readonly number[],
): [ShardDescription, number[]][] {
  const { routes } = stream;
  const hashes = hashesOf(records, which);
  const runs = new Map<number, number[]>();
  for (const [at, i] of which.entries()) {
    const { shard } = records[i] as RecordPut;
    const route =
      shard === undefined
        ? findRoute(routes, hashes, at * HASH_BYTES)
        : routes.shards.findIndex((candidate) => candidate.index === shard);
    const run = runs.get(route);
    if (run === undefined) runs.set(route, [i]);
    else run.push(i);
  }
  return [...runs].map(([route, run]) => [routes.shards[route] as ShardDescription, run]);
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

function places(
  receipts: readonly AppendReceipt[],
  chunks: readonly Uint8Array[],
): { index: number; timeMs: number }[] {
  return receipts.flatMap(({ firstIndex, timeMs }, at) => {
    const { count } = readHeader(chunks[at] as Uint8Array);
    return Array.from({ length: count }, (_, i) => ({ index: firstIndex + i, timeMs }));
  });
}
