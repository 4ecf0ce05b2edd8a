// A stream that was deleted and made anew under its name, inside workerd: what clients have kept of the
// earlier one never reads the new one from some other place. It is refused as each dialect refuses what is
// gone, or it is the start of a stream, which is right for any.

import { env, exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { unwrap } from "../../worker/core/rpc.ts";
import { offsetText } from "../../worker/durable/offset.ts";
import { isLocationOf, printLocation, readLocation } from "../../worker/v3io/location.ts";
import { chunkOf } from "../support/shards.ts";
import { base64, kinesisOver } from "./kinesis/client.ts";
import { v3ioOver } from "./v3io/client.ts";
import { yandexOver } from "./yandex/client.ts";

const send = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => send("/", init));
const v3io = v3ioOver(send);
const yandex = yandexOver(send);

async function make(name: string, texts: string[], ShardCount = 1): Promise<void> {
  await kinesis("CreateStream", { StreamName: name, ShardCount });
  const Records = texts.map((text) => ({ PartitionKey: "k", Data: base64(text) }));
  if (texts.length > 0) await kinesis("PutRecords", { StreamName: name, Records });
}

async function remake(name: string, texts: string[], shards?: number): Promise<void> {
  const input = { StreamName: name, EnforceConsumerDeletion: true };
  expect((await kinesis("DeleteStream", input)).status).toBe(200);
  await make(name, texts, shards);
}

/** As if another isolate deleted and created it: this one does not hear of it. The uid of the new shard. */
async function remakeUnheard(name: string): Promise<string> {
  const scope = { account: "000000000000", region: "us-east-1" };
  const catalog = env.CATALOG.getByName("000000000000/us-east-1");
  unwrap(await catalog.deleteStream(name, true));
  const spec = { name, shardCount: 1, mode: "PROVISIONED" as const, retentionHours: 24 };
  return unwrap(await catalog.createStream(scope, spec)).shards[0]!.uid;
}

const later = ["x", "y", "z", "w"];

const locate = (name: string, Location: string) =>
  v3io("GetRecords", `/bigdata/${name}/0`, { Location });

const put = (name: string) =>
  send(`/v1/stream/${name}`, { method: "PUT", headers: { "content-type": "text/plain" } });

/** The offset after it. */
async function add(name: string, body: string): Promise<string> {
  const headers = { "content-type": "text/plain" };
  const reply = await send(`/v1/stream/${name}`, { method: "POST", headers, body });
  return reply.headers.get("stream-next-offset")!;
}

const read = (name: string, offset: string, more = "") =>
  send(`/v1/stream/${name}?offset=${offset}${more}`);

const forkAt = (offset: string, source: string, name: string) =>
  send(`/v1/stream/${name}`, {
    method: "PUT",
    headers: { "stream-forked-from": `/v1/stream/${source}`, "stream-fork-offset": offset },
  });

async function scan(name: string, more = "") {
  const reply = await send(`/_millrace/scan?stream=${name}&limit=2${more}`);
  return { status: reply.status, lines: await reply.text() };
}

/** The ARN of a new queue that begins with the oldest record. */
async function makeQueue(name: string): Promise<string> {
  const { text } = await kinesis("CreateQueue", {
    QueueName: name,
    StreamConfigurationList: [
      {
        StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`,
        StartingPosition: { Type: "TRIM_HORIZON" },
      },
    ],
  });
  return JSON.parse(text).QueueDescription.QueueARN;
}

describe("a v3io location", () => {
  test("of the earlier stream is illegal, from Seek and from GetRecords", async () => {
    const name = crypto.randomUUID();
    await make(name, ["a", "b", "c"]);
    const target = { Type: "SEQUENCE", StartingSequenceNumber: 3 };
    const { Location } = (await v3io("Seek", `/bigdata/${name}/0`, target)).output;
    const start = (await v3io("Seek", `/bigdata/${name}/0`, { Type: "EARLIEST" })).output.Location;
    const { NextLocation } = (await locate(name, start)).output;
    expect((await locate(name, Location)).output.Records.map(({ Data }) => Data)).toEqual([
      base64("c"),
    ]);
    await remake(name, later);
    for (const old of [Location, NextLocation]) {
      const { status, output } = await locate(name, old);
      expect([status, output.ErrorMessage]).toEqual([400, "IllegalLocationException"]);
    }
    const { output } = await locate(name, start);
    expect(output.Records.map(({ Data }) => Data)).toEqual(later.map(base64));
    expect((await locate(name, output.NextLocation)).output.RecordsBehindLatest).toBe(0);
  });

  test("without a mark is read where it is of one stream: at the start, and in shards of 0.1.0", () => {
    const [start, second] = ["AQAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAABAAAAAAAAAA=="].map((text) =>
      readLocation(Buffer.from(text, "base64")),
    );
    const [uid, of010] = ["2-0123456789abcdef0123456789abcdef-0", "6f0c1a2b-0"] as const;
    expect(isLocationOf(start!, uid)).toBe(true);
    expect(isLocationOf(second!, of010)).toBe(true);
    expect(isLocationOf(second!, uid)).toBe(false);
  });

  test("has the documented text, and so has an offset of Durable Streams", () => {
    const uid = "2-0123456789abcdef0123456789abcdef-0";
    const location = { segment: 3, index: 1000 };
    expect(printLocation(uid, location)).toBe("AqDZ8gMAAADoAwAAAAAAAA==");
    expect(offsetText(uid, { segment: 3, index: 42 })).toBe(
      "0000000000000042_0000000000000003_f2d9a0",
    );
    expect(offsetText(uid, { segment: 0, index: 0 })).toBe("0000000000000000_0000000000000000");
  });

  test("of an isolate that knows the earlier stream is asked about once more", async () => {
    const name = crypto.randomUUID();
    await make(name, ["a"]);
    await locate(name, "AQAAAAAAAAAAAAAAAAAAAA==");
    const uid = await remakeUnheard(name);
    unwrap(await env.SHARD.getByName(uid).append([chunkOf("x")]));
    const fresh = await locate(name, printLocation(uid, { segment: 0, index: 1 }));
    expect([fresh.status, fresh.output.RecordsBehindLatest]).toEqual([200, 0]);
  });

  test("without a mark is illegal further on in a stream of this version", async () => {
    const name = crypto.randomUUID();
    await make(name, later);
    const { status, output } = await locate(name, "AQAAAAAAAAABAAAAAAAAAA==");
    expect([status, output.ErrorMessage]).toEqual([400, "IllegalLocationException"]);
  });
});

describe("an offset of Durable Streams", () => {
  test("of the earlier stream is 410, in every way to read", async () => {
    const name = crypto.randomUUID();
    await put(name);
    await add(name, "one");
    const offset = await add(name, "two");
    const head = await send(`/v1/stream/${name}`, { method: "HEAD" });
    const page = await read(name, "-1");
    for (const reply of [head, page]) expect(reply.headers.get("stream-next-offset")).toBe(offset);
    await page.text();
    expect((await read(name, offset)).status).toBe(200);
    await send(`/v1/stream/${name}`, { method: "DELETE" });
    await put(name);
    for (const body of later) await add(name, body);
    for (const more of ["", "&live=long-poll", "&live=sse"]) {
      const reply = await read(name, offset, more);
      expect([reply.status, await reply.text()]).toEqual([410, expect.stringContaining("OFFSET")]);
    }
    expect(await (await read(name, "0000000000000000_0000000000000000")).text()).toBe("xyzw");
  });

  test("of an isolate that knows the earlier stream is asked about once more", async () => {
    const name = crypto.randomUUID();
    await put(name);
    await add(name, "one");
    await read(name, "-1");
    const uid = await remakeUnheard(name);
    await kinesis("PutRecord", { StreamName: name, PartitionKey: "k", Data: base64("x") });
    const fresh = offsetText(uid, { segment: 0, index: 1 });
    expect((await read(name, fresh)).status).toBe(200);
  });

  test("is good for a fork as far as the fork has inherited, and forks nothing of another stream", async () => {
    const [name, fork, other] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    await put(name);
    const first = await add(name, "one");
    const second = await add(name, "two");
    const third = await add(name, "three");
    expect((await forkAt(second, name, fork)).status).toBe(201);
    expect(await (await read(fork, first)).text()).toBe("two");
    const own = await add(fork, "mine");
    await add(fork, "more");
    expect(await (await read(fork, own)).text()).toBe("more");
    expect((await read(fork, third)).status).toBe(410);
    await put(other);
    for (const body of later) await add(other, body);
    expect((await forkAt(second, other, crypto.randomUUID())).status).toBe(400);
  });
});

describe("what is signed", () => {
  test("a shard iterator of the earlier stream finds nothing, in Kinesis and in Yandex", async () => {
    const name = crypto.randomUUID();
    await make(name, ["a", "b", "c"]);
    const after = { StreamName: name, ShardIteratorType: "LATEST" };
    const ours = await kinesis("GetShardIterator", { ...after, ShardId: "shardId-000000000000" });
    const theirs = await yandex("GetShardIterator", { ...after, ShardId: "shard-000000" });
    await remake(name, later);
    const { ShardIterator } = ours.output;
    expect((await kinesis("GetRecords", { ShardIterator })).error.name).toBe(
      "ResourceNotFoundException",
    );
    const reply = await yandex("GetRecords", { ShardIterator: theirs.output.ShardIterator });
    expect([reply.status, reply.error.name]).toEqual([400, "ResourceNotFoundException"]);
  });

  test("a page token of the earlier stream's shards goes on in no other", async () => {
    const name = crypto.randomUUID();
    await make(name, [], 3);
    const ours = (await kinesis("ListShards", { StreamName: name, MaxResults: 2 })).output;
    const theirs = (await yandex("ListShards", { StreamName: name, MaxResults: 2 })).output;
    await remake(name, [], 3);
    const { NextToken } = ours;
    expect((await kinesis("ListShards", { NextToken })).error.name).toBe(
      "ResourceNotFoundException",
    );
    const again = await yandex("ListShards", { NextToken: theirs.NextToken });
    expect(again.error.name).toBe("ExpiredNextTokenException");
  });

  test("a page token of the earlier stream's consumers goes on in no other", async () => {
    const name = crypto.randomUUID();
    const path = `/Root/${name}`;
    const register = async () => {
      for (const ConsumerName of ["one", "two"]) {
        await yandex("RegisterStreamConsumer", { StreamArn: path, ConsumerName });
      }
    };
    await make(name, []);
    await register();
    const first = await yandex("ListStreamConsumers", { StreamArn: path, MaxResults: 1 });
    await remake(name, []);
    await register();
    const { NextToken } = first.output;
    const again = await yandex("ListStreamConsumers", { NextToken, MaxResults: 1 });
    expect(again.error.name).toBe("ExpiredNextTokenException");
  });

  test("a cursor of a scan is refused", async () => {
    const name = crypto.randomUUID();
    await make(name, ["a", "b", "c"]);
    const { lines } = await scan(name);
    const { cursor } = JSON.parse(lines.trim().split("\n").at(-1)!);
    expect((await scan(name, `&cursor=${encodeURIComponent(cursor)}`)).status).toBe(200);
    await remake(name, later);
    expect((await scan(name, `&cursor=${encodeURIComponent(cursor)}`)).status).toBe(400);
  });

  test("a receipt handle of the earlier stream's queue acknowledges nothing", async () => {
    const name = crypto.randomUUID();
    await make(name, ["a", "b", "c"]);
    const first = await makeQueue(name);
    const received = await kinesis("ReceiveQueueRecords", { QueueARN: first });
    const [{ ReceiptHandle }] = JSON.parse(received.text).QueueRecords;
    expect((await kinesis("DeleteQueue", { QueueARN: first })).status).toBe(200);
    await remake(name, later);
    const input = { QueueARN: await makeQueue(name), Entries: [{ ReceiptHandle }] };
    const reply = await kinesis("AcknowledgeQueueRecords", input);
    expect(JSON.parse(reply.text).Failed).toMatchObject([
      { ErrorCode: "InvalidArgumentException" },
    ]);
  });
});
