// A tail that is open for a long time: it keeps nothing of the waits that are over.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Shard } from "../../console/api/kinesis.ts";

const shard: Shard = {
  ShardId: "shardId-000000000000",
  HashKeyRange: { StartingHashKey: "0", EndingHashKey: "1" },
  SequenceNumberRange: { StartingSequenceNumber: "0" },
};

beforeEach(() => {
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("location", { host: "localhost" });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("after an hour without a record has one listener for its end", async () => {
  const { Tail } = await import("../../console/records/tail.ts");
  let polls = 0;
  vi.stubGlobal("fetch", async () => {
    polls++;
    return Response.json({
      ShardIterator: "i",
      NextShardIterator: "i",
      Records: [],
      MillisBehindLatest: 0,
    });
  });
  const added = vi.spyOn(AbortSignal.prototype, "addEventListener");
  const removed = vi.spyOn(AbortSignal.prototype, "removeEventListener");
  const tail = new Tail({
    stream: "orders",
    shards: [shard],
    start: { kind: "latest" },
    onRecords() {},
    onState() {},
    onError: (error) => expect.fail(error.message),
  });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(polls).toBeGreaterThan(1000);
  expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThanOrEqual(1);
  tail.stop();
});
