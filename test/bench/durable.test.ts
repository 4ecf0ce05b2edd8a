// The benches of Durable Streams at a small size, so that they do not rot; nothing is measured here.
import { expect, test } from "vitest";
import { measureLoads } from "../../bench/http/durableLoads.ts";
import { measureLiveReaders } from "../../bench/http/liveReaders.ts";
import { measureManyStreams } from "../../bench/http/manyStreams.ts";
import { startServer } from "../e2e/server.ts";

test("what is appended is read back", async () => {
  await using server = await startServer({ flags: ["--memory"] });
  const first = await measureLoads(server.endpoint, 30, "first");
  const second = await measureLoads(server.endpoint, 30, "second");
  expect(first.hash).toBe(second.hash);
  expect(first.appendsPerSecond).toBeGreaterThan(0);
});

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
