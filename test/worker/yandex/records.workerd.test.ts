// Records through the Yandex face, inside workerd: put one by one and in batches, with what spoils a whole
// call; iterators of every kind; pages with their cursor, their lag and what they leave out. Cases are
// those of YDB's tests (kinesis_ut.cpp, datastreams_ut.cpp) and of the Yandex Data Streams API
// reference. The clock is the test's.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { base64, kinesisOver } from "../kinesis/client.ts";
import { pageBytesMax } from "../../../worker/limits.ts";
import { type YandexReply, yandexOver } from "./client.ts";
import { patience } from "../../support/patience.ts";

const send = (path: string, init: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const yandex = yandexOver(send);
const kinesis = kinesisOver((init) => send("/", init));

const megabyte = 1_048_576;

let StreamName: string;

beginAtNoon();

beforeEach(async () => {
  StreamName = `s-${crypto.randomUUID()}`;
  await yandex("CreateStream", { StreamName, ShardCount: 3 });
});

describe("putting", () => {
  test("PutRecord: shard and number, from 0 on", async () => {
    const last = "340282366920938463463374607431768211455";
    const puts = [
      ["0", "shard-000000", "0"],
      ["0", "shard-000000", "1"],
      [last, "shard-000002", "0"],
    ] as const;
    for (const [ExplicitHashKey, ShardId, SequenceNumber] of puts) {
      const input = { StreamName, PartitionKey: "a", Data: "", ExplicitHashKey };
      const { output } = await yandex("PutRecord", input);
      expect(output).toEqual({ EncryptionType: "NONE", SequenceNumber, ShardId });
    }
  });

  test("PutRecords: the outcomes in order, without a word of errors", async () => {
    const Records = ["a", "b", "c", "a"].map((PartitionKey) => ({ PartitionKey, Data: "" }));
    const { status, output } = await yandex("PutRecords", { StreamName, Records });
    expect(status).toBe(200);
    expect(Object.keys(output)).toEqual(["EncryptionType", "FailedRecordCount", "Records"]);
    expect([output.FailedRecordCount, output.Records?.length]).toEqual([0, 4]);
    for (const record of output.Records ?? []) {
      expect(Object.keys(record)).toEqual(["SequenceNumber", "ShardId"]);
    }
    expect(output.Records?.[3]?.ShardId).toBe(output.Records?.[0]?.ShardId);
    expect((await yandex("PutRecords", { StreamName })).output).toEqual({
      EncryptionType: "NONE",
      FailedRecordCount: 0,
    });
  });

  test("a key goes where its MD5 says: the shard whose range holds it", async () => {
    const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`);
    const Records = keys.map((PartitionKey) => ({ PartitionKey, Data: "" }));
    const { output } = await yandex("PutRecords", { StreamName, Records });
    const width = (2n ** 128n - 1n) / 3n;
    for (const [i, key] of keys.entries()) {
      const digest = await crypto.subtle.digest("MD5", new TextEncoder().encode(key));
      const shard = BigInt(`0x${Buffer.from(digest).toString("hex")}`) / width;
      const index = String(shard < 3n ? shard : 2n).padStart(6, "0");
      expect(output.Records?.[i]?.ShardId).toBe(`shard-${index}`);
    }
  });

  const good = { PartitionKey: "k", Data: "" };

  test.each<[string, object[]]>([
    ["501 records", Array.from({ length: 501 }, () => good)],
    ["no key", [good, { Data: "" }]],
    ["an empty key", [{ ...good, PartitionKey: "" }]],
    ["a key of 257 bytes", [{ ...good, PartitionKey: "k".repeat(257) }]],
    ["a byte above a megabyte", [{ ...good, Data: base64(new Uint8Array(megabyte + 1)) }]],
    [
      "more than five megabytes",
      Array.from({ length: 6 }, () => ({ ...good, Data: base64(new Uint8Array(900_000)) })),
    ],
    ["a hash key of forty digits", [good, { ...good, ExplicitHashKey: "1".repeat(40) }]],
    ["a hash key of 2^128", [{ ...good, ExplicitHashKey: String(2n ** 128n) }]],
    ["a negative hash key", [{ ...good, ExplicitHashKey: "-1" }]],
    ["a hash key with a zero first", [{ ...good, ExplicitHashKey: "01" }]],
    ["a hash key that is no number", [{ ...good, ExplicitHashKey: "0x1" }]],
  ])("%s: the whole call is refused", async (_, Records) => {
    expectError(await yandex("PutRecords", { StreamName, Records }), "ValidationException");
    for (const shard of [0, 1, 2]) expect(await textsAt(shard)).toEqual([]);
  });

  test("what is just within the limits is taken", async () => {
    const Records = [
      { ...good, PartitionKey: "k".repeat(256) },
      { ...good, Data: base64(new Uint8Array(megabyte)) },
      { ...good, ExplicitHashKey: "1".repeat(38) },
      { ...good, ExplicitHashKey: String(2n ** 128n - 1n) },
      ...Array.from({ length: 496 }, () => good),
    ];
    const { output } = await yandex("PutRecords", { StreamName, Records });
    expect([output.FailedRecordCount, output.Records?.length]).toEqual([0, 500]);
  });

  test("members of the wrong kind", async () => {
    for (const record of [{ ...good, Data: 5 }, { ...good, PartitionKey: 5 }, "record", null]) {
      const reply = await yandex("PutRecords", { StreamName, Records: [record] });
      expectError(reply, "InvalidArgumentException");
    }
    const unknown = { ...good, ShardId: 1 };
    const reply = await yandex("PutRecords", { StreamName, Records: [unknown] });
    expect(reply.error.message).toBe("Unexpected json key: ShardId");
  });

  test.each(["A", "AA", "AAA", "AAAAA", "%%%", "%%%%", "AA-_", "AB==", "A===", "AA=A", "AAA\n"])(
    "Data %j is no base64: nothing is stored",
    async (Data) => {
      const message = /^'.+' is not valid base64$/s;
      const single = await yandex("PutRecord", { StreamName, PartitionKey: "k", Data });
      expectError(single, "InvalidArgumentException");
      expect(single.error.message).toMatch(message);
      const Records = [good, { ...good, Data }];
      const batch = await yandex("PutRecords", { StreamName, Records });
      expectError(batch, "InvalidArgumentException");
      expect(batch.error.message).toMatch(message);
      for (const shard of [0, 1, 2]) expect(await textsAt(shard)).toEqual([]);
    },
  );

  test("a stream that is not there", async () => {
    const input = { StreamName: "Completely_new_stream_nAmE", Records: [good] };
    expectError(await yandex("PutRecords", input), "ResourceNotFoundException");
  });
});

describe("GetShardIterator", () => {
  beforeEach(async () => {
    for (let i = 0; i < 5; i++) {
      setClock(noonMs + i * 1000);
      await put(0, `data${i}`);
    }
    setClock(noonMs + 60_000);
  });

  test.each<[object, number]>([
    [{ ShardIteratorType: "TRIM_HORIZON" }, 5],
    [{ ShardIteratorType: "LATEST" }, 0],
    [sequence("AT", "0"), 5],
    [sequence("AT", "00000"), 5],
    [sequence("AT", "00001"), 4],
    [sequence("AT", "999999"), 0],
    [sequence("AT", "18446744073709551615"), 0],
    [sequence("AT", `${"0".repeat(257)}1`), 4],
    [sequence("AFTER", "00000"), 4],
    [sequence("AFTER", "00001"), 3],
    [sequence("AFTER", "99999"), 0],
    [at(noonMs / 1000 - 1000), 5],
    [at(noonMs / 1000 + 2), 3],
    [at(noonMs / 1000 + 2.5), 2],
    [at(noonMs / 1000 + 30), 0],
  ])("%j: %i records", async (target, count) => {
    const { status, text, output } = await iterator(target);
    expect(status).toBe(200);
    expect(Object.keys(JSON.parse(text) as object)).toEqual(["ShardIterator", "Iterator"]);
    expect(output.Iterator).toBe(output.ShardIterator);
    const page = await yandex("GetRecords", { ShardIterator: output.ShardIterator });
    expect(page.output.Records?.length ?? 0).toBe(count);
    expect("Records" in page.output).toBe(count > 0);
  });

  test.each<[string, object]>([
    ["InvalidArgumentException", { ShardIteratorType: "ИНВЭЛИД" }],
    ["InvalidArgumentException", {}],
    ["InvalidArgumentException", sequence("AT", "garbage")],
    ["InvalidArgumentException", sequence("AT", "")],
    ["InvalidArgumentException", sequence("AT", "18446744073709551616")],
    ["InvalidArgumentException", sequence("AFTER", "9".repeat(21))],
    ["InvalidArgumentException", sequence("AT", "9".repeat(257))],
    ["InvalidArgumentException", { ShardIteratorType: "AT_TIMESTAMP" }],
    ["InvalidArgumentException", at(0)],
    ["InvalidArgumentException", at(1e308)],
    ["InvalidArgumentException", at(-1e308)],
    ["InvalidArgumentException", at(noonMs / 1000 + 1000)],
    ["InvalidArgumentException", { ShardIteratorType: "AT_TIMESTAMP", Timestamp: "now" }],
    ["ResourceNotFoundException", { ShardIteratorType: "LATEST", ShardId: "shard-000003" }],
    ["ResourceNotFoundException", { ShardIteratorType: "LATEST", ShardId: "shard-0" }],
    ["ResourceNotFoundException", { ShardIteratorType: "LATEST", ShardId: "" }],
    ["ResourceNotFoundException", { ShardIteratorType: "LATEST", StreamName: "none" }],
    ["ValidationException", { ShardIteratorType: "LATEST", StreamName: "" }],
  ])("%s for %j", async (name, target) => {
    expectError(await iterator(target), name);
  });

  test("a number of a million digits", async () => {
    const reply = await iterator(sequence("AT", "9".repeat(1_000_000)));
    expectError(reply, "InvalidArgumentException");
  });

  test("the arrival of a record that is there is no time in the future", async () => {
    setClock(noonMs - 3 * 86_400_000);
    const { output } = await iterator(at(noonMs / 1000 + 4));
    const page = await yandex("GetRecords", { ShardIterator: output.ShardIterator });
    expect(page.output.Records?.map(textOf)).toEqual(["data4"]);
    expectError(await iterator(at(noonMs / 1000 + 20)), "InvalidArgumentException");
  });

  test("beyond the end it waits for the record that it names", async () => {
    const { output } = await iterator(sequence("AT", "6"));
    await put(0, "data5");
    await put(0, "data6");
    const page = await yandex("GetRecords", { ShardIterator: output.ShardIterator });
    expect(page.output.Records?.map(({ SequenceNumber }) => SequenceNumber)).toEqual(["6"]);
  });
});

describe("GetRecords", () => {
  test("a record, and how long ago the page's last one came", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("base64");
    setClock(noonMs + 345);
    const ExplicitHashKey = "0";
    await yandex("PutRecord", { StreamName, PartitionKey: "ключ", Data: bytes, ExplicitHashKey });
    setClock(noonMs + 1345);
    const { output } = await yandex("GetRecords", { ShardIterator: await start(0) });
    expect(output).toEqual({
      MillisBehindLatest: 1000,
      NextShardIterator: expect.any(String),
      Records: [
        {
          ApproximateArrivalTimestamp: noonMs / 1000 + 0.345,
          Codec: 0,
          Data: bytes,
          EncryptionType: "NONE",
          PartitionKey: "ключ",
          SequenceNumber: "0",
        },
      ],
    });
    const ShardIterator = output.NextShardIterator ?? "";
    expect((await yandex("GetRecords", { ShardIterator })).output).toEqual({
      MillisBehindLatest: 0,
      NextShardIterator: expect.any(String),
    });
  });

  test("pages of a limit, one after the other", async () => {
    for (let i = 0; i < 5; i++) await put(0, `data${i}`);
    const pages: string[][] = [];
    for (let ShardIterator = await start(0); ;) {
      const { output } = await yandex("GetRecords", { ShardIterator, Limit: 2 });
      if (output.Records === undefined) break;
      pages.push(output.Records.map(textOf));
      ShardIterator = output.NextShardIterator ?? "";
    }
    expect(pages).toEqual([["data0", "data1"], ["data2", "data3"], ["data4"]]);
  });

  test("a page of ten megabytes is cut, and goes on", async () => {
    for (let i = 0; i < 12; i++) await put(0, "x".repeat(megabyte));
    const sizes: number[] = [];
    for (let ShardIterator = await start(0); ;) {
      const { output } = await yandex("GetRecords", { ShardIterator });
      if (output.Records === undefined) break;
      sizes.push(output.Records.length);
      ShardIterator = output.NextShardIterator ?? "";
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.floor(pageBytesMax / megabyte));
  });

  test("what is wrong has a name", async () => {
    const ShardIterator = await start(0);
    const says = async (input: object) => (await yandex("GetRecords", input)).error;
    for (const Limit of [-1, -30, 10_001, 100_000]) {
      expect(await says({ ShardIterator, Limit })).toEqual({
        name: "ValidationException",
        message: `<main>: Error: Limit '${Limit}' is out of bounds [1; 10000], code: 500080\n`,
      });
    }
    for (const bad of [
      "",
      "Invalid",
      "ИНВЭЛИД",
      `${ShardIterator}garbage`,
      "$YhxeANhDeX$$*()[}!!",
    ]) {
      expect(await says({ ShardIterator: bad })).toEqual({
        name: "InvalidArgumentException",
        message: "<main>: Error: Provided shard iterator is malformed, code: 500040\n",
      });
    }
    expect((await yandex("GetRecords", { ShardIterator, Limit: 0 })).status).toBe(200);
  });

  test("an iterator lives for five minutes, and outlives a clock that is set back", async () => {
    const ShardIterator = await start(0);
    setClock(noonMs + 299_999);
    expect((await yandex("GetRecords", { ShardIterator })).status).toBe(200);
    setClock(noonMs + 300_000);
    expectError(await yandex("GetRecords", { ShardIterator }), "ExpiredIteratorException");
    for (const ms of [-1, -3 * 86_400_000]) {
      setClock(noonMs + ms);
      expect((await yandex("GetRecords", { ShardIterator })).status).toBe(200);
    }
  });

  test("any path will do, since the iterator knows where it belongs", async () => {
    await put(0, "data");
    const path = `/ru-central1/cloud/${crypto.randomUUID()}`;
    const ShardIterator = await start(0);
    const { output } = await yandex("GetRecords", { ShardIterator }, { path });
    expect(output.Records?.map(textOf)).toEqual(["data"]);
  });

  test("of a stream that was deleted", async () => {
    const ShardIterator = await start(0);
    await yandex("DeleteStream", { StreamName });
    expectError(await yandex("GetRecords", { ShardIterator }), "ResourceNotFoundException");
  });

  test("a shard that was split ends, and names the shards that go on", async () => {
    StreamName = `${StreamName}-p`;
    const StreamModeDetails = { StreamMode: "PROVISIONED" };
    await yandex("CreateStream", { StreamName, ShardCount: 3, StreamModeDetails });
    await put(0, "before");
    const NewStartingHashKey = "1000";
    const ShardToSplit = "shardId-000000000000";
    const split = await kinesis("SplitShard", { StreamName, ShardToSplit, NewStartingHashKey });
    expect(split.status).toBe(200);
    setClock(noonMs + 5000);
    await vi.waitUntil(isActive, patience);
    const { output } = await yandex("GetRecords", { ShardIterator: await start(0) });
    expect(output.Records?.map(textOf)).toEqual(["before"]);
    expect(output.NextShardIterator).toBeNull();
    expect(output.ChildShards).toEqual([
      {
        HashKeyRange: { StartingHashKey: "0", EndingHashKey: "999" },
        ParentShards: ["shard-000000"],
        ShardId: "shard-000003",
        Name: "shard-000003",
      },
      {
        HashKeyRange: {
          StartingHashKey: "1000",
          EndingHashKey: "113427455640312821154458202477256070484",
        },
        ParentShards: ["shard-000000"],
        ShardId: "shard-000004",
        Name: "shard-000004",
      },
    ]);
    const described = await yandex("DescribeStream", { StreamName });
    const [parent, , , child] = described.output.StreamDescription.Shards;
    expect(parent?.SequenceNumberRange.EndingSequenceNumber).toBe("0");
    expect([child?.ParentShardId, child?.SequenceNumberRange]).toEqual([
      "shard-000000",
      { StartingSequenceNumber: "0" },
    ]);
  });
});

/** Into the first shard. */
async function put(hash: number, data: string): Promise<void> {
  const ExplicitHashKey = String(hash);
  const input = { StreamName, PartitionKey: "k", Data: base64(data), ExplicitHashKey };
  expect((await yandex("PutRecord", input)).status).toBe(200);
}

async function isActive(): Promise<boolean> {
  const { output } = await yandex("DescribeStream", { StreamName });
  return output.StreamDescription.StreamStatus === "ACTIVE";
}

function iterator(input: object): Promise<YandexReply> {
  return yandex("GetShardIterator", { StreamName, ShardId: "shard-000000", ...input });
}

async function start(shard: number): Promise<string> {
  const ShardId = `shard-00000${shard}`;
  return (await iterator({ ShardId, ShardIteratorType: "TRIM_HORIZON" })).output.ShardIterator;
}

async function textsAt(shard: number): Promise<string[]> {
  const { output } = await yandex("GetRecords", { ShardIterator: await start(shard) });
  return (output.Records ?? []).map(textOf);
}

function at(Timestamp: number): object {
  return { ShardIteratorType: "AT_TIMESTAMP", Timestamp };
}

function sequence(type: "AT" | "AFTER", StartingSequenceNumber: string): object {
  return { ShardIteratorType: `${type}_SEQUENCE_NUMBER`, StartingSequenceNumber };
}

function textOf({ Data }: { Data: string }): string {
  return Buffer.from(Data, "base64").toString();
}

function expectError({ status, reason, error }: YandexReply, name: string): void {
  expect([status, reason, error.name]).toEqual([400, name, name]);
}
