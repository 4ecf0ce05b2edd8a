// How much a stream takes and where its records go, over HTTP, inside workerd: what it is created
// with, its mode and throughput, the size of a record, and the spreading of records by the service.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { catalogOf } from "../../../worker/stream/directory.ts";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  kinesisInCbor,
  putText,
  readShard,
  refusal,
  region,
  summaryOf,
} from "./claims.ts";
import { authorizationFor, base64 } from "./client.ts";

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream({ ShardCount: 2 });
});

describe("creating", () => {
  test("a stream of no given mode and no shard count is on demand, with four shards", async () => {
    const made = await createStream({});
    expect(await summaryOf(made)).toMatchObject({
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      OpenShardCount: 4,
      RecordDistributionStrategy: "USER_PARTITION_KEY",
    });
  });

  test("a provisioned stream needs a shard count", () =>
    expectRefusal(
      "CreateStream",
      { StreamName: "x", StreamModeDetails: { StreamMode: "PROVISIONED" } },
      refusal(
        "ValidationException",
        "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: " +
          "Member must not be null",
      ),
    ));

  test("with everything that can be said of it", async () => {
    await commit();
    const made = await createStream({
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      WarmThroughputMiBps: 20,
      MaxRecordSizeInKiB: 10_240,
      RecordDistributionStrategy: "AUTO",
    });
    expect(await summaryOf(made)).toEqual({
      StreamName: made,
      StreamARN: arnOf(made),
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      RetentionPeriodHours: 24,
      StreamCreationTimestamp: noonMs / 1000,
      EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
      EncryptionType: "NONE",
      OpenShardCount: 4,
      ConsumerCount: 0,
      ChannelCount: 0,
      QueueCount: 0,
      MaxRecordSizeInKiB: 10_240,
      WarmThroughput: { TargetMiBps: 20, CurrentMiBps: 20 },
      RecordDistributionStrategy: "AUTO",
    });
  });

  test.each([
    ["warm throughput", { WarmThroughputMiBps: 20 }],
    ["records spread by the service", { RecordDistributionStrategy: "AUTO" }],
  ])("a provisioned stream has no %s", async (_, input) => {
    await commit();
    const StreamName = crypto.randomUUID();
    await expectRefusal(
      "CreateStream",
      { StreamName, ShardCount: 1, ...input },
      provisioned(StreamName),
    );
  });

  test("more shards than the account may have", async () => {
    const { OpenShardCount: open } = await ask("DescribeLimits", {});
    await expectRefusal(
      "CreateStream",
      { StreamName: "wide", ShardCount: 20_000 },
      refusal(
        "LimitExceededException",
        `This request would exceed the shard limit for the account ${account} in ${region}. ` +
          `Current shard count for the account: ${Number(open)}. Limit: 20000. Number of ` +
          "additional shards that would have resulted from this request: 20000. Refer to the " +
          "AWS Service Limits page " +
          "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
          "for current limits and how to request higher limits.",
      ),
    );
  });

  test("more shards than one stream may have here", () =>
    expectRefusal(
      "CreateStream",
      { StreamName: "wide", ShardCount: 4097 },
      refusal("LimitExceededException", "A stream cannot have more than 4096 shards here."),
    ));
});

describe("mode and warm throughput", () => {
  test("a stream goes on demand and back", async () => {
    await setMode("ON_DEMAND");
    expect(await modeNow()).toBe("ON_DEMAND");
    await setMode("PROVISIONED");
    expect(await modeNow()).toBe("PROVISIONED");
  });

  test("what only an on-demand stream has goes with the mode", async () => {
    await commit();
    await ask("UpdateStreamMode", {
      StreamARN: arnOf(stream),
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      WarmThroughputMiBps: 8,
    });
    await spread(stream, "AUTO");
    expect(await summaryOf(stream)).toMatchObject({
      WarmThroughput: { TargetMiBps: 8, CurrentMiBps: 8 },
      RecordDistributionStrategy: "AUTO",
    });
    await setMode("PROVISIONED");
    expect(await summaryOf(stream)).not.toHaveProperty("WarmThroughput");
    await setMode("ON_DEMAND");
    expect(await summaryOf(stream)).not.toHaveProperty("WarmThroughput");
    expect(await summaryOf(stream)).toMatchObject({
      RecordDistributionStrategy: "USER_PARTITION_KEY",
    });
  });

  test("warm throughput replies with the new value", async () => {
    await commit();
    await setMode("ON_DEMAND");
    expect(await warm({ StreamName: stream, WarmThroughputMiBps: 100 })).toEqual({
      StreamARN: arnOf(stream),
      StreamName: stream,
      WarmThroughput: { TargetMiBps: 100, CurrentMiBps: 100 },
    });
  });

  test("warm throughput has a limit, a mode and a price", async () => {
    const StreamName = stream;
    await expectRefusal(
      "UpdateStreamWarmThroughput",
      { StreamName, WarmThroughputMiBps: 10_241 },
      refusal(
        "LimitExceededException",
        "Requested warm throughput (10241 MiBps) exceeds the limit of 10240 MiBps.",
      ),
    );
    await expectRefusal(
      "UpdateStreamWarmThroughput",
      { StreamName, WarmThroughputMiBps: 10 },
      provisioned(stream),
    );
    const other = "123456789012";
    const elsewhere = { authorization: authorizationFor(region, other) };
    await kinesis("CreateStream", { StreamName }, elsewhere);
    const reply = await kinesis(
      "UpdateStreamWarmThroughput",
      { StreamName, WarmThroughputMiBps: 10 },
      elsewhere,
    );
    expect(reply.error).toEqual(
      refusal(
        "InvalidArgumentException",
        "Warm throughput requires MinimumThroughputBillingCommitment to be ENABLED " +
          `for account ${other}.`,
      ),
    );
  });
});

describe("record size", () => {
  const mebibyte = 1_048_576;

  /** A record alone, and as the second of two: the short way of reading them, the long one, and CBOR. */
  const ways: Record<string, (record: Entry) => ReturnType<typeof kinesis>> = {
    PutRecord: (record) => kinesis("PutRecord", inJson(record)),
    "PutRecord in CBOR": (record) => putCbor("PutRecord", record),
    PutRecords: (record) =>
      kinesis("PutRecords", { Records: [small, record].map(inJson), ...named() }),
    "PutRecords with an escape in its body": (record) => {
      const text = JSON.stringify({ Records: [small, record].map(inJson), ...named() });
      return kinesis("PutRecords", text.replace('"Records"', '"\\u0052ecords"'));
    },
    "PutRecords in CBOR": (record) => putCbor("PutRecords", { Records: [small, record] }),
  };

  test.each([
    ...Object.keys(ways).map((way): [string, number] => [way, 1024]),
    ["PutRecord", 2048],
    ["PutRecords", 2048],
    ["PutRecord", 10_240],
    ["PutRecords", 10_240],
  ])("%s: data and key together have %i KiB, to the byte", async (way, kibibytes) => {
    await setSize(kibibytes);
    const bytesMax = kibibytes * 1024;
    const put = (dataBytes: number, PartitionKey: string) =>
      ways[way]?.({ Data: new Uint8Array(dataBytes), PartitionKey });
    const path = way.startsWith("PutRecords") ? "records.2.member.data" : "data";
    const key = "schlüssel";
    const keyBytes = 10;
    for (const dataBytes of [bytesMax - keyBytes + 1, bytesMax]) {
      const refused = await put(dataBytes, key);
      const error = tooLarge(path, bytesMax, ", partition key included");
      expect([refused?.status, refused?.error]).toEqual([400, error]);
    }
    const refused = await put(bytesMax + 1, "k");
    expect([refused?.status, refused?.error]).toEqual([400, tooLarge(path, bytesMax)]);
    // All records of a request together have 10 MiB.
    const besides = path === "data" || kibibytes < 10_240 ? 0 : small.PartitionKey.length;
    expect((await put(bytesMax - keyBytes - besides, key))?.status).toBe(200);
  });

  test.each<[string, (records: Entry[]) => ReturnType<typeof kinesis>]>([
    ["JSON", (records) => kinesis("PutRecords", { Records: records.map(inJson), ...named() })],
    ["CBOR", (Records) => putCbor("PutRecords", { Records })],
  ])("all records of a request in %s together have 10 MiB, to the byte", async (_, put) => {
    const full = Array.from({ length: 10 }, () => ({
      ...small,
      Data: new Uint8Array(mebibyte - 1),
    }));
    const refused = await put([...full, { ...small, Data: new Uint8Array(0) }]);
    const message = refusal("InvalidArgumentException", "Records size exceeds 10 MB limit");
    expect([refused.status, refused.error]).toEqual([400, message]);
    expect((await put(full)).status).toBe(200);
  });

  test("a maximum that was raised elsewhere is known at the first record that needs it", async () => {
    await putBytes(1);
    const change = { kind: "recordSize", bytesMax: 2 * mebibyte } as const;
    await catalogOf(env, { account, region }).changeStream(stream, change);
    expect((await putBytes(2 * mebibyte - 1)).status).toBe(200);
  });

  test("a maximum that was lowered again holds", async () => {
    await setSize(4096);
    await setSize(1024);
    expect((await putBytes(mebibyte)).status).toBe(400);
    expect(await summaryOf(stream)).toMatchObject({ MaxRecordSizeInKiB: 1024 });
  });

  test.each([1023, 10_241])("%i KiB is out of bounds", async (MaxRecordSizeInKiB) => {
    const input = { StreamARN: arnOf(stream), MaxRecordSizeInKiB };
    const { status, error } = await kinesis("UpdateMaxRecordSize", input);
    expect([status, error.name]).toEqual([400, "ValidationException"]);
  });
});

describe("records that the service spreads", () => {
  const keyless = refusal(
    "ValidationException",
    "1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: " +
      "Member must not be null",
  );

  test("need a key until the stream says otherwise, and again once it says so", async () => {
    const made = await createStream({});
    const input = { StreamName: made, Data: base64("a") };
    await expectRefusal("PutRecord", input, keyless);
    await spread(made, "AUTO");
    await ask("PutRecord", input);
    await spread(made, "USER_PARTITION_KEY");
    await expectRefusal("PutRecord", input, keyless);
  });

  test("a stream that is not there is asked for a key first", () =>
    expectRefusal("PutRecord", { StreamName: "nowhere", Data: "" }, keyless));

  test("go to every shard, whatever key or hash key they bring", async () => {
    const made = await createStream({ RecordDistributionStrategy: "AUTO" });
    const Records = Array.from({ length: 200 }, () => ({
      Data: base64("a"),
      PartitionKey: "always the same",
      ExplicitHashKey: "0",
    }));
    const output = await ask("PutRecords", { StreamName: made, Records });
    const shards = (output["Records"] as { ShardId: string }[]).map(({ ShardId }) => ShardId);
    expect(new Set(shards).size).toBe(4);
  });

  test("have a key when read only if they were put with one", async () => {
    const made = await createStream({ RecordDistributionStrategy: "AUTO" });
    const bare = await ask("PutRecord", { StreamName: made, Data: base64("bare") });
    const [record] = await readShard(made, bare["ShardId"] as string);
    expect(record).not.toHaveProperty("PartitionKey");
    setClock(noonMs + 1000);
    const keyed = await putText(made, "keyed");
    const records = await readShard(made, keyed["ShardId"] as string);
    expect(records.at(-1)).toMatchObject({ PartitionKey: "k" });
  });

  test("are not to be had of a provisioned stream", async () => {
    await expectRefusal(
      "UpdateStreamRecordDistributionStrategy",
      { StreamARN: arnOf(stream), RecordDistributionStrategy: "AUTO" },
      provisioned(stream),
    );
    await spread(stream, "USER_PARTITION_KEY");
    expect(await summaryOf(stream)).not.toHaveProperty("RecordDistributionStrategy");
  });
});

function setMode(StreamMode: string) {
  const input = { StreamARN: arnOf(stream), StreamModeDetails: { StreamMode } };
  return ask("UpdateStreamMode", input);
}

function spread(name: string, RecordDistributionStrategy: string) {
  const input = { StreamARN: arnOf(name), RecordDistributionStrategy };
  return ask("UpdateStreamRecordDistributionStrategy", input);
}

function commit() {
  const MinimumThroughputBillingCommitment = { Status: "ENABLED" };
  return ask("UpdateAccountSettings", { MinimumThroughputBillingCommitment });
}

function provisioned(name: string) {
  return refusal(
    "InvalidArgumentException",
    `Request is invalid. Stream ${name} under account ${account} is in Provisioned mode.`,
  );
}

async function modeNow() {
  const { StreamModeDetails } = await summaryOf(stream);
  return (StreamModeDetails as { StreamMode: string }).StreamMode;
}

function warm(input: object) {
  return ask("UpdateStreamWarmThroughput", input);
}

function setSize(MaxRecordSizeInKiB: number) {
  return ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB });
}

interface Entry {
  Data: Uint8Array;
  PartitionKey: string;
}

const small: Entry = { Data: new Uint8Array(), PartitionKey: "k" };

function named() {
  return { StreamName: stream };
}

function inJson({ Data, PartitionKey }: Entry) {
  return { ...named(), Data: base64(Data), PartitionKey };
}

function putCbor(operation: string, input: object) {
  return kinesisInCbor(operation, { ...named(), ...input });
}

function putBytes(bytes: number) {
  return kinesis("PutRecord", inJson({ Data: new Uint8Array(bytes), PartitionKey: "k" }));
}

function tooLarge(path: string, bytesMax: number, note = "") {
  return refusal(
    "ValidationException",
    `1 validation error detected: Value at '${path}' failed to satisfy constraint: ` +
      `Member must have length less than or equal to ${bytesMax}${note}`,
  );
}
