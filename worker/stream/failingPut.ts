// A put of which a part is refused on purpose, so that a test sees what a client does about it: see
// core/controls.ts. A refused record is not stored.
import type { WriteRuntime } from "../core/bindings.ts";
import { invariant, StreamError } from "../errors.ts";
import { type RecordBatch, selectBatch } from "../engine/recordBatch.ts";
import type { KnownStream } from "./directory.ts";
import { putRecords, type PutResult } from "./writer.ts";

/** As `putRecords`. Each record fails with the probability `rate`. */
export async function putSome(
  runtime: WriteRuntime,
  stream: KnownStream,
  records: RecordBatch,
  rate: number,
): Promise<PutResult[]> {
  const all = Array.from({ length: records.count }, (_, i) => i);
  const kept = all.filter(() => Math.random() >= rate);
  const stored =
    kept.length === 0 ? [] : await putRecords(runtime, stream, selectBatch(records, kept));
  const [shard] = stream.routes.shards;
  invariant(shard !== undefined, "a stream without an open shard", {});
  const results: PutResult[] = all.map(() => ({ shard, failure: new StreamError("overloaded") }));
  for (const [at, i] of kept.entries()) results[i] = stored[at]!;
  return results;
}
