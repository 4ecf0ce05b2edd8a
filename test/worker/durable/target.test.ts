// What the headers of a reply say of the shards of a stream.

import { expect, test } from "vitest";
import { openShardsHeader, shardOf } from "../../../worker/durable/target.ts";
import { shardsMax, shardsToldMax } from "../../../worker/limits.ts";

const shards = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    uid: `u${index}`,
    index,
    isClosed: index % 2 === 1,
    parents: [],
  }));

test("open shards are told up to a number whose header every client takes", () => {
  const told = openShardsHeader(shards(2 * shardsToldMax))["stream-shards"];
  expect(told?.split(",")).toHaveLength(shardsToldMax);
  expect(told?.length).toBeLessThan(8000);
  expect(openShardsHeader(shards(2 * shardsToldMax + 1))).toEqual({});
});

test.each([
  [3, { "stream-shards": "0,1,2" }],
  [shardsMax, {}],
])("so are all %i shards to a reader who names another", (count, headers) => {
  const query = new URLSearchParams("shard=9999");
  expect(() => shardOf({ query }, { shards: shards(count) })).toThrow(
    expect.objectContaining({ code: "SHARD_NOT_FOUND", headers }),
  );
});
