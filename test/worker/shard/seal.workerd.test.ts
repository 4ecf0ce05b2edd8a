// Sealing, whatever a tail is made of: tails whose segment is much larger than they are, commits of
// more chunks than the engine joins at once, generations of large chunks alone. None of them may
// stop a shard, and what comes back is what was put.

import { noonMs, setClock } from "../../support/clock.ts";
import { afterEach, describe, expect, test } from "vitest";
import {
  generationBytes,
  sealAgeMs,
  segmentBytes,
  segmentBytesMin,
} from "../../../worker/limits.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import { packRecords } from "../../reference/pack.ts";
import {
  append,
  chunkOf,
  holdCommits,
  type Offered,
  openShard,
  record,
  textOf,
} from "../../support/shards.ts";
import {
  evictAll,
  gatherAll,
  gatherPage,
  rebind,
  ringAlarm,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";

afterEach(tidyUp);

test("a small tail is not sealed for a chunk that is large enough to be a segment", async () => {
  const shard = await openShard();
  await append(shard, "small");
  await append(shard, record(new Random(1).bytes(segmentBytesMin)));
  const { tail, segments } = await statsOf(shard);
  expect([tail.chunks, segments.count]).toEqual([2, 0]);
});

describe("a tail is sealed", () => {
  test("when its records are so small that the columns of their segment outgrow them", async () => {
    const shard = await openShard();
    const uniform = packRecords(Array.from({ length: 8000 }, () => record("x", "")));
    for (let i = 0; i < 60; i++) {
      setClock(noonMs + i * 1000);
      await append(shard, record("odd", ""));
      expect(await shard.append([uniform])).toHaveProperty("receipts");
    }
    await ringAlarm(shard, noonMs + 2 * sealAgeMs);
    const { tail, records, segments } = await statsOf(shard);
    expect([tail.chunks, records]).toEqual([0, 60 * 8001]);
    expect(segments.count).toBeGreaterThanOrEqual(2);
    await evictAll(shard);
    for (const index of [0, 30 * 8001 - 20, 60 * 8001 - 50]) {
      const from = unwrap(await shard.seek({ kind: "index", index })).location;
      const { records } = await gatherPage(shard, { from, limits: { recordsMax: 50 } });
      expect(records.map(({ index }) => index)).toEqual(
        Array.from({ length: 50 }, (_, i) => index + i),
      );
      expect(records.map(textOf)).toEqual(
        records.map(({ index }) => (index % 8001 === 0 ? "odd" : "x")),
      );
    }
  });

  test("when one commit brings more small chunks than the engine joins at once", async () => {
    const shard = await openShard();
    const release = await holdCommits(shard);
    const first = append(shard, "first");
    const chunk = chunkOf(record("x", ""));
    const calls = Array.from({ length: 40 }, () =>
      shard.append(Array.from({ length: 500 }, () => chunk.slice())),
    );
    await release();
    expect(await first).toMatchObject({ firstIndex: 0 });
    for (const reply of await Promise.all(calls)) expect(reply).toHaveProperty("receipts");
    expect((await gatherAll(shard)).length).toBe(20_001);
  });

  test("when one commit brings many chunks of small records", async () => {
    const shard = await openShard();
    const release = await holdCommits(shard);
    const first = append(shard, "first");
    const chunk = packRecords(Array.from({ length: 8000 }, () => record("x", "")));
    const calls = Array.from({ length: 20 }, () =>
      shard.append(Array.from({ length: 20 }, () => chunk.slice())),
    );
    await release();
    expect(await first).toMatchObject({ firstIndex: 0 });
    for (const reply of await Promise.all(calls)) expect(reply).toHaveProperty("receipts");
    const { records, tail } = await statsOf(shard);
    expect(records).toBe(1 + 400 * 8000);
    expect(tail.bytes).toBeLessThan(segmentBytes);
  });
});

describe("a generation ends", () => {
  test("when all its chunks are segments as they come", async () => {
    const shard = await openShard();
    const large = record(new Uint8Array(segmentBytes).fill(1));
    for (let bytes = 0; bytes < 2.2 * generationBytes; bytes += segmentBytes) {
      await append(shard, large);
    }
    await untilTiered(shard);
    const { segments } = await statsOf(shard);
    expect(segments.r2Bytes).toBeGreaterThanOrEqual(2 * generationBytes);
    expect(segments.sqliteBytes).toBeLessThan(generationBytes);
  });

  test("and without a bucket keeps every record of chunks of every size", async () => {
    const random = new Random(5);
    const shard = await openShard();
    await rebind(shard, undefined);
    const offered: Offered[] = [];
    for (let bytes = 0; bytes < 2.5 * generationBytes;) {
      const size = random.pick([10, 1000, 50_000, 400_000, 600_000, 1_100_000, 2_500_000]);
      offered.push(record(random.bytes(size)));
      await append(shard, offered.at(-1) as Offered);
      bytes += size;
    }
    await evictAll(shard);
    await rebind(shard, undefined);
    const stored = await gatherAll(shard);
    expect(stored.map(({ index }) => index)).toEqual(offered.map((_, i) => i));
    for (const [i, { data }] of stored.entries()) expectBytes(data, offered[i]?.data ?? "");
  });
});
