// Live readers of a shard get what is committed next, also if the shard has only the name of the file that has its
// bytes.
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { type LiveBatch, liveFeedOf } from "../../../worker/stream/liveFeed.ts";
import { append, chunkOf, openShard, record, type ShardStub } from "../../support/shards.ts";
import { keep, type KeptBodies, stagingBucket } from "../../support/staging.ts";
import { forgetBodies, rebind, runtimeWith, tidyUp } from "../../support/storage.ts";

afterEach(tidyUp);

const waitMs = 5000;

function follow(shard: ShardStub, index: number) {
  const reader = { runtime: runtimeWith(env), isGone: () => false };
  return liveFeedOf(shard.name ?? "").next(reader, index, waitMs);
}

const countsOf = ({ from, page }: LiveBatch) => [from, page.next.index, page.runs.length];

test("a reader that waits gets records that were staged, and those after them", async () => {
  const shard = await openShard();
  const kept: KeptBodies = new Map();
  await rebind(shard, stagingBucket(kept));
  const news = follow(shard, 0);
  await shard.appendKept(keep(kept, chunkOf(record(new Uint8Array(500_000), "k"))));
  forgetBodies();
  expect(countsOf((await news) as LiveBatch)).toEqual([0, 1, 1]);
  const next = follow(shard, 1);
  await append(shard, "small");
  expect(countsOf((await next) as LiveBatch)).toEqual([1, 2, 1]);
});
