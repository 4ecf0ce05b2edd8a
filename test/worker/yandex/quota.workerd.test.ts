// The limits of reading through the Yandex face, inside workerd: what a shard gives in a second with
// MILLRACE_LIMITS=kinesis, by a clock that is the test's (Yandex Data Streams API reference,
// GetShardIterator and GetRecords), and that nothing is refused without it.

import { noonMs, setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { base64 } from "../kinesis/client.ts";
import { type YandexReply, yandexOver } from "./client.ts";

const yandex = yandexOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));

const megabyte = 1_048_576;

let StreamName: string;

beforeEach(() => {
  setClock(noonMs);
  env.MILLRACE_LIMITS = "kinesis";
  StreamName = `s-${crypto.randomUUID()}`;
});

afterEach(() => {
  delete env.MILLRACE_LIMITS;
  vi.useRealTimers();
});

describe("with limits", () => {
  beforeEach(async () => {
    await yandex("CreateStream", { StreamName, ShardCount: 2 });
  });

  test.each([
    { ShardIteratorType: "TRIM_HORIZON" },
    { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "0" },
  ])("five iterators and five pages a second, %j", async (start) => {
    const iterators: string[] = [];
    for (let i = 0; i < 5; i++) iterators.push((await iterator(start)).output.ShardIterator);
    expectTooSoon(await iterator(start));
    for (const each of iterators) expect((await read(each)).status).toBe(200);
    expectTooSoon(await read(iterators[0]));
    setClock(noonMs + 200);
    expect((await iterator(start)).status).toBe(200);
    expect((await read(iterators[0])).status).toBe(200);
    expectTooSoon(await read(iterators[0]));
    expectTooSoon(await iterator(start));
  });

  test("each shard by itself", async () => {
    for (const ShardId of ["shard-000000", "shard-000001"]) {
      const start = { ShardId, ShardIteratorType: "TRIM_HORIZON" };
      for (let i = 0; i < 5; i++) expect((await iterator(start)).status).toBe(200);
      expectTooSoon(await iterator(start));
    }
  });

  test("two megabytes a second", async () => {
    for (let second = 0; second < 3; second++) {
      setClock(noonMs + second * 1000);
      const put = { StreamName, PartitionKey: "k", ExplicitHashKey: "0" };
      const Data = base64(new Uint8Array(megabyte - 1));
      expect((await yandex("PutRecord", { ...put, Data })).status).toBe(200);
    }
    const { ShardIterator } = (await iterator({ ShardIteratorType: "TRIM_HORIZON" })).output;
    expect((await read(ShardIterator)).output.Records).toHaveLength(3);
    setClock(noonMs + 2000 + 1499);
    expectTooSoon(await read(ShardIterator));
    setClock(noonMs + 2000 + 1501);
    expect((await read(ShardIterator)).status).toBe(200);
  });
});

test("without the setting nothing is refused", async () => {
  delete env.MILLRACE_LIMITS;
  await yandex("CreateStream", { StreamName });
  for (let i = 0; i < 10; i++) {
    const { ShardIterator } = (await iterator({ ShardIteratorType: "LATEST" })).output;
    expect((await read(ShardIterator)).status).toBe(200);
  }
});

function iterator(start: object): Promise<YandexReply> {
  return yandex("GetShardIterator", { StreamName, ShardId: "shard-000000", ...start });
}

function read(ShardIterator: string | undefined): Promise<YandexReply> {
  return yandex("GetRecords", { ShardIterator });
}

function expectTooSoon({ status, reason, error }: YandexReply): void {
  const name = "ProvisionedThroughputExceededException";
  expect([status, reason, error.name]).toEqual([400, name, name]);
}
