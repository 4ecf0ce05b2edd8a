// What a shard promises about every record it takes: a gapless index, an arrival time that never
// goes back, one row for each commit however many callers share it, and nothing at all from a
// shard that is not there. The clock is set where a claim is about time.

import { noonMs, setClock } from "../../support/clock.ts";
import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  bodyRowsMax,
  chunkBytesMax,
  chunkRecordsMax,
  pendingBytesMax,
  rowBodyBytesMax,
} from "../../../worker/limits.ts";
import { bindChunk, readHeader, stampChunk } from "../../../worker/engine/chunk.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { engine } from "../../../worker/engine/instance.ts";
import { packRecords } from "../../reference/pack.ts";
import {
  append,
  chunkOf,
  countWrites,
  holdCommits,
  type Offered,
  openShard,
  readAll,
  readPage,
  record,
  sabotage,
  textOf,
  unopenedShard,
} from "../../support/shards.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("indexes", () => {
  test("the first record has index 0, and none is left out over appends of any size", async () => {
    const shard = await openShard();
    const sizes = [1, 3, 1, 40, 2];
    const firsts: number[] = [];
    for (const size of sizes) {
      const texts = Array.from({ length: size }, (_, i) => `${size}:${i}`);
      firsts.push((await append(shard, ...texts)).firstIndex);
    }
    expect(firsts).toEqual([0, 1, 4, 5, 45]);
    const stored = await readAll(shard);
    expect(stored.map(({ index }) => index)).toEqual(Array.from({ length: 47 }, (_, i) => i));
    expect(stored.slice(45).map(textOf)).toEqual(["2:0", "2:1"]);
  });

  test("the chunks of one call follow one another, with a receipt each", async () => {
    const shard = await openShard();
    const reply = await shard.append([chunkOf("a", "b"), chunkOf("c"), chunkOf("d", "e")]);
    expect(reply).toMatchObject({
      receipts: [{ firstIndex: 0 }, { firstIndex: 2 }, { firstIndex: 3 }],
    });
    expect((await readAll(shard)).map(textOf)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("calls in flight together get runs of their own, and their records are there", async () => {
    const shard = await openShard();
    const calls = Array.from({ length: 100 }, (_, call) =>
      Array.from({ length: (call % 4) + 1 }, (_, i) => `${call}.${i}`),
    );
    const receipts = await Promise.all(calls.map((texts) => append(shard, ...texts)));
    const stored = (await readAll(shard)).map(textOf);
    expect(stored).toHaveLength(250);
    for (const [call, { firstIndex }] of receipts.entries()) {
      const texts = calls[call] as string[];
      expect(stored.slice(firstIndex, firstIndex + texts.length)).toEqual(texts);
    }
  });

  test("calls that are made in order are stored in order", async () => {
    const shard = await openShard();
    const texts = Array.from({ length: 64 }, (_, i) => `${i}`);
    await Promise.all(texts.map((text) => append(shard, text)));
    expect((await readAll(shard)).map(textOf)).toEqual(texts);
  });
});

describe("arrival times", () => {
  test("are the clock's, and shared by the records of a commit", async () => {
    const shard = await openShard();
    setClock(noonMs);
    expect(await append(shard, "a", "b")).toEqual({ firstIndex: 0, timeMs: noonMs });
    setClock(noonMs + 5);
    await append(shard, "c");
    const stored = await readAll(shard);
    expect(stored.map(({ timeMs }) => timeMs)).toEqual([noonMs, noonMs, noonMs + 5]);
  });

  test("stay when the clock goes back, until it has caught up", async () => {
    const shard = await openShard();
    const clock = [noonMs, noonMs - 1, noonMs - 3_600_000, noonMs, noonMs + 1];
    const times: number[] = [];
    for (const nowMs of clock) {
      setClock(nowMs);
      times.push((await append(shard, "x")).timeMs);
    }
    expect(times).toEqual([noonMs, noonMs, noonMs, noonMs, noonMs + 1]);
    const stored = await readAll(shard);
    expect(stored.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2, 3, 0]);
  });

  test("stay when the clock goes back while the shard is not in memory", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await append(shard, "a", "b");
    await evictDurableObject(shard);
    setClock(noonMs - 60_000);
    expect((await append(shard, "c")).timeMs).toBe(noonMs);
    const stored = await readAll(shard);
    expect(stored.map(({ timeMs, ordinal }) => [timeMs, ordinal])).toEqual([
      [noonMs, 0],
      [noonMs, 1],
      [noonMs, 2],
    ]);
  });

  test("move on by a millisecond when one holds a million records", async () => {
    const shard = await openShard();
    setClock(noonMs);
    const chunk = packRecords(Array.from({ length: 8000 }, () => record("")));
    const times: number[] = [];
    for (let call = 0; call < 126; call++) {
      const reply = await shard.append([chunk]);
      if ("receipts" in reply) times.push(reply.receipts[0]?.timeMs ?? 0);
    }
    const { records } = await readPage(shard, { index: 124 * 8000 });
    expect(new Set(times.slice(0, 124))).toEqual(new Set([noonMs]));
    expect(times.slice(125)).toEqual([noonMs + 1]);
    const ordinals = records.map(({ ordinal }) => ordinal);
    expect(Math.max(...ordinals)).toBeLessThan(1_000_000);
  });
});

describe("rows written", () => {
  test("one for an append of one record", async () => {
    const shard = await openShard();
    const writes = await countWrites(shard);
    await append(shard, "a");
    expect(writes).toEqual({ rows: 1, commits: 1 });
  });

  test("one for an append of a thousand records in several chunks", async () => {
    const shard = await openShard();
    const writes = await countWrites(shard);
    const texts = Array.from({ length: 1000 }, (_, i) => `${i}`);
    const chunks = [0, 250, 500, 750].map((from) => chunkOf(...texts.slice(from, from + 250)));
    await shard.append(chunks);
    expect(writes).toEqual({ rows: 1, commits: 1 });
    expect((await readAll(shard)).map(textOf)).toEqual(texts);
  });

  test("one for each append when a lone producer waits for every reply", async () => {
    const shard = await openShard();
    const writes = await countWrites(shard);
    for (let i = 0; i < 10; i++) await append(shard, `${i}`);
    expect(writes).toEqual({ rows: 10, commits: 10 });
  });

  test("one for each commit, and few commits, when 64 producers append at once", async () => {
    const shard = await openShard();
    const writes = await countWrites(shard);
    await Promise.all(Array.from({ length: 64 }, (_, i) => append(shard, `${i}`)));
    expect(writes.rows).toBe(writes.commits);
    expect(writes.commits).toBeGreaterThanOrEqual(1);
    expect(writes.commits).toBeLessThanOrEqual(32);
    expect(await readAll(shard)).toHaveLength(64);
  });

  test("two for 64 appends of which 63 come in while the first is made durable", async () => {
    const shard = await openShard();
    const writes = await countWrites(shard);
    const release = await holdCommits(shard);
    const appends = Array.from({ length: 64 }, (_, i) => append(shard, `${i}`));
    expect(await readAll(shard)).toEqual([]);
    await release();
    await Promise.all(appends);
    expect(writes.rows).toBe(2);
    expect((await readAll(shard)).map(textOf)).toEqual(
      Array.from({ length: 64 }, (_, i) => `${i}`),
    );
  });

  test("as many as its bytes need for a record that is larger than a row", async () => {
    const shard = await openShard();
    const writes = await countWrites(shard);
    const bytes = 5 * 1024 * 1024;
    await append(shard, record(new Uint8Array(bytes).fill(7)));
    expect(writes.rows).toBe(Math.ceil(bytes / rowBodyBytesMax));
  });
});

describe("what is not appended", () => {
  test("a record is not shown to readers before it is durable", async () => {
    const shard = await openShard();
    await append(shard, "old");
    const release = await holdCommits(shard);
    const appended = append(shard, "new");
    const { records, view } = await readPage(shard);
    expect(records.map(textOf)).toEqual(["old"]);
    expect(view.nextIndex).toBe(1);
    await release();
    await appended;
    expect((await readAll(shard)).map(textOf)).toEqual(["old", "new"]);
  });

  test("a shard that was never opened refuses and stores nothing", async () => {
    const shard = unopenedShard();
    const failed = { failed: "shardNotFound" };
    expect(await shard.append([chunkOf("a")])).toMatchObject(failed);
    expect(await shard.read({ index: 0, recordsMax: 1, bytesMax: 1 })).toMatchObject(failed);
    expect(await shard.seek({ kind: "latest" })).toMatchObject(failed);
    expect(await tablesOf(shard)).toEqual([]);
  });

  test("a destroyed shard refuses and stores nothing, and stays destroyed", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await shard.destroy();
    const failed = { failed: "shardNotFound" };
    expect(await shard.append([chunkOf("b")])).toMatchObject(failed);
    await evictDurableObject(shard);
    expect(await shard.append([chunkOf("c")])).toMatchObject(failed);
    expect(await shard.read({ index: 0, recordsMax: 1, bytesMax: 1 })).toMatchObject(failed);
    expect(await tablesOf(shard)).toEqual([]);
    await shard.destroy();
  });

  test("a shard that is destroyed among appends keeps nothing of them", async () => {
    const shard = await openShard();
    const appends = Array.from({ length: 32 }, (_, i) => shard.append([chunkOf(`${i}`)]));
    await shard.destroy();
    await Promise.all(appends);
    expect(await shard.append([chunkOf("late")])).toMatchObject({ failed: "shardNotFound" });
    expect(await tablesOf(shard)).toEqual([]);
  });

  test("bytes that are no chunk are refused by name, and the shard goes on", async () => {
    const shard = await openShard();
    const future = chunkOf("a");
    future[4] = 9;
    for (const bytes of [new Uint8Array(0), new Uint8Array(100), future]) {
      expect(await shard.append([chunkOf("good"), bytes])).toMatchObject({ failed: "corrupt" });
    }
    expect(await append(shard, "next")).toMatchObject({ firstIndex: 0 });
    expect((await readAll(shard)).map(textOf)).toEqual(["next"]);
  });

  test("a chunk of several records that is larger than the engine takes is refused whole", async () => {
    const shard = await openShard();
    const most = chunkOf(...pairOf(chunkBytesMax));
    expect(most.length).toBe(chunkBytesMax);
    for (const bytes of [chunkBytesMax + 1, engine.windowBytes + 1, 5_000_000]) {
      const writes = await countWrites(shard);
      const reply = await shard.append([chunkOf("good"), chunkOf(...pairOf(bytes))]);
      expect(reply).toMatchObject({
        failed: "tooLarge",
        detail: { bytes, bytesMax: chunkBytesMax },
      });
      expect(writes).toEqual({ rows: 0, commits: 0 });
    }
    expect(unwrap(await shard.append([most])).receipts).toMatchObject([{ firstIndex: 0 }]);
    const stored = await readAll(shard);
    expect(stored.map(({ data }) => data.length)).toEqual(
      pairOf(chunkBytesMax).map(({ data }) => data.length),
    );
  });

  test("a chunk of more records than a Worker packs, or of more bytes than a body's rows", async () => {
    const shard = await openShard();
    const empty = Array.from({ length: chunkRecordsMax + 1 }, () => record("", ""));
    expect(await shard.append([packRecords(empty)])).toMatchObject({
      failed: "tooLarge",
      detail: { records: chunkRecordsMax + 1, recordsMax: chunkRecordsMax },
    });
    const bytesMax = bodyRowsMax * rowBodyBytesMax;
    expect(await shard.append([chunkOf(record(new Uint8Array(bytesMax)))])).toMatchObject({
      failed: "tooLarge",
      detail: { bytesMax },
    });
    expect(await shard.append([packRecords(empty.slice(1))])).toMatchObject({ receipts: [{}] });
    expect(await readAll(shard)).toHaveLength(chunkRecordsMax);
  });

  test("what is cut short or goes on behind its end is no chunk", async () => {
    const shard = await openShard();
    const chunk = chunkOf("a", "b");
    for (const bytes of [chunk.subarray(0, -1), Uint8Array.of(...chunk, 0)]) {
      expect(await shard.append([bytes])).toMatchObject({ failed: "corrupt" });
    }
    expect(await readAll(shard)).toEqual([]);
  });

  test("a body that is bound to a shard is no chunk to offer, be it this shard's own", async () => {
    const shard = await openShard();
    const bound = chunkOf("a");
    stampChunk(bound, { firstIndex: 0, timeMs: noonMs, timeOrdinal: 0 });
    bindChunk(bound, shard.name ?? "");
    expect(await shard.append([bound])).toMatchObject({
      failed: "corrupt",
      detail: { what: "bound to a shard" },
    });
    expect(await readAll(shard)).toEqual([]);
  });

  test("what would pass the bound of pending bytes is refused at once", async () => {
    const shard = await openShard();
    const release = await holdCommits(shard);
    const half = chunkOf(record(new Uint8Array(pendingBytesMax / 2 - 1024)));
    const held = [shard.append([half]), shard.append([half])];
    expect(await shard.append([half])).toMatchObject({ failed: "overloaded" });
    const small = append(shard, "small");
    await release();
    expect(await Promise.all(held)).toMatchObject([{ receipts: [{}] }, { receipts: [{}] }]);
    expect(await small).toMatchObject({ firstIndex: 2 });
    expect(await append(shard, record(new Uint8Array(9_000_000)))).toMatchObject({ firstIndex: 3 });
  });
});

/** Two records that make a chunk of this many bytes, their ends in columns as wide as they must be. */
function pairOf(bytes: number): Offered[] {
  const first = record("first");
  const pair = (dataBytes: number) => [first, record(new Uint8Array(dataBytes))];
  const around = readHeader(chunkOf(...pair(bytes))).bytes - bytes;
  return pair(bytes - around);
}

async function tablesOf(shard: ReturnType<typeof unopenedShard>): Promise<string[]> {
  return sabotage(shard, ({ sql }) =>
    sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
      )
      .toArray()
      .map(({ name }) => name),
  );
}
