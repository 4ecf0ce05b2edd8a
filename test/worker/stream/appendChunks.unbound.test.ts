// Large chunks change hands between a Worker and a shard of its isolate: they arrive whole and once, and are
// copied where they are not found, as after a long wait.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { handChunks, takeBack, takeHanded } from "../../../worker/core/handedChunks.ts";
import {
  type AppendReply,
  type HandedOffer,
  type Offer,
  type Reply,
  unwrap,
} from "../../../worker/core/rpc.ts";
import { handedBytesMax, handedBytesMin, handedMsMax } from "../../../worker/limits.ts";
import { appendChunks, appendOffers } from "../../../worker/stream/appendChunks.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import { noonMs, setClock } from "../../support/clock.ts";
import { chunkOf, openShard, record, type ShardStub } from "../../support/shards.ts";
import { gatherAll, tidyUp } from "../../support/storage.ts";

beforeEach(() => setClock(noonMs));
afterEach(tidyUp);

const large = new Random(1).bytes(200_000);
const small = new Random(2).bytes(1000);

/** The shard beside its callers; `calls` has the methods that are called, `before` runs before a number is used. */
function nextTo(shard: ShardStub, isNextDoor = true, before: (number: number) => void = () => {}) {
  const calls: string[] = [];
  const stub = {
    append: (chunks: Uint8Array[]) => (calls.push("append"), shard.append(chunks)),
    appendHanded: (number: number) => {
      calls.push("appendHanded");
      before(number);
      return shard.appendHanded(number);
    },
    appendEach: (offers: Offer[]) => (calls.push("appendEach"), shard.appendEach(offers)),
    appendEachHanded: (number: number, offers: HandedOffer[]) => {
      calls.push("appendEachHanded");
      before(number);
      return shard.appendEachHanded(number, offers);
    },
  };
  const SHARD = { getByName: () => stub } as unknown as Env["SHARD"];
  const { ONE_ISOLATE: _, ...others } = env;
  const bindings = { ...others, SHARD, ...(isNextDoor && { ONE_ISOLATE: "yes" }) };
  const put = async (data: Uint8Array) =>
    unwrap(await appendChunks(bindings as Env, shard.name ?? "", [chunkOf(record(data))]));
  const putEach = async (...offers: Uint8Array[][]) => {
    const chunked = offers.map((each) => ({ chunks: each.map((data) => chunkOf(record(data))) }));
    const outcomes = await appendOffers(bindings, shard.name ?? "", chunked);
    return outcomes.map((each) =>
      "reply" in each ? unwrap(each.reply as Reply<AppendReply>) : undefined,
    );
  };
  return { calls, put, putEach };
}

test("a large chunk is handed over, a small one is sent; both are stored", async () => {
  const shard = await openShard();
  const { calls, put } = nextTo(shard);
  const replies = [await put(large), await put(small)];
  expect(calls).toEqual(["appendHanded", "append"]);
  expect(replies.map(({ receipts }) => receipts[0]?.firstIndex)).toEqual([0, 1]);
  const stored = await gatherAll(shard);
  expect(stored.length).toBe(2);
  expectBytes(stored[0]?.data ?? small, large);
});

test("a shard that may be elsewhere is sent all chunks", async () => {
  const shard = await openShard();
  const { calls, put } = nextTo(shard, false);
  await put(large);
  expect(calls).toEqual(["append"]);
});

test("what the shard does not find is sent, and stored once", async () => {
  const shard = await openShard();
  const { calls, put } = nextTo(shard, true, takeBack);
  await put(large);
  expect(calls).toEqual(["appendHanded", "append"]);
  const stored = await gatherAll(shard);
  expect(stored.length).toBe(1);
  expectBytes(stored[0]?.data ?? small, large);
});

describe("several appends together", () => {
  let shard: ShardStub;
  const data = [3, 4, 5].map((seed) => new Random(seed).bytes(handedBytesMin / 2));
  const [first, second, third] = data as [Uint8Array, Uint8Array, Uint8Array];

  test.each<[string, () => ReturnType<typeof nextTo>, string[]]>([
    ["are handed over", () => nextTo(shard), ["appendEachHanded"]],
    ["are sent to a shard that may be elsewhere", () => nextTo(shard, false), ["appendEach"]],
    [
      "are sent, and stored once, when the shard does not find them",
      () => nextTo(shard, true, takeBack),
      ["appendEachHanded", "appendEach"],
    ],
  ])("%s, and each gets its own receipts", async (_, open, expected) => {
    shard = await openShard();
    const { calls, putEach } = open();
    const replies = await putEach([first], [second, third]);
    expect(calls).toEqual(expected);
    const indexes = replies.map((reply) => reply?.receipts.map(({ firstIndex }) => firstIndex));
    expect(indexes).toEqual([[0], [1, 2]]);
    const stored = await gatherAll(shard);
    expect(stored.length).toBe(3);
    for (const [i, each] of stored.entries()) expectBytes(each.data, data[i]!);
  });

  test("small ones are sent", async () => {
    shard = await openShard();
    const { calls, putEach } = nextTo(shard);
    await putEach([small], [small]);
    expect(calls).toEqual(["appendEach"]);
  });
});

test("what a shard refuses is not sent again, and nothing of it waits", async () => {
  const shard = await openShard();
  let number = 0;
  const { calls, put } = nextTo(shard, true, (each) => (number = each));
  await shard.close();
  await expect(put(large)).rejects.toThrow();
  expect(calls).toEqual(["appendHanded"]);
  expect(takeHanded(shard.name ?? "", number)).toBeUndefined();
});

test("chunks are given once, and only to the shard that they are for", () => {
  const chunks = [new Uint8Array(handedBytesMin)];
  const number = handChunks("a", chunks, noonMs)!;
  expect(takeHanded("b", number)).toBeUndefined();
  expect(takeHanded("a", number)).toBe(chunks);
  expect(takeHanded("a", number)).toBeUndefined();
});

test("what nobody takes is dropped after a while, and until then only so much waits", () => {
  const half = [new Uint8Array(handedBytesMax / 2)];
  const [first, second] = [handChunks("a", half, noonMs), handChunks("a", half, noonMs + 1)];
  expect(handChunks("a", [new Uint8Array(1)], noonMs + handedMsMax - 1)).toBeUndefined();
  const third = handChunks("a", half, noonMs + handedMsMax);
  expect(third).toBeDefined();
  expect(takeHanded("a", first!)).toBeUndefined();
  expect([takeHanded("a", second!), takeHanded("a", third!)]).toEqual([half, half]);
  const fourth = handChunks("a", [new Uint8Array(handedBytesMax)], noonMs + handedMsMax);
  expect(takeHanded("a", fourth!)).toBeDefined();
});
