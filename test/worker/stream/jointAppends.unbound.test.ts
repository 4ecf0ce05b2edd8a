// Appends that come while another one's call is under way: they go in one call, as they came, and each is told
// what became of it alone: stored, refused, failed. Whatever becomes of their leader, they are answered. Here all
// of them are in one request; test/e2e/jointPuts.test.ts has real ones, whose clients leave.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, inject, test, vi } from "vitest";
import type { Env, WriteRuntime } from "../../../worker/core/bindings.ts";
import { otherMediaType } from "../../../worker/core/mediaType.ts";
import { type AppendReply, type Offer, type Reply, unwrap } from "../../../worker/core/rpc.ts";
import { isStreamError, StreamError } from "../../../worker/errors.ts";
import {
  jointAnswerMs,
  jointCallBytesMax,
  jointPutBytesMax,
  jointTurnMs,
} from "../../../worker/limits.ts";
import { appendJointly, writeJointly } from "../../../worker/stream/jointAppends.ts";
import { Random } from "../../engine/random.ts";
import { noonMs, setClock } from "../../support/clock.ts";
import {
  chunkOf,
  holdCommits,
  openShard,
  readAll,
  record,
  sabotage,
  type ShardStub,
  textOf,
  withCallsNoted,
} from "../../support/shards.ts";
import { evictAll, hold, tidyUp } from "../../support/storage.ts";
import { patience } from "../../support/patience.ts";

/** Calls of shards, by method. */
let calls: string[];
let kept: Promise<unknown>[];
let runtime: WriteRuntime;

beforeEach(() => {
  setClock(noonMs);
  calls = [];
  kept = [];
  runtime = { env: withCallsNoted(env, calls), waitUntil: (work) => void kept.push(work) };
});

afterEach(tidyUp);

function put(shard: ShardStub, ...chunks: (string | Uint8Array)[]): Promise<Reply<AppendReply>> {
  const packed = chunks.map((each) => (typeof each === "string" ? chunkOf(each) : each));
  return appendJointly(runtime, shard.name ?? "", packed);
}

async function placeOf(appended: Promise<Reply<AppendReply>>): Promise<number | undefined> {
  return unwrap(await appended).receipts[0]?.firstIndex;
}

/** One whose call is under way and held, and others that wait for it. */
async function gather(shard: ShardStub, ...texts: string[]) {
  const release = await holdCommits(shard);
  const first = put(shard, "first");
  unwrap(await shard.view());
  return { release, first, waiting: texts.map((text) => put(shard, text)) };
}

/** Joint calls wait from now on before they are made; the returned function lets them. */
function holdJointCalls(): () => void {
  const gate = Promise.withResolvers<void>();
  const { SHARD } = runtime.env;
  const getByName = (name: string) => {
    const stub = SHARD.getByName(name);
    const appendEach = async (offers: Offer[]) => {
      await gate.promise;
      return stub.appendEach(offers);
    };
    return { append: (chunks: Uint8Array[]) => stub.append(chunks), appendEach };
  };
  runtime.env = { ...runtime.env, SHARD: { getByName } as unknown as Env["SHARD"] };
  return gate.resolve;
}

async function textsIn(shard: ShardStub): Promise<string[]> {
  return (await readAll(shard)).map(textOf);
}

describe("one call", () => {
  test("for all that came meanwhile, as they came, in one commit", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a", "b", "c");
    expect(calls).toEqual(["append"]);
    await release();
    expect(await Promise.all([first, ...waiting].map(placeOf))).toEqual([0, 1, 2, 3]);
    expect(calls).toEqual(["append", "appendEach"]);
    expect(await textsIn(shard)).toEqual(["first", "a", "b", "c"]);
    expect(unwrap(await shard.stats()).commits).toBe(2);
  });

  test("of those that begin together, as in a gathered request", async () => {
    const shard = await openShard();
    const places = await Promise.all(["a", "b", "c"].map((text) => placeOf(put(shard, text))));
    expect(places.toSorted((a = 0, b = 0) => a - b)).toEqual([0, 1, 2]);
    expect(calls).toEqual(["appendEach"]);
  });

  test("also of those that come while the leader lets others in", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a");
    const released = release();
    await first;
    const late = put(shard, "late");
    expect(await Promise.all([...waiting, late].map(placeOf))).toEqual([2, 1]);
    await released;
    expect(calls).toEqual(["append", "appendEach"]);
  });

  test("for one alone is its own", async () => {
    const shard = await openShard();
    for (let i = 0; i < 3; i++) expect(await placeOf(put(shard, `${i}`))).toBe(i);
    expect(calls).toEqual(["append", "append", "append"]);
    expect(kept).toEqual([]);
  });

  test("goes on until all have their answers, although its own request may end", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a", "b");
    const letGo = holdJointCalls();
    await release();
    await first;
    await vi.waitFor(() => expect(kept.length).toBe(1), patience);
    const ended = vi.fn<() => void>();
    const ending = kept[0]?.then(ended);
    unwrap(await shard.view());
    expect(ended).not.toHaveBeenCalled();
    letGo();
    await Promise.all([ending, ...waiting]);
  });

  test("is not shared by a put above the bound", async () => {
    const shard = await openShard();
    const { release, first } = await gather(shard);
    const large = put(shard, chunkOf(record(new Uint8Array(jointPutBytesMax))));
    expect(calls).toEqual(["append", "appendHanded"]);
    await release();
    await Promise.all([first, large]);
  });

  test("has a bound: what comes then goes by itself", async () => {
    const shard = await openShard();
    const half = chunkOf(record(new Uint8Array(jointPutBytesMax / 2)));
    const { release, first } = await gather(shard);
    const fits = Math.floor(jointCallBytesMax / half.length);
    const waiting = Array.from({ length: fits }, () => put(shard, half.slice()));
    expect(calls).toEqual(["append"]);
    const more = put(shard, half.slice());
    expect(calls).toEqual(["append", "append"]);
    await release();
    const places = await Promise.all([first, ...waiting, more].map(placeOf));
    expect(new Set(places).size).toBe(fits + 2);
    // What went has made room.
    expect(calls).toEqual(["append", "append", "appendEachHanded"]);
  });

  test("is each one's own where the objects may be elsewhere", async () => {
    const shard = await openShard();
    const { ONE_ISOLATE: _, ...elsewhere } = runtime.env;
    runtime.env = elsewhere;
    const { release, first, waiting } = await gather(shard, "a", "b");
    expect(calls).toEqual(["append", "append", "append"]);
    await release();
    await Promise.all([first, ...waiting]);
  });
});

describe("each is told of its own", () => {
  test("one that is refused does not hinder the others", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a");
    const torn = put(shard, chunkOf("torn").subarray(0, 50));
    const last = put(shard, "b");
    await release();
    expect(await torn).toMatchObject({ failed: "corrupt" });
    expect(await Promise.all([first, ...waiting, last].map(placeOf))).toEqual([0, 1, 2]);
    expect(await textsIn(shard)).toEqual(["first", "a", "b"]);
  });

  test.each([
    ["sent", 1, "appendEach"],
    ["handed over", 20_000, "appendEachHanded"],
  ])(
    "guarded ones are judged one after the other, among those without: %s",
    async (_, length, call) => {
      const shard = await openShard();
      const { release, first, waiting } = await gather(shard, "a");
      const write = (seq: number, text: string) => {
        const guard = { mediaType: otherMediaType, producer: { id: "p", epoch: 0, seq } };
        return writeJointly(runtime, shard.name ?? "", [chunkOf(text.padEnd(length))], guard);
      };
      const writes = [write(0, "b"), write(1, "c"), write(1, "c again"), write(3, "a gap")];
      const last = put(shard, "d");
      await release();
      const verdicts = await Promise.all(writes.map(async (each) => unwrap(await each).verdict));
      const kinds = verdicts.map(({ kind }) => kind);
      expect(kinds).toEqual(["stored", "stored", "duplicate", "gap"]);
      expect(await Promise.all([first, ...waiting, last].map(placeOf))).toEqual([0, 1, 4]);
      expect(calls).toEqual(["append", call]);
      const texts = (await textsIn(shard)).map((text) => text.trimEnd());
      expect(texts).toEqual(["first", "a", "b", "c", "d"]);
      expect(unwrap(await shard.stats()).commits).toBe(2);
    },
  );

  test("one that throws does not hinder the others", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a");
    const wrong = appendJointly(runtime, shard.name ?? "", [{ length: 99 } as Uint8Array]);
    void wrong.catch(() => undefined);
    const last = put(shard, "b");
    await release();
    await expect(wrong).rejects.toThrow();
    expect(await Promise.all([first, ...waiting, last].map(placeOf))).toEqual([0, 1, 2]);
  });

  test("all of a commit that failed, and none after it", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a", "b");
    const letGo = holdJointCalls();
    await release();
    expect(await placeOf(first)).toBe(0);
    await sabotage(shard, (storage) => {
      const sync = storage.sync.bind(storage);
      storage.sync = async () => {
        storage.sync = sync;
        throw new Error("no answer from the disk");
      };
    });
    await vi.waitFor(() => expect(kept.length).toBe(1), patience);
    const next = put(shard, "next");
    letGo();
    for (const each of waiting) expect(await each).toMatchObject({ failed: "commitFailed" });
    const place = await placeOf(next);
    expect((await textsIn(shard))[place ?? -1]).toBe("next");
  });

  test("of an object that died, and the next ones find its successor", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a", "b");
    const letGo = holdJointCalls();
    await release();
    await first;
    await sabotage(shard, (storage, state) => {
      storage.sync = async () => state.abort("the disk is gone");
    });
    letGo();
    for (const each of waiting) await expect(each).rejects.toThrow("the disk is gone");
    const place = await placeOf(put(shard, "next"));
    const again = env.SHARD.getByName(shard.name ?? "");
    expect((await textsIn(again))[place ?? -1]).toBe("next");
  });

  test("of a shard that was closed before their call", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a", "b");
    const closing = shard.close();
    await release();
    expect(await placeOf(first)).toBe(0);
    for (const each of waiting) expect(await each).toMatchObject({ failed: "shardClosed" });
    expect(await closing).toMatchObject({ endIndex: 1 });
  });
});

/** A put whose call is made, and never arrives. */
async function putUnsent(shard: ShardStub): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const append = () => {
    resolve();
    return new Promise(() => {});
  };
  const SHARD = { getByName: () => ({ append }) } as unknown as Env["SHARD"];
  const own = { ...runtime, env: { ...runtime.env, SHARD } };
  void appendJointly(own, shard.name ?? "", [chunkOf("never sent")]);
  await promise;
}

describe("a leader that ends without a word", () => {
  test("is waited for no longer than a turn, also by those who come later", async () => {
    const shard = await openShard();
    await putUnsent(shard);
    const waiting = ["a", "b"].map((text) => put(shard, text));
    setClock(noonMs + jointTurnMs - 1);
    const early = put(shard, "c");
    expect(calls).toEqual([]);
    setClock(noonMs + jointTurnMs);
    const late = put(shard, "d");
    await vi.waitFor(() => expect(calls).toEqual(["appendEach"]), patience);
    expect(await Promise.all([...waiting, early, late].map(placeOf))).toEqual([0, 1, 2, 3]);
    expect(await placeOf(put(shard, "e"))).toBe(4);
  });

  test("and nobody comes: one of those who wait leads the others", async () => {
    const shard = await openShard();
    await putUnsent(shard);
    const waiting = ["a", "b", "c"].map((text) => put(shard, text));
    setClock(noonMs + jointTurnMs);
    const places = await Promise.all(waiting.map(placeOf));
    expect(places.toSorted((a = 0, b = 0) => a - b)).toEqual([0, 1, 2]);
    expect(calls).toEqual(["appendEach"]);
  });

  test("after its call was made: the others are told that nobody knows", async () => {
    const shard = await openShard();
    const { release, first, waiting } = await gather(shard, "a", "b");
    const silent = { appendEach: () => new Promise(() => {}) };
    runtime.env.SHARD = { getByName: () => silent } as unknown as Env["SHARD"];
    const { setTimeout } = globalThis;
    const shortened = vi
      .spyOn(globalThis, "setTimeout")
      .mockImplementation(((work: () => void, ms: number) =>
        setTimeout(work, ms === jointAnswerMs ? 0 : ms)) as never);
    await release();
    await first;
    await expect(waiting[0]).rejects.toEqual(new StreamError("unreachable"));
    shortened.mockRestore();
  });
});

const { seed } = inject("fuzz");

test(`whatever fails, what was acknowledged is there, once, seed ${seed}`, async () => {
  const random = new Random(seed);
  const shard = await openShard();
  const uid = shard.name ?? "";
  const promised = new Map<number, string>();
  let sent = 0;
  for (let round = 0; round < 60; round++) {
    const stub = env.SHARD.getByName(uid);
    await hold(stub);
    const puts: Promise<void>[] = [];
    const putSome = () => {
      for (let count = random.below(6); count > 0; count--) {
        const text = `${sent++}`;
        const noted = placeOf(put(stub, text)).then((index = -1) => {
          expect(promised.has(index)).toBe(false);
          promised.set(index, text);
        });
        noted.catch(() => undefined);
        puts.push(noted);
      }
    };
    putSome();
    const isHeld = random.chance(0.7);
    const release = isHeld ? await holdCommits(stub) : undefined;
    putSome();
    if (random.chance(0.2)) await scheduler.wait(0);
    putSome();
    const dies = random.chance(0.15);
    if (dies) await sabotage(stub, (_, state) => state.abort("it dies")).catch(() => undefined);
    else await release?.(random.chance(0.3) ? new Error("a disk that fails") : undefined);
    for (const outcome of await Promise.allSettled(puts)) {
      if (outcome.status === "fulfilled") continue;
      const { reason } = outcome;
      expect(isStreamError(reason) ? reason.code : String(reason)).toMatch(
        /^commitFailed$|it dies|a disk that fails/,
      );
    }
    if (random.chance(0.2)) await evictAll(env.SHARD.getByName(uid));
  }
  const stored = await textsIn(env.SHARD.getByName(uid));
  expect([...promised].filter(([index, text]) => stored[index] !== text)).toEqual([]);
  expect(new Set(stored).size).toBe(stored.length);
  expect(promised.size).toBeGreaterThan(60);
});
