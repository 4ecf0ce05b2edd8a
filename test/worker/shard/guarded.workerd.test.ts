// Appends with a guard: an append of a producer is stored once and in its order, whatever fails between, and what is
// known of producers is exactly what their records are: neither ahead of them nor behind.

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { WriteGuard } from "../../../worker/core/durable.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { Random } from "../../engine/random.ts";
import {
  append,
  chunkOf,
  countWrites,
  holdCommits,
  openShard,
  readAll,
  record,
  sabotage,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";
import { ringAlarm } from "../../support/storage.ts";

const mediaType = "application/octet-stream";
let shard: ShardStub;

beforeEach(async () => {
  shard = await openShard();
});

afterEach(() => {
  vi.useRealTimers();
});

const by = (id: string, seq: number, epoch = 0): WriteGuard => ({
  mediaType,
  producer: { id, epoch, seq },
});

async function write(guard: WriteGuard, text: string): Promise<string> {
  return unwrap(await shard.write([chunkOf(text)], guard)).verdict.kind;
}

const texts = async () => (await readAll(shard)).map(textOf);

describe("what is stored", () => {
  test("a guarded append is one row, with its records", async () => {
    await append(shard, "before");
    const writes = await countWrites(shard);
    expect(await write(by("a", 0), "a0")).toBe("stored");
    expect(writes).toEqual({ rows: 1, commits: 1 });
    expect(await write(by("a", 0), "again")).toBe("duplicate");
    expect(await write(by("a", 2), "gap")).toBe("gap");
    expect(writes).toEqual({ rows: 1, commits: 1 });
  });

  test.each<[string, WriteGuard, string[]]>([
    ["without a condition", { mediaType }, ["x"]],
    ["of a producer", by("a", 0), ["x"]],
    ["with a Stream-Seq", { mediaType, seq: "1" }, ["x"]],
    ["that closes the stream", { mediaType, close: true }, ["x"]],
    ["that only closes it", { close: true }, []],
  ])("one %s that is made again with its token was stored once", async (_, guard, stored) => {
    const chunks = () => stored.map((text) => chunkOf(text));
    const id = crypto.randomUUID();
    const first = unwrap(await shard.write(chunks(), guard, { id, isRepeated: false }));
    expect(first).toMatchObject({ verdict: { kind: "stored" }, isClosed: guard.close === true });
    await evictDurableObject(shard);
    expect(unwrap(await shard.write(chunks(), guard, { id, isRepeated: true }))).toEqual(first);
    expect(await texts()).toEqual(stored);
  });

  test("appends of several producers share a commit, and each is judged by itself", async () => {
    const release = await holdCommits(shard);
    const first = write(by("a", 0), "a0");
    const rest = [
      write(by("b", 0), "b0"),
      write(by("a", 1), "a1"),
      write(by("a", 3), "a3"),
      write(by("c", 0), "c0"),
      write(by("a", 1), "a1 again"),
      write({ mediaType, seq: "2" }, "s2"),
      write({ mediaType, seq: "1" }, "s1"),
      write({ mediaType: "text/plain" }, "text"),
    ];
    const writes = await countWrites(shard);
    await release();
    expect(await first).toBe("stored");
    expect(await Promise.all(rest)).toEqual([
      "stored",
      "stored",
      "gap",
      "stored",
      "duplicate",
      "stored",
      "staleSeq",
      "otherType",
    ]);
    // One for the first, if it is counted, and one for all that came while it was under way.
    expect(writes.rows).toBeLessThanOrEqual(2);
    expect(await texts()).toEqual(["a0", "b0", "a1", "c0", "s2"]);
  });

  test("a duplicate is answered when what it repeats is durable, a gap at once", async () => {
    const release = await holdCommits(shard);
    const first = write(by("a", 0), "a0");
    const again = write(by("a", 0), "a0");
    expect(await Promise.race([again, write(by("a", 2), "gap")])).toBe("gap");
    await release();
    expect(await Promise.all([first, again])).toEqual(["stored", "duplicate"]);
    expect(await texts()).toEqual(["a0"]);
  });

  test("closing with a last append is one commit, and the same append again a duplicate", async () => {
    await write(by("a", 0), "a0");
    expect(await write({ ...by("a", 1), close: true }, "last")).toBe("stored");
    for (let round = 0; round < 2; round++) {
      expect(await write({ ...by("a", 1), close: true }, "last")).toBe("duplicate");
      expect(await write(by("a", 2), "more")).toBe("closed");
      expect(await write({ mediaType }, "more")).toBe("closed");
      expect(await shard.append([chunkOf("more")])).toMatchObject({ failed: "streamClosed" });
      await evictDurableObject(shard);
    }
    expect(await texts()).toEqual(["a0", "last"]);
  });
});

describe("after an eviction", () => {
  beforeEach(async () => {
    await write(by("a", 0), "a0");
    await write(by("b", 0, 2), "b0");
    await write(by("b", 1, 2), "b1");
    await write({ mediaType, seq: "5" }, "s5");
  });

  test("the writers are known", async () => {
    await evictDurableObject(shard);
    await expectKnown();
    expect(await texts()).toEqual(["a0", "b0", "b1", "s5"]);
  });

  test("also of chunks that were merged into a segment", async () => {
    await ringAlarm(shard, Date.now() + 700_000);
    await evictDurableObject(shard);
    await expectKnown();
    await evictDurableObject(shard);
    await expectKnown();
  });

  test("also in a new generation, and without what a commit under way will change", async () => {
    const random = new Random(7);
    for (let i = 0; i < 6; i++) await append(shard, record(random.bytes(1_800_000)));
    await evictDurableObject(shard);
    await expectKnown();
    expect(await write(by("b", 2, 2), "b2")).toBe("stored");
    await evictDurableObject(shard);
    expect(await write(by("b", 2, 2), "again")).toBe("duplicate");
  });

  test("also if the table was created by a version that had no writers", async () => {
    const old = await openShard();
    await append(old, "old");
    await sabotage(old, ({ sql }) => {
      sql.exec("ALTER TABLE log_0 DROP COLUMN writers");
    });
    await evictDurableObject(old);
    shard = old;
    expect(await write(by("a", 0), "a0")).toBe("stored");
    await evictDurableObject(shard);
    expect(await write(by("a", 0), "again")).toBe("duplicate");
    await ringAlarm(shard, Date.now() + 700_000);
    await evictDurableObject(shard);
    expect(await write(by("a", 0), "again")).toBe("duplicate");
    expect(await texts()).toEqual(["old", "a0"]);
  });
});

describe("a commit that fails", () => {
  test.each(["insert", "everything"] as const)(
    "takes along what it knew of its writers: %s",
    async (which) => {
      await write(by("a", 0), "a0");
      const release = await holdCommits(shard);
      const held = write(by("z", 0), "z0");
      const lost = [write(by("a", 1), "a1"), write(by("a", 2), "a2"), write(by("b", 0), "b0")];
      // Answered at once, after all of them were taken in.
      expect(await write(by("a", 9), "a9")).toBe("gap");
      const mend = await breakWrites(which);
      await release();
      // It is stored; where nothing can be read, that cannot be said any more.
      const [kept, ...gone] = await Promise.allSettled([held, ...lost]);
      expect(kept.status).toBe(which === "insert" ? "fulfilled" : "rejected");
      for (const outcome of gone) expect(outcome.status).toBe("rejected");
      await mend();
      shard = env.SHARD.getByName(shard.name ?? "");
      expect(await write(by("a", 2), "a2")).toBe("gap");
      expect(await write(by("a", 1), "a1")).toBe("stored");
      expect(await write(by("a", 2), "a2")).toBe("stored");
      expect(await write(by("b", 0), "b0")).toBe("stored");
      expect(await texts()).toEqual(["a0", "z0", "a1", "a2", "b0"]);
    },
  );

  test("takes along what waited behind it, and was judged by it", async () => {
    const release = await holdCommits(shard);
    const lost = [write(by("a", 0), "a0"), write(by("a", 1), "a1"), write(by("b", 0), "b0")];
    expect(await write(by("a", 9), "a9")).toBe("gap");
    await release(new Error("disk I/O error"));
    for (const outcome of await Promise.allSettled(lost)) expect(outcome.status).toBe("rejected");
    // The first one's row may be there: then its retry is a duplicate.
    expect(["stored", "duplicate"]).toContain(await write(by("a", 0), "a0"));
    expect(await write(by("a", 1), "a1")).toBe("stored");
    expect(await write(by("b", 0), "b0")).toBe("stored");
    expect(await texts()).toEqual(["a0", "a1", "b0"]);
  });

  test("does not close the stream", async () => {
    const mend = await breakWrites("insert");
    await expect(write({ mediaType, close: true }, "last")).rejects.toThrow("commitFailed");
    await mend();
    expect(await write({ mediaType }, "more")).toBe("stored");
    expect(await write({ mediaType, close: true }, "last")).toBe("stored");
    expect(await texts()).toEqual(["more", "last"]);
  });
});

/** The writers that the tests after an eviction begin with. */
async function expectKnown(): Promise<void> {
  expect(await write(by("a", 0), "again")).toBe("duplicate");
  expect(await write(by("b", 1, 2), "again")).toBe("duplicate");
  expect(await write(by("b", 9, 1), "stale")).toBe("staleEpoch");
  expect(await write(by("b", 3, 2), "gap")).toBe("gap");
  expect(await write({ mediaType, seq: "5" }, "stale")).toBe("staleSeq");
}

/** Statements fail until the returned function is called. */
async function breakWrites(which: "insert" | "everything"): Promise<() => Promise<void>> {
  const { restore } = await sabotage(shard, ({ sql }) => {
    const exec = sql.exec.bind(sql);
    sql.exec = (query, ...bindings) => {
      if (which === "everything" || /^\s*insert/i.test(query)) throw new Error("disk I/O error");
      return exec(query, ...bindings);
    };
    return { restore: () => void (sql.exec = exec) };
  });
  return () => sabotage(shard, restore);
}
