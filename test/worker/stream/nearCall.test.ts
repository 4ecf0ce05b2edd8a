// How long requests wait for an answer by memory. test/e2e/nearShards.test.ts has real requests and objects.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Env, WriteRuntime } from "../../../worker/core/bindings.ts";
import { type NearApi, NearShard } from "../../../worker/core/nearShards.ts";
import { StreamError } from "../../../worker/errors.ts";
import { jointAnswerMs } from "../../../worker/limits.ts";
import { callNear } from "../../../worker/stream/nearCall.ts";

let near: NearShard;

beforeEach(() => {
  vi.useFakeTimers();
  near = new NearShard(crypto.randomUUID());
});

afterEach(() => {
  vi.useRealTimers();
});

function call(isLasting?: true): Promise<unknown> {
  const runtime: WriteRuntime = {
    env: {} as Env,
    waitUntil: () => undefined,
    ...(isLasting && { isLasting }),
  };
  return callNear(runtime, near, (shard) => shard.append([]));
}

async function answer(value: unknown): Promise<void> {
  const object = { append: async () => value } as unknown as NearApi;
  for (const each of (await near.take()) ?? []) await each.run(object);
}

test("a request waits for so long, with a timer of its own, and clears that when it is answered", async () => {
  const answered = call();
  expect(vi.getTimerCount()).toBe(1);
  await answer("stored");
  expect(await answered).toBe("stored");
  expect(vi.getTimerCount()).toBe(0);
  const silent = call();
  const failed = vi.fn<(error: unknown) => void>();
  void silent.catch(failed);
  await vi.advanceTimersByTimeAsync(jointAnswerMs - 1);
  expect(failed).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(failed).toHaveBeenCalledWith(new StreamError("unreachable"));
});

test("one that fails clears its timer too", async () => {
  const lost = call();
  near.lose();
  await expect(lost).rejects.toThrow(/has ended/);
  expect(vi.getTimerCount()).toBe(0);
});

test("a request that lasts sets none: the attendant looks after its calls", async () => {
  const answered = call(true);
  expect(vi.getTimerCount()).toBe(0);
  await answer("stored");
  expect(await answered).toBe("stored");
});
