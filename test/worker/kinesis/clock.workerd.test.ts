// A clock that is set back or forward, over HTTP and inside workerd: a laptop that wakes up, a virtual
// machine that is restored. Nobody may be locked out for as long as the clock was wrong, what was handed
// out before stays good, and what has been stored can be read.

import { setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { catalogOf, findStream } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import {
  account,
  arnOf,
  ask,
  createStream,
  kinesis,
  putText,
  region,
  summaryOf,
} from "./claims.ts";
import { authorizationFor, base64, textIn } from "./client.ts";
import { type Message, MessageReader } from "./eventReader.ts";

const secondMs = 1000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const shardId = "shardId-000000000000";
const scope = { account, region };

/** How far the clock is set back, once forward before it. */
const steps: [string, number][] = [
  ["two seconds", 2 * secondMs],
  ["two hours", 2 * hourMs],
  ["three days", 3 * dayMs],
];

/** Each test some days later, so that none is in another's past. */
let noonMs = Date.UTC(2036, 0, 1, 12);
let stream: string;

beforeEach(async () => {
  noonMs += 10 * dayMs;
  setClock(noonMs);
  stream = await createStream();
});

afterEach(() => {
  delete env.MILLRACE_TRANSITION_MS;
  delete env.MILLRACE_LIMITS;
  vi.useRealTimers();
});

describe.each(steps)("set back by %s", (_, stepMs) => {
  test("a consumer is not locked out, and the subscription that was there ends", async () => {
    const consumer = await register();
    const first = await subscribe(consumer);
    await first.event();
    setClock(noonMs - stepMs);
    const second = await subscribe(consumer);
    await second.event();
    await putText(stream, "a");
    expect((await second.event()).Records.map(({ Data }) => atob(Data))).toEqual(["a"]);
    expect((await first.message()).headers[":exception-type"]).toBe("ResourceInUseException");
    await Promise.all([first.cancel(), second.cancel()]);
  });

  test("iterators and page tokens stay good", async () => {
    await putText(stream, "a");
    const { ShardIterator } = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
    await createStream();
    const { NextToken } = await ask("ListStreams", { Limit: 1 });
    setClock(noonMs - stepMs);
    expect((await recordsAt(ShardIterator)).map(textIn)).toEqual(["a"]);
    await ask("ListStreams", { NextToken });
  });

  test("what a Worker knows of a stream is not taken for fresh", async () => {
    await putText(stream, "a");
    unwrap(
      await catalogOf(env, scope).changeStream(stream, { kind: "recordSize", bytesMax: 2048 }),
    );
    expect((await findStream(env, scope, stream)).description.recordBytesMax).toBe(1_048_576);
    setClock(noonMs - stepMs);
    expect((await findStream(env, scope, stream)).description.recordBytesMax).toBe(2048);
  });

  test("the arrival of a record that is there is no time in the future", async () => {
    const { SequenceNumber } = await putText(stream, "a");
    const consumer = await register();
    setClock(noonMs - stepMs);
    const Timestamp = noonMs / 1000;
    const at = { ShardIteratorType: "AT_TIMESTAMP", Timestamp };
    const { ShardIterator } = await iterator(at);
    expect((await recordsAt(ShardIterator)).map(textIn)).toEqual(["a"]);
    const later = { StreamName: stream, ShardId: shardId, ...at, Timestamp: Timestamp + 0.001 };
    expect((await kinesis("GetShardIterator", later)).error.name).toBe("InvalidArgumentException");
    const subscription = await subscribe(consumer, { Type: "AT_TIMESTAMP", Timestamp });
    expect((await subscription.event()).Records.map(({ Data }) => atob(Data))).toEqual(["a"]);
    await subscription.cancel();
    await ask("PutRecord", {
      StreamName: stream,
      Data: base64("b"),
      PartitionKey: "k",
      SequenceNumberForOrdering: SequenceNumber,
    });
    expect((await recordsAt(ShardIterator)).map(textIn)).toEqual(["a", "b"]);
  });

  test("states that last a while do not last for the step", async () => {
    env.MILLRACE_TRANSITION_MS = "1000";
    stream = await createStream();
    setClock(noonMs - stepMs);
    expect(await status()).toBe("ACTIVE");
    await ask("RegisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: "reader" });
    await ask("StartStreamEncryption", { StreamName: stream, EncryptionType: "KMS", KeyId: "k" });
    expect(await status()).toBe("UPDATING");
    setClock(noonMs - 2 * stepMs);
    expect(await status()).toBe("ACTIVE");
    const { Consumers } = await ask("ListStreamConsumers", { StreamARN: arnOf(stream) });
    expect(Consumers).toMatchObject([{ ConsumerStatus: "ACTIVE" }]);
    await ask("DeleteStream", { StreamName: stream, EnforceConsumerDeletion: true });
    setClock(noonMs - 3 * stepMs);
    const { error } = await kinesis("DescribeStreamSummary", { StreamName: stream });
    expect(error.name).toBe("ResourceNotFoundException");
  });

  test("limits that count by the second let the next second's calls through", async () => {
    env.MILLRACE_LIMITS = "kinesis";
    setClock(noonMs + 5 * secondMs);
    for (let i = 0; i < 10; i++) expect(await summaryError()).toBe("");
    while ((await summaryError()) === "");
    setClock(noonMs - stepMs);
    await summaryError();
    setClock(noonMs - stepMs + secondMs);
    expect(await summaryError()).toBe("");
  });
});

test("set forward by days and back: a subscription that began meanwhile is as long as any", async () => {
  const consumer = await register();
  setClock(noonMs + 3 * dayMs);
  const subscription = await subscribe(consumer);
  await subscription.event();
  setClock(noonMs);
  await putText(stream, "a");
  await subscription.event();
  expect(await subscription.next()).toBeUndefined();
});

test("set back by days: a silent subscription goes on being heard of", async () => {
  const subscription = await subscribe(await register());
  await subscription.event();
  setClock(noonMs - 3 * dayMs);
  expect((await subscription.event()).Records).toEqual([]);
  await subscription.cancel();
});

interface Event {
  Records: { Data: string }[];
}

/** A client that reads one message at a time, the initial response left out. */
class Subscription {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly messages = new MessageReader();
  private readonly ready: Message[] = [];

  constructor(response: Response) {
    expect(response.status).toBe(200);
    this.reader = response.body!.getReader();
  }

  async next(): Promise<Message | undefined> {
    for (;;) {
      const message = this.ready.shift();
      if (message?.headers[":event-type"] === "initial-response") continue;
      if (message !== undefined) return message;
      const { done, value } = await this.reader.read();
      if (done) return undefined;
      this.ready.push(...this.messages.push(value));
    }
  }

  async message(): Promise<Message> {
    const message = await this.next();
    if (message === undefined) throw new Error("the stream has ended");
    return message;
  }

  async event(): Promise<Event> {
    const { payload } = await this.message();
    return JSON.parse(new TextDecoder().decode(payload)) as Event;
  }

  async cancel(): Promise<void> {
    await this.reader.cancel();
  }
}

async function subscribe(
  ConsumerARN: string,
  StartingPosition: object = { Type: "LATEST" },
): Promise<Subscription> {
  const input = { ConsumerARN, ShardId: shardId, StartingPosition };
  const response = await exports.default.fetch("http://localhost/", {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.SubscribeToShard",
      "x-amz-date": "20260101T000000Z",
      authorization: authorizationFor(region),
    },
    body: JSON.stringify(input),
  });
  return new Subscription(response);
}

async function register(): Promise<string> {
  const input = { StreamARN: arnOf(stream), ConsumerName: "reader" };
  const { Consumer } = await ask("RegisterStreamConsumer", input);
  return (Consumer as { ConsumerARN: string }).ConsumerARN;
}

async function iterator(position: object): Promise<{ ShardIterator: string }> {
  const input = { StreamName: stream, ShardId: shardId, ...position };
  return (await ask("GetShardIterator", input)) as { ShardIterator: string };
}

async function recordsAt(ShardIterator: string) {
  return (await kinesis("GetRecords", { ShardIterator })).output.Records;
}

async function status(): Promise<unknown> {
  return (await summaryOf(stream))["StreamStatus"];
}

async function summaryError(): Promise<string> {
  return (await kinesis("DescribeStreamSummary", { StreamName: stream })).error.name;
}
