// A tail that is open for a long time: it keeps nothing of the waits that are over, and asks no faster than it waits.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Shard } from "../../console/api/kinesis.ts";
import type { Tail } from "../../console/records/tail.ts";

const shard: Shard = {
  ShardId: "shardId-000000000000",
  HashKeyRange: { StartingHashKey: "0", EndingHashKey: "1" },
  SequenceNumberRange: { StartingSequenceNumber: "0" },
};

let tail: Tail;
let calls: number;

beforeEach(() => {
  calls = 0;
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("location", { host: "localhost" });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  tail.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Tails the shard for a time; each call gets such a reply. */
async function follow(ms: number, replyTo: (operation: string) => Response): Promise<void> {
  const { Tail } = await import("../../console/records/tail.ts");
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    calls++;
    return replyTo(headers["x-amz-target"]?.split(".")[1] ?? "");
  });
  tail = new Tail({
    stream: "orders",
    shards: [shard],
    start: { kind: "latest" },
    onRecords() {},
    onState() {},
    onError() {},
  });
  await vi.advanceTimersByTimeAsync(ms);
}

it("after an hour without a record has one listener for its end", async () => {
  const added = vi.spyOn(AbortSignal.prototype, "addEventListener");
  const removed = vi.spyOn(AbortSignal.prototype, "removeEventListener");
  const page = { NextShardIterator: "i", Records: [], MillisBehindLatest: 0 };
  await follow(3_600_000, () => Response.json({ ShardIterator: "i", ...page }));
  expect(calls).toBeGreaterThan(1000);
  expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThanOrEqual(1);
});

it("waits between two iterators, also where each has expired when it is used", async () => {
  await follow(10_000, (operation) => {
    if (operation === "GetShardIterator") return Response.json({ ShardIterator: "i" });
    // The end of a tail that does not wait.
    const name = calls > 1000 ? "ValidationException" : "ExpiredIteratorException";
    return Response.json({ __type: name, message: "" }, { status: 400 });
  });
  expect(calls).toBeLessThanOrEqual(2 * (10_000 / 200 + 1));
});
