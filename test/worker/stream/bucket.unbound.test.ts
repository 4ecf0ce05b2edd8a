// A Worker that has no bucket: streams are made, written, read from their beginning, trimmed and removed
// as with one, from SQLite alone.

import { noonMs, setClock } from "../../support/clock.ts";
import { evictAllDurableObjects, runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { generationBytes } from "../../../worker/limits.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import { base64, kinesisOver } from "../kinesis/client.ts";
import { sabotage } from "../../support/shards.ts";
import { forgetBodies, ringAlarm, statsOf, tidyUp } from "../../support/storage.ts";

const hourMs = 3_600_000;
const recordBytes = 400_000;
const recordCount = 60;

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
const scope = { account: "000000000000", region: "us-east-1" };

afterEach(tidyUp);

test("without a bucket: a stream through its whole life", async () => {
  expect(env.SEGMENTS).toBeUndefined();
  setClock(noonMs);
  const stream = crypto.randomUUID();
  await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
  for (let i = 0; i < recordCount; i += 10) {
    const Records = Array.from({ length: 10 }, (_, k) => ({
      PartitionKey: "key",
      Data: base64(dataOf(i + k)),
    }));
    const { output } = await kinesis("PutRecords", { StreamName: stream, Records });
    expect(output.FailedRecordCount).toBe(0);
  }
  const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
  const shard = env.SHARD.getByName(shards[0]?.uid ?? "");
  const { segments } = await statsOf(shard);
  expect(segments.sqliteBytes).toBeGreaterThan(2 * generationBytes);
  expect(segments.r2Bytes).toBe(0);

  await expectRead(stream);
  await evictAllDurableObjects();
  forgetBodies();
  await expectRead(stream);

  await ringAlarm(shard, noonMs + 25 * hourMs);
  const { records, databaseBytes } = await statsOf(shard);
  expect(records).toBe(0);
  expect(databaseBytes).toBeLessThan(100_000);

  expect((await kinesis("DeleteStream", { StreamName: stream })).status).toBe(200);
  await runDurableObjectAlarm(catalogOf(env, scope));
  expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
  const tables = await sabotage(shard, ({ sql }) =>
    sql.exec("SELECT name FROM sqlite_master WHERE name NOT GLOB '_cf_*'").toArray(),
  );
  expect(tables).toEqual([]);
});

async function expectRead(stream: string): Promise<void> {
  const { output } = await kinesis("GetShardIterator", {
    StreamName: stream,
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const read: string[] = [];
  for (let iterator = output.ShardIterator; read.length < recordCount;) {
    const { output: page } = await kinesis("GetRecords", { ShardIterator: iterator });
    expect(page.Records.length).toBeGreaterThan(0);
    for (const { Data } of page.Records) read.push(Data);
    iterator = page.NextShardIterator;
  }
  expect(read.length).toBe(recordCount);
  for (const [i, data] of read.entries()) expectBytes(Buffer.from(data, "base64"), dataOf(i));
}

function dataOf(i: number): Uint8Array {
  return new Random(i).bytes(recordBytes);
}
