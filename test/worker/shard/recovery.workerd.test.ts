// What is left when something breaks: a commit that fails, a disk that fails altogether, an object
// that is thrown out of memory or aborted in the middle of its work. Whatever happens, what was
// acknowledged stays, what was refused is gone or consistently there, and indexes go on without a
// gap and without a repeat.

import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { Random } from "../../engine/random.ts";
import {
  append,
  chunkOf,
  holdCommits,
  openShard,
  readAll,
  readPage,
  record,
  sabotage,
  seek,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";

describe("a commit that cannot be written", () => {
  test("refuses its callers, keeps what was there, and gives its indexes to the next", async () => {
    const shard = await openShard();
    await append(shard, "a", "b");
    const mend = await breakWrites(shard, "insert");
    const refused = await Promise.all([
      shard.append([chunkOf("lost 1")]),
      shard.append([chunkOf("lost 2", "lost 3")]),
    ]);
    expect(refused).toMatchObject([
      { failed: "commitFailed", detail: { what: "disk I/O error" } },
      { failed: "commitFailed", detail: { what: "disk I/O error" } },
    ]);
    expect((await readAll(shard)).map(textOf)).toEqual(["a", "b"]);
    await mend();
    expect((await append(shard, "c")).firstIndex).toBe(2);
    expect((await readAll(shard)).map(textOf)).toEqual(["a", "b", "c"]);
  });

  test("leaves nothing of a body that takes several rows when the last row fails", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const mend = await breakWrites(shard, "insert", 3);
    const large = chunkOf(record(new Random(3).bytes(7_000_000)));
    expect(await shard.append([large])).toMatchObject({ failed: "commitFailed" });
    await mend();
    await append(shard, "b");
    await evictDurableObject(shard);
    const stored = await readAll(shard);
    expect(stored.map(({ index }) => index)).toEqual([0, 1]);
    expect(stored.map(textOf)).toEqual(["a", "b"]);
  });

  test("does not stop the shard for good, even if nothing can be read back either", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const mend = await breakWrites(shard, "everything");
    const refused = [shard.append([chunkOf("lost")]), shard.append([chunkOf("lost too")])];
    for (const outcome of await Promise.allSettled(refused)) {
      const failed = outcome.status === "rejected" || "failed" in outcome.value;
      expect(failed).toBe(true);
    }
    await mend();
    const again = env.SHARD.getByName(shard.name ?? "");
    expect((await append(again, "b")).firstIndex).toBe(1);
    expect((await readAll(again)).map(textOf)).toEqual(["a", "b"]);
  });
});

describe("a commit that is not made durable", () => {
  test("and is rolled back with its object: nothing of it is there", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await sabotage(shard, (storage, state) => {
      storage.sync = async () => state.abort("the disk is gone");
    });
    await expect(append(shard, "lost")).rejects.toThrow("the disk is gone");
    const again = env.SHARD.getByName(shard.name ?? "");
    expect((await readAll(again)).map(textOf)).toEqual(["a"]);
    expect((await append(again, "b")).firstIndex).toBe(1);
  });

  test("refuses its callers, and the shard goes by what its rows say", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const release = await holdCommits(shard);
    const doubtful = shard.append([chunkOf("doubtful")]);
    const next = append(shard, "next", "and one more");
    expect((await readAll(shard)).map(textOf)).toEqual(["a"]);
    await release(new Error("no answer from the disk"));
    expect(await doubtful).toMatchObject({
      failed: "commitFailed",
      detail: { what: "no answer from the disk" },
    });
    const { firstIndex } = await next;
    const before = await readAll(shard);
    expect(before.slice(firstIndex).map(textOf)).toEqual(["next", "and one more"]);
    expect(before.map(({ index }) => index)).toEqual(before.map((_, i) => i));
    await evictDurableObject(shard);
    expect(await readAll(shard)).toEqual(before);
    expect((await append(shard, "last")).firstIndex).toBe(before.length);
  });
});

describe("an object that is gone from memory", () => {
  test("evicted: reads, seeks and views are the same, and indexes go on", async () => {
    const shard = await openShard();
    for (let commit = 0; commit < 20; commit++) await append(shard, `${commit}`, "x");
    const ask = async () => ({
      all: await readAll(shard),
      page: await readPage(shard, { index: 7, recordsMax: 5 }),
      seeks: await Promise.all([
        seek(shard, { kind: "earliest" }),
        seek(shard, { kind: "latest" }),
        seek(shard, { kind: "index", index: 11 }),
        seek(shard, { kind: "time", timeMs: Date.now() - 3_600_000, ordinal: 0 }),
        seek(shard, { kind: "time", timeMs: Date.now() + 3_600_000, ordinal: 0 }),
      ]),
      view: unwrap(await shard.seek({ kind: "latest" })).view,
    });
    const before = await ask();
    await evictDurableObject(shard);
    expect(await ask()).toEqual(before);
    await evictDurableObject(shard);
    expect((await append(shard, "y")).firstIndex).toBe(40);
  });

  test("evicted among appends: each is acknowledged and there, or refused", async () => {
    const shard = await openShard();
    const name = shard.name ?? "";
    const acknowledged = new Map<number, string>();
    for (let round = 0; round < 5; round++) {
      const texts = Array.from({ length: 20 }, (_, i) => `${round}.${i}`);
      const appends = texts.map(async (text) => {
        const { firstIndex } = await append(env.SHARD.getByName(name), text);
        acknowledged.set(firstIndex, text);
      });
      await evictDurableObject(env.SHARD.getByName(name));
      await Promise.allSettled(appends);
    }
    await expectAcknowledged(name, acknowledged);
  });

  test("aborted among appends: each that was acknowledged is there", async () => {
    const name = (await openShard()).name ?? "";
    const acknowledged = new Map<number, string>();
    for (let round = 0; round < 5; round++) {
      const appends = Array.from({ length: 40 }, async (_, i) => {
        const text = `${round}.${i}`;
        const { firstIndex } = await append(env.SHARD.getByName(name), text);
        acknowledged.set(firstIndex, text);
      });
      await appends[0];
      await abortAllDurableObjects();
      await Promise.allSettled(appends);
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(5);
    await expectAcknowledged(name, acknowledged);
  });
});

async function expectAcknowledged(name: string, acknowledged: Map<number, string>): Promise<void> {
  const shard = env.SHARD.getByName(name);
  const stored = await readAll(shard);
  expect(stored.map(({ index }) => index)).toEqual(stored.map((_, i) => i));
  for (const [index, text] of acknowledged) {
    expect(stored[index] && textOf(stored[index])).toBe(text);
  }
  expect((await append(shard, "after")).firstIndex).toBe(stored.length);
}

/** Lets statements fail after `good` of them; the returned function mends the disk. */
async function breakWrites(
  shard: ShardStub,
  which: "insert" | "everything",
  good = 0,
): Promise<() => Promise<void>> {
  const { restore } = await sabotage(shard, ({ sql }) => {
    const exec = sql.exec.bind(sql);
    let left = good;
    sql.exec = (query, ...bindings) => {
      if ((which === "everything" || /^\s*insert/i.test(query)) && left-- <= 0) {
        throw new Error("disk I/O error");
      }
      return exec(query, ...bindings);
    };
    return {
      restore: () => {
        sql.exec = exec;
      },
    };
  });
  return () => sabotage(shard, restore);
}
