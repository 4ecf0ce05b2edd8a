// Calls to objects that another instance of a cluster has: which are made again when the instance has gone, or does not
// answer because it is frozen, and for how long.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { withPatience } from "../../../worker/core/moving.ts";
import {
  movingAnswerMs,
  movingLongAnswerMs,
  movingMsMax,
  movingPauseMs,
} from "../../../worker/limits.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const never = new Promise<never>(() => {});
const gone = Object.assign(new Error("Network connection lost."), { retryable: true });

/** A shard whose calls have these outcomes, in this order; the last one for all that follow. */
function shardOf(...outcomes: unknown[]) {
  const calls: unknown[][] = [];
  const call = async (...parameters: unknown[]) => {
    calls.push(parameters);
    const outcome = await (outcomes.length > 1 ? outcomes.shift() : outcomes[0]);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const names = ["view", "readNext", "append", "write", "close", "appendHanded"];
  const stub = Object.fromEntries(names.map((name) => [name, call]));
  const others = { CATALOG: {}, ITEMS: {}, QUEUE: {} };
  const env = { SHARD: { getByName: () => stub }, ...others } as unknown as Env;
  return { calls, shard: withPatience(env).SHARD.getByName("shard") };
}

/** How the call ends, and after how many milliseconds. */
async function endOf(call: Promise<unknown>): Promise<[end: unknown, ms: number]> {
  const begunMs = Date.now();
  const ended = call.then(
    (value) => value,
    (error: Error & { code?: string }) => error.code ?? error.message,
  );
  const outcome: { end?: unknown } = {};
  void ended.then((value) => (outcome.end = value));
  while (outcome.end === undefined) await vi.advanceTimersByTimeAsync(10);
  return [outcome.end, Date.now() - begunMs];
}

const soon = (ms: number) => ms + 10 * movingPauseMs;

test.each([
  ["that is lost", gone, 0],
  ["without an answer", never, movingAnswerMs],
])("a read %s is made again", async (_, outcome, afterMs) => {
  const { calls, shard } = shardOf(outcome, "view");
  const [end, ms] = await endOf(shard.view());
  expect(end).toBe("view");
  expect(calls).toEqual([[], []]);
  expect(ms).toBeGreaterThanOrEqual(afterMs);
  expect(ms).toBeLessThanOrEqual(soon(afterMs));
});

test.each(["append", "write"] as const)("%s is made again with its token", async (method) => {
  const { calls, shard } = shardOf(never, "stored");
  const [end] = await endOf(method === "append" ? shard.append([]) : shard.write([], {}));
  expect(end).toBe("stored");
  const [first, second] = calls.map((parameters) => parameters.at(-1));
  expect(second).toEqual({ ...(first as object), isRepeated: true });
  expect(first).toMatchObject({ isRepeated: false });
});

test("one that waits at its object is given that time", async () => {
  const { calls, shard } = shardOf(never, "records");
  const timeoutMs = 15_000;
  const request = { index: 0, recordsMax: 1, bytesMax: 1, timeoutMs };
  const [end, ms] = await endOf(shard.readNext(request));
  expect(end).toBe("records");
  expect(calls.length).toBe(2);
  expect(ms).toBeGreaterThanOrEqual(timeoutMs + movingAnswerMs);
});

test("one that may take long is waited for", async () => {
  const slow = new Promise((resolve) => setTimeout(resolve, movingLongAnswerMs / 2, "closed"));
  const { calls, shard } = shardOf(slow);
  expect((await endOf(shard.close()))[0]).toBe("closed");
  expect(calls.length).toBe(1);
});

test("one that nobody answers is refused as one to try again", async () => {
  const { shard } = shardOf(never);
  const [end, ms] = await endOf(shard.view());
  expect(end).toBe("unreachable");
  expect(ms).toBeLessThanOrEqual(soon(movingMsMax + movingAnswerMs));
});

test("one that may have been done is not repeated: it is refused when the object is there again", async () => {
  const { calls, shard } = shardOf(never, "view");
  const [end, ms] = await endOf(shard.appendHanded(1));
  expect([end, calls]).toEqual(["unreachable", [[1], []]]);
  expect(ms).toBeLessThanOrEqual(soon(movingLongAnswerMs));
});

test("a failure of the object itself is told at once", async () => {
  const { calls, shard } = shardOf(new Error("a fault"));
  expect(await endOf(shard.view())).toEqual(["a fault", expect.any(Number)]);
  expect(calls.length).toBe(1);
});
