// SubscribeToShard through the AWS SDK, over both of the SDK's transports: records are pushed as they
// are put, a shard that is split leads to its children, and nothing is lost or repeated on the
// way, also when a subscription is given up and another one goes on where it was.

import {
  type ConsumerDescription,
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  SplitShardCommand,
  type StartingPosition,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { connect, shardIdAt } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";
import { patience } from "../support/patience.ts";

const half = `${1n << 127n}`;

let server: Server;
let client: KinesisClient;

beforeAll(async () => {
  server = await startServer();
});

afterEach(() => {
  client.destroy();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each([
  ["HTTP/2", () => connect(server.endpoint)],
  ["HTTP/1.1", () => connect(server.endpoint, { requestHandler: new NodeHttpHandler() })],
])("over %s", (_, makeClient) => {
  beforeEach(() => {
    client = makeClient();
  });

  test("across a split, with nothing lost and nothing repeated", async () => {
    const { StreamName, arn } = await createStream(1);
    const consumers = [await register(arn, "first"), await register(arn, "second")];
    /** Counted and over only when every reply is there. */
    const state = { stopping: false, over: false, sent: 0 };
    const produce = async () => {
      while (!state.stopping) {
        const Records = Array.from({ length: 10 }, (_, i) => {
          const text = String(state.sent + i);
          return { PartitionKey: text, Data: Buffer.from(text) };
        });
        await client.send(new PutRecordsCommand({ StreamName, Records }));
        state.sent += 10;
      }
    };
    const received: number[] = [];
    const take = ({ Records = [] }: SubscribeToShardEvent) => {
      received.push(...Records.map(({ Data }) => Number(Buffer.from(Data ?? []).toString())));
    };
    /** Follows a shard and then its children; ends when nothing more is to come. */
    const follow = async (shard: number, consumer: string, from: StartingPosition) => {
      for await (const event of await subscribe(consumer, shard, from)) {
        take(event);
        expectWayOn(event);
        for (const { ShardId } of event.ChildShards ?? []) {
          followed.push(follow(Number(ShardId?.slice(8)), consumer, { Type: "TRIM_HORIZON" }));
        }
        if (state.over && received.length >= state.sent) return;
      }
    };
    const followed: Promise<void>[] = [];
    const producing = produce();
    // One consumer begins and gives up; another goes on after what the first was told.
    let from: StartingPosition = { Type: "TRIM_HORIZON" };
    for await (const event of await subscribe(consumers[0], 0, from)) {
      take(event);
      from = { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: event.ContinuationSequenceNumber };
      if (received.length > 100) break;
    }
    followed.push(follow(0, consumers[1] ?? "", from));
    await client.send(
      new SplitShardCommand({ StreamName, ShardToSplit: shardIdAt(0), NewStartingHashKey: half }),
    );
    while ((await statusOf(StreamName)) !== "ACTIVE");
    const enough = state.sent + 200;
    await vi.waitUntil(() => state.sent >= enough, patience);
    state.stopping = true;
    await producing;
    state.over = true;
    // Children that are silent hear of the end by their next event.
    for (let count = 0; count < followed.length;) {
      count = followed.length;
      await Promise.all(followed);
    }
    expect(received.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: state.sent }, (_, i) => i),
    );
  });

  test("each starting position gives what it says, a continuation number the same AT and AFTER", async () => {
    const { StreamName, arn } = await createStream(1);
    const put = async (text: string) => {
      const Data = Buffer.from(text);
      return client.send(new PutRecordCommand({ StreamName, PartitionKey: "k", Data }));
    };
    await put("a");
    const { SequenceNumber } = await put("b");
    const Timestamp = new Date();
    await put("c");
    const cases: [StartingPosition, string][] = [
      [{ Type: "TRIM_HORIZON" }, "abc"],
      [{ Type: "AT_SEQUENCE_NUMBER", SequenceNumber }, "bc"],
      [{ Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber }, "c"],
      [{ Type: "AT_TIMESTAMP", Timestamp }, "c"],
      [{ Type: "LATEST" }, ""],
    ];
    for (const [position, expected] of cases) {
      const consumer = await register(arn, position.Type ?? "");
      const { text, next } = await readEvent(consumer, position);
      expect([position.Type, text]).toEqual([position.Type, expected]);
      for (const Type of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] as const) {
        const again = await register(arn, `${position.Type}-${Type}`);
        expect((await readEvent(again, { Type, SequenceNumber: next })).text).toBe("");
      }
    }
  });

  test("a second call is refused at once, and takes over after five seconds", async () => {
    const { arn } = await createStream(1);
    const consumer = await register(arn, "only");
    const beganMs = Date.now();
    const first = await subscribe(consumer, 0, { Type: "LATEST" });
    await expect(subscribe(consumer, 0, { Type: "LATEST" })).rejects.toThrow(
      ResourceInUseException,
    );
    const ended = (async () => {
      for await (const event of first) expectWayOn(event);
    })();
    const outcome = expect(ended).rejects.toThrow(
      /Another active subscription exists for this consumer: 000000000000:.*:shardId-000000000000:only/,
    );
    let second: AsyncIterable<SubscribeToShardEvent> | undefined;
    while (second === undefined) {
      second = await subscribe(consumer, 0, { Type: "LATEST" }).catch(() => undefined);
    }
    expect(Date.now() - beganMs).toBeGreaterThanOrEqual(5000);
    await outcome;
    for await (const event of second) {
      expect(event.Records).toEqual([]);
      break;
    }
  });

  test("what is wrong is told before the stream begins, and what goes wrong in it", async () => {
    const { StreamName, arn } = await createStream(1);
    const consumer = await register(arn, "alone");
    await expect(subscribe(consumer, 7, { Type: "LATEST" })).rejects.toThrow(
      `Shard shardId-000000000007 in stream ${StreamName} under account 000000000000 does not exist`,
    );
    await expect(subscribe(`${consumer}1`, 0, { Type: "LATEST" })).rejects.toThrow(
      ResourceNotFoundException,
    );
    await expect(subscribe(consumer, 0, { Type: "AT_SEQUENCE_NUMBER" })).rejects.toThrow(
      /and no StartingSequenceNumber/,
    );
    const events = await subscribe(consumer, 0, { Type: "LATEST" });
    const ended = (async () => {
      for await (const event of events) expectWayOn(event);
    })();
    const outcome = expect(ended).rejects.toThrow(ResourceNotFoundException);
    await client.send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
    await outcome;
  });
});

async function createStream(ShardCount: number): Promise<{ StreamName: string; arn: string }> {
  const StreamName = randomUUID();
  await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
  return { StreamName, arn: StreamDescription?.StreamARN ?? "" };
}

async function register(StreamARN: string, ConsumerName: string): Promise<string> {
  const command = new RegisterStreamConsumerCommand({ StreamARN, ConsumerName });
  const { Consumer } = await client.send(command);
  return (Consumer as ConsumerDescription).ConsumerARN ?? "";
}

async function subscribe(
  ConsumerARN: string | undefined,
  shard: number,
  StartingPosition: StartingPosition,
): Promise<AsyncIterable<SubscribeToShardEvent>> {
  const { EventStream } = await client.send(
    new SubscribeToShardCommand({ ConsumerARN, ShardId: shardIdAt(shard), StartingPosition }),
  );
  if (EventStream === undefined) throw new Error("no EventStream in the reply");
  return eventsIn(EventStream);
}

async function* eventsIn(
  stream: AsyncIterable<{ SubscribeToShardEvent?: SubscribeToShardEvent | undefined }>,
): AsyncGenerator<SubscribeToShardEvent> {
  for await (const { SubscribeToShardEvent: event } of stream) {
    if (event === undefined) throw new Error("no SubscribeToShardEvent in the message");
    yield event;
  }
}

/** Data of the first event, and where to go on after it. */
async function readEvent(
  consumer: string,
  position: StartingPosition,
): Promise<{ text: string; next: string | undefined }> {
  for await (const event of await subscribe(consumer, 0, position)) {
    const { Records = [], ContinuationSequenceNumber: next } = event;
    expect(event.MillisBehindLatest).toBe(0);
    return { text: Records.map(({ Data }) => Buffer.from(Data ?? []).toString()).join(""), next };
  }
  throw new Error("no event");
}

/** An event says how to go on in one of two ways. */
function expectWayOn({ ContinuationSequenceNumber, ChildShards = [] }: SubscribeToShardEvent) {
  expect((ContinuationSequenceNumber !== undefined) !== ChildShards.length > 0).toBe(true);
  for (const { ParentShards = [] } of ChildShards) expect(ParentShards.length).toBeGreaterThan(0);
}

async function statusOf(StreamName: string): Promise<string | undefined> {
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
  return StreamDescription?.StreamStatus;
}
