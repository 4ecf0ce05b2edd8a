// Puts records that the front of the local server keeps into a stream with one shard: only the header of their chunk
// goes to the shard. Whatever is unusual is left to the usual way, which needs the body.
import { Buffer } from "node:buffer";
import type { WriteRuntime } from "../core/bindings.ts";
import { nearShard } from "../core/nearShards.ts";
import { unwrap } from "../core/rpc.ts";
import { tally } from "../core/tally.ts";
import { readHeader } from "../engine/chunk.ts";
import type { PutManifest } from "../engine/putManifest.ts";
import { invariant, isCode } from "../errors.ts";
import type { KnownStream } from "./directory.ts";
import { callNear } from "./nearCall.ts";
import { failures, type PlacedRun, type PutResult } from "./writer.ts";

/** As `putBatch`; undefined, and nothing is stored, if the body is needed. */
export async function putKept(
  runtime: WriteRuntime,
  { routes }: KnownStream,
  { id, bodyBytes, head: headText, keys }: PutManifest,
): Promise<PlacedRun | PutResult[] | undefined> {
  const [shard, more] = routes.shards;
  if (shard === undefined || more !== undefined) return undefined;
  const head = bytesOf(headText);
  const { count } = readHeader(head);
  const put = { id, head, keys: keys === undefined ? undefined : bytesOf(keys) };
  try {
    const near = nearShard(runtime.env, shard.uid);
    const reply = await (near === undefined
      ? runtime.env.SHARD.getByName(shard.uid).appendKept(put)
      : callNear(runtime, near, (object) => object.appendKept(put)));
    if (reply === null) return undefined;
    const [receipt] = unwrap(reply).receipts;
    invariant(receipt !== undefined, "no receipt for the records", { shard: shard.uid });
    tally.receivedBytes += bodyBytes;
    return { shard, index: receipt.firstIndex, timeMs: receipt.timeMs, count };
  } catch (failure) {
    // The usual way asks the catalog which shards follow.
    if (isCode(failure, "shardNotFound", "shardClosed")) return undefined;
    return failures(shard, count, failure);
  }
}

/** In memory of its own. */
function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
