// Registered consumers over HTTP, inside workerd: registering, describing, listing and taking them
// away, and the stream that cannot be deleted while it has some.

import { beginAtNoon, noonMs } from "../../support/clock.ts";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  refusal,
  summaryOf,
} from "./claims.ts";

interface Consumer {
  ConsumerName: string;
  ConsumerARN: string;
  ConsumerStatus: string;
  ConsumerCreationTimestamp: number;
}

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

describe("registering", () => {
  test("replies with the new consumer, CREATING; its ARN ends in the second of its creation", async () => {
    expect(await register("reader")).toEqual({
      ConsumerName: "reader",
      ConsumerARN: `${arnOf(stream)}/consumer/reader:${noonMs / 1000}`,
      ConsumerStatus: "CREATING",
      ConsumerCreationTimestamp: noonMs / 1000,
    });
  });

  test("makes a consumer that is active at once", async () => {
    await register("reader");
    expect(await describeBy({ ConsumerName: "reader" })).toMatchObject({
      ConsumerStatus: "ACTIVE",
    });
    expect(await summaryOf(stream)).toMatchObject({ ConsumerCount: 1 });
  });

  test("a name that is taken is refused", async () => {
    await register("reader");
    await expectRefusal(
      "RegisterStreamConsumer",
      { StreamARN: arnOf(stream), ConsumerName: "reader" },
      refusal(
        "ResourceInUseException",
        `Consumer reader under stream ${stream} already exists for account ${account}.`,
      ),
    );
  });

  test("is refused for a stream that is not there", () =>
    expectRefusal(
      "RegisterStreamConsumer",
      { StreamARN: arnOf("nowhere"), ConsumerName: "reader" },
      streamNotFound("nowhere"),
    ));

  test("is refused for tags with characters that no tag may have, and registers nothing", async () => {
    const input = { StreamARN: arnOf(stream), ConsumerName: "reader", Tags: { "*": "" } };
    const { error } = await kinesis("RegisterStreamConsumer", input);
    expect(error.name).toBe("InvalidArgumentException");
    expect(await names()).toEqual([]);
  });

  test("ends at fifty consumers for an on-demand stream of a committed account, and for no other", async () => {
    await commit("ENABLED");
    for (let i = 0; i < 20; i++) await register(`reader-${i}`);
    await expectFull(20);
    const provisioned = stream;
    stream = await createStream({});
    for (let i = 0; i < 50; i++) await register(`reader-${i}`);
    await expectFull(50);
    stream = provisioned;
    await ask("UpdateStreamMode", {
      StreamARN: arnOf(stream),
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
    });
    await register("one-more");
    await commit("DISABLED");
    vi.setSystemTime(noonMs + 25 * 3_600_000);
    await expectFull(20);
  });

  test("ends at twenty consumers", async () => {
    for (let i = 0; i < 20; i++) await register(`reader-${i}`);
    await expectFull(20);
    await ask("DeregisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: "reader-7" });
    await register("one-more");
    expect(await summaryOf(stream)).toMatchObject({ ConsumerCount: 20 });
  });
});

describe("naming a consumer", () => {
  let arn: string;

  beforeEach(async () => {
    arn = (await register("reader")).ConsumerARN;
  });

  test.each([
    ["its ARN", () => ({ ConsumerARN: arn })],
    ["the stream's ARN and its name", () => ({ StreamARN: arnOf(stream), ConsumerName: "reader" })],
    ["all three", () => ({ ConsumerARN: arn, StreamARN: arnOf(stream), ConsumerName: "reader" })],
  ])("by %s", async (_, input) => {
    expect(await ask("DescribeStreamConsumer", input())).toEqual({
      ConsumerDescription: {
        ConsumerName: "reader",
        ConsumerARN: arn,
        ConsumerStatus: "ACTIVE",
        ConsumerCreationTimestamp: noonMs / 1000,
        StreamARN: arnOf(stream),
      },
    });
    expect(await ask("DeregisterStreamConsumer", input())).toEqual({});
    expect(await names()).toEqual([]);
  });

  test.each([
    ["nothing", () => ({}), unnamed],
    ["the stream alone", () => ({ StreamARN: arnOf(stream) }), unnamed],
    ["the name alone", () => ({ ConsumerName: "reader" }), unnamed],
    [
      "an ARN and another name",
      () => ({ ConsumerARN: arn, ConsumerName: "other" }),
      () => differing(arn),
    ],
    [
      "an ARN and another stream",
      () => ({ ConsumerARN: arn, StreamARN: arnOf("other") }),
      () => differing(arn),
    ],
    [
      "a name that is not there",
      () => ({ StreamARN: arnOf(stream), ConsumerName: "other" }),
      () => consumerNotFound("other"),
    ],
    [
      "the ARN of one that was registered earlier",
      () => ({ ConsumerARN: arn.replace(/\d+$/, "1") }),
      () => consumerNotFound("reader"),
    ],
    [
      "a stream that is not there",
      () => ({ StreamARN: arnOf("nowhere"), ConsumerName: "reader" }),
      () => streamNotFound("nowhere"),
    ],
    [
      "an ARN that fits the pattern and names no consumer",
      () => ({ ConsumerARN: "arn:aws:kinesis:x:000000000000:a/stream/s/consumer/c:1" }),
      () =>
        refusal(
          "InvalidArgumentException",
          "ConsumerARN arn:aws:kinesis:x:000000000000:a/stream/s/consumer/c:1 is not the ARN of " +
            "a consumer.",
        ),
    ],
  ])("by %s is refused", async (_, input, error) => {
    await expectRefusal("DescribeStreamConsumer", input(), error());
    await expectRefusal("DeregisterStreamConsumer", input(), error());
    expect(await names()).toEqual(["reader"]);
  });

  test("one registered again has another ARN, and the old one names nothing", async () => {
    await ask("DeregisterStreamConsumer", { ConsumerARN: arn });
    vi.setSystemTime(noonMs + 1000);
    const again = await register("reader");
    expect(again.ConsumerARN).not.toBe(arn);
    await expectRefusal("DescribeStreamConsumer", { ConsumerARN: arn }, consumerNotFound("reader"));
  });
});

describe("listing", () => {
  const all = ["a", "b", "b.1", "c", "d"];

  beforeEach(async () => {
    for (const name of all.toReversed()) await register(name);
  });

  test.each([1, 2, 4, 5, 100])("pages of %i lead through all, sorted, once", async (MaxResults) => {
    const found: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = { StreamARN: arnOf(stream), MaxResults, ...(NextToken && { NextToken }) };
      const output = await ask("ListStreamConsumers", page);
      const consumers = output["Consumers"] as Consumer[];
      expect(consumers.length).toBeLessThanOrEqual(MaxResults);
      found.push(...consumers.map(({ ConsumerName }) => ConsumerName));
      NextToken = output["NextToken"] as string | undefined;
    } while (NextToken !== undefined);
    expect(found).toEqual(all);
  });

  test("a page is as of now: who is gone by then is not on it", async () => {
    const NextToken = await tokenAfter(2);
    await ask("DeregisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: "b.1" });
    const { Consumers } = await ask("ListStreamConsumers", { StreamARN: arnOf(stream), NextToken });
    expect((Consumers as Consumer[]).map(({ ConsumerName }) => ConsumerName)).toEqual(["c", "d"]);
  });

  test.each([
    [0, 200],
    [299_999, 200],
    [300_000, 200],
    [300_001, 400],
  ])("a token of %i ms ago: status %i", async (ageMs, status) => {
    const NextToken = await tokenAfter(1);
    vi.setSystemTime(noonMs + ageMs);
    const reply = await kinesis("ListStreamConsumers", { StreamARN: arnOf(stream), NextToken });
    expect(reply.status).toBe(status);
    if (status === 400) expect(reply.error.name).toBe("ExpiredNextTokenException");
  });

  test.each([
    ["is no token", async () => ({ NextToken: "AAAA" }), invalidToken],
    [
      "belongs to another listing",
      async () => ({ NextToken: await tokenOfStreams() }),
      invalidToken,
    ],
    [
      "stands beside a creation time",
      async () => ({ NextToken: await tokenAfter(1), StreamCreationTimestamp: noonMs / 1000 }),
      () =>
        refusal(
          "InvalidArgumentException",
          "NextToken and StreamCreationTimestamp cannot be provided together.",
        ),
    ],
  ])("a token that %s is refused", async (_, input, error) => {
    await expectRefusal(
      "ListStreamConsumers",
      { StreamARN: arnOf(stream), ...(await input()) },
      error(),
    );
  });

  test("a token of a stream that was made anew names no stream", async () => {
    const NextToken = await tokenAfter(1);
    await ask("DeleteStream", { StreamName: stream, EnforceConsumerDeletion: true });
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    await expectRefusal(
      "ListStreamConsumers",
      { StreamARN: arnOf(stream), NextToken },
      streamNotFound(stream),
    );
  });

  test.each([
    ["of the stream", noonMs / 1000, 200],
    ["of the stream, to the second", noonMs / 1000 + 0.9, 200],
    ["of an earlier stream", noonMs / 1000 - 1, 400],
  ])("with a creation time %s", async (_, StreamCreationTimestamp, status) => {
    const input = { StreamARN: arnOf(stream), StreamCreationTimestamp };
    const reply = await kinesis("ListStreamConsumers", input);
    expect(reply.status).toBe(status);
    if (status === 400) expect(reply.error).toEqual(streamNotFound(stream));
  });
});

describe("deleting the stream", () => {
  test.each([{}, { EnforceConsumerDeletion: false }])(
    "is refused while it has a consumer: %j",
    async (input) => {
      await register("reader");
      await expectRefusal("DeleteStream", { StreamName: stream, ...input }, consumersExist());
      await ask("DeregisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: "reader" });
      await ask("DeleteStream", { StreamName: stream, ...input });
      await expectRefusal("DescribeStream", { StreamName: stream }, streamNotFound(stream));
    },
  );

  test("takes the consumers along when told to", async () => {
    const { ConsumerARN } = await register("reader");
    await ask("DeleteStream", { StreamARN: arnOf(stream), EnforceConsumerDeletion: true });
    await expectRefusal("DescribeStreamConsumer", { ConsumerARN }, streamNotFound(stream));
    await ask("CreateStream", { StreamName: stream, ShardCount: 1 });
    expect(await names()).toEqual([]);
  });
});

async function register(ConsumerName: string): Promise<Consumer> {
  const input = { StreamARN: arnOf(stream), ConsumerName };
  return (await ask("RegisterStreamConsumer", input))["Consumer"] as Consumer;
}

function commit(Status: string) {
  return ask("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status } });
}

function expectFull(limit: number): Promise<void> {
  return expectRefusal(
    "RegisterStreamConsumer",
    { StreamARN: arnOf(stream), ConsumerName: "too-many" },
    refusal(
      "LimitExceededException",
      `This request would exceed the limit of ${limit} consumers for ` +
        `stream ${stream} under account ${account}.`,
    ),
  );
}

async function describeBy(input: object): Promise<unknown> {
  const output = await ask("DescribeStreamConsumer", { StreamARN: arnOf(stream), ...input });
  return output["ConsumerDescription"];
}

async function names(): Promise<string[]> {
  const { Consumers } = await ask("ListStreamConsumers", { StreamARN: arnOf(stream) });
  return (Consumers as Consumer[]).map(({ ConsumerName }) => ConsumerName);
}

async function tokenAfter(MaxResults: number): Promise<unknown> {
  const input = { StreamARN: arnOf(stream), MaxResults };
  return (await ask("ListStreamConsumers", input))["NextToken"];
}

async function tokenOfStreams(): Promise<unknown> {
  await createStream();
  return (await ask("ListStreams", { Limit: 1 }))["NextToken"];
}

function invalidToken() {
  return refusal("InvalidArgumentException", "Invalid NextToken.");
}

function unnamed() {
  return refusal(
    "InvalidArgumentException",
    "Either ConsumerARN, or both StreamARN and ConsumerName, should be provided.",
  );
}

function differing(arn: string) {
  return refusal(
    "InvalidArgumentException",
    `ConsumerARN ${arn} and the other parameters name different consumers.`,
  );
}

function consumerNotFound(name: string) {
  return refusal("ResourceNotFoundException", `Consumer ${name}, account ${account} not found.`);
}

function streamNotFound(name: string) {
  return refusal("ResourceNotFoundException", `Stream ${name} under account ${account} not found.`);
}

function consumersExist() {
  return refusal(
    "ResourceInUseException",
    `DeleteStream can't delete ${arnOf(stream)} because there are consumers associated with ` +
      `this data stream. To delete ${stream} anyway, set the EnforceConsumerDeletion parameter ` +
      "to true to force the deletion of all the consumers that are associated with it.",
  );
}
