// SequenceNumberForOrdering of PutRecord, over HTTP, inside workerd: which numbers pass, and that nothing
// is stored with one that does not.

import { beginAtNoon, noonMs } from "../../support/clock.ts";
import { beforeEach, expect, test } from "vitest";
import { sequenceNumber } from "../../../worker/kinesis/sequence.ts";
import {
  account,
  ask,
  createStream,
  expectRefusal,
  putText,
  readShard,
  refusal,
} from "./claims.ts";
import { base64 } from "./client.ts";

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

test("a number that was given, and any of this second or an earlier one", async () => {
  const { SequenceNumber } = await putText(stream, "a");
  for (const number of [
    SequenceNumber,
    numberOf({}),
    numberOf({ arrivalMs: noonMs - 86_400_000 }),
  ]) {
    await ask("PutRecord", recordAfter(number));
  }
  expect(await countStored()).toBe(4);
});

test.each([
  ["of the next second", () => numberOf({ arrivalMs: noonMs + 1000 })],
  ["of the next year", () => numberOf({ arrivalMs: noonMs + 365 * 86_400_000 })],
  [
    "of the next second in a shard that is not there",
    () => numberOf({ arrivalMs: noonMs + 1000, shardIndex: 7 }),
  ],
  ["that is none", () => "1".repeat(57)],
])("a number %s is refused, and nothing is stored", async (_, makeNumber) => {
  const number = makeNumber();
  await expectRefusal(
    "PutRecord",
    recordAfter(number),
    refusal(
      "InvalidArgumentException",
      `ExclusiveMinimumSequenceNumber ${number} used in PutRecord on stream ${stream} ` +
        `under account ${account} is invalid.`,
    ),
  );
  expect(await countStored()).toBe(0);
});

function recordAfter(SequenceNumberForOrdering: unknown) {
  const record = { Data: base64("a"), PartitionKey: "k" };
  return { StreamName: stream, ...record, SequenceNumberForOrdering };
}

function numberOf({ arrivalMs = noonMs, shardIndex = 0 }): string {
  return sequenceNumber({ shardCreatedMs: noonMs - 2000, shardIndex, index: 3, arrivalMs });
}

async function countStored(): Promise<number> {
  return (await readShard(stream, "shardId-000000000000")).length;
}
