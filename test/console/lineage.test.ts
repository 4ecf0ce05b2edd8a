import { describe, expect, it } from "vitest";
import { middleOf, neighboursOf, placeShards } from "../../console/shards/lineage.ts";
import type { Shard } from "../../console/api/kinesis.ts";

const top = (1n << 128n) - 1n;
const half = 1n << 127n;

function shard(index: number, from: bigint, to: bigint, rest: Partial<Shard> = {}): Shard {
  return {
    ShardId: `shardId-${String(index).padStart(12, "0")}`,
    HashKeyRange: { StartingHashKey: String(from), EndingHashKey: String(to) },
    SequenceNumberRange: { StartingSequenceNumber: "1" },
    ...rest,
  };
}

const closed = { SequenceNumberRange: { StartingSequenceNumber: "1", EndingSequenceNumber: "2" } };
const split = [
  shard(0, 0n, top, closed),
  shard(1, 0n, half - 1n, { ParentShardId: "shardId-000000000000", ...closed }),
  shard(2, half, top, { ParentShardId: "shardId-000000000000", ...closed }),
  shard(3, 0n, top, {
    ParentShardId: "shardId-000000000001",
    AdjacentParentShardId: "shardId-000000000002",
  }),
];

describe("lineage", () => {
  it("a shard is one column behind its latest parent", () => {
    expect(placeShards(split).map(({ column }) => column)).toEqual([0, 1, 1, 2]);
  });

  it("a shard whose parents have expired begins a column", () => {
    expect(placeShards(split.slice(3)).map(({ column, parents }) => [column, parents])).toEqual([
      [0, []],
    ]);
  });

  it("ranges are shares of the whole hash space", () => {
    expect(placeShards(split).map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [0, 0.5],
      [0.5, 1],
      [0, 1],
    ]);
  });

  it("the middle halves a range of any size, and one key cannot be halved", () => {
    expect(middleOf(shard(0, 0n, top))).toBe(String(half));
    expect(middleOf(shard(0, 10n, 11n))).toBe("11");
    expect(middleOf(shard(0, 10n, 12n))).toBe("11");
    expect(middleOf(shard(0, 10n, 10n))).toBeUndefined();
  });

  it("neighbours are open and border on the range", () => {
    const placed = placeShards([
      shard(0, 0n, 9n),
      shard(1, 10n, 19n),
      shard(2, 20n, 29n, closed),
      shard(3, 20n, 24n),
      shard(4, 25n, top),
    ]);
    const of = (index: number) => neighboursOf(placed[index]!, placed).map((one) => one.index);
    expect([of(0), of(1), of(3), of(4)]).toEqual([[1], [0, 3], [1, 4], [3]]);
  });
});
