// Queues over HTTP, inside workerd: creating and describing them, what is received and when, batches
// in which entries succeed and fail one by one, dead letters, streams of other dialects, and streams
// whose shards are split and merged meanwhile.

import { noonMs, setClock } from "../../support/clock.ts";
import { exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  kinesisInCbor,
  putText,
  refusal,
  region,
  summaryOf,
} from "./claims.ts";
import { base64, textIn } from "./client.ts";

interface QueueRecord {
  ReceiptHandle: string;
  RecordId: string;
  Data: string;
  PartitionKey: string;
  ApproximateArrivalTimestamp: number;
  FirstReceiveTimestamp: number;
  ReceiveCount: number;
}

interface Description {
  QueueName: string;
  QueueARN: string;
  QueueStatus: string;
  QueueCreationTimestamp: number;
  StreamConfigurationList: { StreamARN: string; StartingPosition: object }[];
  QueueAttributes: object;
}

let stream: string;

beforeEach(async () => {
  setClock(noonMs);
  stream = await createStream();
});

afterEach(() => {
  vi.useRealTimers();
});

async function create(input: object = {}, position: object = { Type: "TRIM_HORIZON" }) {
  const { QueueDescription } = await ask("CreateQueue", {
    QueueName: crypto.randomUUID(),
    StreamConfigurationList: [{ StreamARN: arnOf(stream), StartingPosition: position }],
    ...input,
  });
  return QueueDescription as Description;
}

async function createArn(attributes?: object): Promise<string> {
  return (await create(attributes && { QueueAttributes: attributes })).QueueARN;
}

async function describeQueue(QueueARN: string): Promise<Description> {
  return (await ask("DescribeQueue", { QueueARN }))["QueueDescription"] as Description;
}

async function receive(QueueARN: string, input: object = {}): Promise<QueueRecord[]> {
  const sent = { QueueARN, WaitTimeSeconds: 1, ...input };
  return (await ask("ReceiveQueueRecords", sent))["QueueRecords"] as QueueRecord[];
}

async function receiveDead(QueueARN: string, input: object = {}): Promise<QueueRecord[]> {
  const sent = { QueueARN, WaitTimeSeconds: 1, ...input };
  return (await ask("ReceiveDeadLetterQueueRecords", sent))["QueueRecords"] as QueueRecord[];
}

/** How many succeeded, and the codes of the others. */
async function settle(operation: string, QueueARN: string, Entries: object[]) {
  const { Successful, Failed } = (await ask(operation, { QueueARN, Entries })) as {
    Successful: object[];
    Failed: { ErrorCode: string }[];
  };
  return [Successful.length, ...Failed.map(({ ErrorCode }) => ErrorCode)];
}

const acknowledge = (queue: string, records: readonly QueueRecord[]) =>
  settle("AcknowledgeQueueRecords", queue, handles(records));

const handles = (records: readonly QueueRecord[]) =>
  records.map(({ ReceiptHandle }) => ({ ReceiptHandle }));

const stale = "ResourceNotFoundException";
const wrong = "InvalidArgumentException";

describe("a queue", () => {
  test("is CREATING in the reply, and ACTIVE at once, with the service's defaults", async () => {
    const created = await create();
    expect(created.QueueARN).toMatch(
      new RegExp(`^arn:aws:kinesis:${region}:${account}:queue/[a-z][a-z0-9]{19}$`),
    );
    expect(created).toEqual({
      QueueName: created.QueueName,
      QueueARN: created.QueueARN,
      QueueStatus: "CREATING",
      QueueCreationTimestamp: noonMs / 1000,
      StreamConfigurationList: [
        { StreamARN: arnOf(stream), StartingPosition: { Type: "TRIM_HORIZON" } },
      ],
      QueueAttributes: {
        VisibilityTimeoutSeconds: 30,
        DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 6 },
      },
    });
    expect(await describeQueue(created.QueueARN)).toEqual({
      ...created,
      QueueStatus: "ACTIVE",
      StreamConfigurationList: [
        {
          StreamARN: arnOf(stream),
          StartingPosition: { Type: "TRIM_HORIZON", Timestamp: noonMs / 1000 },
        },
      ],
    });
    expect(await summaryOf(stream)).toMatchObject({ QueueCount: 1, ConsumerCount: 0 });
  });

  test("keeps NONE without a count, and what is left out of an update stays", async () => {
    const queue = await createArn({
      VisibilityTimeoutSeconds: 0,
      DeadLetterConfiguration: { TargetType: "NONE", MaxReceiveCount: 5 },
    });
    const none = { TargetType: "NONE" };
    expect((await describeQueue(queue)).QueueAttributes).toEqual({
      VisibilityTimeoutSeconds: 0,
      DeadLetterConfiguration: none,
    });
    const update = async (QueueAttributes: object) =>
      (await ask("UpdateQueue", { QueueARN: queue, QueueAttributes }))[
        "QueueDescription"
      ] as Description;
    const updated = await update({ VisibilityTimeoutSeconds: 7 });
    expect(updated.QueueStatus).toBe("UPDATING");
    expect((await describeQueue(queue)).QueueStatus).toBe("ACTIVE");
    const builtIn = { TargetType: "BUILT_IN", MaxReceiveCount: 2 };
    expect((await update({ DeadLetterConfiguration: builtIn })).QueueAttributes).toEqual({
      VisibilityTimeoutSeconds: 7,
      DeadLetterConfiguration: builtIn,
    });
    expect((await update({})).QueueAttributes).toMatchObject({ VisibilityTimeoutSeconds: 7 });
  });

  test("has tags, which go with it", async () => {
    const { QueueARN: ResourceARN } = await create({ Tags: { a: "1" } });
    await ask("TagResource", { ResourceARN, Tags: { b: "2" } });
    await ask("UntagResource", { ResourceARN, TagKeys: ["a"] });
    expect(await ask("ListTagsForResource", { ResourceARN })).toEqual({
      Tags: [{ Key: "b", Value: "2" }],
    });
    await ask("DeleteQueue", { QueueARN: ResourceARN });
    expect((await kinesis("ListTagsForResource", { ResourceARN })).error.name).toBe(stale);
  });

  test("goes with its handles when it is deleted, and its name is free again", async () => {
    await putText(stream, "a");
    const { QueueARN, QueueName } = await create();
    const [record] = await receive(QueueARN);
    await ask("DeleteQueue", { QueueARN });
    for (const [operation, input] of [
      ["ReceiveQueueRecords", { WaitTimeSeconds: 1 }],
      ["AcknowledgeQueueRecords", { Entries: handles(record === undefined ? [] : [record]) }],
      ["DescribeQueue", {}],
      ["UpdateQueue", { QueueAttributes: {} }],
      ["DeleteQueue", {}],
    ] as const) {
      await expectRefusal(operation, { QueueARN, ...input }, notFound(QueueARN));
    }
    expect(await summaryOf(stream)).toMatchObject({ QueueCount: 0 });
    const again = await create({ QueueName });
    expect(again.QueueARN).not.toBe(QueueARN);
    expect((await receive(again.QueueARN)).map(textIn)).toEqual(["a"]);
  });

  test("keeps its stream from being deleted, and from becoming provisioned", async () => {
    stream = await createStream({});
    const { QueueARN } = await create();
    const inUse = refusal(
      "ResourceInUseException",
      `Stream ${stream} under account ${account} has queues, which must be deleted before.`,
    );
    const StreamARN = arnOf(stream);
    await expectRefusal("DeleteStream", { StreamARN }, inUse);
    await expectRefusal("DeleteStream", { StreamARN, EnforceConsumerDeletion: true }, inUse);
    const StreamModeDetails = { StreamMode: "PROVISIONED" };
    await expectRefusal("UpdateStreamMode", { StreamARN, StreamModeDetails }, inUse);
    await ask("DeleteQueue", { QueueARN });
    await ask("UpdateStreamMode", { StreamARN, StreamModeDetails });
    await ask("DeleteStream", { StreamARN });
  });

  test("counts as a consumer of its stream", async () => {
    for (let i = 0; i < 10; i++) await create();
    for (let i = 0; i < 10; i++) {
      await ask("RegisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: `c${i}` });
    }
    const over = await kinesis("CreateQueue", {
      QueueName: "over",
      StreamConfigurationList: [{ StreamARN: arnOf(stream) }],
    });
    expect(over.error.name).toBe("LimitExceededException");
    const one = { StreamARN: arnOf(stream), ConsumerName: "over" };
    expect((await kinesis("RegisterStreamConsumer", one)).error.name).toBe(
      "LimitExceededException",
    );
    expect(await summaryOf(stream)).toMatchObject({ QueueCount: 10, ConsumerCount: 10 });
  });

  test("is listed in the order of creation, by pages, and by stream", async () => {
    const other = stream;
    const ofOther = [await create(), await create()];
    stream = await createStream();
    setClock(noonMs + 1000);
    const own = [await create(), await create(), await create()];
    const StreamFilter = [{ StreamARN: arnOf(stream) }];
    const found: string[] = [];
    let NextToken: unknown;
    do {
      const page = await ask("ListQueues", {
        MaxResults: 2,
        StreamFilter,
        ...(NextToken ? { NextToken } : {}),
      });
      const summaries = page["QueueSummaries"] as Description[];
      expect(summaries.length).toBeLessThanOrEqual(2);
      found.push(...summaries.map(({ QueueARN }) => QueueARN));
      ({ NextToken } = page);
    } while (NextToken !== undefined);
    expect(found.toSorted()).toEqual(own.map(({ QueueARN }) => QueueARN).toSorted());
    const both = { StreamFilter: [...StreamFilter, { StreamARN: arnOf(other) }] };
    expect((await ask("ListQueues", both))["QueueSummaries"]).toHaveLength(
      own.length + ofOther.length,
    );
    const born = (seconds: number) => ({
      StreamFilter: [{ StreamARN: arnOf(other), StreamCreationTimestamp: seconds }],
    });
    expect((await ask("ListQueues", born(noonMs / 1000)))["QueueSummaries"]).toHaveLength(2);
    expect((await ask("ListQueues", born(1)))["QueueSummaries"]).toEqual([]);
    const nowhere = { StreamFilter: [{ StreamARN: arnOf("nowhere") }] };
    expect((await ask("ListQueues", nowhere))["QueueSummaries"]).toEqual([]);
    const { NextToken: token } = await ask("ListQueues", { MaxResults: 1, StreamFilter });
    expect(await refusedName({ NextToken: token })).toBe(wrong);
    expect(await refusedName({ NextToken: "AAAA" })).toBe(wrong);
    setClock(noonMs + 302_000);
    expect(await refusedName({ NextToken: token, StreamFilter })).toBe("ExpiredNextTokenException");
  });
});

describe("refused", () => {
  test.each<[string, () => object, string]>([
    ["a stream that is not there", () => ofStreams(arnOf("nowhere")), stale],
    ["two streams", () => ofStreams(arnOf(stream), arnOf(stream)), "ValidationException"],
    [
      "a stream of another account",
      () => ofStreams(arnOf(stream).replace(account, "111122223333")),
      "AccessDeniedException",
    ],
    ["AT_TIMESTAMP without one", () => one({}, { Type: "AT_TIMESTAMP" }), "ValidationException"],
    ["LATEST with a time", () => one({}, { Type: "LATEST", Timestamp: 1 }), "ValidationException"],
    [
      "a time in the future",
      () => one({}, { Type: "AT_TIMESTAMP", Timestamp: noonMs / 1000 + 1 }),
      wrong,
    ],
    [
      "BUILT_IN without a count",
      () => one({ QueueAttributes: { DeadLetterConfiguration: { TargetType: "BUILT_IN" } } }),
      "ValidationException",
    ],
    ["a tag of wrong characters", () => one({ Tags: { "*": "" } }), wrong],
  ])("CreateQueue: %s", async (_, input, name) => {
    expect((await kinesis("CreateQueue", input())).error.name).toBe(name);
    expect(await ask("ListQueues", { StreamFilter: [{ StreamARN: arnOf(stream) }] })).toEqual({
      QueueSummaries: [],
    });
  });

  test("a name that is taken, also with the same settings", async () => {
    const { QueueName } = await create();
    const input = { QueueName, StreamConfigurationList: [{ StreamARN: arnOf(stream) }] };
    await expectRefusal(
      "CreateQueue",
      input,
      refusal(
        "ResourceInUseException",
        `Queue ${QueueName} under account ${account} already exists.`,
      ),
    );
  });

  test.each<[string, object, string]>([
    ["ReceiveQueueRecords", { WaitTimeSeconds: 0 }, "'0' at 'waitTimeSeconds'"],
    ["ReceiveQueueRecords", { WaitTimeSeconds: 21 }, "'21' at 'waitTimeSeconds'"],
    ["ReceiveQueueRecords", { Limit: 0 }, "'0' at 'limit'"],
    ["ReceiveDeadLetterQueueRecords", { Limit: 11 }, "'11' at 'limit'"],
    [
      "ReceiveQueueRecords",
      { VisibilityTimeoutSeconds: 43_201 },
      "'43201' at 'visibilityTimeoutSeconds'",
    ],
    ["AcknowledgeQueueRecords", { Entries: [] }, "'[]' at 'entries'"],
    ["AcknowledgeQueueRecords", {}, "null at 'entries'"],
    [
      "RestoreDeadLetterQueueRecords",
      { Entries: Array.from({ length: 11 }, () => ({ ReceiptHandle: "a" })) },
      "'[com.amazonaws.kinesis.v20131202.RestoreDeadLetterQueueRecordsRequestEntry",
    ],
    [
      "UpdateQueueRecordsVisibility",
      { Entries: [{ ReceiptHandle: "a" }] },
      "null at 'entries.1.member.visibilityTimeoutSeconds'",
    ],
    [
      "UpdateDeadLetterQueueRecordsVisibility",
      { Entries: [{ ReceiptHandle: "", VisibilityTimeoutSeconds: -1 }] },
      "'' at 'entries.1.member.receiptHandle'",
    ],
    ["UpdateQueue", {}, "null at 'queueAttributes'"],
    [
      "UpdateQueue",
      { QueueAttributes: { DeadLetterConfiguration: { TargetType: "SQS" } } },
      "'SQS' at 'queueAttributes.deadLetterConfiguration.targetType'",
    ],
    [
      "UpdateQueue",
      {
        QueueAttributes: {
          DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 1001 },
        },
      },
      "'1001' at 'queueAttributes.deadLetterConfiguration.maxReceiveCount'",
    ],
  ])("%s with %j", async (operation, input, text) => {
    const QueueARN = await createArn();
    const { status, error } = await kinesis(operation, { QueueARN, ...input });
    expect([status, error.name]).toEqual([400, "ValidationException"]);
    expect(error.message).toContain(`Value ${text}`);
  });

  test.each(["ReceiveQueueRecords", "DescribeQueue", "DeleteQueue"])(
    "%s of a queue of another region, account or name",
    async (operation) => {
      const QueueARN = await createArn();
      for (const arn of [
        QueueARN.replace(region, "eu-west-1"),
        QueueARN.replace(account, "111122223333"),
        `${QueueARN}x`,
      ]) {
        expect((await kinesis(operation, { QueueARN: arn })).error.name).toBe(stale);
      }
      const channel = { QueueARN: QueueARN.replace("queue/", "queue/a/") };
      expect((await kinesis(operation, channel)).error.name).toBe(wrong);
    },
  );
});

describe("receiving", () => {
  test("gives data, key and times, and a RecordId that all queues of the stream share", async () => {
    const first = await createArn();
    const second = await createArn();
    const { SequenceNumber } = await putText(stream, "hello");
    setClock(noonMs + 250);
    const [record] = await receive(first);
    expect(record).toEqual({
      ReceiptHandle: record?.ReceiptHandle,
      RecordId: SequenceNumber,
      Data: base64("hello"),
      PartitionKey: "k",
      ApproximateArrivalTimestamp: noonMs / 1000,
      FirstReceiveTimestamp: (noonMs + 250) / 1000,
      ReceiveCount: 1,
    });
    expect(record?.ReceiptHandle.length).toBeLessThanOrEqual(1024);
    const [same] = await receive(second);
    expect(same).toMatchObject({ RecordId: SequenceNumber, ReceiveCount: 1 });
    expect(same?.ReceiptHandle).not.toBe(record?.ReceiptHandle);
  });

  test("in CBOR has bytes as bytes", async () => {
    const queue = await createArn();
    await putText(stream, "hello");
    const { text } = await kinesisInCbor("ReceiveQueueRecords", { QueueARN: queue, Limit: 1 });
    expect(text).toContain('"Data":{"0":104,"1":101,"2":108,"3":108,"4":111}');
  });

  test("LATEST begins after the creation, AT_TIMESTAMP at the time", async () => {
    await putText(stream, "before");
    const latest = (await create({}, { Type: "LATEST" })).QueueARN;
    setClock(noonMs + 5000);
    await putText(stream, "after");
    const at = (await create({}, { Type: "AT_TIMESTAMP", Timestamp: noonMs / 1000 + 1 })).QueueARN;
    const oldest = await createArn();
    expect((await receive(latest)).map(textIn)).toEqual(["after"]);
    expect((await receive(at)).map(textIn)).toEqual(["after"]);
    expect((await receive(oldest)).map(textIn)).toEqual(["before", "after"]);
  });

  test("hides a record for the time of the receive, of the queue, or of a change", async () => {
    const queue = await createArn({ VisibilityTimeoutSeconds: 10 });
    await putText(stream, "a");
    const [first] = await receive(queue);
    setClock(noonMs + 9999);
    expect(await receive(queue)).toEqual([]);
    setClock(noonMs + 10_000);
    const [second] = await receive(queue, { VisibilityTimeoutSeconds: 100 });
    expect(second).toMatchObject({
      RecordId: first?.RecordId,
      ReceiveCount: 2,
      FirstReceiveTimestamp: noonMs / 1000,
    });
    expect(await acknowledge(queue, [first!])).toEqual([0, stale]);
    const entry = { ReceiptHandle: second!.ReceiptHandle, VisibilityTimeoutSeconds: 5 };
    expect(await settle("UpdateQueueRecordsVisibility", queue, [entry])).toEqual([1]);
    setClock(noonMs + 15_000);
    const [third] = await receive(queue);
    expect(third?.ReceiveCount).toBe(3);
    const free = { ReceiptHandle: third!.ReceiptHandle, VisibilityTimeoutSeconds: 0 };
    expect(await settle("UpdateQueueRecordsVisibility", queue, [free])).toEqual([1]);
    expect(await settle("UpdateQueueRecordsVisibility", queue, [free])).toEqual([0, wrong]);
    const [fourth] = await receive(queue);
    expect(fourth?.ReceiveCount).toBe(4);
    expect(await acknowledge(queue, [fourth!])).toEqual([1]);
    expect(await acknowledge(queue, [fourth!])).toEqual([1]);
    const late = { ReceiptHandle: fourth!.ReceiptHandle, VisibilityTimeoutSeconds: 5 };
    expect(await settle("UpdateQueueRecordsVisibility", queue, [late])).toEqual([0, stale]);
  });

  test("a batch: entries succeed and fail one by one, in their order", async () => {
    const queue = await createArn({ VisibilityTimeoutSeconds: 10 });
    const other = await createArn();
    for (const text of ["a", "b", "c"]) await putText(stream, text);
    const old = await receive(queue);
    const foreign = await receive(other);
    setClock(noonMs + 10_000);
    const now = await receive(queue);
    const entries = [now[0], { ReceiptHandle: "AAAA" }, foreign[0], old[1], now[0], now[2]];
    const Entries = entries.map((entry) => ({ ReceiptHandle: entry!.ReceiptHandle }));
    const reply = await ask("AcknowledgeQueueRecords", { QueueARN: queue, Entries });
    expect(reply["Successful"]).toEqual([Entries[0], Entries[4], Entries[5]]);
    expect(reply["Failed"]).toMatchObject([
      { ...Entries[1], ErrorCode: wrong },
      { ...Entries[2], ErrorCode: wrong },
      { ...Entries[3], ErrorCode: stale },
    ]);
    expect(await settle("AcknowledgeDeadLetterQueueRecords", queue, handles([now[1]!]))).toEqual([
      0,
      wrong,
    ]);
  });

  test("waits, and is woken by a put, by a restore, and by the end of a timeout", async () => {
    vi.useRealTimers();
    stream = await createStream({ ShardCount: 3 });
    const queue = await createArn({
      VisibilityTimeoutSeconds: 1,
      DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 2 },
    });
    const waiting = receive(queue, { WaitTimeSeconds: 20 });
    await putText(stream, "a");
    const [first] = await waiting;
    const [again] = await receive(queue, { WaitTimeSeconds: 20 });
    expect(again).toMatchObject({ RecordId: first?.RecordId, ReceiveCount: 2 });
    const [dead] = await receiveDead(queue, {
      WaitTimeSeconds: 20,
      VisibilityTimeoutSeconds: 60,
    });
    const restored = receive(queue, { WaitTimeSeconds: 20 });
    const entries = handles([dead!]);
    expect(await settle("RestoreDeadLetterQueueRecords", queue, entries)).toEqual([1]);
    expect(await restored).toMatchObject([{ RecordId: first?.RecordId, ReceiveCount: 1 }]);
  });

  test("ten mebibytes at most, and one record at least", async () => {
    stream = await createStream();
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 10_240 });
    const queue = await createArn();
    const data = "x".repeat(4_000_000);
    for (let i = 0; i < 4; i++) await putText(stream, data);
    const first = await receive(queue);
    expect(first.map(({ Data }) => Data.length)).toEqual([5_333_336, 5_333_336]);
    const rest = await receive(queue);
    expect(rest.map(({ ReceiveCount }) => ReceiveCount)).toEqual([1, 1]);
    expect(await acknowledge(queue, [...first, ...rest])).toEqual([4]);
  });
});

describe("dead letters", () => {
  const once = { DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 1 } };

  test("are received, hidden, acknowledged and restored by their own operations", async () => {
    const queue = await createArn({ ...once, VisibilityTimeoutSeconds: 10 });
    for (const text of ["a", "b"]) await putText(stream, text);
    const [live, other] = await receive(queue);
    setClock(noonMs + 10_000);
    expect(await receive(queue)).toEqual([]);
    // The last delivery has ended: its handle is of a record that is dead now.
    expect(await acknowledge(queue, [live!])).toEqual([0, stale]);
    const dead = await receiveDead(queue);
    expect(dead.map(textIn)).toEqual(["a", "b"]);
    expect(dead.map(({ ReceiveCount }) => ReceiveCount)).toEqual([2, 2]);
    expect(await receiveDead(queue)).toEqual([]);
    expect(await acknowledge(queue, dead)).toEqual([0, wrong, wrong]);
    const [a, b] = dead;
    expect(await settle("AcknowledgeDeadLetterQueueRecords", queue, handles([a!]))).toEqual([1]);
    const free = [{ ReceiptHandle: b!.ReceiptHandle, VisibilityTimeoutSeconds: 0 }];
    expect(await settle("UpdateDeadLetterQueueRecordsVisibility", queue, free)).toEqual([1]);
    const [again] = await receiveDead(queue);
    expect(again).toMatchObject({ RecordId: other?.RecordId, ReceiveCount: 3 });
    expect(await settle("RestoreDeadLetterQueueRecords", queue, handles([again!]))).toEqual([1]);
    expect(await settle("RestoreDeadLetterQueueRecords", queue, handles([again!]))).toEqual([
      0,
      stale,
    ]);
    const [restored] = await receive(queue);
    expect(restored).toMatchObject({
      RecordId: other?.RecordId,
      ReceiveCount: 1,
      FirstReceiveTimestamp: noonMs / 1000,
    });
    expect(await acknowledge(queue, [restored!])).toEqual([1]);
    expect(await receive(queue)).toEqual([]);
    expect(await receiveDead(queue)).toEqual([]);
  });

  test("are made by the setting of the moment, and never with NONE", async () => {
    const none = { DeadLetterConfiguration: { TargetType: "NONE" } };
    const queue = await createArn({ ...none, VisibilityTimeoutSeconds: 0 });
    await putText(stream, "a");
    for (let i = 1; i <= 20; i++) {
      expect(await receive(queue)).toMatchObject([{ ReceiveCount: i }]);
    }
    await ask("UpdateQueue", { QueueARN: queue, QueueAttributes: once });
    expect(await receive(queue)).toEqual([]);
    expect((await receiveDead(queue)).map(textIn)).toEqual(["a"]);
  });
});

describe("a stream that changes", () => {
  const hour = 3_600_000;

  test("records of closed shards come before those of the shards that continue them", async () => {
    vi.useRealTimers();
    stream = await createStream();
    const queue = await createArn();
    const put = (text: string) => putText(stream, text);
    const split = (ShardToSplit: string, NewStartingHashKey: string) =>
      ask("SplitShard", { StreamName: stream, ShardToSplit, NewStartingHashKey });
    for (let i = 0; i < 15; i++) await put(`parent ${i}`);
    const early = await receive(queue, { Limit: 3 });
    await split("shardId-0", `${2n ** 127n}`);
    await untilActive();
    for (let i = 0; i < 5; i++) await put(`child ${i}`);
    const { Shards } = await ask("ListShards", { StreamName: stream });
    const open = (Shards as { ShardId: string }[]).slice(1).map(({ ShardId }) => ShardId);
    await ask("MergeShards", {
      StreamName: stream,
      ShardToMerge: open[0],
      AdjacentShardToMerge: open[1],
    });
    await untilActive();
    for (let i = 0; i < 5; i++) await put(`grandchild ${i}`);
    const seen = early.map(textIn);
    expect(await acknowledge(queue, early)).toEqual([3]);
    for (let left = 22; left > 0;) {
      const records = await receive(queue, { WaitTimeSeconds: 20 });
      seen.push(...records.map(textIn));
      left -= records.length;
      expect(await acknowledge(queue, records)).toEqual([records.length]);
    }
    expect(seen).toEqual([...texts("parent", 15), ...texts("child", 5), ...texts("grandchild", 5)]);
    expect(await receive(queue)).toEqual([]);
  });

  test("what has expired is gone, whether it waits, is in flight or dead", async () => {
    const queue = await createArn({
      VisibilityTimeoutSeconds: 10,
      DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 1 },
    });
    for (const text of ["dead", "in flight", "waits"]) await putText(stream, text);
    await receive(queue, { Limit: 1 });
    setClock(noonMs + 20_000);
    const [held] = await receive(queue, { Limit: 1, VisibilityTimeoutSeconds: 43_200 });
    setClock(noonMs + 25 * hour);
    await putText(stream, "new");
    expect((await receive(queue)).map(textIn)).toEqual(["new"]);
    expect(await receiveDead(queue)).toEqual([]);
    expect(await acknowledge(queue, [held!])).toEqual([1]);
  });
});

test("a stream of v3io has queues by the ARN of its path", async () => {
  const name = crypto.randomUUID();
  const made = await v3io(`drivers/${name}/`, "CreateStream", {
    ShardCount: 2,
    RetentionPeriodHours: 24,
  });
  expect(made.status).toBe(204);
  stream = `/bigdata/drivers/${name}`;
  const queue = await createArn();
  const put = await v3io(`drivers/${name}/`, "PutRecords", {
    Records: [{ Data: base64("ride"), ShardId: 1 }],
  });
  expect(put.status).toBe(200);
  const [record] = await receive(queue);
  expect(record).toMatchObject({ Data: base64("ride"), PartitionKey: "" });
  expect(await acknowledge(queue, [record!])).toEqual([1]);
  const removed = await exports.default.fetch(`http://localhost/bigdata/drivers/${name}/`, {
    method: "DELETE",
    headers: { "x-v3io-session-key": "any" },
  });
  expect(removed.status).toBe(409);
});

function notFound(arn: string) {
  return refusal(stale, `Queue ${arn} under account ${account} not found.`);
}

async function refusedName(input: object): Promise<string> {
  return (await kinesis("ListQueues", input)).error.name;
}

function one(input: object = {}, position?: object) {
  return {
    QueueName: "q",
    StreamConfigurationList: [
      { StreamARN: arnOf(stream), ...(position && { StartingPosition: position }) },
    ],
    ...input,
  };
}

function ofStreams(...arns: string[]) {
  return { QueueName: "q", StreamConfigurationList: arns.map((StreamARN) => ({ StreamARN })) };
}

function texts(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i}`);
}

async function untilActive(): Promise<void> {
  await vi.waitFor(async () => {
    expect(await summaryOf(stream)).toMatchObject({ StreamStatus: "ACTIVE" });
  });
}

function v3io(path: string, operation: string, body: object): Promise<Response> {
  return exports.default.fetch(`http://localhost/bigdata/${path}`, {
    method: "POST",
    headers: { "x-v3io-function": operation, "x-v3io-session-key": "any" },
    body: JSON.stringify(body),
  });
}
