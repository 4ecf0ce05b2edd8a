// The server is killed with -9 at the moments that are hardest on its store: while tails become segments,
// while segments move to R2 and their rows are freed, while a stream is removed. Producers put all the
// while. After each kill the same folder must serve every acknowledged record, and what was under way
// must come to its end by itself: segments in R2, the removed stream gone to the last row and object.
// Each kill comes when the store is seen at that moment. CRASH_ROUNDS makes more of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { generationBytes, resumeDelayMs, segmentBytes } from "../../worker/limits.ts";
import type { ShardStats } from "../../worker/core/types.ts";
import { Random } from "../engine/random.ts";
import {
  countFilledShards,
  listGenerations,
  listObjects,
  listStates,
  listStoredShards,
  statsOf,
  untilSeen,
} from "./data-folder.ts";
import { History, kinesisAt, type Shape } from "./history.ts";
import { type Server, startServer, untilGone } from "./server.ts";

const roundCount = Number(process.env["CRASH_ROUNDS"] ?? 3);
const seed = Number(process.env["SEED"] ?? 11);
const producerCount = 4;
const keptShards = 2;
const doomedShards = 4;
const timeout = 60_000 + roundCount * 20_000;

/** A moment to kill at: as soon as what it counts is not what it was before the round's puts. */
interface Aim {
  at: string;
  count: (server: Server, stream: string) => number | Promise<number>;
}

/** One record, or as many as reach a segment's size in some twenty calls. */
const small: Shape = (random) =>
  random.chance(0.5)
    ? [random.below(400)]
    : Array.from({ length: random.between(2, 40) }, () => random.below(4000));

/** Records that are a segment each, among which a few are small; one by one, so that nobody is kept from watching. */
const large: Shape = (random) => [
  random.chance(0.2) ? random.below(400) : random.between(400_000, 900_000),
];

/** Batches that the front packs and writes itself, where there is one shard; a small one now and then. */
const batches: Shape = (random) =>
  Array.from({ length: random.chance(0.2) ? 2 : 60 }, () => random.between(7000, 14_000));

const sealingAims: Aim[] = [
  {
    at: "a tail that is about to be sealed",
    count: (server, stream) =>
      countShards(server, stream, ({ tail }) => tail.bytes > segmentBytes * 0.9),
  },
  {
    at: "the first segment of a shard",
    count: (server, stream) => countShards(server, stream, ({ segments }) => segments.count > 0),
  },
  {
    at: "a third segment of a shard",
    count: (server, stream) => countShards(server, stream, ({ segments }) => segments.count > 2),
  },
];

const tieringAims: Aim[] = [
  { at: "an object that has just come to R2", count: ({ data }) => listObjects(data).length },
  {
    at: "a generation that is closed and not freed",
    count: ({ data }) => countGenerations(data, "closed"),
  },
  {
    at: "rows that have just been freed",
    count: ({ data }) => countGenerations(data, "freed"),
  },
];

/** What a removal takes away, in its order. */
const removalAims: Aim[] = [
  {
    at: "the stream's state gone",
    count: ({ data }) => listStates(data).filter((state) => state !== "DELETING").length,
  },
  { at: "its first objects gone", count: ({ data }) => listObjects(data).length },
  { at: "its first rows gone", count: ({ data }) => countFilledShards(data) },
];

const stagingAims: Aim[] = [
  {
    at: "a body that was staged",
    count: ({ data }) => listObjects(data).filter((key) => key.startsWith("staged/")).length,
  },
  ...tieringAims.slice(1),
];

const kinds: { name: string; aims: Aim[]; shape: Shape; shardCount: number }[] = [
  { name: "sealed", aims: sealingAims, shape: small, shardCount: 2 },
  { name: "moved", aims: tieringAims, shape: large, shardCount: 2 },
  { name: "staged", aims: stagingAims, shape: batches, shardCount: 1 },
];

test(`killed while segments are sealed and moved, seed ${seed}`, { timeout }, async () => {
  const data = newFolder();
  const history = new History();
  const random = new Random(seed);
  for (let round = 0; round < roundCount * kinds.length; round++) {
    const { name, aims, shape, shardCount } = kinds[Math.floor(round / roundCount)]!;
    const aim = aims[round % aims.length]!;
    await using server = await startServer({ data });
    for (const stream of history.names.slice(-1)) await expectWhole(server, history, stream);
    const stream = `${name}-${round}`;
    await history.create(kinesisAt(server.endpoint), stream, shardCount);
    const hit = await watchFor(aim, server, stream);
    await putUntil(server, history, stream, random, shape, hit);
  }
  await using server = await startServer({ data });
  for (const stream of history.names) await expectWhole(server, history, stream);
});

test(`killed while a stream is removed, seed ${seed}`, { timeout }, async () => {
  const data = newFolder();
  const history = new History();
  const random = new Random(seed);
  const kept = "kept";
  for (let round = 0, tries = 0; round < roundCount; tries++) {
    expect(tries).toBeLessThan(3 * roundCount);
    await using server = await startServer({ data });
    const kinesis = kinesisAt(server.endpoint);
    if (tries === 0) await history.create(kinesis, kept, keptShards);
    else await history.expectKept(kinesis, kept);
    const doomed = `doomed-${tries}`;
    await history.create(kinesis, doomed, doomedShards);
    await fill(server, history, doomed);
    const aim = removalAims[round % removalAims.length]!;
    // What is put meanwhile adds to what is counted.
    const hit = await watchFor(aim, server, doomed, (now, before) => now < before);
    let removed = false;
    await putUntil(server, history, kept, random, small, () => {
      void kinesis("DeleteStream", { StreamName: doomed }).then(
        ({ status }) => (removed = status === 200),
        () => {},
      );
      return hit();
    });
    history.forget(doomed);
    // Only a removal that was cut off counts.
    if (!removed) round++;
  }
  await using server = await startServer({ data });
  const kinesis = kinesisAt(server.endpoint);
  // The catalog's alarm is set before a removal begins, and takes it up again.
  await untilSeen("the end of every removal", () => areGone(data), 2 * resumeDelayMs);
  await expectWhole(server, history, kept);
  const shards = (await statsOf(server, kept)).map(({ shard }) => shard);
  expect(listStoredShards(data).toSorted()).toEqual(shards.toSorted());
  const owners = new Set(listObjects(data).map((key) => key.split("/")[1]));
  expect(shards).toEqual(expect.arrayContaining([...owners]));
  expect((await kinesis("ListStreams", {})).output.StreamNames).toEqual([kept]);
  // The name is free again, and nothing of the old stream shows.
  await history.create(kinesis, "doomed-0", 2);
  await history.expectKept(kinesis, "doomed-0");
});

/** Puts to the stream from many sides until the moment is seen, and kills the server at once. */
async function putUntil(
  server: Server,
  history: History,
  stream: string,
  random: Random,
  shape: Shape,
  watch: () => Promise<void>,
): Promise<void> {
  const kinesis = kinesisAt(server.endpoint);
  const name = `${stream}.${server.pid}`;
  const producers = Array.from({ length: producerCount }, (_, i) =>
    history.putForEver(kinesis, stream, `${name}.${i}`, new Random(random.word()), shape),
  );
  const ends = Promise.allSettled(producers);
  const failed = Promise.race(producers);
  await Promise.race([watch(), failed]);
  // Without the server workerd is killed a moment later, which would be too late.
  for (const pid of server.workerdPids) process.kill(pid, "SIGKILL");
  await server.kill9();
  await Promise.all(server.workerdPids.map(untilGone));
  await ends;
}

/** A moved generation in the first shard, segments and a tail in each, all sealed ones in R2. */
async function fill(server: Server, history: History, stream: string): Promise<void> {
  const kinesis = kinesisAt(server.endpoint);
  const calls = Array.from({ length: 4 }, (_, call) =>
    Array.from({ length: doomedShards * 2 }, (_, i) => {
      const shard = i < doomedShards ? 0 : i - doomedShards;
      const bytes = shard < 2 ? 600_000 : 90;
      return { text: `fill${call} ${i} ${bytes}`, bytes, shard };
    }),
  );
  await Promise.all(calls.map((records) => history.put(kinesis, stream, records)));
  await untilMoved(server, stream);
}

/** All that was promised of the stream is there, and its segments are in R2 as they should be. */
async function expectWhole(server: Server, history: History, stream: string): Promise<void> {
  await history.expectKept(kinesisAt(server.endpoint), stream);
  await untilMoved(server, stream);
}

/** Every sealed segment is an object, and no rows of closed generations are left. */
async function untilMoved(server: Server, stream: string): Promise<void> {
  let left: object[] = [];
  const look = async () => {
    const shards = await statsOf(server, stream);
    const objects = listObjects(server.data);
    left = shards.flatMap(({ shard, segments: { count, sqliteBytes } }) => {
      const keys = Array.from({ length: count }, (_, i) => `segments/${shard}/${i}`);
      const found = objects.filter((key) => key.startsWith(`segments/${shard}/`));
      const missing = keys.filter((key) => !found.includes(key));
      const foreign = found.filter((key) => !keys.includes(key));
      const isMoved = sqliteBytes < generationBytes && missing.length + foreign.length === 0;
      return isMoved ? [] : [{ missing, foreign, sqliteBytes }];
    });
    return left.length === 0;
  };
  await untilSeen(() => `all segments in R2, but for ${JSON.stringify(left)}`, look);
}

/** Notes how things stand; the returned function resolves once they have changed. */
async function watchFor(
  { at, count }: Aim,
  server: Server,
  stream: string,
  isSeen = (now: number, before: number) => now !== before,
) {
  const before = await count(server, stream);
  return () => untilSeen(at, async () => isSeen(await count(server, stream), before));
}

/** Of the stream that was made last. */
function countGenerations(data: string, state: string): number {
  return listGenerations(data, keptShards).filter((each) => each === state).length;
}

async function countShards(
  server: Server,
  stream: string,
  counts: (shard: ShardStats) => boolean,
): Promise<number> {
  return (await statsOf(server, stream)).filter(counts).length;
}

/** The catalog is done with every stream that was to be removed. */
function areGone(data: string): boolean {
  return !listStates(data).includes("DELETING");
}

function newFolder(): string {
  const data = mkdtempSync(join(tmpdir(), "millrace-crash-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  return data;
}
