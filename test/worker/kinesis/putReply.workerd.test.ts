// The reply of PutRecords, printed by the engine from the places of the records: it says what a reply
// built record by record says, also when the records of one request came to lie in several commits.

import { expect, test } from "vitest";
import type { ShardDescription } from "../../../worker/core/types.ts";
import { cborCodec } from "../../../worker/kinesis/cbor.ts";
import { jsonCodec } from "../../../worker/kinesis/codec.ts";
import {
  printPutReply,
  printRoutedReply,
  printRunReply,
} from "../../../worker/kinesis/putReply.ts";
import { sequenceNumber } from "../../../worker/kinesis/sequence.ts";
import { shardIdOf } from "../../../worker/kinesis/shardId.ts";
import type { PlacedRecord } from "../../../worker/stream/writer.ts";

const createdMs = Date.UTC(2036, 0, 1);
const shards = [0, 1].map((index) => ({ index, createdMs }) as ShardDescription);

test.each<[string, [shard: number, index: number, ms: number][]]>([
  ["one record", [[0, 7, 0]]],
  [
    "one commit",
    [
      [0, 7, 0],
      [0, 8, 0],
      [0, 9, 0],
    ],
  ],
  [
    "a second commit that follows the first, a second later",
    [
      [0, 7, 0],
      [0, 8, 1000],
      [0, 9, 1000],
    ],
  ],
  [
    "a gap between two commits of one time",
    [
      [0, 7, 0],
      [0, 9, 0],
    ],
  ],
  [
    "two shards in turn",
    [
      [0, 7, 0],
      [1, 3, 0],
      [0, 8, 0],
      [1, 4, 0],
    ],
  ],
  [
    "two shards with the same numbers",
    [
      [0, 7, 0],
      [1, 8, 0],
      [0, 8, 1000],
    ],
  ],
])("%s", (_, places) => {
  const placed = places.map(([shard, index, ms]): PlacedRecord => {
    return { shard: shards[shard] as ShardDescription, index, timeMs: createdMs + ms };
  });
  const text = new TextDecoder().decode(
    printPutReply(jsonCodec, placed, { EncryptionType: "NONE" }),
  );
  expect(JSON.parse(text)).toEqual({
    FailedRecordCount: 0,
    Records: placed.map(({ shard, index, timeMs }) => ({
      ShardId: shardIdOf(shard.index),
      SequenceNumber: sequenceNumber({
        shardCreatedMs: createdMs,
        shardIndex: shard.index,
        index,
        arrivalMs: timeMs,
      }),
    })),
    EncryptionType: "NONE",
  });
});

test.each([undefined, { EncryptionType: "KMS" }])(
  "a run is printed as its records are: %o",
  (members) => {
    const [shard] = shards as [ShardDescription];
    const run = { shard, index: 7, timeMs: createdMs + 1000, count: 3 };
    const placed = [7, 8, 9].map((index): PlacedRecord => ({ shard, index, timeMs: run.timeMs }));
    for (const codec of [jsonCodec, cborCodec]) {
      expect(printRunReply(codec, run, members)).toEqual(printPutReply(codec, placed, members));
    }
  },
);

test.each([undefined, { EncryptionType: "KMS" }])(
  "runs of several shards are printed as their records are: %o",
  (members) => {
    const [first, second] = shards as [ShardDescription, ShardDescription];
    const timeMs = createdMs + 1000;
    const runs = [
      { shard: first, index: 7, timeMs, count: 2 },
      undefined,
      { shard: second, index: 3, timeMs: timeMs + 1000, count: 3 },
    ];
    const routes = Uint32Array.of(2, 0, 2, 2, 0);
    const placed: PlacedRecord[] = [
      { shard: second, index: 3, timeMs: timeMs + 1000 },
      { shard: first, index: 7, timeMs },
      { shard: second, index: 4, timeMs: timeMs + 1000 },
      { shard: second, index: 5, timeMs: timeMs + 1000 },
      { shard: first, index: 8, timeMs },
    ];
    for (const codec of [jsonCodec, cborCodec]) {
      const expected = printPutReply(codec, placed, members);
      expect(printRoutedReply(codec, { runs, routes }, members)).toEqual(expected);
    }
  },
);
