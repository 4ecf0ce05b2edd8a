// Yandex Data Streams against the real server: the AWS SDK pointed at a database, as that service's
// documentation has its users do, and a request by hand for what only the wire shows, the reason
// phrase of the status line among it (YDB kinesis_ut.cpp asserts it).

import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-kinesis";
import { connect as connectSocket } from "node:net";
import { text as readText } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, iteratorFor, readShard } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory", "--allow-host", "example.amazonaws.com"] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const database = "/ru-central1/b1gvcuacrv4dh7ep9ba8/etn02qlpqn0rdcabcdef";

test.each([
  ["a database in the endpoint, names relative to it", database, "orders"],
  ["nothing but the server in the endpoint, absolute names", "", `${database}/payments`],
])("the AWS SDK with %s", async (_, path, StreamName) => {
  const client = connectTo(path);
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
  expect(StreamDescription).toMatchObject({ StreamName, StreamStatus: "ACTIVE" });
  const put = { StreamName, PartitionKey: "k", ExplicitHashKey: "0" };
  const first = await client.send(new PutRecordCommand({ ...put, Data: Buffer.from("a") }));
  expect(first).toMatchObject({ ShardId: "shard-000000", SequenceNumber: "0" });
  const Records = ["b", "c"].map((data) => ({
    PartitionKey: "k",
    ExplicitHashKey: "0",
    Data: Buffer.from(data),
  }));
  const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
  expect(FailedRecordCount).toBe(0);
  const { Shards } = await client.send(new ListShardsCommand({ StreamName }));
  expect(Shards?.map(({ ShardId }) => ShardId)).toEqual(["shard-000000", "shard-000001"]);
  const ShardIterator = await iteratorFor(client, {
    StreamName,
    ShardId: "shard-000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const page = await client.send(new GetRecordsCommand({ ShardIterator }));
  const data = page.Records?.map((record) => Buffer.from(record.Data ?? []).toString());
  expect(data).toEqual(["a", "b", "c"]);
  expect(page.Records?.map(({ SequenceNumber }) => SequenceNumber)).toEqual(["0", "1", "2"]);
  const arrived = page.Records?.[0]?.ApproximateArrivalTimestamp?.getTime() ?? 0;
  expect(Math.abs(Date.now() - arrived)).toBeLessThan(60_000);
  await client.send(new DeleteStreamCommand({ StreamName }));
  await expect(client.send(new DescribeStreamCommand({ StreamName }))).rejects.toBeInstanceOf(
    ResourceNotFoundException,
  );
});

test("a stream of the default database is the Kinesis stream of that name", async () => {
  const StreamName = "shared";
  const yandex = connectTo("/local");
  await yandex.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const record = { StreamName, PartitionKey: "k", Data: Buffer.from("a") };
  await yandex.send(new PutRecordCommand(record));
  const kinesis = connect(server.endpoint);
  const records = await readShard(kinesis, StreamName, 0);
  expect(records.map(({ Data }) => Buffer.from(Data ?? []).toString())).toEqual(["a"]);
  const { StreamNames } = await yandex.send(new ListStreamsCommand());
  expect(StreamNames).toContain(StreamName);
});

test("the status line says an error's name, and nothing when all is well", async () => {
  expect(await statusLineFor('{"StreamName":"nowhere"}')).toBe(
    "HTTP/1.1 400 ResourceNotFoundException",
  );
  expect(await statusLineFor('{"StreamName":10}')).toBe("HTTP/1.1 400 InvalidArgumentException");
  expect(await statusLineFor('{"StreamName":"shared"}')).toBe("HTTP/1.1 200");
});

/** Of a request as YDB's fixture writes it (datastreams_fixture.h). */
async function statusLineFor(body: string): Promise<string | undefined> {
  const lines = [
    "POST /Root HTTP/1.1",
    "Host:example.amazonaws.com",
    "X-Amz-Target:kinesisApi.DescribeStreamSummary",
    "X-Amz-Date:20150830T123600Z",
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/ru-central1/service/" +
      "aws4_request, SignedHeaders=host;x-amz-date, Signature=" +
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b)__",
    "Content-Type:application/json",
    "Connection: close",
    `Content-Length: ${body.length}`,
  ];
  const { hostname, port } = new URL(server.endpoint);
  const socket = connectSocket(Number(port), hostname);
  socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  return (await readText(socket)).split("\r\n", 1)[0]?.trimEnd();
}

function connectTo(path: string): KinesisClient {
  return new KinesisClient({
    endpoint: server.endpoint + path,
    region: "ru-central1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
}
