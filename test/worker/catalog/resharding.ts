// A stream whose shards are changed: its catalog's answers, and records whose texts say where they belong.
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { ReshardOrder } from "../../../worker/core/control.ts";
import { hashHex, routesOf } from "../../../worker/core/hashRange.ts";
import type { StreamSpec } from "../../../worker/core/rpc.ts";
import type { ShardDescription, StreamDescription } from "../../../worker/core/types.ts";
import { batchOf, type RecordPut } from "../../../worker/engine/recordBatch.ts";
import type { KnownStream } from "../../../worker/stream/directory.ts";
import { putRecords, type PutResult } from "../../../worker/stream/writer.ts";
import { readAll, textOf } from "../../support/shards.ts";
import { runtimeWith } from "../../support/storage.ts";

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

export const half = hashHex(1n << 127n);
export const split = { kind: "split", shard: 0, hash: half } satisfies ReshardOrder;

export type Shard = ShardDescription;

export function orders(shardCount: number): StreamSpec {
  return { name: "orders", shardCount, mode: "PROVISIONED", retentionHours: 24 };
}

export function known(description: StreamDescription): KnownStream {
  return { description, routes: routesOf(description.shards), askedMs: 0, freshUntilMs: Infinity };
}

export function stub({ uid }: Pick<Shard, "uid">) {
  return env.SHARD.getByName(uid);
}

/** A record's text is its producer, its key's number and a count: `1/4/17`. */
export function keyOf(text: string): string {
  return text.slice(0, text.lastIndexOf("/"));
}

export function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `p/${i % 7}/${i}`);
}

export function putOf(text: string, shard?: number): RecordPut {
  const key = encoder.encode(keyOf(text));
  return { key, info: NOTHING, data: encoder.encode(text), shard };
}

export async function putTexts(
  stream: KnownStream,
  batch: readonly string[],
): Promise<PutResult[]> {
  return putRecords(runtimeWith(env), stream, batchOf(batch.map((text) => putOf(text))));
}

interface Found {
  text: string;
  shard: Shard;
}

/** All records, parents before children. */
export async function linesOf(shards: readonly Shard[]): Promise<Found[]> {
  const pages = await Promise.all(
    shards.map(async (shard) =>
      (await readAll(stub(shard))).map((record) => ({ text: textOf(record), shard })),
    ),
  );
  return pages.flat();
}

/** Records of a key are found in the order in which they were sent. */
export function expectOrder(found: readonly Found[]): void {
  const last = new Map<string, number>();
  for (const { text } of found) {
    const count = Number(text.slice(text.lastIndexOf("/") + 1));
    expect(count).toBeGreaterThan(last.get(keyOf(text)) ?? -1);
    last.set(keyOf(text), count);
  }
}
