// SubscribeToShard from inside the runtime, where more can be seen than an SDK shows: the messages as
// they are, how far the Worker reads ahead of its client, what is left when the client has gone, and what a
// subscription makes of a shard that is restarted, a consumer that is taken away, and of its age.

import { noonMs, setClock } from "../../support/clock.ts";
import { abortAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cborCodec } from "../../../worker/kinesis/cbor.ts";
import { findStream } from "../../../worker/stream/directory.ts";
import { readCounters } from "../../../worker/stream/readCounters.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { account, arnOf, ask, createStream, putText, region } from "./claims.ts";
import { authorizationFor, base64 } from "./client.ts";
import { type Message, MessageReader } from "./eventReader.ts";
import { patience } from "../../support/patience.ts";

const json = "application/x-amz-json-1.1";
const cbor = "application/x-amz-cbor-1.1";

interface Event {
  Records: { Data: string; ApproximateArrivalTimestamp: number; EncryptionType?: string }[];
  ContinuationSequenceNumber?: string;
  ChildShards?: { ShardId: string; ParentShards: string[] }[];
  MillisBehindLatest: number;
}

let stream: string;
let consumer: string;
const open: Subscription[] = [];

beforeEach(async () => {
  stream = await createStream();
  consumer = await register("reader");
});

afterEach(async () => {
  vi.useRealTimers();
  for (const subscription of open.splice(0)) await subscription.cancel();
});

describe("with a filter", () => {
  const filter = JSON.stringify({ data: { n: [{ numeric: [">=", 3] }] } });

  test("only records that match are pushed, from history and as they are committed", async () => {
    for (const n of [1, 3, 2, 4]) await putText(stream, JSON.stringify({ n }));
    const subscription = await subscribe({ Type: "TRIM_HORIZON" }, { filter });
    await subscription.message();
    expect(await subscription.texts()).toEqual(['{"n":3}', '{"n":4}']);
    for (const n of [0, 5, 1, 6]) {
      await untilWaiting(1);
      await putText(stream, JSON.stringify({ n }));
      if (n >= 3) expect(await subscription.texts()).toEqual([JSON.stringify({ n })]);
    }
  });

  test("an hour of records that do not match: its events say where to go on, behind all of them", async () => {
    setClock(noonMs);
    for (let minute = 0; minute < 60; minute++) {
      setClock(noonMs + minute * 60_000);
      await putText(stream, '{"n":0}');
    }
    const subscription = await subscribe({ Type: "TRIM_HORIZON" }, { filter });
    await subscription.message();
    const { Records, ContinuationSequenceNumber: number } = await subscription.event();
    expect(Records).toEqual([]);
    await subscription.cancel();
    await putText(stream, '{"n":7}');
    const other = { consumer: await register("other") };
    const next = await subscribe({ Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: number }, other);
    await next.message();
    // Without a filter: what was passed over does not come again.
    expect(await next.texts()).toEqual(['{"n":7}']);
  });

  test("a pattern that means nothing is refused before the stream begins", async () => {
    const change = { StartingPosition: { Type: "LATEST" } };
    const reply = await call(change, "json", "{}");
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({
      __type: "InvalidArgumentException",
      message:
        "The pattern of records is invalid at character 1: an empty object, which says nothing.",
    });
  });
});

describe("the stream", () => {
  test("begins with an initial response, then brings records as they are committed", async () => {
    const subscription = await subscribe({ Type: "LATEST" });
    expect(subscription.contentType).toBe("application/vnd.amazon.eventstream");
    const first = await subscription.message();
    expect(first.headers).toMatchObject({
      ":message-type": "event",
      ":event-type": "initial-response",
    });
    expect(textOf(first)).toBe("{}");
    expect(await subscription.event()).toMatchObject({ Records: [], MillisBehindLatest: 0 });
    for (const text of ["a", "b", "c"]) {
      await untilWaiting(1);
      await putText(stream, text);
      expect(await subscription.texts()).toEqual([text]);
    }
  });

  test("speaks CBOR to who speaks CBOR", async () => {
    await putText(stream, "a");
    const subscription = await subscribe({ Type: "TRIM_HORIZON" }, { format: "cbor" });
    const first = await subscription.message();
    expect(first.headers[":content-type"]).toBe(cbor);
    expect(cborCodec.decode(first.payload)).toEqual({});
    const { headers, payload } = await subscription.message();
    expect(headers).toMatchObject({
      ":event-type": "SubscribeToShardEvent",
      ":content-type": cbor,
    });
    expect(cborCodec.decode(payload)).toMatchObject({
      MillisBehindLatest: 0,
      Records: [{ Data: new TextEncoder().encode("a"), PartitionKey: "k" }],
      ContinuationSequenceNumber: expect.stringMatching(/^\d{56}$/),
    });
  });

  test("says of each record whether it was encrypted when it arrived", async () => {
    const subscription = await subscribe({ Type: "LATEST" });
    await subscription.message();
    await subscription.event();
    const key = { StreamName: stream, EncryptionType: "KMS", KeyId: "k" };
    for (const [operation, type] of [
      ["StopStreamEncryption", undefined],
      ["StartStreamEncryption", "KMS"],
      ["StopStreamEncryption", undefined],
    ] as const) {
      await ask(operation, key);
      await untilWaiting(1);
      await putText(stream, operation);
      const [record] = (await subscription.event()).Records;
      expect(record?.EncryptionType).toBe(type);
      await vi.waitUntil(() => Date.now() > arrivalMs(record), { ...patience, interval: 1 });
    }
  });

  test("reads no further than its client", async () => {
    const large = base64(new Uint8Array(700_000));
    for (let i = 0; i < 12; i++) {
      await ask("PutRecord", { StreamName: stream, Data: large, PartitionKey: "k" });
    }
    const before = pagesRead();
    const subscription = await subscribe({ Type: "TRIM_HORIZON" });
    await subscription.message();
    for (let events = 1; events <= 3; events++) {
      expect((await subscription.event()).Records).toHaveLength(1);
      expect(pagesRead() - before).toBeLessThanOrEqual(events + 1);
    }
  });

  test("of a record larger than an event brings it whole", async () => {
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 10_240 });
    const data = new Uint8Array(5_000_000).fill(7);
    const Data = base64(data);
    await ask("PutRecord", { StreamName: stream, Data, PartitionKey: "k" });
    const subscription = await subscribe({ Type: "TRIM_HORIZON" });
    await subscription.message();
    const { Records } = await subscription.event();
    expect(Records.map((record) => record.Data === Data)).toEqual([true]);
  });

  test("ends after five minutes, and its number goes on where it ended", async () => {
    const subscription = await subscribe({ Type: "LATEST" });
    await subscription.message();
    await subscription.event();
    await putText(stream, "a");
    expect(await subscription.texts()).toEqual(["a"]);
    await untilWaiting(1);
    setClock(Date.now() + 300_000);
    await putText(stream, "b");
    const { Records, ContinuationSequenceNumber: number } = await subscription.event();
    expect(Records.map(({ Data }) => atob(Data))).toEqual(["b"]);
    expect(await subscription.next()).toBeUndefined();
    await putText(stream, "c");
    for (const Type of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
      const again = await subscribe(
        { Type, SequenceNumber: number },
        { consumer: await register(Type) },
      );
      await again.message();
      expect(await again.texts()).toEqual(["c"]);
    }
  });

  test("of a shard that is closed ends with its children and without a number", async () => {
    await putText(stream, "a");
    const subscription = await subscribe({ Type: "TRIM_HORIZON" });
    await subscription.message();
    expect(await subscription.texts()).toEqual(["a"]);
    await ask("SplitShard", {
      StreamName: stream,
      ShardToSplit: "shardId-0",
      NewStartingHashKey: "2",
    });
    const { Records, ContinuationSequenceNumber, ChildShards } = await subscription.event();
    expect([Records, ContinuationSequenceNumber]).toEqual([[], undefined]);
    expect(ChildShards).toMatchObject([
      { ShardId: "shardId-000000000001", ParentShards: ["shardId-000000000000"] },
      { ShardId: "shardId-000000000002", ParentShards: ["shardId-000000000000"] },
    ]);
    expect(await subscription.next()).toBeUndefined();
  });
});

describe("what comes in between", () => {
  test("a client that leaves frees its place at the shard", async () => {
    const subscription = await subscribe({ Type: "LATEST" });
    await subscription.message();
    await subscription.event();
    const next = subscription.next();
    const outcome = expect(next).rejects.toThrow("cancelled");
    await untilWaiting(1);
    await subscription.cancel();
    await outcome;
    // Where the runtime does not tell the Worker, the next event does.
    await putText(stream, "a");
    await untilWaiting(0);
  });

  test("a shard that is restarted: the subscription goes on, nothing lost and nothing twice", async () => {
    const subscription = await subscribe({ Type: "LATEST" });
    await subscription.message();
    await subscription.event();
    await putText(stream, "a");
    expect(await subscription.texts()).toEqual(["a"]);
    const next = subscription.texts();
    await untilWaiting(1);
    await abortAllDurableObjects();
    await putText(stream, "b");
    expect(await next).toEqual(["b"]);
  });

  test("a shard that is restarted once a second: the subscription goes on; twice in one, and it ends", async () => {
    const startMs = Date.now();
    setClock(startMs);
    const subscription = await subscribe({ Type: "LATEST" });
    await subscription.message();
    await subscription.event();
    for (const ms of [0, 1000]) {
      setClock(startMs + ms);
      await untilWaiting(1);
      await abortAllDurableObjects();
      await putText(stream, `${ms}`);
      expect(await subscription.texts()).toEqual([`${ms}`]);
    }
    setClock(startMs + 1999);
    await untilWaiting(1);
    await abortAllDurableObjects();
    await putText(stream, "late");
    const { headers } = await subscription.message();
    expect(headers).toMatchObject({
      ":message-type": "exception",
      ":exception-type": "InternalFailureException",
    });
    expect(await subscription.next()).toBeUndefined();
  });

  test("a consumer that is taken away: the stream ends with an exception", async () => {
    const subscription = await subscribe({ Type: "LATEST" });
    await subscription.message();
    await subscription.event();
    await ask("DeregisterStreamConsumer", { ConsumerARN: consumer });
    await putText(stream, "a");
    expect(await subscription.texts()).toEqual(["a"]);
    const { headers, payload } = await subscription.message();
    expect(headers).toEqual({
      ":message-type": "exception",
      ":exception-type": "ResourceNotFoundException",
      ":content-type": json,
    });
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({
      message: `Consumer reader, account ${account} not found.`,
    });
    expect(await subscription.next()).toBeUndefined();
  });

  test("another reader of the same consumer: the first ends with an exception, even far behind", async () => {
    const large = base64(new Uint8Array(900_000));
    for (let i = 0; i < 4; i++) {
      await ask("PutRecord", { StreamName: stream, Data: large, PartitionKey: "k" });
    }
    const first = await subscribe({ Type: "TRIM_HORIZON" });
    await first.message();
    await first.event();
    setClock(Date.now() + 5000);
    const second = await subscribe({ Type: "LATEST" });
    await second.message();
    let message = await first.message();
    while (message.headers[":message-type"] === "event") message = await first.message();
    expect(message.headers[":exception-type"]).toBe("ResourceInUseException");
    expect(await first.next()).toBeUndefined();
    await putText(stream, "a");
    await second.event();
    expect(await second.texts()).toEqual(["a"]);
  });
});

describe("what is refused", () => {
  test("with an ordinary error, and no place is taken", async () => {
    const notFound = [400, "ResourceNotFoundException"];
    const invalid = [400, "InvalidArgumentException"];
    expect(await refused({ ShardId: "shardId-9" })).toEqual(notFound);
    expect(await refused({ ShardId: "x-y" })).toEqual(notFound);
    expect(await refused({ ConsumerARN: `${consumer}0` })).toEqual(notFound);
    const future = { Type: "AT_TIMESTAMP", Timestamp: Date.now() / 1000 + 1000 };
    expect(await refused({ StartingPosition: future })).toEqual(invalid);
    expect(await refused({ StartingPosition: { Type: "AT_SEQUENCE_NUMBER" } })).toEqual(invalid);
    expect(await refused({ DryRun: true })).toEqual([400, "DryRunOperationException"]);
    await subscribe({ Type: "LATEST" });
    expect(await refused({})).toEqual([400, "ResourceInUseException"]);
  });

  test("a consumer that is not ACTIVE yet", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      const creating = await register("creating");
      const response = await call({ ConsumerARN: creating, StartingPosition: { Type: "LATEST" } });
      const { __type: name, message } = await response.json<Record<string, string>>();
      expect(name).toBe("ResourceInUseException");
      expect(message).toMatch(/is not in ACTIVE status\.$/);
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });
});

/** A client that reads one message at a time. */
class Subscription {
  readonly contentType: string | null;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly messages = new MessageReader();
  private readonly ready: Message[] = [];

  constructor(response: Response) {
    expect(response.status).toBe(200);
    this.contentType = response.headers.get("content-type");
    this.reader = response.body!.getReader();
  }

  /** Undefined at the end. */
  async next(): Promise<Message | undefined> {
    while (this.ready.length === 0) {
      const { done, value } = await this.reader.read();
      if (done) return undefined;
      this.ready.push(...this.messages.push(value));
    }
    return this.ready.shift();
  }

  async message(): Promise<Message> {
    const message = await this.next();
    if (message === undefined) throw new Error("the stream has ended");
    return message;
  }

  async event(): Promise<Event> {
    const message = await this.message();
    expect(message.headers).toMatchObject({ ":event-type": "SubscribeToShardEvent" });
    return JSON.parse(textOf(message)) as Event;
  }

  /** Data of the next event that has any. */
  async texts(): Promise<string[]> {
    for (;;) {
      const { Records } = await this.event();
      if (Records.length > 0) return Records.map(({ Data }) => atob(Data));
    }
  }

  async cancel(): Promise<void> {
    await this.reader.cancel();
  }
}

interface Reading {
  /** A pattern of docs/SCAN.md. */
  filter?: string;
  consumer?: string;
  format?: "json" | "cbor";
}

async function subscribe(position: object, reading: Reading = {}): Promise<Subscription> {
  const change = { StartingPosition: position, ConsumerARN: reading.consumer ?? consumer };
  const subscription = new Subscription(await call(change, reading.format, reading.filter));
  open.push(subscription);
  return subscription;
}

function call(
  change: object,
  format: "json" | "cbor" = "json",
  filter?: string,
): Promise<Response> {
  const input = { ConsumerARN: consumer, ShardId: "shardId-000000000000", ...change };
  return exports.default.fetch("http://localhost/", {
    method: "POST",
    headers: {
      "content-type": format === "json" ? json : cbor,
      "x-amz-target": "Kinesis_20131202.SubscribeToShard",
      "x-amz-date": "20260101T000000Z",
      authorization: authorizationFor(region),
      ...(filter !== undefined && { "x-millrace-filter": filter }),
    },
    body: format === "json" ? JSON.stringify(input) : cborCodec.encode(input),
  });
}

/** Status and error of a call that reads from the tip unless it is told otherwise. */
async function refused(change: object): Promise<[number, string]> {
  const response = await call({ StartingPosition: { Type: "LATEST" }, ...change });
  expect(response.headers.get("content-type")).toBe(json);
  const { __type: name } = await response.json<{ __type: string }>();
  return [response.status, name];
}

function pagesRead(): number {
  return readCounters.historyPages + readCounters.shardPages;
}

async function register(ConsumerName: string): Promise<string> {
  const { Consumer } = await ask("RegisterStreamConsumer", {
    StreamARN: arnOf(stream),
    ConsumerName,
  });
  return (Consumer as { ConsumerARN: string }).ConsumerARN;
}

async function shardStub() {
  const { description } = await findStream(env, { account, region }, stream);
  return env.SHARD.getByName(description.shards[0]?.uid ?? "");
}

/** Resolves when so many subscriptions wait at the stream's first shard. */
async function untilWaiting(count: number): Promise<void> {
  const shard = await shardStub();
  await vi.waitUntil(async () => unwrap(await shard.stats()).waiting === count, {
    ...patience,
    interval: 2,
  });
}

function arrivalMs(record: Event["Records"][number] | undefined): number {
  return Math.round((record?.ApproximateArrivalTimestamp ?? 0) * 1000);
}

function textOf({ payload }: Message): string {
  return new TextDecoder().decode(payload);
}
