// What an account may have, to the last shard and the last stream.
import { expect, test } from "vitest";
import { checkOnDemandCount, checkShardCount } from "../../../worker/catalog/creation.ts";

const quota = { openShards: 10, onDemandStreams: 3 };

test.each([
  [0, 10, undefined],
  [9, 1, undefined],
  [10, 0, undefined],
  [9, 2, "tooManyShards"],
  [10, 1, "tooManyShards"],
])("%i shards and %i more of ten: %s", (openShards, additional, code) => {
  const check = () => checkShardCount({ openShards, onDemandStreams: 0 }, quota, additional);
  if (code === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code }));
});

test.each([
  [2, undefined],
  [3, "tooManyStreams"],
])("%i streams on demand and one more of three: %s", (onDemandStreams, code) => {
  const check = () => checkOnDemandCount({ openShards: 0, onDemandStreams }, quota);
  if (code === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code }));
});
