// How the chunks of one commit become bodies: neighbours of the same time share one, others do not.
import { expect, test } from "vitest";
import { openChunk, withStamp } from "../../../worker/engine/chunk.ts";
import { groupChunks } from "../../../worker/shard/commitGroups.ts";
import { chunkOf } from "../../support/shards.ts";

test("chunks of one millisecond are one body, and the next millisecond begins another", () => {
  const chunks = [10, 10, 11].map((timeMs, i) =>
    withStamp(openChunk(chunkOf(`${i}`)), { firstIndex: i, timeMs, timeOrdinal: i }),
  );
  const groups = groupChunks(chunks).map(({ header }) => header);
  expect(groups.map(({ firstIndex, count, timeMs }) => [firstIndex, count, timeMs])).toEqual([
    [0, 2, 10],
    [2, 1, 11],
  ]);
});
