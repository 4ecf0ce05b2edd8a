// Which shards become which, and when: plans by themselves, without any object. The totals are those
// that moto has seen of the service; the times are those of kinesalite's test/splitShard.js.

import type { ReshardOrder } from "../../../worker/core/control.ts";
import { array, assert, nat, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { hashHex, hashNumber, splitHashRange } from "../../../worker/core/hashRange.ts";
import {
  finishResharding,
  planResharding,
  recentRecounts,
  waitLeft,
} from "../../../worker/catalog/reshardPlan.ts";
import type {
  Resharding,
  ShardDescription,
  StreamDescription,
} from "../../../worker/core/types.ts";

const nowMs = Date.UTC(2036, 0, 1, 12, 0, 0, 678);
const second = Math.floor(nowMs / 1000);
const keyCount = 1n << 128n;

describe("the number of shards is changed", () => {
  test.each<ReshardOrder>([
    { kind: "recut", to: 4097 },
    { kind: "recut", to: 50_000_000 },
    { kind: "recut", to: 2 ** 32 },
    { kind: "recut", to: Infinity },
    { kind: "recount", from: 2, to: 4097 },
    { kind: "recount", from: 2, to: 1e308 },
  ])("%j is refused before a shard is planned", (order) => {
    expect(() => planResharding(newStream(2), order, nowMs, nowMs)).toThrow(
      expect.objectContaining({ code: "tooManyShards" }),
    );
  });

  test("numbers of shards never become fewer where keys move between shards", () => {
    expect(() => planResharding(newStream(3), { kind: "recut", to: 2 }, nowMs, nowMs)).toThrow(
      expect.objectContaining({ code: "tooFewShards" }),
    );
  });

  test.each([
    [2, 4, 6],
    [4, 5, 15],
    [10, 13, 37],
    [4, 2, 6],
    [5, 3, 7],
    [10, 3, 17],
    [1, 2, 3],
    [2, 1, 3],
    [3, 6, 9],
  ])("%i to %i: %i shards are listed in the end", (from, to, listed) => {
    const after = done(newStream(from), { kind: "recount", from, to });
    expect(openOf(after)).toHaveLength(to);
    expect(after.shards).toHaveLength(listed);
    expectCover(after);
  });

  test.each([1, 2, 3, 7, 16, 100])("doubling %i shards halves each", (from) => {
    const stream = newStream(from);
    for (const half of openOf(done(stream, { kind: "recount", from, to: from * 2 }))) {
      const [parent] = half.parents ?? [];
      const rest =
        widthOf(stream.shards[parent as number] as ShardDescription) - 2n * widthOf(half);
      expect(rest === 0n || rest === 1n || rest === -1n).toBe(true);
    }
  });

  test.each([
    [8, 4],
    [6, 3],
    [100, 50],
    [12, 6],
  ])("halving %i to %i merges neighbours in pairs", (from, to) => {
    const after = done(newStream(from), { kind: "recount", from, to });
    expect(openOf(after).map(({ parents }) => parents)).toEqual(
      Array.from({ length: to }, (_, i) => [2 * i, 2 * i + 1]),
    );
  });

  test("no shard is more than twice as wide as another, from even shards", () => {
    for (let from = 1; from <= 24; from++) {
      for (let to = Math.ceil(from / 2); to <= from * 2; to++) {
        const widths = openOf(done(newStream(from), { kind: "recount", from, to })).map(
          (shard) => Number(widthOf(shard)) / 2 ** 128,
        );
        expect(Math.max(...widths)).toBeLessThanOrEqual(Math.min(...widths) * 2 * (1 + 1e-9));
      }
    }
  });

  test("to what it is: nothing is done", () => {
    const plan = planOf(newStream(3), { kind: "recount", from: 3, to: 3 });
    expect(plan).toMatchObject({ made: [], closing: [] });
  });

  test("from another number than the caller saw: refused", () => {
    expect(() => planOf(newStream(3), { kind: "recount", from: 2, to: 4 })).toThrow(
      /streamNotActive/,
    );
  });

  test("of more shards than anyone has, at once", () => {
    const after = done(newStream(2048), { kind: "recount", from: 2048, to: 3000 });
    expect(openOf(after)).toHaveLength(3000);
    expectCover(after);
  });
});

describe("splitting", () => {
  test("a shard at a key: two shards that share its range and name it", () => {
    const stream = newStream(2);
    const { hashStart, hashEnd } = stream.shards[1] as ShardDescription;
    const hash = hashHex(hashNumber(hashStart) + 5n);
    const { shards } = done(stream, { kind: "split", shard: 1, hash });
    expect(shards[2]).toMatchObject({
      index: 2,
      parents: [1],
      hashStart,
      hashEnd: hashHex(hashNumber(hash) - 1n),
    });
    expect(shards[3]).toMatchObject({ index: 3, parents: [1], hashStart: hash, hashEnd });
    expect(shards[0]?.closedMs).toBeUndefined();
  });

  test.each([
    ["its first key", 0n, false],
    ["its second key", 1n, true],
    ["its last key", (1n << 127n) - 1n, true],
    ["the key after it", 1n << 127n, false],
  ])("at %s", (_, key, allowed) => {
    const plan = () => planOf(newStream(2), { kind: "split", shard: 0, hash: hashHex(key) });
    if (allowed) expect(plan().made).toHaveLength(2);
    else expect(plan).toThrow(/hashOutOfRange/);
  });

  test("what is not there, or is closed", () => {
    const stream = done(newStream(1), { kind: "split", shard: 0, hash: hashHex(9n) });
    const split = (shard: number) => planOf(stream, { kind: "split", shard, hash: hashHex(2n) });
    expect(() => split(0)).toThrow(/shardClosed/);
    expect(() => split(3)).toThrow(/shardNotFound/);
    expect(split(1).made.map(({ index }) => index)).toEqual([3, 4]);
  });
});

describe("merging", () => {
  test("neighbours: one shard with the range of both, and both for parents", () => {
    const stream = newStream(3);
    const { shards } = done(stream, { kind: "merge", shard: 0, adjacent: 1 });
    expect(shards[3]).toMatchObject({
      index: 3,
      parents: [0, 1],
      hashStart: stream.shards[0]?.hashStart,
      hashEnd: stream.shards[1]?.hashEnd,
    });
    expect(shards.map(({ closedMs }) => closedMs !== undefined)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test.each([
    ["the other way round", 1, 0],
    ["with one between them", 0, 2],
    ["a shard with itself", 1, 1],
  ])("%s: refused", (_, shard, adjacent) => {
    expect(() => planOf(newStream(3), { kind: "merge", shard, adjacent })).toThrow(
      /shardsNotAdjacent/,
    );
  });
});

describe("times", () => {
  test("a parent ends in the second of the order, its children are created a second later", () => {
    const plan = planOf(newStream(1), { kind: "split", shard: 0, hash: hashHex(9n) });
    expect(plan.closing).toEqual([{ index: 0, endMs: second * 1000 }]);
    expect(plan.made.map(({ createdMs }) => createdMs)).toEqual(
      [second + 1, second + 1].map((each) => each * 1000),
    );
    expect(plan.notBeforeMs).toBe(nowMs);
  });

  test("that lie ahead of the clock are waited for by nobody", () => {
    const earlierMs = nowMs - 3 * 86_400_000;
    const order: ReshardOrder = { kind: "split", shard: 0, hash: hashHex(9n) };
    const plan = planResharding(newStream(1), order, earlierMs, earlierMs);
    expect(plan.made[0]?.createdMs).toBe((second - 2 + 1) * 1000);
    expect(plan.notBeforeMs).toBe(earlierMs);
  });

  test("what was still to be waited for when the clock was set back is over", () => {
    const order: ReshardOrder = { kind: "split", shard: 0, hash: hashHex(9n) };
    const plan = planResharding(newStream(1), order, nowMs + 5000, nowMs);
    expect(waitLeft(plan, nowMs)).toBe(5000);
    expect(waitLeft(plan, nowMs + 4000)).toBe(1000);
    expect(waitLeft(plan, nowMs - 1)).toBe(0);
  });

  test("a shard that is replaced at once is made closed, and ends a second before its child", () => {
    const plan = planOf(newStream(4), { kind: "recount", from: 4, to: 5 });
    const replaced = plan.made.filter(({ closedMs }) => closedMs !== undefined);
    expect(replaced).toHaveLength(6);
    for (const shard of replaced) {
      expect(shard).toMatchObject({
        closedMs: plan.notBeforeMs,
        endIndex: 0,
        createdAhead: true,
        createdMs: (second + 1) * 1000,
        endMs: (second + 1) * 1000,
      });
    }
    expect(plan.notBeforeMs).toBe(nowMs);
  });

  test("a transition that is stretched closes no shard before its end", () => {
    const earliestMs = nowMs + 60_000;
    const order: ReshardOrder = { kind: "merge", shard: 0, adjacent: 1 };
    expect(planResharding(newStream(2), order, earliestMs, nowMs).notBeforeMs).toBe(earliestMs);
  });

  test("grow along every line of descent, whatever is done and however fast", () => {
    assert(
      property(array(tuple(nat(), nat(), nat(3)), { maxLength: 20 }), (steps) => {
        let stream = newStream(3);
        let clockMs = nowMs;
        for (const [choice, other, lateMs] of steps) {
          const open = openOf(stream).sort((a, b) => (a.hashStart < b.hashStart ? -1 : 1));
          const order = orderFor(open, choice, other);
          const plan = planResharding(stream, order, clockMs, clockMs);
          clockMs = plan.notBeforeMs + lateMs;
          stream = finish(stream, plan);
          expectCover(stream);
        }
        expectDescent(stream);
      }),
      { numRuns: 200 },
    );
  });
});

test("only recounts of the last day count", () => {
  const dayMs = 86_400_000;
  const recountsMs = [nowMs - 2 * dayMs, nowMs - dayMs, nowMs - dayMs + 1, nowMs];
  expect(recentRecounts({ ...newStream(1), recountsMs }, nowMs)).toEqual([
    nowMs - dayMs + 1,
    nowMs,
  ]);
  expect(recentRecounts(newStream(1), nowMs)).toEqual([]);
  // By a clock that has been set back since.
  expect(recentRecounts({ ...newStream(1), recountsMs: [nowMs + dayMs] }, nowMs)).toEqual([]);
});

function newStream(shardCount: number): StreamDescription {
  return {
    account: "000000000000",
    region: "eu-test-1",
    name: "orders",
    uid: "uid",
    status: "ACTIVE",
    mode: "PROVISIONED",
    createdMs: nowMs,
    retentionHours: 24,
    recordBytesMax: 1_048_576,
    distribution: "USER_PARTITION_KEY",
    metrics: [],
    consumers: [],
    shards: splitHashRange(shardCount).map(({ start, end }, index) => ({
      uid: `uid-${index}`,
      index,
      createdMs: nowMs - 2000,
      hashStart: start,
      hashEnd: end,
    })),
  };
}

function planOf(stream: StreamDescription, order: ReshardOrder): Resharding {
  return planResharding(stream, order, nowMs, nowMs);
}

function done(stream: StreamDescription, order: ReshardOrder): StreamDescription {
  return finish(stream, planOf(stream, order));
}

function finish(stream: StreamDescription, plan: Resharding): StreamDescription {
  const ends = plan.closing.map((_, i) => ({ closedMs: plan.notBeforeMs + i, endIndex: 7 }));
  const after = finishResharding({ ...stream, resharding: plan }, plan, ends);
  expect(after.resharding).toBeUndefined();
  return after;
}

function orderFor(open: ShardDescription[], choice: number, other: number): ReshardOrder {
  const at = choice % open.length;
  const first = open[at] as ShardDescription;
  const second = open[at + 1];
  const from = open.length;
  if (other % 3 === 0 && second !== undefined) {
    return { kind: "merge", shard: first.index, adjacent: second.index };
  }
  const to = Math.max(1, Math.ceil(from / 2) + (other % (from + 1)));
  if (other % 3 === 1 && to <= 12) return { kind: "recount", from, to };
  const start = hashNumber(first.hashStart);
  const width = hashNumber(first.hashEnd) - start;
  return { kind: "split", shard: first.index, hash: hashHex(start + width / 2n + 1n) };
}

function openOf({ shards }: StreamDescription): ShardDescription[] {
  return shards.filter(({ closedMs }) => closedMs === undefined);
}

function widthOf({ hashStart, hashEnd }: ShardDescription): bigint {
  return hashNumber(hashEnd) - hashNumber(hashStart) + 1n;
}

/** Open shards have every key once; indexes and uids are never used again. */
function expectCover(stream: StreamDescription): void {
  const sorted = openOf(stream).sort((a, b) => (a.hashStart < b.hashStart ? -1 : 1));
  let next = 0n;
  for (const { hashStart, hashEnd } of sorted) {
    expect(hashNumber(hashStart)).toBe(next);
    next = hashNumber(hashEnd) + 1n;
  }
  expect(next).toBe(keyCount);
  expect(stream.shards.map(({ index }) => index)).toEqual(stream.shards.map((_, i) => i));
  expect(new Set(stream.shards.map(({ uid }) => uid)).size).toBe(stream.shards.length);
}

function expectDescent({ shards }: StreamDescription): void {
  for (const child of shards) {
    for (const index of child.parents ?? []) {
      const parent = shards[index] as ShardDescription;
      expect(child.createdMs - (parent.endMs ?? 0)).toBe(1000);
      expect(parent.endMs).toBeGreaterThanOrEqual(Math.floor(parent.createdMs / 1000) * 1000);
      expect(child.createdMs).toBeGreaterThan(parent.createdMs);
      expect(child.openedMs).toBe((parent.closedMs ?? 0) + 1);
      expect(child.createdAhead).toBe(true);
    }
  }
}
