import { describe, expect, test } from "vitest";
import { parseShardId, shardIdOf } from "../../../worker/kinesis/shardId.ts";

describe("shard ids", () => {
  test.each([
    [0, "shardId-000000000000"],
    [7, "shardId-000000000007"],
    [2147483647, "shardId-002147483647"],
    [-1, "shardId--00000000001"],
    [-2147483648, "shardId--02147483648"],
  ])("%d is written %s", (index, id) => {
    expect(shardIdOf(index)).toBe(id);
  });

  test.each([
    ["shardId-000000000007", 7],
    ["shardId-0", 0],
    ["a-00002147483647", 2147483647],
    ["-00002147483647", 2147483647],
    ["2147483647", 2147483647],
    ["shardId-1-2", 1],
    ["shardId-2147483648", undefined],
    ["2147483648", undefined],
    ["9".repeat(400), undefined],
    ["ABKLFD8", undefined],
    ["2.14E4", undefined],
    ["shardId-", undefined],
    ["shardId--1", undefined],
    ["-", undefined],
    ["", undefined],
  ])("%s names %j", (id, index) => {
    expect(parseShardId(id)).toBe(index);
  });
});
