// Queues over HTTP, inside workerd: creating, describing, changing, listing and deleting them, and what is refused.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { beforeEach, describe, expect, test } from "vitest";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  putText,
  refusal,
  region,
  summaryOf,
} from "./claims.ts";
import { textIn } from "./client.ts";
import {
  createArnOver,
  createOver,
  describeQueue,
  handles,
  receive,
  stale,
  wrong,
  type Description,
} from "./queueClaims.ts";

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

const create = (input?: object, position?: object) => createOver(stream, input, position);
const createArn = (attributes?: object) => createArnOver(stream, attributes);

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
    const Tags = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}`, ""]));
    await expectRefusal(
      "TagResource",
      { ResourceARN, Tags },
      refusal(
        "InvalidArgumentException",
        `Failed to add tags to queue ${ResourceARN} under account ${account} because a given ` +
          "queue cannot have more than 50 tags associated with it.",
      ),
    );
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
