// Pages as large as they may be, in every dialect: 10 MB of keys and data, or as many records as are asked for,
// however many segments of history they come from. The record that would pass the bound is left out.

import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { crc32 } from "node:zlib";
import { kinesisOver } from "./kinesis/client.ts";
import { forgetBodies } from "../support/storage.ts";
import { v3ioOver } from "./v3io/client.ts";
import { yandexOver } from "./yandex/client.ts";

const send = (path: string, init: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => send("/", init));
const v3io = v3ioOver(send);
const yandex = yandexOver(send);

interface Filled {
  stream: string;
  puts: number;
  perPut: number;
  dataBytes: number;
  /** Records of the first page. */
  first: number;
}

/** A segment each; with keys of one byte, ten are 10,000,010 bytes and eleven too many. */
const large: Filled = { stream: "large", puts: 13, perPut: 1, dataBytes: 1_000_000, first: 10 };
/** Ten and their keys are 10,485,760 bytes: just as many as there may be. */
const exact: Filled = { stream: "exact", puts: 11, perPut: 1, dataBytes: 1_048_575, first: 10 };
const batches: Filled = { stream: "batches", puts: 9, perPut: 500, dataBytes: 1000, first: 4000 };
/** Segments of 0.4 MB, which are the smallest that large puts make. */
const small: Filled = { stream: "small", puts: 26, perPut: 400, dataBytes: 1000, first: 10_000 };

beforeAll(async () => {
  for (const { stream, puts, perPut, dataBytes } of [large, exact, batches, small]) {
    await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
    const Data = Buffer.alloc(dataBytes, 7).toString("base64");
    const Records = Array.from({ length: perPut }, () => ({ PartitionKey: "k", Data }));
    for (let put = 0; put < puts; put++) {
      const { output } = await kinesis("PutRecords", { StreamName: stream, Records });
      expect(output.FailedRecordCount).toBe(0);
    }
  }
});

const readers: Record<string, (stream: string, limit: number) => Promise<{ Data: string }[]>> = {
  async Kinesis(StreamName, Limit) {
    const place = {
      StreamName,
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    };
    const { ShardIterator } = (await kinesis("GetShardIterator", place)).output;
    return (await kinesis("GetRecords", { ShardIterator, Limit })).output.Records;
  },
  async Yandex(StreamName, Limit) {
    const place = { StreamName, ShardId: "shard-000000", ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = (await yandex("GetShardIterator", place)).output;
    const { headers, bytes, output } = await yandex("GetRecords", { ShardIterator, Limit });
    expect(headers.get("x-amz-crc32")).toBe(String(crc32(bytes)));
    return output.Records ?? [];
  },
  async v3io(stream, Limit) {
    const Location = "AQAAAAAAAAAAAAAAAAAAAA==";
    return (await v3io("GetRecords", `/bigdata/${stream}/0`, { Location, Limit })).output.Records;
  },
};

describe.each(Object.keys(readers))("%s", (name) => {
  const read = readers[name]!;

  test.each([
    [large, 10_000],
    [exact, 10_000],
    [batches, 4000],
    [small, 10_000],
  ])("$stream: a page of history is full", async ({ stream, first, dataBytes }, limit) => {
    forgetBodies();
    const records = await read(stream, limit);
    expect(records.length).toBe(first);
    const data = Buffer.alloc(dataBytes, 7).toString("base64");
    expect(records.every(({ Data }) => Data === data)).toBe(true);
  });
});
