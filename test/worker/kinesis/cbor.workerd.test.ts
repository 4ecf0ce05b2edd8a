// The API in CBOR over HTTP, inside workerd: what a client of the AWS SDK for Java sends and gets.
// Replies are read back value by value, and some are held to the byte.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { encodeCbor } from "../../../worker/kinesis/cbor.ts";
import { Timestamp } from "../../../worker/kinesis/codec.ts";
import { arnOf, ask, createStream, kinesis } from "./claims.ts";
import { base64, kinesisOver } from "./client.ts";

const contentType = "application/x-amz-cbor-1.1";
const ShardId = "shardId-000000000000";

interface CborReply {
  status: number;
  headers: Headers;
  body: Uint8Array;
  output: Record<string, unknown>;
}

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

describe("records", () => {
  const datas: [string, Uint8Array][] = [
    ["nothing", new Uint8Array()],
    ["23 bytes", filled(23)],
    ["24 bytes", filled(24)],
    ["255 bytes", filled(255)],
    ["256 bytes", filled(256)],
    ["65,535 bytes", filled(65_535)],
    ["65,536 bytes", filled(65_536)],
    ["a mebibyte with its key", filled(1_048_566)],
  ];

  test.each(datas)("%s: as they were put, in CBOR and in JSON", async (_, Data) => {
    const put = await call("PutRecord", { StreamName: stream, Data, PartitionKey: "schlüssel" });
    const number = put.output["SequenceNumber"];
    expect(put.output).toEqual({ ShardId, SequenceNumber: expect.stringMatching(/^\d{56}$/) });
    const { output } = await read(await iterator());
    const [record] = output["Records"] as { Data: Uint8Array }[];
    expect(Buffer.compare(record?.Data ?? new Uint8Array(1), Data)).toBe(0);
    expect({ ...record, Data: undefined }).toEqual({
      PartitionKey: "schlüssel",
      ApproximateArrivalTimestamp: noonMs,
      SequenceNumber: number,
    });
    const inJson = await kinesis("GetRecords", { ShardIterator: await iterator() });
    expect(inJson.output.Records).toEqual([
      {
        Data: base64(Data),
        PartitionKey: "schlüssel",
        ApproximateArrivalTimestamp: noonMs / 1000,
        SequenceNumber: number,
      },
    ]);
  });

  test("of many puts, in their order, with their own times and numbers", async () => {
    const numbers: unknown[] = [];
    for (const second of [0, 0, 1, 5]) {
      setClock(noonMs + second * 1000 + 7);
      const Records = ["a", "b"].map((text) => ({
        Data: Buffer.from(`${second}${text}`),
        PartitionKey: text.repeat(200),
      }));
      const { output } = await call("PutRecords", { StreamName: stream, Records });
      expect(output["FailedRecordCount"]).toBe(0);
      const replies = output["Records"] as { SequenceNumber: string }[];
      numbers.push(...replies.map(({ SequenceNumber }) => SequenceNumber));
    }
    const { output } = await read(await iterator());
    const records = output["Records"] as Record<string, unknown>[];
    expect(records.map((record) => record["SequenceNumber"])).toEqual(numbers);
    expect(records.map((record) => record["ApproximateArrivalTimestamp"])).toEqual(
      [0, 0, 0, 0, 1, 1, 5, 5].map((second) => noonMs + second * 1000 + 7),
    );
    expect(records.map(({ Data }) => Buffer.from(Data as Uint8Array).toString())).toEqual(
      "0a 0b 0a 0b 1a 1b 5a 5b".split(" "),
    );
  });

  test("a page too long for one buffer is sent whole: a stream of the length that was measured", async () => {
    const Data = filled(900_000);
    for (let i = 0; i < 4; i++) {
      await call("PutRecord", { StreamName: stream, Data, PartitionKey: `${i}` });
    }
    const { output } = await read(await iterator());
    const records = output["Records"] as { Data: Uint8Array; PartitionKey: string }[];
    expect(records.map(({ PartitionKey }) => PartitionKey)).toEqual(["0", "1", "2", "3"]);
    for (const record of records) expect(Buffer.compare(record.Data, Data)).toBe(0);
  });

  test("without a key have none", async () => {
    const made = await createStream({ RecordDistributionStrategy: "AUTO" });
    const put = await call("PutRecord", { StreamName: made, Data: filled(1) });
    const place = {
      StreamName: made,
      ShardId: put.output["ShardId"],
      ShardIteratorType: "TRIM_HORIZON",
    };
    const { output } = await call("GetShardIterator", place);
    const page = await read(output["ShardIterator"]);
    expect(page.output["Records"]).toEqual([
      {
        Data: expect.anything(),
        ApproximateArrivalTimestamp: noonMs,
        SequenceNumber: put.output["SequenceNumber"],
      },
    ]);
  });

  test("an empty page, to the byte", async () => {
    const { body } = await read(await iterator());
    const next = (decodeCbor(body) as { NextShardIterator: string }).NextShardIterator;
    const head = encodeCbor({ MillisBehindLatest: 0, NextShardIterator: next }).subarray(0, -1);
    expect(hex(body)).toBe(`${hex(head)}67${hex(Buffer.from("Records"))}9fffff`);
  });

  test("one record, to the byte", async () => {
    const put = await call("PutRecord", {
      StreamName: stream,
      Data: Buffer.from("hello"),
      PartitionKey: "k",
    });
    const { body } = await read(await iterator());
    const name = (text: string) => hex(encodeCbor(text));
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(noonMs));
    expect(hex(body)).toContain(
      `${name("Records")}9fbf${name("Data")}45${hex(Buffer.from("hello"))}` +
        `${name("PartitionKey")}${name("k")}` +
        `${name("ApproximateArrivalTimestamp")}c11b${hex(time)}` +
        `${name("SequenceNumber")}${name(String(put.output["SequenceNumber"]))}ffffff`,
    );
  });
});

describe("times", () => {
  test("are read as milliseconds", async () => {
    await call("PutRecord", { StreamName: stream, Data: filled(1), PartitionKey: "early" });
    setClock(noonMs + 1500);
    await call("PutRecord", { StreamName: stream, Data: filled(1), PartitionKey: "late" });
    const { output } = await call("GetShardIterator", {
      StreamName: stream,
      ShardId,
      ShardIteratorType: "AT_TIMESTAMP",
      Timestamp: new Timestamp(noonMs + 1),
    });
    const page = await read(output["ShardIterator"]);
    expect(page.output["Records"]).toMatchObject([{ PartitionKey: "late" }]);
  });

  test("are written as milliseconds under tag 1, whoever replies", async () => {
    await ask("UpdateAccountSettings", {
      MinimumThroughputBillingCommitment: { Status: "ENABLED" },
    });
    const consumer = { StreamARN: arnOf(stream), ConsumerName: "c" };
    const times: [string, object, string[]][] = [
      ["DescribeStream", { StreamName: stream }, ["StreamCreationTimestamp"]],
      ["DescribeStreamSummary", { StreamName: stream }, ["StreamCreationTimestamp"]],
      ["ListStreams", { Limit: 1 }, ["StreamCreationTimestamp"]],
      ["RegisterStreamConsumer", consumer, ["ConsumerCreationTimestamp"]],
      ["DescribeStreamConsumer", consumer, ["ConsumerCreationTimestamp"]],
      ["ListStreamConsumers", consumer, ["ConsumerCreationTimestamp"]],
      ["DescribeAccountSettings", {}, ["StartedAt", "EarliestAllowedEndAt"]],
    ];
    for (const [operation, input, members] of times) {
      const { status, body } = await call(operation, input);
      expect([operation, status]).toEqual([operation, 200]);
      for (const member of members) {
        expect(hex(body)).toMatch(new RegExp(`${hex(encodeCbor(member))}c11b0000[0-9a-f]{12}`));
      }
    }
  });

  test("are written so in an event, too", async () => {
    const input = { StreamARN: arnOf(stream), ConsumerName: "c" };
    const { output } = await call("RegisterStreamConsumer", input);
    await call("PutRecord", { StreamName: stream, Data: filled(1), PartitionKey: "k" });
    const body = encodeCbor({
      ConsumerARN: (output["Consumer"] as { ConsumerARN: string }).ConsumerARN,
      ShardId,
      StartingPosition: { Type: "AT_TIMESTAMP", Timestamp: new Timestamp(noonMs) },
    });
    let events: ReadableStream<Uint8Array> | null | undefined;
    const send = kinesisOver(async (init) => {
      ({ body: events } = await exports.default.fetch("http://localhost/", init));
      return new Response();
    });
    await send("SubscribeToShard", body, { "content-type": contentType });
    const reader = (events as ReadableStream<Uint8Array>).getReader();
    let text = "";
    while (!text.includes(hex(Buffer.from("Records")))) {
      text += hex((await reader.read()).value ?? new Uint8Array());
    }
    await reader.cancel();
    const time = noonMs.toString(16).padStart(16, "0");
    expect(text).toContain(`${hex(encodeCbor("ApproximateArrivalTimestamp"))}c11b${time}`);
  });
});

describe("replies and errors", () => {
  test("an operation without output has an empty body of its type", async () => {
    const { status, body, headers } = await call("DeleteStream", { StreamName: stream });
    expect([status, body.length, headers.get("content-type")]).toEqual([200, 0, contentType]);
  });

  test.each([
    [
      "of an action",
      "DescribeStream",
      { StreamName: "nowhere" },
      "ResourceNotFoundException",
      "Stream nowhere under account 000000000000 not found.",
    ],
    [
      "of a constraint",
      "DescribeStream",
      { StreamName: "" },
      "ValidationException",
      "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: " +
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; " +
        "Value '' at 'streamName' failed to satisfy constraint: " +
        "Member must have length greater than or equal to 1",
    ],
  ])(
    "%s: an error is a map of its name and message",
    async (_, operation, input, name, message) => {
      const { status, body, headers } = await call(operation, input);
      expect([status, headers.get("content-type")]).toEqual([400, contentType]);
      expect(hex(body)).toBe(hex(encodeCbor({ __type: name, message })));
    },
  );

  test.each([
    ["no CBOR", new Uint8Array([0xff])],
    ["two items", new Uint8Array([0xa0, 0xa0])],
    ["no map", new Uint8Array([0x01])],
    ["JSON", Buffer.from("{}")],
  ])("a body that is %s", async (_, body) => {
    const reply = await call("ListStreams", body);
    expect([reply.status, reply.output]).toEqual([400, { __type: "SerializationException" }]);
  });

  test("the wrong type for a member", async () => {
    const { output } = await call("DescribeStream", { StreamName: new Uint8Array([1]) });
    expect(output).toEqual({
      __type: "SerializationException",
      Message: "class java.nio.HeapByteBuffer can not be converted to an String",
    });
  });
});

test("what JSON says of a stream, CBOR says too, but for its times", async () => {
  await ask("AddTagsToStream", { StreamName: stream, Tags: { a: "ä" } });
  for (const operation of ["ListTagsForStream", "DescribeStream", "ListShards"]) {
    const inJson = await ask(operation, { StreamName: stream });
    const { output } = await call(operation, { StreamName: stream });
    const text = JSON.stringify(output).replace(String(noonMs), String(noonMs / 1000));
    expect(JSON.parse(text)).toEqual(inJson);
  }
});

/** `input` is sent as CBOR; bytes are sent as they are. */
async function call(operation: string, input: object): Promise<CborReply> {
  let reply: Response | undefined;
  const send = kinesisOver(async (init) => {
    reply = await exports.default.fetch("http://localhost/", init);
    return new Response();
  });
  const body = input instanceof Uint8Array ? input : encodeCbor(input);
  await send(operation, body, { "content-type": contentType });
  const { status, headers } = reply as Response;
  const bytes = new Uint8Array(await (reply as Response).arrayBuffer());
  const output = bytes.length === 0 ? {} : (decodeCbor(bytes) as Record<string, unknown>);
  return { status, headers, body: bytes, output };
}

async function iterator(): Promise<unknown> {
  const place = { StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  return (await call("GetShardIterator", place)).output["ShardIterator"];
}

async function read(ShardIterator: unknown): Promise<CborReply> {
  const reply = await call("GetRecords", { ShardIterator });
  expect(reply.status).toBe(200);
  return reply;
}

/** Bytes of every value. */
function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
