// The benches of Durable Streams at a small size, so that they do not rot; nothing is measured here.
import { expect, test } from "vitest";
import { measureLiveReaders } from "../../bench/http/liveReaders.ts";
import { measureManyStreams } from "../../bench/http/manyStreams.ts";

test("live readers get every message, with one read of the shard for each", async () => {
  const result = await measureLiveReaders(5, 4);
  expect(result).toMatchObject({ readers: 5, messages: 4, delivered: 20 });
  expect(result.shardReadsPerMessage).toBeLessThanOrEqual(1.5);
});

test("many streams are there after a restart", async () => {
  const result = await measureManyStreams(20);
  expect(result.streams).toBe(20);
  expect(result.readBytes).toBeGreaterThan(20 * 2 * 200);
  expect(result.bytesPerStream).toBeGreaterThan(0);
});
