// What streams leave on the disk when they are deleted: nothing, neither databases nor files of segments,
// while the server runs, and after a request for one of their shards, also of a server that was started
// since.

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { listObjects, shardFiles, untilSeen } from "./data-folder.ts";
import { History, kinesisAt } from "./history.ts";
import { type YandexCall, yandexOver } from "../worker/yandex/client.ts";
import { startServer } from "./server.ts";

const streamCount = 10;
const ShardId = "shardId-000000000000";

test("a deleted stream leaves no file, and the others are whole", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-left-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const history = new History();
  let late: string;
  let lateYandex: string;
  {
    await using server = await startServer({ data });
    const kinesis = kinesisAt(server.endpoint);
    for (let i = 0; i < streamCount; i++) {
      await history.create(kinesis, `s${i}`, 2);
      const records = [0, 1].map((shard) => ({
        text: `s${i} ${shard} 500000`,
        shard,
        bytes: 500_000,
      }));
      await history.put(kinesis, `s${i}`, records);
    }
    await untilSeen(
      "all segments in the bucket",
      () => listObjects(data).length === 2 * streamCount,
    );
    expect(shardFiles(data)).toHaveLength(2 * streamCount);
    const place = { StreamName: "s1", ShardId, ShardIteratorType: "TRIM_HORIZON" };
    late = (await kinesis("GetShardIterator", place)).output.ShardIterator;
    const yandex = yandexAt(server.endpoint);
    const samePlace = { ...place, ShardId: "shard-000000" };
    lateYandex = (await yandex("GetShardIterator", samePlace)).output.ShardIterator;
    for (let i = 1; i < streamCount; i++) {
      expect((await kinesis("DeleteStream", { StreamName: `s${i}` })).status).toBe(200);
      history.forget(`s${i}`);
    }
    expect(shardFiles(data)).toHaveLength(2);
    expect(readdirSync(join(data, "bucket", "segments"))).toHaveLength(2);
    const reply = await kinesis("GetRecords", { ShardIterator: late });
    expect(reply.error.name).toBe("ResourceNotFoundException");
    expect(shardFiles(data)).toHaveLength(2);
    await server.kill9();
  }
  {
    await using server = await startServer({ data });
    const kinesis = kinesisAt(server.endpoint);
    const reply = await kinesis("GetRecords", { ShardIterator: late });
    expect(reply.error.name).toBe("ResourceNotFoundException");
    const yandex = yandexAt(server.endpoint);
    const other = await yandex("GetRecords", { ShardIterator: lateYandex });
    expect(other.error.name).toBe("ResourceNotFoundException");
    expect(shardFiles(data)).toHaveLength(2);
    await history.expectKept(kinesis, "s0");
    await server.stop();
  }
  await using server = await startServer({ data });
  expect(shardFiles(data)).toHaveLength(2);
  expect(existsSync(join(data, "bucket", "segments"))).toBe(true);
  await history.expectKept(kinesisAt(server.endpoint), "s0");
});

test("a stream that many delete at once is gone for each of them, and asked for after that too", async () => {
  await using server = await startServer();
  const kinesis = kinesisAt(server.endpoint);
  for (let round = 0; round < 10; round++) {
    const StreamName = `at-once-${round}`;
    await kinesis("CreateStream", { StreamName, ShardCount: 4 });
    const put = { StreamName, PartitionKey: "k", Data: "AAAA" };
    const deletions = Array.from({ length: 8 }, () => kinesis("DeleteStream", { StreamName }));
    const others = Array.from({ length: 8 }, () => kinesis("PutRecord", put));
    for (const { status, error } of await Promise.all([...deletions, ...others])) {
      if (status !== 200) expect([status, error.name]).toEqual([400, "ResourceNotFoundException"]);
    }
  }
  expect(shardFiles(server.data)).toEqual([]);
});

function yandexAt(endpoint: string): YandexCall {
  return yandexOver((path, init) => fetch(endpoint + path, init));
}
