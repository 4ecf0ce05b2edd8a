// Large records, around the size of a row and up to ten mebibytes: they come back as they were put,
// from the tail, from a segment and from R2, and on the way nothing is larger than the platform allows
// where the local one would allow it: no row, no statement, no list of bindings, no message.
// Source of the bounds: developers.cloudflare.com/durable-objects/platform/limits.

import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import worker from "../../../worker/index.ts";
import { recordBytesMax, rowBodyBytesMax } from "../../../worker/limits.ts";
import { batchOf } from "../../../worker/engine/recordBatch.ts";
import { catalogOf, refreshStream } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { putRecords } from "../../../worker/stream/writer.ts";
import { expectBytes } from "../../engine/expect-bytes.ts";
import { Random } from "../../engine/random.ts";
import { base64, kinesisOver } from "../kinesis/client.ts";
import { v3ioOver } from "../v3io/client.ts";
import { append, type Offered, openShard, record, type ShardStub } from "../../support/shards.ts";
import {
  evictAll,
  forgetBodies,
  gatherAll,
  objectsOf,
  runtimeWith,
  tidyUp,
  untilTiered,
  type Watch,
  watchStorage,
  weighMessages,
} from "../../support/storage.ts";

const rowBytesMax = 2_000_000;
const statementBytesMax = 100_000;
const bindingsMax = 100;
const messageBytesMax = 32 * 1024 * 1024;

/** A chunk of one record with a key of three bytes has 59 bytes around its data. */
const aroundData = 59;

const sizes = [
  rowBodyBytesMax - aroundData - 1,
  rowBodyBytesMax - aroundData,
  rowBodyBytesMax - aroundData + 1,
  rowBodyBytesMax - 1,
  rowBodyBytesMax,
  rowBodyBytesMax + 1,
  rowBytesMax - 1,
  rowBytesMax,
  rowBytesMax + 1,
  2 * rowBodyBytesMax,
  5_000_000,
  recordBytesMax,
];

const scope = { account: "000000000000", region: "us-east-1" };

afterEach(tidyUp);

describe("through the shard", () => {
  test("every size comes back from memory, from rows and from R2, in rows that are small enough", async () => {
    const shard = await openShard();
    const watch = await watchStorage(shard);
    const offered: Offered[] = [];
    for (const [seed, size] of sizes.entries()) {
      // Small neighbours: large ones are sealed by themselves, small ones together.
      offered.push(record(`before ${size}`), record(new Random(seed).bytes(size)));
      for (const each of offered.slice(-2)) await append(shard, each);
    }
    await expectStored(shard, offered);
    await evictAll(shard);
    await expectStored(shard, offered);
    await untilTiered(shard);
    expect((await objectsOf(shard)).size).toBeGreaterThanOrEqual(2 * sizes.length - 1);
    await evictAll(shard);
    await expectStored(shard, offered);
    expect(watch.statements.length).toBeGreaterThan(0);
    expectWithinBounds(watch);
  });

  test("several of them at once take as many rows as their bytes need", async () => {
    const shard = await openShard();
    const watch = await watchStorage(shard);
    const offered = [5_000_000, 10, 1_950_000, 20, 5_000_000].map((size, i) =>
      record(new Random(i).bytes(size)),
    );
    await Promise.all(offered.map((each) => append(shard, each)));
    expectWithinBounds(watch);
    await evictAll(shard);
    await expectStored(shard, offered);
  });
});

describe("through a Worker", () => {
  test("alone and in batches: no message is too large", async () => {
    const { bindings, messages } = weighMessages(env);
    const name = crypto.randomUUID();
    const spec = { name, shardCount: 1, mode: "PROVISIONED" as const, retentionHours: 24 };
    unwrap(await catalogOf(env, scope).createStream(scope, spec));
    const stream = await refreshStream(bindings, scope, name);
    const some = [rowBodyBytesMax, rowBytesMax + 1, recordBytesMax];
    const offered = some.map((size, seed) => record(new Random(seed).bytes(size)));
    for (const each of offered) {
      const [result] = await putRecords(runtimeWith(bindings), stream, batchOf([each]));
      expect(result).toHaveProperty("index");
    }
    // Ten megabytes in one request, of records of every shape.
    const shapes: [count: number, size: number][] = [
      [500, 20_000],
      [5, 1_900_000],
      [1000, 10],
    ];
    for (const [count, size] of shapes) {
      const batch = Array.from({ length: count }, (_, i) => record(new Random(i).bytes(size)));
      const results = await putRecords(runtimeWith(bindings), stream, batchOf(batch));
      expect(results.every((result) => "index" in result)).toBe(true);
      offered.push(...batch);
    }
    const shard = env.SHARD.getByName(stream.description.shards[0]?.uid ?? "");
    const stored = await gatherAll(shard, { runtime: runtimeWith(bindings) });
    await untilTiered(shard);
    forgetBodies();
    const again = await gatherAll(shard, { runtime: runtimeWith(bindings) });
    for (const each of [stored, again]) {
      expect(each.length).toBe(offered.length);
      for (const [i, { data }] of each.entries()) expectBytes(data, offered[i]?.data ?? "");
    }
    expect(Math.max(...messages)).toBeGreaterThan(10_000_000);
    expect(Math.max(...messages)).toBeLessThan(messageBytesMax);
  });
});

describe("over HTTP", () => {
  const { bindings, messages } = weighMessages(env);
  const send = (url: string, init: RequestInit) => serve(new Request(url, init), bindings);
  const kinesis = kinesisOver((init) => send("http://localhost/", init));
  const v3io = v3ioOver((path, init) => send(`http://localhost${path}`, init));

  test("Kinesis: up to what the stream allows, and not a byte more", async () => {
    const stream = crypto.randomUUID();
    const create = { StreamName: stream, ShardCount: 1, MaxRecordSizeInKiB: 10_240 };
    expect((await kinesis("CreateStream", create)).status).toBe(200);
    const put = (size: number) => {
      const Data = base64(new Random(size).bytes(size));
      return kinesis("PutRecord", { StreamName: stream, PartitionKey: "key", Data });
    };
    const largest = recordBytesMax - "key".length;
    const allowed = [1_900_000, 2_000_001, 5_000_000, largest];
    for (const size of allowed) expect((await put(size)).status).toBe(200);
    const refused = await put(largest + 1);
    expect([refused.status, refused.error.name]).toEqual([400, "ValidationException"]);
    const { output } = await kinesis("GetShardIterator", {
      StreamName: stream,
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    });
    const read: string[] = [];
    for (let iterator = output.ShardIterator; read.length < allowed.length;) {
      const { output: page } = await kinesis("GetRecords", { ShardIterator: iterator });
      for (const { Data } of page.Records) read.push(Data);
      iterator = page.NextShardIterator;
    }
    for (const [i, size] of allowed.entries()) {
      expectBytes(Buffer.from(read[i] ?? "", "base64"), new Random(size).bytes(size));
    }
  });

  test("v3io: up to two mebibytes, and not a byte more", async () => {
    const stream = `/bigdata/${crypto.randomUUID()}`;
    await v3io("CreateStream", `${stream}/`, { ShardCount: 1, RetentionPeriodHours: 1 });
    const put = async (size: number) => {
      const Records = [{ ShardId: 0, Data: base64(new Random(size).bytes(size)) }];
      return (await v3io("PutRecords", `${stream}/`, { Records })).output.FailedRecordCount;
    };
    const allowed = [1_899_999, 1_900_000, 1_900_001, 2_000_000, 2_097_152];
    for (const size of allowed) expect(await put(size)).toBe(0);
    expect(await put(2_097_153)).toBe(1);
    const { output } = await v3io("SeekShard", `${stream}/0`, { Type: "EARLIEST" });
    const read: string[] = [];
    for (let Location = output.Location; read.length < allowed.length;) {
      const { output: page } = await v3io("GetRecords", `${stream}/0`, { Location });
      for (const { Data } of page.Records) read.push(Data);
      Location = page.NextLocation;
    }
    for (const [i, size] of allowed.entries()) {
      expectBytes(Buffer.from(read[i] ?? "", "base64"), new Random(size).bytes(size));
    }
  });

  test("and no message between Worker and shard was too large", () => {
    expect(Math.max(...messages)).toBeGreaterThan(10_000_000);
    expect(Math.max(...messages)).toBeLessThan(messageBytesMax);
  });
});

async function expectStored(shard: ShardStub, offered: readonly Offered[]): Promise<void> {
  const stored = await gatherAll(shard);
  expect(stored.map(({ index }) => index)).toEqual(offered.map((_, i) => i));
  for (const [i, { data }] of stored.entries()) expectBytes(data, offered[i]?.data ?? "");
}

/** Every value counts eight bytes at most beside its own, and so does the row. */
function expectWithinBounds({ statements }: Watch): void {
  for (const { query, bindings } of statements) {
    const bytes = bindings.map((value) =>
      value instanceof Uint8Array ? value.length : String(value).length,
    );
    const rowBytes = bytes.reduce((sum, each) => sum + each + 8, 8);
    expect(bindings.length).toBeLessThanOrEqual(bindingsMax);
    expect(query.length).toBeLessThanOrEqual(statementBytesMax);
    expect(rowBytes).toBeLessThanOrEqual(rowBytesMax);
  }
}

/** The Worker itself, with other bindings than wrangler.toml gives it. */
function serve(request: Request, bindings: Env): Promise<Response> {
  const ctx = { exports, waitUntil: () => {}, passThroughOnException: () => {} };
  return worker.fetch(
    request as Parameters<typeof worker.fetch>[0],
    bindings,
    ctx as unknown as ExecutionContext,
  );
}
