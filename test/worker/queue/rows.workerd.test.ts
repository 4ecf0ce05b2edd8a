// Rows that a queue writes, which Cloudflare bills: none for a receive, one for a commit of
// acknowledgements however many share it, and none besides, also when the ring of changes is full.

import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Receipt } from "../../../worker/delivery/delivery.ts";
import { queueChangesMax, queueRowRuns } from "../../../worker/limits.ts";
import { append } from "../../support/shards.ts";
import {
  acknowledge,
  evict,
  inside,
  openQueue,
  receive,
  settle,
  statsOf,
  texts,
} from "./shardQueues.ts";

test("receives write no row", async () => {
  const { queue } = await openQueue(500);
  const before = await statsOf(queue);
  for (let i = 0; i < 50; i++) expect(await receive(queue)).toHaveLength(10);
  const after = await statsOf(queue);
  expect(after.rowsWritten - before.rowsWritten).toBe(0);
  expect(after.inFlight).toBe(500);
});

test("one worker: a row for each batch", async () => {
  const { queue } = await openQueue(400);
  const before = await statsOf(queue);
  const batches = 60;
  await inside(queue, async (own) => {
    for (let i = 0; i < batches; i++) {
      const receipts = await receive(own, { limit: 5 });
      expect(new Set(await acknowledge(own, receipts))).toEqual(new Set(["done"]));
    }
  });
  const after = await statsOf(queue);
  expect(after.rowsWritten - before.rowsWritten).toBe(batches);
  expect(after.next).toBe(batches * 5);
  await evict(queue);
  expect(await statsOf(queue)).toMatchObject({ next: batches * 5, waiting: 0, inFlight: 0 });
  expect(await receive(queue)).toHaveLength(10);
});

test("64 batches at once: at most a row for eight of them", async () => {
  const { queue } = await openQueue(6400);
  const before = await statsOf(queue);
  const batches = await Promise.all(Array.from({ length: 640 }, async () => receive(queue)));
  const work = Array.from({ length: 64 }, async (_, worker) => {
    for (let i = worker; i < batches.length; i += 64) await acknowledge(queue, batches[i] ?? []);
  });
  await Promise.all(work);
  const after = await statsOf(queue);
  const rows = after.rowsWritten - before.rowsWritten;
  expect(rows).toBe(after.commits - before.commits);
  expect(rows).toBeLessThanOrEqual(batches.length / 8);
  expect(after).toMatchObject({ next: 6400, waiting: 0, inFlight: 0 });
});

test("an acknowledgement that changes nothing writes nothing", async () => {
  const { queue } = await openQueue(5);
  const receipts = await receive(queue);
  await acknowledge(queue, receipts);
  const before = await statsOf(queue);
  expect(await acknowledge(queue, receipts)).toEqual(receipts.map(() => "done"));
  expect((await statsOf(queue)).rowsWritten).toBe(before.rowsWritten);
});

test("a ring that is full costs no row; a state of several parts, and a smaller one, are read again", async () => {
  const { shard, queue } = await openQueue(0, { visibilitySeconds: 43_200 });
  for (let i = 0; i < 7; i++) await append(shard, ...texts(8000));
  const count = queueRowRuns + 100;
  const partsOf = () =>
    runInDurableObject(queue, (_, { storage }) => {
      const query = "SELECT id FROM delivery WHERE id >= ?";
      return storage.sql.exec(query, queueChangesMax).toArray().length;
    });
  const receipts = await inside(queue, async (own) => {
    const all: Receipt[] = [];
    // Each is a run by itself.
    for (let i = 0; i < count; i++) all.push(...(await receive(own, { limit: 1 })));
    await acknowledge(own, all.slice(0, 1));
    return all;
  });
  expect(await partsOf()).toBe(2);
  await evict(queue);
  const stored = await statsOf(queue);
  expect(stored).toMatchObject({ next: count, inFlight: count - 1, runs: count - 1 });
  await inside(queue, async (own) => {
    const before = await statsOf(own);
    await acknowledge(own, receipts.slice(0, -5));
    for (let i = 0; i <= queueChangesMax; i++) {
      await settle(own, [{ kind: "hide", receipt: receipts.at(-1)!, visibilityMs: 1000 + i }]);
    }
    const rows = (await statsOf(own)).rowsWritten - before.rowsWritten;
    expect(rows).toBe(queueChangesMax + 2);
  });
  await evict(queue);
  expect(await statsOf(queue)).toMatchObject({ next: count, runs: 5 });
});
