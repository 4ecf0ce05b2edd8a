// Readers at the end of a shard whose object is in their isolate: they are told what the object would
// tell, without a call, and are never behind what was acknowledged: not after a commit that failed, an
// object that was thrown out or died, the end or the removal of the shard, or another retention.

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Runtime } from "../../../worker/core/bindings.ts";
import { bodies, chunkKey } from "../../../worker/core/bodyCache.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { SeekRequest } from "../../../worker/core/types.ts";
import { recentBodiesMax, tipTtlMs } from "../../../worker/limits.ts";
import { DurableStreams } from "../../../worker/stream/durableStreams.ts";
import { readCounters } from "../../../worker/stream/readCounters.ts";
import { latestTime, seekShard } from "../../../worker/stream/reader.ts";
import { Random } from "../../engine/random.ts";
import { noonMs, setClock } from "../../support/clock.ts";
import {
  append,
  chunkOf,
  holdCommits,
  openShard,
  record,
  sabotage,
  type ShardStub,
  textOf,
  unopenedShard,
  withCallsNoted,
} from "../../support/shards.ts";
import {
  forgetBodies,
  gatherPage,
  hold,
  runtimeWith,
  type Reading,
  tidyUp,
} from "../../support/storage.ts";

const hourMs = 3_600_000;

let runtime: Runtime;
/** Calls that readers have made, by method. */
let calls: string[];

beforeEach(() => {
  setClock(noonMs);
  calls = [];
  runtime = runtimeWith(withCallsNoted(env, calls));
});

afterEach(tidyUp);

async function poll(shard: ShardStub, index: number, reading: Omit<Reading, "from"> = {}) {
  const from = { segment: 0, index };
  const { records, next, view } = await gatherPage(shard, { runtime, ...reading, from });
  return { texts: records.map(textOf), next, view };
}

/** Moves the clock past what a shard has said. */
function afterTip(): void {
  setClock(Date.now() + tipTtlMs);
}

describe("without a call", () => {
  test("an empty page at the end, as the shard would give it", async () => {
    const shard = await openShard();
    await append(shard, "a", "b");
    const { nextDoorPages: pages } = readCounters;
    const { next, view, texts } = await poll(shard, 2);
    expect(calls).toEqual([]);
    expect(texts).toEqual([]);
    const asked = unwrap(await shard.read({ index: 2, recordsMax: 9, bytesMax: 9999 }));
    expect({ next, view }).toEqual({ next: asked.next, view: asked.view });
    expect(readCounters.nextDoorPages).toBe(pages + 1);
  });

  test("the last records, from any of them, cut as the shard would cut them", async () => {
    const shard = await openShard();
    const texts = Array.from({ length: 12 }, (_, i) => `record ${i}`);
    for (let i = 0; i < 12; i += 3) await append(shard, ...texts.slice(i, i + 3));
    const pages = [
      { index: 0, recordsMax: 12, bytesMax: 9999 },
      { index: 4, recordsMax: 4, bytesMax: 9999 },
      { index: 5, recordsMax: 9, bytesMax: 30 },
      { index: 11, recordsMax: 1, bytesMax: 0 },
    ];
    for (const { index, ...limits } of pages) {
      const page = await poll(shard, index, { limits });
      const asked = unwrap(await shard.read({ index, ...limits }));
      expect(page.next).toEqual(asked.next);
      expect(page.texts).toEqual(texts.slice(index, asked.next.index));
      expect(page.texts.length).toBeGreaterThan(0);
    }
    expect(calls).toEqual([]);
  });

  test("a record that was a segment at once, and one after it", async () => {
    const shard = await openShard();
    const large = record(new Random(7).bytes(500_000));
    await append(shard, large);
    await append(shard, "after");
    const { next, texts } = await poll(shard, 0);
    expect(texts.length).toBe(2);
    expect(texts[1]).toBe("after");
    expect(next).toEqual({ segment: 1, index: 2 });
    const one = await poll(shard, 0, { limits: { recordsMax: 1 } });
    expect(one.next).toEqual({ segment: 1, index: 1 });
    expect(calls).toEqual([]);
  });

  test.each<SeekRequest>([
    { kind: "latest" },
    { kind: "index", index: 2 },
    { kind: "index", index: 3 },
    { kind: "time", timeMs: noonMs + 1, ordinal: 0 },
  ])("a seek: %o", async (request) => {
    const shard = await openShard();
    await append(shard, "a", "b", "c");
    const found = await seekShard(runtime, shard.name ?? "", request);
    expect(calls).toEqual([]);
    expect(found).toEqual(unwrap(await shard.seek(request)));
  });

  test("the arrival of the newest record", async () => {
    const shard = await openShard();
    await append(shard, "a");
    setClock(noonMs - 10);
    unwrap(await shard.view());
    expect(await latestTime(runtime, shard.name ?? "", noonMs, noonMs - 10)).toBe(noonMs);
    expect(calls).toEqual([]);
  });

  test("the state of a stream, and the place after a record", async () => {
    const shard = await openShard();
    for (const text of ["a", "b", "c"]) await append(shard, text);
    const streams = new DurableStreams(runtime);
    const uid = shard.name ?? "";
    const state = {
      next: { index: 3, segment: 0 },
      isClosed: false,
      isFinal: false,
      isDeleted: false,
    };
    expect(await streams.look(uid, true)).toEqual(state);
    expect(await streams.positionAt(uid, 2)).toEqual({ index: 2, segment: 0 });
    expect(calls).toEqual([]);
    expect(unwrap(await shard.look(true))).toEqual(state);
    expect(unwrap(await shard.look(true, 2)).next).toEqual({ index: 2, segment: 0 });
  });
});

describe("the shard is asked", () => {
  test("where more isolates may have the object", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const { ONE_ISOLATE: _, ...elsewhere } = runtime.env;
    await poll(shard, 1, { runtime: { ...runtime, env: elsewhere } });
    expect(calls).toEqual(["read"]);
  });

  test("once it has said nothing for a second, and then says it again", async () => {
    const shard = await openShard();
    await append(shard, "a");
    setClock(noonMs + tipTtlMs - 1);
    await poll(shard, 1);
    expect(calls).toEqual([]);
    setClock(noonMs + tipTtlMs);
    await poll(shard, 1);
    await poll(shard, 1);
    expect(calls).toEqual(["read"]);
  });

  test("when the clock was set back", async () => {
    const shard = await openShard();
    await append(shard, "a");
    setClock(noonMs - 1);
    await poll(shard, 1);
    expect(calls).toEqual(["read"]);
  });

  test("for a place after the end, which it refuses", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await expect(poll(shard, 2)).rejects.toMatchObject({ code: "locationNotFound" });
    expect(calls).toEqual(["read"]);
  });

  test("for a record whose bytes are not in memory any more", async () => {
    const shard = await openShard();
    await append(shard, "a");
    forgetBodies();
    expect((await poll(shard, 0)).texts).toEqual(["a"]);
    expect(calls).toEqual(["read"]);
  });

  test("for a page that such a record would end", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await append(shard, "b");
    bodies.delete(chunkKey(shard.name ?? "", 1));
    expect((await poll(shard, 0)).texts).toEqual(["a", "b"]);
    expect(calls).toEqual(["read"]);
  });

  test("for a record before the last ones", async () => {
    const shard = await openShard();
    const [chunk] = [chunkOf("x")];
    for (let i = 0; i <= recentBodiesMax; i++) unwrap(await shard.append([chunk.slice()]));
    expect((await poll(shard, 0, { limits: { recordsMax: 1 } })).texts).toEqual(["x"]);
    expect(calls).toEqual(["read"]);
    await poll(shard, 1);
    expect(calls).toEqual(["read"]);
  });

  test("for the oldest record, and one at a time that is past", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await seekShard(runtime, shard.name ?? "", { kind: "earliest" });
    await seekShard(runtime, shard.name ?? "", { kind: "time", timeMs: noonMs, ordinal: 0 });
    expect(calls).toEqual(["seek", "seek"]);
  });

  test("of a stream that may expire, which counts its readers", async () => {
    const shard = unopenedShard();
    const uid = shard.name ?? "";
    const range = { hashStart: "0".repeat(32), hashEnd: "f".repeat(32) };
    const life = { stream: "s", account: "0", region: "r", ttlMs: 60_000, touchedMs: noonMs };
    const settings = { uid, index: 0, createdMs: noonMs, retentionHours: 24, ...range };
    await shard.open({ ...settings, life: { ...life, streamUid: "u", mediaType: "text/plain" } });
    await append(shard, "a");
    await new DurableStreams(runtime).look(uid, true);
    expect(calls).toEqual(["look"]);
  });
});

describe("what was acknowledged is seen", () => {
  test("at once, again and again", async () => {
    const shard = await openShard();
    for (let i = 0; i < 50; i++) {
      expect((await poll(shard, i)).texts).toEqual([]);
      await append(shard, `${i}`);
      expect((await poll(shard, i)).texts).toEqual([`${i}`]);
    }
    expect(calls).toEqual(["read"]);
  });

  test("and what is not durable yet is not, also if somebody asks meanwhile", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const release = await holdCommits(shard);
    const pending = append(shard, "b");
    unwrap(await shard.view());
    expect((await poll(shard, 1)).texts).toEqual([]);
    afterTip();
    expect((await poll(shard, 1)).texts).toEqual([]);
    // It has said nothing while the commit was under way.
    expect((await poll(shard, 1)).texts).toEqual([]);
    expect(calls).toEqual(["read", "read"]);
    await release();
    await pending;
    expect((await poll(shard, 1)).texts).toEqual(["b"]);
    expect(calls).toEqual(["read", "read"]);
  });

  test("after a commit that failed, as the rows have it", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const release = await holdCommits(shard);
    const doubtful = shard.append([chunkOf("doubtful")]);
    // The commit has begun.
    unwrap(await shard.view());
    expect((await poll(shard, 1)).texts).toEqual([]);
    await release(new Error("no answer from the disk"));
    expect(await doubtful).toMatchObject({ failed: "commitFailed" });
    const { texts } = await poll(shard, 1);
    expect(calls).toEqual(["read"]);
    const { nextIndex } = unwrap(await shard.view());
    expect(texts.length).toBe(nextIndex - 1);
    const { firstIndex } = await append(shard, "next");
    expect((await poll(shard, firstIndex)).texts).toEqual(["next"]);
  });

  test("after a write that failed: nothing of it is there", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await hold(shard);
    const mend = await sabotage(shard, ({ sql }) => {
      const exec = sql.exec.bind(sql);
      sql.exec = (query, ...bindings) => {
        if (query.startsWith("INSERT INTO log")) throw new Error("disk I/O error");
        return exec(query, ...bindings);
      };
      return { now: () => void (sql.exec = exec) };
    });
    expect(await shard.append([chunkOf("lost")])).toMatchObject({ failed: "commitFailed" });
    expect((await poll(shard, 1)).texts).toEqual([]);
    expect(calls).toEqual(["read"]);
    await sabotage(shard, mend.now);
    await append(shard, "b");
    expect((await poll(shard, 1)).texts).toEqual(["b"]);
  });

  test("when the object has died in the middle of a commit, as soon as that is known", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await sabotage(shard, (storage, state) => {
      storage.sync = async () => state.abort("the disk is gone");
    });
    await expect(append(shard, "lost")).rejects.toThrow("the disk is gone");
    // Nobody was told of it, and nothing tells that it is gone.
    expect((await poll(shard, 1)).texts).toEqual([]);
    expect(calls).toEqual([]);
    afterTip();
    const { texts } = await poll(shard, 1);
    expect(calls).toEqual(["read"]);
    const again = env.SHARD.getByName(shard.name ?? "");
    expect(texts.length).toBe(unwrap(await again.view()).nextIndex - 1);
    await append(again, "b");
    expect((await poll(again, 1 + texts.length)).texts).toEqual(["b"]);
  });

  test("when the object was thrown out: the next one goes on where it was", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await evictDurableObject(shard);
    expect((await poll(shard, 1)).texts).toEqual([]);
    expect(calls).toEqual([]);
    await append(shard, "b");
    expect((await poll(shard, 1)).texts).toEqual(["b"]);
    expect((await poll(shard, 0)).view.nextIndex).toBe(2);
    await evictDurableObject(shard);
    // A new object takes back what the one before has said.
    unwrap(await shard.stats());
    expect((await poll(shard, 1)).texts).toEqual(["b"]);
    expect(calls).toEqual(["read", "read"]);
  });
});

describe("what else changes is seen", () => {
  test("the tail that was sealed: its records, and where the next ones will be", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await hold(shard);
    const text = "x".repeat(300_000);
    for (let i = 0; i < 4; i++) await append(shard, text);
    const { next } = await poll(shard, 5);
    const { segment } = unwrap(await shard.view());
    expect(segment).toBeGreaterThan(0);
    expect(next).toEqual({ segment, index: 5 });
    expect((await poll(shard, 4)).texts).toEqual([text]);
  });

  test("the end of the shard", async () => {
    const shard = await openShard();
    await append(shard, "a");
    expect((await poll(shard, 1)).view.closedMs).toBeUndefined();
    const { closedMs } = unwrap(await shard.close());
    expect((await poll(shard, 1)).view.closedMs).toBe(closedMs);
    expect((await poll(shard, 1)).view.closedMs).toBe(closedMs);
    expect(calls).toEqual(["read"]);
    const { isClosed } = await new DurableStreams(runtime).look(shard.name ?? "", false);
    expect(isClosed).toBe(true);
    expect(calls).toEqual(["read"]);
  });

  test("its removal", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await shard.destroy();
    await expect(poll(shard, 1)).rejects.toMatchObject({ code: "shardNotFound" });
    const look = new DurableStreams(runtime).look(shard.name ?? "", false);
    await expect(look).rejects.toMatchObject({ code: "shardNotFound" });
  });

  test("a shorter retention", async () => {
    const shard = await openShard(48);
    await append(shard, "a");
    setClock(noonMs + 25 * hourMs);
    await append(shard, "b");
    expect((await poll(shard, 0)).texts).toEqual(["a", "b"]);
    unwrap(await shard.retain(24));
    expect((await poll(shard, 0)).texts).toEqual(["b"]);
    const refused = poll(shard, 0, { trimmed: "refuse" });
    await expect(refused).rejects.toMatchObject({ code: "locationNotFound" });
  });

  test("records that have just expired, at the limit", async () => {
    const shard = await openShard(1);
    await append(shard, "a");
    const atEnd = noonMs + hourMs;
    setClock(atEnd);
    unwrap(await shard.view());
    expect((await poll(shard, 0)).texts).toEqual(["a"]);
    expect(calls).toEqual([]);
    setClock(atEnd + 1);
    expect((await poll(shard, 0)).texts).toEqual([]);
    expect(calls).toEqual(["read"]);
  });

  test("a stream that is only kept for its forks", async () => {
    const shard = unopenedShard();
    const uid = shard.name ?? "";
    const range = { hashStart: "0".repeat(32), hashEnd: "f".repeat(32) };
    const settings = { uid, index: 0, createdMs: noonMs, retentionHours: 24, ...range };
    const life = { stream: "s", account: "0", region: "r", isKnown: true, streamUid: "u" };
    await shard.open({ ...settings, life: { ...life, mediaType: "text/plain" } });
    await append(shard, "a");
    unwrap(await shard.fork("fork", undefined, 0));
    expect((await poll(shard, 1)).view.isDeleted).toBeUndefined();
    const release = await holdCommits(shard);
    const retired = shard.retire();
    // Not before it is durable.
    unwrap(await shard.view());
    calls.length = 0;
    await poll(shard, 1);
    await poll(shard, 1);
    expect(calls).toEqual(["read", "read"]);
    await release();
    await retired;
    expect((await poll(shard, 1)).view.isDeleted).toBe(true);
    expect((await new DurableStreams(runtime).look(uid, false)).isDeleted).toBe(true);
  });
});
