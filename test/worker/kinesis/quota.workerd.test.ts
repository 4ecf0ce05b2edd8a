// The limits of the data plane over HTTP, inside workerd: what a shard takes and gives in a second with
// MILLRACE_LIMITS=kinesis, by a clock that is the test's, and that nothing is refused without it.

import { setClock } from "../../support/clock.ts";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { account, arnOf, ask, createStream, expectRefusal, kinesis, refusal } from "./claims.ts";
import { base64 } from "./client.ts";

const shardId = "shardId-000000000000";

/** Each test an hour later: streams may not be made more often than five times a second either. */
let noonMs = Date.UTC(2036, 0, 1, 12);
let stream: string;

beforeEach(async () => {
  noonMs += 3_600_000;
  setClock(noonMs);
  env.MILLRACE_LIMITS = "kinesis";
  stream = await createStream();
});

afterEach(() => {
  delete env.MILLRACE_LIMITS;
  vi.useRealTimers();
});

describe("writing", () => {
  test("a thousand records a second; of a batch, the first that fit", async () => {
    expect(await put(500, 1)).toBe(500);
    expect(await put(500, 1)).toBe(500);
    expect(await put(10, 1)).toBe(0);
    setClock(noonMs + 100);
    expect(await put(500, 1)).toBe(100);
    setClock(noonMs + 5000);
    expect(await put(500, 1)).toBe(500);
    expect(await put(500, 1)).toBe(500);
    expect(await put(1, 1)).toBe(0);
    expect(await countRecords()).toBe(2100);
  });

  test("a mebibyte a second, keys included", async () => {
    expect(await put(20, 51_199)).toBe(20);
    expect(await put(20, 51_199)).toBe(0);
    setClock(noonMs + 200);
    expect(await put(20, 51_199)).toBe(4);
  });

  test("a record that is refused says so, in PutRecords and in PutRecord", async () => {
    await put(500, 1);
    await put(500, 1);
    const reply = await kinesis("PutRecords", { StreamName: stream, Records: recordsOf(2, 1) });
    expect([reply.status, reply.output.FailedRecordCount]).toEqual([200, 2]);
    expect(reply.output.Records).toEqual(
      [1, 2].map(() => ({ ErrorCode: tooMuch().name, ErrorMessage: tooMuch().message })),
    );
    await expectRefusal("PutRecord", { StreamName: stream, ...recordsOf(1, 1)[0] }, tooMuch());
  });

  test("a record above a second's worth goes through alone, and is paid for", async () => {
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 10_240 });
    expect(await put(1, 4 * 1_048_576 - 1)).toBe(1);
    setClock(noonMs + 3000);
    expect(await put(1, 1)).toBe(0);
    setClock(noonMs + 3100);
    expect(await put(1, 1)).toBe(1);
    expect(await put(1, 2 * 1_048_576)).toBe(0);
  });

  test("each shard by itself", async () => {
    stream = await createStream({ ShardCount: 2 });
    for (const ExplicitHashKey of ["0", `${(1n << 128n) - 1n}`]) {
      expect(await put(500, 1, ExplicitHashKey)).toBe(500);
      expect(await put(500, 1, ExplicitHashKey)).toBe(500);
      expect(await put(1, 1, ExplicitHashKey)).toBe(0);
    }
  });
});

describe("reading", () => {
  test("five iterators and five pages a second", async () => {
    const place = { StreamName: stream, ShardId: shardId, ShardIteratorType: "TRIM_HORIZON" };
    const iterators: unknown[] = [];
    for (let i = 0; i < 5; i++)
      iterators.push((await ask("GetShardIterator", place))["ShardIterator"]);
    await expectRefusal("GetShardIterator", place, tooMuch());
    for (const ShardIterator of iterators) await ask("GetRecords", { ShardIterator });
    await expectRefusal("GetRecords", { ShardIterator: iterators[0] }, tooMuch());
    setClock(noonMs + 200);
    await ask("GetShardIterator", place);
    await ask("GetRecords", { ShardIterator: iterators[0] });
    await expectRefusal("GetRecords", { ShardIterator: iterators[0] }, tooMuch());
  });

  test("after a page of ten megabytes nothing for five seconds", async () => {
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 10_240 });
    expect(await put(1, 10_485_759)).toBe(1);
    const ShardIterator = await iterator();
    expect((await ask("GetRecords", { ShardIterator }))["Records"]).toHaveLength(1);
    setClock(noonMs + 4999);
    await expectRefusal("GetRecords", { ShardIterator }, tooMuch());
    setClock(noonMs + 5001);
    expect((await ask("GetRecords", { ShardIterator }))["Records"]).toHaveLength(1);
    const earlierMs = noonMs - 600_000;
    setClock(earlierMs);
    await expectRefusal("GetRecords", { ShardIterator }, tooMuch());
    setClock(earlierMs + 5001);
    expect((await ask("GetRecords", { ShardIterator }))["Records"]).toHaveLength(1);
  });

  test("the same when they are megabytes of a million bytes, and for the page after it", async () => {
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 10_240 });
    for (const ageMs of [60_000, 30_000]) {
      setClock(noonMs - ageMs);
      expect(await put(1, 4_999_999)).toBe(1);
    }
    setClock(noonMs);
    const page = await ask("GetRecords", { ShardIterator: await iterator() });
    expect(page["Records"]).toHaveLength(2);
    setClock(noonMs + 4999);
    const next = { ShardIterator: page["NextShardIterator"] };
    await expectRefusal("GetRecords", next, tooMuch());
    setClock(noonMs + 5001);
    await ask("GetRecords", next);
  });

  test("two megabytes a second, also of what the shard need not be asked for", async () => {
    setClock(noonMs - 60_000);
    for (let second = 0; second < 4; second++) {
      setClock(noonMs - 60_000 + second * 1000);
      expect(await put(1, 1_000_000)).toBe(1);
    }
    setClock(noonMs);
    const ShardIterator = await iterator();
    const read = async () => kinesis("GetRecords", { ShardIterator, Limit: 1 });
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(200);
    expect((await read()).error).toEqual(tooMuch());
    setClock(noonMs + 500);
    expect((await read()).status).toBe(200);
  });
});

test("without the setting nothing is refused", async () => {
  delete env.MILLRACE_LIMITS;
  stream = await createStream();
  for (let i = 0; i < 4; i++) expect(await put(500, 5000)).toBe(500);
  for (let i = 0; i < 10; i++) {
    await ask("GetRecords", { ShardIterator: await iterator() });
  }
});

function tooMuch() {
  return refusal(
    "ProvisionedThroughputExceededException",
    `Rate exceeded for shard ${shardId} in stream ${stream} under account ${account}.`,
  );
}

function recordsOf(count: number, dataBytes: number, ExplicitHashKey?: string) {
  const Data = base64(new Uint8Array(dataBytes));
  return Array.from({ length: count }, () => ({ Data, PartitionKey: "k", ExplicitHashKey }));
}

/** How many were taken: always the first ones. */
async function put(count: number, dataBytes: number, hash?: string): Promise<number> {
  const Records = recordsOf(count, dataBytes, hash);
  const { status, output } = await kinesis("PutRecords", { StreamName: stream, Records });
  expect(status).toBe(200);
  const taken = output.Records.filter(({ SequenceNumber }) => SequenceNumber !== undefined).length;
  expect(output.FailedRecordCount).toBe(count - taken);
  expect(output.Records.slice(taken).every(({ ErrorCode }) => ErrorCode === tooMuch().name)).toBe(
    true,
  );
  return taken;
}

async function iterator(): Promise<unknown> {
  const place = { StreamName: stream, ShardId: shardId, ShardIteratorType: "TRIM_HORIZON" };
  return (await ask("GetShardIterator", place))["ShardIterator"];
}

async function countRecords(): Promise<number> {
  const page = await ask("GetRecords", { ShardIterator: await iterator() });
  return (page["Records"] as unknown[]).length;
}
