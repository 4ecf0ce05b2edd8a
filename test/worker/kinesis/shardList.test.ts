// Which shards a filter by time means, after any series of splits, merges and changes of their number:
// at every millisecond the shards of that time have each hash key exactly once, as the KCL checks
// before it takes leases (amazon-kinesis-client, HierarchicalShardSyncer).

import type { ReshardOrder } from "../../../worker/core/control.ts";
import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { filterShards, type ShardFilter, shardsAfter } from "../../../worker/kinesis/shardList.ts";
import { hashHex, hashNumber, splitHashRange } from "../../../worker/core/hashRange.ts";
import { finishResharding, planResharding } from "../../../worker/catalog/reshardPlan.ts";
import type { ShardDescription, StreamDescription } from "../../../worker/core/types.ts";

const beganMs = Date.UTC(2036, 0, 1, 12, 0, 0, 678);
const hourMs = 3_600_000;
const keyCount = 1n << 128n;

/** One change: what is done, how long after the one before, and how much later each old shard closes. */
const change = record({
  kind: constantFrom("split", "merge", "recount", "recut"),
  choice: nat(),
  other: nat(),
  pauseMs: constantFrom(-20, 0, 0, 1, 7),
  lateMs: array(nat(15), { minLength: 1, maxLength: 4 }),
});

test("a page of shards begins after the last one of the page before", () => {
  const stream = newStream(4);
  const after = (id: string | undefined) =>
    shardsAfter(stream, stream.shards, id).map(({ index }) => index);
  expect(after(undefined)).toEqual([0, 1, 2, 3]);
  expect(after("shardId-000000000001")).toEqual([2, 3]);
  expect(after("shardId-000000000003")).toEqual([]);
});

describe("at every millisecond each key is in exactly one shard", () => {
  test("AT_TIMESTAMP, whatever is done and however fast, by a clock that steps back too", () => {
    assert(
      property(array(change, { maxLength: 6 }), (changes) => {
        let stream = newStream(2);
        let clockMs = beganMs;
        for (const { kind, choice, other, pauseMs, lateMs } of changes) {
          clockMs += pauseMs;
          const order = orderFor(stream, kind, choice, other);
          if (order === undefined) continue;
          const plan = planResharding(stream, order, clockMs, clockMs);
          const ends = plan.closing.map((_, i) => {
            return { closedMs: clockMs + (lateMs[i % lateMs.length] ?? 0), endIndex: 3 };
          });
          stream = finishResharding({ ...stream, resharding: plan }, plan, ends);
          clockMs += 15;
        }
        for (let timeMs = beganMs - 2; timeMs < clockMs + 20; timeMs++) {
          expectCover(listed(stream, { Type: "AT_TIMESTAMP", Timestamp: timeMs }));
          expectCover(listed(stream, { Type: "AT_TIMESTAMP", Timestamp: timeMs + 0.25 }));
          expectFrom(stream, timeMs);
          const trimMs = timeMs + stream.retentionHours * hourMs;
          expectCover(listed(stream, { Type: "AT_TRIM_HORIZON" }, trimMs));
        }
      }),
      { numRuns: 100 },
    );
  });

  test("UpdateShardCount: shards that close at different moments end together", () => {
    const order: ReshardOrder = { kind: "recount", from: 2, to: 3 };
    const before = newStream(2);
    const plan = planResharding(before, order, beganMs, beganMs);
    const ends = [3, 18].map((lateMs) => ({ closedMs: beganMs + lateMs, endIndex: 0 }));
    const stream = finishResharding({ ...before, resharding: plan }, plan, ends);
    const at = (ms: number) =>
      listed(stream, { Type: "AT_TIMESTAMP", Timestamp: beganMs + ms }).map(({ index }) => index);
    expect(at(18)).toEqual([0, 1]);
    expect(at(19)).toEqual(
      stream.shards.filter(({ closedMs }) => closedMs === undefined).map(({ index }) => index),
    );
  });
});

/** From a time on are those of that time, and all that came after them. */
function expectFrom(stream: StreamDescription, timeMs: number): void {
  const from = new Set(listed(stream, { Type: "FROM_TIMESTAMP", Timestamp: timeMs }));
  for (const shard of listed(stream, { Type: "AT_TIMESTAMP", Timestamp: timeMs })) {
    expect(from.has(shard)).toBe(true);
  }
  for (const shard of stream.shards) {
    if (shard.closedMs === undefined || shard.closedMs >= timeMs) {
      expect(from.has(shard)).toBe(true);
    }
  }
}

function expectCover(shards: readonly ShardDescription[]): void {
  const sorted = [...shards].sort((a, b) => (a.hashStart < b.hashStart ? -1 : 1));
  let next = 0n;
  for (const { hashStart, hashEnd } of sorted) {
    expect(hashNumber(hashStart)).toBe(next);
    next = hashNumber(hashEnd) + 1n;
  }
  expect(next).toBe(keyCount);
}

function listed(stream: StreamDescription, filter: ShardFilter, nowMs = beganMs + hourMs) {
  return filterShards(stream, filter, nowMs);
}

function orderFor(
  { shards }: StreamDescription,
  kind: ReshardOrder["kind"],
  choice: number,
  other: number,
): ReshardOrder | undefined {
  const open = shards
    .filter(({ closedMs }) => closedMs === undefined)
    .sort((a, b) => (a.hashStart < b.hashStart ? -1 : 1));
  const at = choice % open.length;
  const shard = open[at] as ShardDescription;
  const next = open[at + 1];
  const from = open.length;
  switch (kind) {
    case "split": {
      const start = hashNumber(shard.hashStart);
      const width = hashNumber(shard.hashEnd) - start;
      return { kind, shard: shard.index, hash: hashHex(start + width / 2n + 1n) };
    }
    case "merge":
      return next && { kind, shard: shard.index, adjacent: next.index };
    case "recount":
      return { kind, from, to: Math.max(1, Math.ceil(from / 2) + (other % (from + 1))) };
    case "recut":
      // Keys move between open shards alone, so it is told of a stream that nothing has closed in.
      return shards.length === from ? { kind, to: from + (other % 3) } : undefined;
  }
}

function newStream(shardCount: number): StreamDescription {
  return {
    account: "000000000000",
    region: "eu-test-1",
    name: "orders",
    uid: "uid",
    status: "ACTIVE",
    mode: "PROVISIONED",
    createdMs: beganMs,
    retentionHours: 24,
    recordBytesMax: 1_048_576,
    distribution: "USER_PARTITION_KEY",
    metrics: [],
    consumers: [],
    shards: splitHashRange(shardCount).map(({ start, end }, index) => ({
      uid: `uid-${index}`,
      index,
      createdMs: beganMs - 2000,
      hashStart: start,
      hashEnd: end,
    })),
  };
}
