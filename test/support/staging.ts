// Bodies of puts that a front keeps, for tests inside workerd: a bucket that takes them as the local server's does, and
// shards that have it.

import { env } from "cloudflare:workers";
import type { KeptChunk } from "../../worker/core/rpc.ts";
import { CHUNK_HEADER_BYTES } from "../../worker/engine/chunk.ts";
import { keyFilterOf } from "../../worker/shard/keyIndexer.ts";
import { chunkOf, openShard, record, sabotage, type ShardStub } from "./shards.ts";
import { faultyBucket, type Faults, rebind } from "./storage.ts";

type Stage = Required<Faults>["stage"];

/** What a front keeps: the bytes of chunks behind their headers, by id. */
export type KeptBodies = Map<string, Uint8Array>;

/**
 * The real bucket, which also takes bodies that a front keeps, as the local server's does. Each is written as an object of
 * its own, and gets another name when it is that of a segment.
 */
export function stagingBucket(kept: KeptBodies, faults: Faults = {}): R2Bucket {
  const bucket = env.SEGMENTS!;
  return faultyBucket({
    async stage(bodies, adoptions) {
      for (const { from, to, head } of adoptions) {
        const object = (await bucket.get(from)) ?? (await bucket.get(to));
        if (object === null) throw new Error(`there is no ${from}`);
        const body = Buffer.from(await object.arrayBuffer());
        body.set(Buffer.from(head, "base64"));
        await bucket.put(to, body);
      }
      for (const { id, key } of bodies) {
        const rest = kept.get(id);
        if (rest === undefined) throw new Error(`nothing is kept by ${id}`);
        await bucket.put(key, Buffer.concat([new Uint8Array(CHUNK_HEADER_BYTES), rest]));
      }
    },
    ...faults,
  });
}

/** Keeps the body of a chunk as a front does; what it tells the shard. */
export function keep(kept: KeptBodies, chunk: Uint8Array): KeptChunk {
  const id = crypto.randomUUID();
  kept.set(id, chunk.slice(CHUNK_HEADER_BYTES));
  return { id, head: chunk.slice(0, CHUNK_HEADER_BYTES), keys: keyFilterOf(chunk) };
}

/** Keys of the shard's objects that are staged, and of no segment yet. */
export async function stagedOf(shard: ShardStub): Promise<string[]> {
  const { objects } = await env.SEGMENTS!.list({ prefix: `staged/${shard.name}/` });
  return objects.map(({ key }) => key);
}

/** A shard whose bucket takes kept bodies. */
export async function stagingShard(
  faults: Faults = {},
): Promise<{ shard: ShardStub; kept: KeptBodies }> {
  const shard = await openShard();
  const kept: KeptBodies = new Map();
  await rebind(shard, stagingBucket(kept, faults));
  return { shard, kept };
}

/** Stages bodies; what was staged does not move. */
export function stageOnly(kept: KeptBodies): Stage {
  const { stage } = stagingBucket(kept) as unknown as { stage: Stage };
  return async (bodies) => {
    if (bodies.length === 0) throw new Error("later");
    await stage(bodies, []);
  };
}

/** The same, when it may begin. */
export function gatedStage(kept: KeptBodies) {
  const gate = Promise.withResolvers<void>();
  let isAsked = false;
  const stage: Stage = async (...order) => {
    isAsked = true;
    await gate.promise;
    await stageOnly(kept)(...order);
  };
  return {
    stage,
    isAsked: () => isAsked,
    open: (shard: ShardStub) => sabotage(shard, () => gate.resolve()),
  };
}

/** A chunk with one record, which is a segment by itself. */
export function largeChunk(fill: number): Uint8Array {
  return chunkOf(record(new Uint8Array(500_000).fill(fill), `key ${fill}`));
}
