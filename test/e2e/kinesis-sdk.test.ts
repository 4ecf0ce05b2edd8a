// The AWS SDK for JavaScript v3, in its default configuration, which speaks HTTP/2 without TLS, and over
// HTTP/1.1, against the real local server: the life of a stream, its records both ways, and errors as the
// SDK's own classes. A record put through Kinesis is read through v3io, and the other way round.

import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  ExpiredIteratorException,
  GetRecordsCommand,
  InvalidArgumentException,
  type KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  paginateListStreams,
  PutRecordCommand,
  PutRecordsCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  type Shard,
  waitUntilStreamExists,
  waitUntilStreamNotExists,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { v3ioOver } from "../worker/v3io/client.ts";
import { connect, indexIn, iteratorFor, partsOf, readPages, readShard, shardIdAt } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

describe.each([
  ["HTTP/2, as it comes", "h2", {}],
  ["HTTP/1.1", "http/1.1", { requestHandler: new NodeHttpHandler() }],
] as const)("%s", (_, protocol, others) => {
  let server: Server;
  let client: KinesisClient;

  beforeAll(async () => {
    server = await startServer();
    client = connect(server.endpoint, others);
  });

  afterAll(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });

  describe("streams", () => {
    test("the client speaks what is said", () => {
      const { metadata } = client.config.requestHandler;
      expect(metadata?.handlerProtocol).toBe(protocol);
    });

    test("create, wait, describe: a stream is active, with shards that share all hash keys", async () => {
      const before = Date.now();
      const StreamName = await createStream(3);
      const waited = await waitUntilStreamExists({ client, maxWaitTime: 30 }, { StreamName });
      expect(waited.state).toBe("SUCCESS");
      const { StreamDescription: stream } = await client.send(
        new DescribeStreamCommand({ StreamName }),
      );
      expect(stream).toMatchObject({
        StreamName,
        StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`,
        StreamStatus: "ACTIVE",
        StreamModeDetails: { StreamMode: "PROVISIONED" },
        HasMoreShards: false,
        RetentionPeriodHours: 24,
        EncryptionType: "NONE",
      });
      const createdMs = stream?.StreamCreationTimestamp?.getTime() ?? 0;
      expect(createdMs).toBeGreaterThanOrEqual(before - 1);
      expect(createdMs).toBeLessThanOrEqual(Date.now() + 1);
      const width = 2n ** 128n / 3n;
      expect(stream?.Shards?.map(({ ShardId, HashKeyRange: range }) => [ShardId, range])).toEqual(
        [0n, 1n, 2n].map((i) => [
          shardIdAt(Number(i)),
          {
            StartingHashKey: String(width * i),
            EndingHashKey: String(i === 2n ? 2n ** 128n - 1n : width * (i + 1n) - 1n),
          },
        ]),
      );
    });

    test("without a number of shards a stream is on demand, with four", async () => {
      const StreamName = randomUUID();
      await client.send(new CreateStreamCommand({ StreamName }));
      const { StreamDescriptionSummary: summary } = await client.send(
        new DescribeStreamSummaryCommand({ StreamName }),
      );
      expect(summary).toMatchObject({
        StreamModeDetails: { StreamMode: "ON_DEMAND" },
        StreamStatus: "ACTIVE",
        OpenShardCount: 4,
        ConsumerCount: 0,
      });
      expect(summary).not.toHaveProperty("StreamId");
    });

    test("ListStreams: the SDK's paginator finds every name once, sorted", async () => {
      const prefix = randomUUID();
      const names = Array.from({ length: 23 }, (_, i) => `${prefix}-${String(i).padStart(2, "0")}`);
      await Promise.all(
        names.map((StreamName) =>
          client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 })),
        ),
      );
      const found: string[] = [];
      for await (const page of paginateListStreams({ client, pageSize: 5 }, {})) {
        expect(page.StreamNames?.length).toBeLessThanOrEqual(5);
        expect(page.StreamSummaries?.map(({ StreamName }) => StreamName)).toEqual(page.StreamNames);
        found.push(...(page.StreamNames ?? []));
      }
      expect(found).toEqual(found.toSorted());
      expect(found.filter((name) => name.startsWith(prefix))).toEqual(names);
      const { StreamNames } = await client.send(
        new ListStreamsCommand({ ExclusiveStartStreamName: names[20], Limit: 2 }),
      );
      expect(StreamNames).toEqual(names.slice(21));
    });

    test("ListShards and DescribeStream: pages lead through all shards", async () => {
      const StreamName = await createStream(120);
      const ids = Array.from({ length: 120 }, (_, i) => shardIdAt(i));
      const listed: (Shard | undefined)[] = [];
      let NextToken: string | undefined;
      do {
        const reply = await client.send(
          new ListShardsCommand(NextToken ? { NextToken } : { StreamName, MaxResults: 50 }),
        );
        listed.push(...(reply.Shards ?? []));
        NextToken = reply.NextToken;
      } while (NextToken !== undefined);
      expect(listed.map((shard) => shard?.ShardId)).toEqual(ids);
      const described: (string | undefined)[] = [];
      for (let more = true; more;) {
        const ExclusiveStartShardId = described.at(-1);
        const { StreamDescription: stream } = await client.send(
          new DescribeStreamCommand({ StreamName, ExclusiveStartShardId }),
        );
        expect(stream?.Shards?.length).toBeLessThanOrEqual(100);
        described.push(...(stream?.Shards ?? []).map(({ ShardId }) => ShardId));
        more = stream?.HasMoreShards === true;
      }
      expect(described).toEqual(ids);
    });

    test("delete, wait: gone, and one of the same name is another and empty", async () => {
      const StreamName = await createStream(1);
      const old = await put(StreamName, "old");
      await client.send(new DeleteStreamCommand({ StreamName }));
      const waited = await waitUntilStreamNotExists({ client, maxWaitTime: 30 }, { StreamName });
      expect(waited.state).toBe("SUCCESS");
      await expect(put(StreamName, "lost")).rejects.toBeInstanceOf(ResourceNotFoundException);
      await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      expect(await readShard(client, StreamName, 0)).toEqual([]);
      const number = await put(StreamName, "new");
      expect(indexIn(number)).toBe(indexIn(old));
      expect(texts(await readShard(client, StreamName, 0))).toEqual(["new"]);
    });
  });

  describe("records", () => {
    test("every byte, no byte, and keys of any characters come back as they were put", async () => {
      const StreamName = await createStream(1);
      const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
      const records = [
        { Data: everyByte, PartitionKey: "plain" },
        { Data: new Uint8Array(0), PartitionKey: "no data" },
        { Data: everyByte.subarray(0, 1), PartitionKey: "語".repeat(256) },
        { Data: everyByte.subarray(0, 2), PartitionKey: '"\\\u0000\u001f\u007f\u2028\ud83d\ude00' },
        { Data: everyByte.subarray(253), PartitionKey: " " },
      ];
      const before = Date.now();
      const numbers: (string | undefined)[] = [];
      for (const record of records) {
        const reply = await client.send(new PutRecordCommand({ StreamName, ...record }));
        expect(reply.ShardId).toBe(shardIdAt(0));
        numbers.push(reply.SequenceNumber);
      }
      const stored = await readShard(client, StreamName, 0);
      expect(stored.map(({ Data, PartitionKey }) => ({ Data, PartitionKey }))).toEqual(records);
      expect(stored.map(({ SequenceNumber }) => SequenceNumber)).toEqual(numbers);
      for (const { ApproximateArrivalTimestamp: arrival } of stored) {
        expect(arrival?.getTime()).toBeGreaterThanOrEqual(before - 1);
        expect(arrival?.getTime()).toBeLessThanOrEqual(Date.now() + 1);
      }
    });

    test("PutRecords: 500 outcomes in the order of the records, each where its hash key says", async () => {
      const StreamName = await createStream(4);
      const width = 2n ** 126n;
      const Records = Array.from({ length: 500 }, (_, i) => ({
        Data: Buffer.from(`${i}`),
        PartitionKey: "any",
        ExplicitHashKey: String(width * BigInt(i % 4) + (i % 8 < 4 ? 0n : width - 1n)),
      }));
      const reply = await client.send(new PutRecordsCommand({ StreamName, Records }));
      expect(reply.FailedRecordCount).toBe(0);
      expect(reply.Records?.map(({ ShardId }) => ShardId)).toEqual(
        Records.map((_, i) => shardIdAt(i % 4)),
      );
      for (let shard = 0; shard < 4; shard++) {
        const own = Records.map((_, i) => i).filter((i) => i % 4 === shard);
        const stored = await readShard(client, StreamName, shard);
        expect(texts(stored)).toEqual(own.map(String));
        expect(stored.map(({ SequenceNumber }) => SequenceNumber)).toEqual(
          own.map((i) => reply.Records?.[i]?.SequenceNumber),
        );
      }
    });

    test("each type of iterator begins where it says", async () => {
      const StreamName = await createStream(1);
      const target = { StreamName, ShardId: shardIdAt(0) };
      const numbers: string[] = [];
      for (const text of ["0", "1", "2"]) numbers.push(await put(StreamName, text));
      const stored = await readShard(client, StreamName, 0);
      const read = async (input: object) => {
        const iterator = await iteratorFor(client, {
          ...target,
          ShardIteratorType: "LATEST",
          ...input,
        });
        const pages = await Array.fromAsync(readPages(client, iterator, 2));
        return texts(pages.flat());
      };
      const StartingSequenceNumber = numbers[1];
      const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber };
      const after = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber };
      expect(await read({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["0", "1", "2"]);
      expect(await read({ ShardIteratorType: "LATEST" })).toEqual([]);
      expect(await read(at)).toEqual(["1", "2"]);
      expect(await read(after)).toEqual(["2"]);
      const Timestamp = stored[2]?.ApproximateArrivalTimestamp;
      const expected = ["0", "1", "2"].filter(
        (_, i) => Number(stored[i]?.ApproximateArrivalTimestamp) >= Number(Timestamp),
      );
      expect(await read({ ShardIteratorType: "AT_TIMESTAMP", Timestamp })).toEqual(expected);
      const latest = await iteratorFor(client, { ...target, ShardIteratorType: "LATEST" });
      await put(StreamName, "3");
      const { Records } = await client.send(new GetRecordsCommand({ ShardIterator: latest }));
      expect(texts(Records ?? [])).toEqual(["3"]);
    });

    test("a stream is also known by its ARN", async () => {
      const StreamName = await createStream(1);
      const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
      const record = { Data: Buffer.from("a"), PartitionKey: "key" };
      await client.send(new PutRecordCommand({ StreamARN, ...record }));
      await client.send(new PutRecordsCommand({ StreamARN, Records: [record] }));
      const { Shards } = await client.send(new ListShardsCommand({ StreamARN }));
      expect(Shards?.length).toBe(1);
      const ShardIterator = await iteratorFor(client, {
        StreamARN,
        ShardId: shardIdAt(0),
        ShardIteratorType: "TRIM_HORIZON",
      });
      const { Records } = await client.send(new GetRecordsCommand({ StreamARN, ShardIterator }));
      expect(texts(Records ?? [])).toEqual(["a", "a"]);
    });

    test("a hundred requests at once over the one connection all get their own answer", async () => {
      const StreamName = await createStream(2);
      const numbers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => put(StreamName, `${i}`, `key ${i}`)),
      );
      expect(new Set(numbers).size).toBe(100);
      const stored = [...(await readShard(client, StreamName, 0))];
      stored.push(...(await readShard(client, StreamName, 1)));
      const numberOf = new Map(stored.map((record) => [texts([record])[0], record.SequenceNumber]));
      for (const [i, number] of numbers.entries()) expect(numberOf.get(`${i}`)).toBe(number);
    });
  });

  describe("errors", () => {
    test("are of the SDK's own classes, with the service's words and a request id", async () => {
      const StreamName = await createStream(1);
      const twice = client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      const inUse: unknown = await twice.catch((error: unknown) => error);
      expect(inUse).toBeInstanceOf(ResourceInUseException);
      expect(inUse).toMatchObject({
        message: `Stream ${StreamName} under account 000000000000 already exists.`,
      });
      const missing = client.send(new DescribeStreamCommand({ StreamName: "missing" }));
      const notFound: unknown = await missing.catch((error: unknown) => error);
      expect(notFound).toBeInstanceOf(ResourceNotFoundException);
      expect(notFound).toMatchObject({
        message: "Stream missing under account 000000000000 not found.",
        $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      });
      const forged = client.send(new GetRecordsCommand({ ShardIterator: "forged" }));
      await expect(forged).rejects.toBeInstanceOf(InvalidArgumentException);
      await expect(forged).rejects.not.toBeInstanceOf(ExpiredIteratorException);
      expect(indexIn(await put(StreamName, "after all that"))).toBe(0);
    });
  });

  describe("Kinesis and v3io", () => {
    const v3io = v3ioOver((path, init) => fetch(server.endpoint + path, init));

    test("a record put through Kinesis is read through v3io, the same in every respect", async () => {
      const StreamName = await createStream(2);
      const Data = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
      const record = { Data, PartitionKey: 'key "語"', ExplicitHashKey: String(2n ** 127n) };
      await put(StreamName, "first", "first", String(2n ** 127n));
      const { SequenceNumber } = await client.send(new PutRecordCommand({ StreamName, ...record }));
      const path = `/bigdata/${StreamName}/1`;
      const { output: place } = await v3io("Seek", path, {
        Type: "SEQUENCE",
        StartingSequenceNumber: 2,
      });
      const { output } = await v3io("GetRecords", path, { Location: place.Location });
      const [read] = output.Records;
      expect(output.Records).toHaveLength(1);
      expect(Buffer.from(read?.Data ?? "", "base64")).toEqual(Buffer.from(Data));
      expect(read?.PartitionKey).toBe(record.PartitionKey);
      expect(read).not.toHaveProperty("ClientInfo");
      expect(read?.SequenceNumber).toBe(indexIn(SequenceNumber) + 1);
      const [, same] = await readShard(client, StreamName, 1);
      expect(arrivalMs(read)).toBe(same?.ApproximateArrivalTimestamp?.getTime());
      expect(partsOf(SequenceNumber).arrivalMs).toBe((read?.ArrivalTimeSec ?? 0) * 1000);
    });

    test("records put through v3io are read through Kinesis, the same in every respect", async () => {
      const StreamName = randomUUID();
      const path = `/bigdata/${StreamName}`;
      await v3io("CreateStream", `${path}/`, { ShardCount: 3, RetentionPeriodHours: 36 });
      const data = Buffer.from("bytes \u0000\u00ff", "latin1");
      const Records = [
        { Data: data.toString("base64"), PartitionKey: "key", ShardId: 2 },
        { Data: data.toString("base64"), ClientInfo: "aW5mbw==", ShardId: 2 },
      ];
      const { output } = await v3io("PutRecords", `${path}/`, { Records });
      expect(output.Records).toEqual(
        [1, 2].map((SequenceNumber) => ({ SequenceNumber, ShardId: 2 })),
      );
      const { StreamDescription: stream } = await client.send(
        new DescribeStreamCommand({ StreamName }),
      );
      expect([stream?.Shards?.length, stream?.RetentionPeriodHours]).toEqual([3, 36]);
      const stored = await readShard(client, StreamName, 2);
      expect(stored.map((record) => Buffer.from(record.Data ?? []))).toEqual([data, data]);
      expect(stored.map(({ PartitionKey }) => PartitionKey ?? "")).toEqual(["key", ""]);
      expect(stored.map((record) => indexIn(record.SequenceNumber))).toEqual([0, 1]);
      const start = { Location: "AQAAAAAAAAAAAAAAAAAAAA==" };
      const page = await v3io("GetRecords", `${path}/2`, start);
      expect(page.output.Records.map((record) => arrivalMs(record))).toEqual(
        stored.map((record) => record.ApproximateArrivalTimestamp?.getTime()),
      );
      const next = indexIn(await put(StreamName, "third", "k", String(2n ** 128n - 1n)));
      expect(next).toBe(2);
    });
  });

  async function createStream(ShardCount: number): Promise<string> {
    const StreamName = randomUUID();
    await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
    return StreamName;
  }

  async function put(
    StreamName: string,
    text: string,
    PartitionKey = "key",
    ExplicitHashKey?: string,
  ): Promise<string> {
    const Data = Buffer.from(text);
    const { SequenceNumber } = await client.send(
      new PutRecordCommand({ StreamName, Data, PartitionKey, ExplicitHashKey }),
    );
    return SequenceNumber ?? "";
  }
});

function texts(records: readonly { Data: Uint8Array | undefined }[]): string[] {
  return records.map(({ Data }) => Buffer.from(Data ?? []).toString());
}

function arrivalMs(record?: { ArrivalTimeSec: number; ArrivalTimeNSec: number }): number {
  if (record === undefined) return 0;
  return record.ArrivalTimeSec * 1000 + Math.floor(record.ArrivalTimeNSec / 1_000_000);
}
