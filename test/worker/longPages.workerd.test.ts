// Pages whose text is longer than all that the engine prints at once, in every dialect and encoding: each is
// whole. Nothing is missing between the records of a page, and nothing between it and where it says
// that the next one begins.

import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeCbor } from "../../worker/codec/cborReader.ts";
import { encodeCbor } from "../../worker/kinesis/cbor.ts";
import { pageBufferBytesMax } from "../../worker/limits.ts";
import { authorizationFor, kinesisOver } from "./kinesis/client.ts";
import { type Message, MessageReader } from "./kinesis/eventReader.ts";
import { v3ioOver } from "./v3io/client.ts";

const send = (path: string, init: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => send("/", init));
const v3io = v3ioOver(send);

const arn = "arn:aws:kinesis:us-east-1:000000000000:stream";
const batchCount = 500;

type Format = "json" | "cbor";

/** A record's number in the shard, and the number that its key says. */
interface Seen {
  index: number;
  key: number;
}

interface Page {
  records: Seen[];
  next: unknown;
  textBytes: number;
}

/** Reads a page from where the last one ended; from the start without one. */
type Reader = (stream: string, next: unknown) => Promise<Page>;

/** Keys that JSON prints six times as long; what is stored looks as if it fitted. */
const escapes = {
  name: "escapes",
  count: 5000,
  keyOf: (i: number) => String(i).padStart(250, "\u0001"),
  dataBytes: 1,
};
/** Records of next to nothing, whose text is a hundred times longer. */
const crumbs = { name: "crumbs", count: 60_000, keyOf: String, dataBytes: 1 };

/** Long in every encoding, and over several segments. */
const planks = {
  name: "planks",
  count: 10_000,
  keyOf: (i: number) => String(i).padStart(250, "0"),
  dataBytes: 150,
};
const streams = [escapes, crumbs, planks];

beforeAll(async () => {
  for (const { name, count, keyOf, dataBytes } of streams) {
    const Data = Buffer.alloc(dataBytes).toString("base64");
    await kinesis("CreateStream", { StreamName: name, ShardCount: 1 });
    for (const ConsumerName of ["json", "cbor"]) {
      await kinesis("RegisterStreamConsumer", { StreamARN: `${arn}/${name}`, ConsumerName });
    }
    for (let first = 0; first < count; first += batchCount) {
      const keys = Array.from({ length: batchCount }, (_, i) => keyOf(first + i));
      const Records = keys.map((PartitionKey) => ({ PartitionKey, Data }));
      const { output } = await kinesis("PutRecords", { StreamName: name, Records });
      expect(output.FailedRecordCount).toBe(0);
    }
  }
});

const pageReaders: Record<string, Reader> = {
  "Kinesis JSON": kinesisReader("json"),
  "Kinesis CBOR": kinesisReader("cbor"),
  "Yandex JSON": yandexReader("json"),
  "Yandex CBOR": yandexReader("cbor"),
  v3io: readV3io,
};

describe.each(Object.keys(pageReaders))("%s", (name) => {
  const readNext = pageReaders[name]!;

  test.each(streams)("$name: its pages have all records", async (stream) => {
    let seen = 0;
    let longest = 0;
    for (let next: unknown; seen < stream.count;) {
      const page = await readNext(stream.name, next);
      expectRun(page.records, seen);
      seen += page.records.length;
      next = page.next;
      longest = Math.max(longest, page.textBytes);
    }
    expect(seen).toBe(stream.count);
    const isLong = {
      escapes: name.endsWith("JSON") || name === "v3io",
      crumbs: name === "v3io",
      planks: true,
    }[stream.name];
    expect(longest > pageBufferBytesMax).toBe(isLong);
  });
});

describe.each<Format>(["json", "cbor"])("SubscribeToShard, %s", (format) => {
  test.each(streams)("$name: its events have all records", async (stream) => {
    let seen = 0;
    let longest = 0;
    for await (const { records, textBytes } of eventsOf(stream.name, format)) {
      expectRun(records, seen);
      seen += records.length;
      longest = Math.max(longest, textBytes);
      if (seen >= stream.count) break;
    }
    expect(seen).toBe(stream.count);
    expect(longest > pageBufferBytesMax).toBe(format === "json" && stream === escapes);
  });
});

function expectRun(records: readonly Seen[], first: number): void {
  const broken = records.findIndex(({ index, key }, i) => index !== first + i || key !== first + i);
  expect(broken < 0 ? undefined : [first + broken, records[broken]]).toBeUndefined();
}

interface WireRecord {
  SequenceNumber: string | number;
  PartitionKey: string;
}

function indexInKinesis(number: string): number {
  return Number(`0x${BigInt(number).toString(16).slice(11, 27)}`);
}

function seenIn(records: readonly WireRecord[], indexOf: (number: string) => number): Seen[] {
  return records.map(({ SequenceNumber, PartitionKey }) => ({
    index: indexOf(String(SequenceNumber)),
    key: Number(PartitionKey.replaceAll("\u0001", "")),
  }));
}

function kinesisReader(format: Format): Reader {
  return async (StreamName, next) => {
    const place = {
      StreamName,
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    };
    const first = async () => (await kinesis("GetShardIterator", place)).output.ShardIterator;
    const input = { ShardIterator: next ?? (await first()) };
    const headers = { ...kinesisHeaders("GetRecords"), "content-type": typeOf[format].kinesis };
    const { output, textBytes } = await ask("/", headers, input, format);
    const { Records, NextShardIterator } = output;
    return { records: seenIn(Records ?? [], indexInKinesis), next: NextShardIterator, textBytes };
  };
}

function yandexReader(format: Format): Reader {
  return async (StreamName, next) => {
    const place = { StreamName, ShardId: "shard-000000", ShardIteratorType: "TRIM_HORIZON" };
    const first = async () =>
      (await askYandex("GetShardIterator", place, format)).output.ShardIterator;
    const input = { ShardIterator: next ?? (await first()) };
    const { output, textBytes } = await askYandex("GetRecords", input, format);
    const { Records, NextShardIterator } = output;
    return { records: seenIn(Records ?? [], Number), next: NextShardIterator, textBytes };
  };
}

function askYandex(method: string, input: object, format: Format) {
  return ask("/Root", yandexHeaders(method, format), input, format);
}

async function readV3io(stream: string, next: unknown): Promise<Page> {
  const Location = next ?? "AQAAAAAAAAAAAAAAAAAAAA==";
  const path = `/bigdata/${stream}/0`;
  const { output, text } = await v3io("GetRecords", path, { Location, Limit: 1_000_000 });
  const records = seenIn(output.Records, (number) => Number(number) - 1);
  return { records, next: output.NextLocation, textBytes: text.length };
}

async function* eventsOf(stream: string, format: Format): AsyncGenerator<Omit<Page, "next">> {
  const type = typeOf[format].kinesis;
  const response = await send("/", {
    method: "POST",
    headers: { ...kinesisHeaders("SubscribeToShard"), "content-type": type },
    body: encode(await subscriptionOf(stream, format), format),
  });
  const reader = response.body!.getReader();
  const messages = new MessageReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const message of messages.push(value)) {
        const { Records = [] } = decode(message.payload, format);
        const textBytes = message.payload.length;
        if (isEvent(message)) yield { records: seenIn(Records, indexInKinesis), textBytes };
      }
    }
  } finally {
    await reader.cancel();
  }
}

async function subscriptionOf(stream: string, ConsumerName: Format): Promise<object> {
  const name = { StreamARN: `${arn}/${stream}`, ConsumerName };
  const { text } = await kinesis("DescribeStreamConsumer", name);
  const { ConsumerDescription } = JSON.parse(text) as {
    ConsumerDescription: { ConsumerARN: string };
  };
  const { ConsumerARN } = ConsumerDescription;
  return {
    ConsumerARN,
    ShardId: "shardId-000000000000",
    StartingPosition: { Type: "TRIM_HORIZON" },
  };
}

function isEvent({ headers }: Message): boolean {
  return headers[":event-type"] === "SubscribeToShardEvent";
}

interface Output {
  ShardIterator?: string;
  NextShardIterator?: string;
  Records?: WireRecord[];
}

async function ask(
  path: string,
  headers: Record<string, string>,
  input: object,
  format: Format,
): Promise<{ output: Output; textBytes: number }> {
  const reply = await send(path, { method: "POST", headers, body: encode(input, format) });
  const bytes = new Uint8Array(await reply.arrayBuffer());
  expect(reply.status).toBe(200);
  return { output: decode(bytes, format), textBytes: bytes.length };
}

function encode(input: object, format: Format): string | Uint8Array {
  return format === "json" ? JSON.stringify(input) : encodeCbor(input);
}

function decode(bytes: Uint8Array, format: Format): Output {
  if (format === "cbor") return decodeCbor(bytes, bytes.length) as Output;
  return JSON.parse(new TextDecoder().decode(bytes)) as Output;
}

const typeOf = {
  json: { kinesis: "application/x-amz-json-1.1", yandex: "application/json" },
  cbor: { kinesis: "application/x-amz-cbor-1.1", yandex: "application/cbor" },
};

function kinesisHeaders(operation: string): Record<string, string> {
  return {
    "x-amz-target": `Kinesis_20131202.${operation}`,
    "x-amz-date": "20260101T000000Z",
    authorization: authorizationFor("us-east-1"),
  };
}

function yandexHeaders(method: string, format: Format): Record<string, string> {
  return {
    "content-type": typeOf[format].yandex,
    "x-amz-target": `kinesisApi.${method}`,
    authorization: "Bearer proxy_sa@builtin",
  };
}
