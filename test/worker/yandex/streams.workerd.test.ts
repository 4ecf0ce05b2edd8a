// Streams through the Yandex face, inside workerd: made with that service's defaults and limits, described,
// listed, grown, given other settings, removed; shards and consumers listed. Cases and texts are those of
// YDB's tests (kinesis_ut.cpp, error_codes_ut.cpp, datastreams_ut.cpp).

import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { authorizationFor, type YandexReply, type YandexRequest, yandexOver } from "./client.ts";

const yandex = yandexOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));

const hashMax = "340282366920938463463374607431768211455";

let StreamName: string;

beforeEach(() => {
  StreamName = `s-${crypto.randomUUID()}`;
});

describe("CreateStream", () => {
  test("the whole reply is {}, and the stream is active with these defaults", async () => {
    const created = await yandex("CreateStream", { StreamName });
    expect([created.status, created.reason, created.text]).toEqual([200, "", "{}"]);
    const { text } = await yandex("DescribeStream", { StreamName });
    expect(JSON.parse(text)).toEqual({
      StreamDescription: {
        EncryptionType: "ENCRYPTION_UNDEFINED",
        HasMoreShards: false,
        KeyId: "",
        Owner: "000000000000",
        PartitioningSettings: {
          MinActivePartitions: 1,
          MaxActivePartitions: 1,
          AutoPartitioningSettings: {
            Strategy: "AUTO_PARTITIONING_STRATEGY_DISABLED",
            PartitionWriteSpeed: {
              StabilizationWindow: { Seconds: 300, Nanos: 0 },
              UpUtilizationPercent: 90,
              DownUtilizationPercent: 30,
            },
          },
        },
        RetentionPeriodHours: 24,
        Shards: [
          {
            ShardId: "shard-000000",
            HashKeyRange: { StartingHashKey: "0", EndingHashKey: hashMax },
            SequenceNumberRange: { StartingSequenceNumber: "0" },
          },
        ],
        StorageLimitMb: 0,
        StreamArn: StreamName,
        StreamCreationTimestamp: expect.any(Number),
        StreamModeDetails: { StreamMode: "ON_DEMAND" },
        StreamName,
        StreamStatus: "ACTIVE",
        WriteQuotaKbPerSec: 1024,
      },
    });
  });

  test("three shards, cut as YDB cuts them", async () => {
    await yandex("CreateStream", { StreamName, ShardCount: 3 });
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(
      output.StreamDescription.Shards.map(({ ShardId, HashKeyRange: range }) => [
        ShardId,
        range.StartingHashKey,
        range.EndingHashKey,
      ]),
    ).toEqual([
      ["shard-000000", "0", "113427455640312821154458202477256070484"],
      [
        "shard-000001",
        "113427455640312821154458202477256070485",
        "226854911280625642308916404954512140969",
      ],
      ["shard-000002", "226854911280625642308916404954512140970", hashMax],
    ]);
  });

  test("what was asked for is kept, and described", async () => {
    const input = {
      StreamName,
      ShardCount: 2,
      WriteQuotaKbPerSec: 512,
      RetentionStorageMegabytes: 51_200,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      PartitioningSettings: {
        MinActivePartitions: 2,
        MaxActivePartitions: 10,
        AutoPartitioningSettings: {
          Strategy: "AUTO_PARTITIONING_STRATEGY_SCALE_UP",
          PartitionWriteSpeed: { StabilizationWindow: { Seconds: 60 }, UpUtilizationPercent: 80 },
        },
      },
    };
    await yandex("CreateStream", input);
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription).toMatchObject({
      WriteQuotaKbPerSec: 512,
      RetentionPeriodHours: 168,
      StorageLimitMb: 51_200,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      PartitioningSettings: {
        MinActivePartitions: 2,
        MaxActivePartitions: 10,
        AutoPartitioningSettings: {
          Strategy: "AUTO_PARTITIONING_STRATEGY_SCALE_UP",
          PartitionWriteSpeed: {
            StabilizationWindow: { Seconds: 60, Nanos: 0 },
            UpUtilizationPercent: 80,
            DownUtilizationPercent: 30,
          },
        },
      },
    });
  });

  test.each<[string, object, number]>([
    ["no ShardCount", {}, 3],
    ["a smaller ShardCount", { ShardCount: 2 }, 3],
    ["a larger ShardCount", { ShardCount: 4 }, 3],
    ["no strategy", { PartitioningSettings: { MinActivePartitions: 3 } }, 3],
    ["no MinActivePartitions", { ShardCount: 2, PartitioningSettings: {} }, 2],
  ])("three active partitions at least and %s: %j makes %i shards", async (_, input, count) => {
    await yandex("CreateStream", { StreamName, PartitioningSettings: active(3), ...input });
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription).toMatchObject({
      PartitioningSettings: { MinActivePartitions: count },
      Shards: Array.from({ length: count }, () => ({})),
    });
  });

  test.each([1, 2, 1000])("at least %i partitions more than at most is refused", async (more) => {
    const PartitioningSettings = { ...active(4 + more), MaxActivePartitions: 4 };
    const reply = await yandex("CreateStream", { StreamName, PartitioningSettings });
    expectError(reply, "InvalidArgumentException");
    expect(reply.error.message).toContain("max_active_partitions must be great or equals");
    expectError(await yandex("DescribeStream", { StreamName }), "ResourceNotFoundException");
  });

  test("a second of that name is in use, by its full name", async () => {
    await yandex("CreateStream", { StreamName });
    for (const given of [StreamName, `/Root/${StreamName}`]) {
      const again = await yandex("CreateStream", { StreamName: given });
      expectError(again, "ResourceInUseException");
      expect(again.error.message).toBe(
        `<main>: Error: Stream with name /Root/${StreamName} already exists, code: 500070\n`,
      );
    }
  });

  const limits =
    "{ hours : [0, 24],  storage : [0, 0]}, { hours : [0, 168],  storage : [51200, 1048576]}, ";
  const retention = (hours: number, storage: number) =>
    `<main>: Error: retention hours and storage megabytes must fit one of: ${limits}${limits}` +
    `provided values: hours ${hours}, storage ${storage}, code: 500080\n`;

  const noHours = "<main>: Error: retention must be of an hour or more, provided 0, code: 500080\n";

  test.each<[string, object, string | undefined]>([
    ["ValidationException", { RetentionPeriodHours: 56 }, retention(56, 0)],
    ["ValidationException", { RetentionStorageMegabytes: 46_080 }, retention(168, 46_080)],
    ["ValidationException", { RetentionPeriodHours: -1 }, retention(-1, 0)],
    ["ValidationException", { RetentionPeriodHours: 0 }, noHours],
    ["InvalidArgumentException", { RetentionPeriodHours: 0.5 }, "number 0.5 is not a whole number"],
    [
      "ValidationException",
      { RetentionPeriodHours: 0, RetentionStorageMegabytes: 51_200 },
      noHours,
    ],
    ["ValidationException", { ShardCount: -30 }, undefined],
    ["LimitExceededException", { ShardCount: 2_000_000 }, undefined],
    ["InvalidArgumentException", { ShardCount: 2 ** 31 }, undefined],
    ["InvalidArgumentException", { ShardCount: 2 ** 32 }, undefined],
    ["InvalidArgumentException", { ShardCount: -(2 ** 31) - 1 }, undefined],
    ["InvalidArgumentException", { ShardCount: 1e308 }, undefined],
    ["LimitExceededException", { PartitioningSettings: active(50_000_000) }, undefined],
    ["InvalidArgumentException", { PartitioningSettings: active(-1) }, undefined],
    ["ValidationException", { WriteQuotaKbPerSec: 127 }, undefined],
    ["ValidationException", { WriteQuotaKbPerSec: 1025 }, undefined],
    ["InvalidArgumentException", { StreamModeDetails: { StreamMode: "ИНВЭЛИД" } }, undefined],
    ["InvalidArgumentException", { StreamName: 10 }, undefined],
    ["ValidationException", { StreamName: "" }, undefined],
    ["InvalidArgumentException", { StreamName: "/\n\t\r/|:)" }, undefined],
    ["InvalidArgumentException", { WrongStreamName: "x" }, "Unexpected json key: WrongStreamName"],
  ])("%s for %j", async (name, input, message) => {
    const reply = await yandex("CreateStream", { StreamName, ...input });
    expectError(reply, name);
    if (message !== undefined) expect(reply.error.message).toBe(message);
    expect((await yandex("DescribeStream", { StreamName })).status).toBe(400);
  });

  test.each([
    [{ RetentionPeriodHours: 24 }, 24],
    [{ RetentionPeriodHours: 1 }, 1],
    [{}, 24],
    [{ RetentionStorageMegabytes: 51_200 }, 168],
    [{ RetentionPeriodHours: 12, RetentionStorageMegabytes: 51_200 }, 12],
  ])("%j keeps records for %i hours", async (input, hours) => {
    await yandex("CreateStream", { StreamName, ...input });
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription.RetentionPeriodHours).toBe(hours);
  });
});

describe("names", () => {
  test("absolute, or relative to the path; in the default database all are one", async () => {
    await yandex("CreateStream", { StreamName: `/Root/${StreamName}` });
    for (const path of ["/", "/Root", "/Root/", "/local", "/ru-central1", "//Root"]) {
      const headers = authorizationFor("ru-central1");
      const summary = await yandex("DescribeStreamSummary", { StreamName }, { path, headers });
      expect([path, summary.status]).toEqual([path, 200]);
    }
    const absolute = await yandex(
      "DescribeStream",
      { StreamName: `/ru-central1/${StreamName}` },
      { path: "/" },
    );
    expect(absolute.output.StreamDescription.StreamName).toBe(`/ru-central1/${StreamName}`);
  });

  test("the cloud's region by both its names, and a token without one, are the same place", async () => {
    await yandex("CreateStream", { StreamName }, inRegion("ru-central1"));
    for (const others of [inRegion("ru-central1"), inRegion("ru-central-1"), {}]) {
      expect((await yandex("DescribeStream", { StreamName }, others)).status).toBe(200);
    }
    expectError(
      await yandex("CreateStream", { StreamName }, inRegion("aliaska-2")),
      "AccessDeniedException",
    );
  });

  test("a database of its own, whose streams are listed by their names in it", async () => {
    const path = `/ru-central1/cloud/${crypto.randomUUID()}`;
    for (const name of ["b", "a/deep", "c"]) {
      const given = name === "c" ? `${path}/c` : name;
      expect((await yandex("CreateStream", { StreamName: given }, { path })).text).toBe("{}");
    }
    const listed = await yandex("ListStreams", {}, { path });
    expect(listed.text).toBe('{"HasMoreStreams":false,"StreamNames":["a/deep","b","c"]}');
    const first = await yandex("ListStreams", { Limit: 2 }, { path });
    expect(first.text).toBe('{"HasMoreStreams":true,"StreamNames":["a/deep","b"]}');
    const rest = await yandex("ListStreams", { ExclusiveStartStreamName: "b" }, { path });
    expect(rest.text).toBe('{"HasMoreStreams":false,"StreamNames":["c"]}');
    expectError(await yandex("DescribeStream", { StreamName: "b" }), "ResourceNotFoundException");
    const other = await yandex("ListStreams", {}, { path: `${path}-other` });
    expect(other.text).toBe('{"HasMoreStreams":false}');
  });

  test("a path that is no database", async () => {
    const reply = await yandex("CreateStream", { StreamName }, { path: "/Root1" });
    expectError(reply, "ResourceNotFoundException");
    expect(reply.text).toBe(
      '{"__type":"ResourceNotFoundException",' +
        `"message":"Database with path '/Root1' doesn't exists"}`,
    );
    const absolute = { StreamName: "/RootNodb/stream" };
    const wrong = await yandex("CreateStream", absolute, { path: "/" });
    expect(wrong.error.message).toBe("Database with path '/RootNodb' doesn't exists");
  });
});

describe("shards", () => {
  beforeEach(async () => {
    await yandex("CreateStream", { StreamName, ShardCount: 5 });
  });

  test.each([
    ["shard-000000", 5],
    ["shard-000002", 3],
    ["shard-000004", 1],
    ["zzzz", 0],
  ])(
    "ListShards from %s on: %i, the first of them that one",
    async (ExclusiveStartShardId, count) => {
      const { output } = await yandex("ListShards", { StreamName, ExclusiveStartShardId });
      expect(output.Shards?.length ?? 0).toBe(count);
      expect("Shards" in output).toBe(count > 0);
      expect(output.Shards?.[0]?.ShardId ?? ExclusiveStartShardId).toBe(ExclusiveStartShardId);
    },
  );

  test.each([
    [{ Type: "AFTER_SHARD_ID", ShardId: "shard-000000" }, 4],
    [{ Type: "AFTER_SHARD_ID", ShardId: "shard-000002" }, 2],
    [{ Type: "AFTER_SHARD_ID", ShardId: "shard-000004" }, 0],
    [{ Type: "AFTER_SHARD_ID", ShardId: "zzzz" }, 0],
    [{ Type: "AT_TRIM_HORIZON" }, 5],
    [{ Type: "AT_TRIM_HORIZONT" }, 5],
    [{ Type: "FROM_TRIM_HORIZON" }, 5],
    [{ Type: "AT_LATEST" }, 5],
    [{ Type: "AT_TIMESTAMP", Timestamp: 5 }, 5],
    [{ Type: "AT_TIMESTAMP", Timestamp: Date.now() }, 5],
  ])("ListShards with the filter %j: %i", async (ShardFilter, count) => {
    const { status, output } = await yandex("ListShards", { StreamName, ShardFilter });
    expect([status, output.Shards?.length ?? 0]).toEqual([200, count]);
  });

  test("ListShards page by page", async () => {
    const ids: string[] = [];
    const filter = { ShardFilter: { Type: "AT_TRIM_HORIZON" } };
    let { output } = await yandex("ListShards", { StreamName, MaxResults: 2, ...filter });
    for (;;) {
      ids.push(...(output.Shards ?? []).map(({ ShardId }) => ShardId));
      if (!("NextToken" in output)) break;
      ({ output } = await yandex("ListShards", { NextToken: output.NextToken, StreamName: "" }));
    }
    expect(ids).toEqual([0, 1, 2, 3, 4].map((i) => `shard-00000${i}`));
  });

  test("ListShards: what is wrong has a name", async () => {
    const { output } = await yandex("ListShards", { StreamName, MaxResults: 2 });
    const { NextToken } = output;
    const says = async (input: object) => (await yandex("ListShards", input)).error.name;
    expect(await says({ NextToken, StreamName })).toBe("InvalidParameterCombination");
    expect(await says({ NextToken: `${NextToken}garbage` })).toBe("InvalidArgumentException");
    expect(await says({ StreamName, MaxResults: -30 })).toBe("ValidationException");
    expect(await says({ StreamName, MaxResults: 10_001 })).toBe("ValidationException");
    expect(await says({ StreamName, MaxResults: "100" })).toBe("InvalidArgumentException");
    const ShardFilter = { Type: "AFTER_SHARD_ID" };
    expect(await says({ StreamName, ShardFilter })).toBe("MissingParameter");
  });

  test("DescribeStream page by page; from a shard that is none: Bad shard id", async () => {
    const first = await yandex("DescribeStream", { StreamName, Limit: 3 });
    expect(first.output.StreamDescription).toMatchObject({ HasMoreShards: true });
    const ExclusiveStartShardId = "shard-000002";
    const rest = await yandex("DescribeStream", { StreamName, ExclusiveStartShardId });
    expect(rest.output.StreamDescription.Shards.map(({ ShardId }) => ShardId)).toEqual([
      "shard-000003",
      "shard-000004",
    ]);
    const bad = await yandex("DescribeStream", { StreamName, ExclusiveStartShardId: "zzzz" });
    expectError(bad, "ValidationException");
    expect(bad.error.message).toContain("Bad shard id");
  });

  test("UpdateShardCount grows, stays, and never shrinks", async () => {
    const update = (TargetShardCount: number) =>
      yandex("UpdateShardCount", { StreamName, TargetShardCount });
    expect((await update(7)).output).toEqual({
      CurrentShardCount: 5,
      StreamName,
      TargetShardCount: 7,
    });
    expect((await update(7)).status).toBe(200);
    const fewer = await update(6);
    expectError(fewer, "InvalidArgumentException");
    expect(fewer.error.message).toContain("Shard count must be non-decreasing");
    expectError(await update(5000), "LimitExceededException");
    const { output } = await yandex("DescribeStream", { StreamName });
    const { Shards } = output.StreamDescription;
    const width = (2n ** 128n - 1n) / 7n;
    expect(Shards.map(({ HashKeyRange }) => HashKeyRange.StartingHashKey)).toEqual(
      Shards.map((_, i) => String(width * BigInt(i))),
    );
  });
});

describe("changes", () => {
  beforeEach(async () => {
    await yandex("CreateStream", { StreamName, ShardCount: 2, RetentionPeriodHours: 12 });
  });

  test.each<[string, number | undefined, string | undefined]>([
    ["Increase", 13, undefined],
    ["Increase", 24, undefined],
    ["Increase", 12, "ValidationException"],
    ["Increase", 11, "ValidationException"],
    ["Increase", 25, "ValidationException"],
    ["Decrease", 4, undefined],
    ["Decrease", 12, "ValidationException"],
    ["Decrease", 13, "ValidationException"],
    ["Decrease", -1, "ValidationException"],
    ["Decrease", 0, "ValidationException"],
    ["Decrease", 0.9, "InvalidArgumentException"],
    ["Decrease", undefined, "ValidationException"],
    ["Decrease", -(2 ** 32), "InvalidArgumentException"],
    ["Increase", undefined, "ValidationException"],
    ["Increase", 2 ** 32 + 13, "InvalidArgumentException"],
  ])("%s of twelve hours of retention to %s: %s", async (way, RetentionPeriodHours, name) => {
    const input = { StreamName, RetentionPeriodHours };
    const reply = await yandex(`${way}StreamRetentionPeriod`, input);
    if (name === undefined) expect([reply.status, reply.text]).toEqual([200, "{}"]);
    else expectError(reply, name);
    const { output } = await yandex("DescribeStream", { StreamName });
    const expected = name === undefined ? RetentionPeriodHours : 12;
    expect(output.StreamDescription.RetentionPeriodHours).toBe(expected);
  });

  test("UpdateStream: shards, quota, retention and mode at once", async () => {
    const input = {
      StreamName,
      TargetShardCount: 3,
      WriteQuotaKbPerSec: 128,
      RetentionPeriodHours: 4,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    };
    expect((await yandex("UpdateStream", input)).text).toBe("{}");
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription).toMatchObject({
      WriteQuotaKbPerSec: 128,
      RetentionPeriodHours: 4,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
    expect(output.StreamDescription.Shards).toHaveLength(3);
    expectError(
      await yandex("UpdateStream", { ...input, TargetShardCount: 2 }),
      "ValidationException",
    );
  });

  test.each<[string, object]>([
    ["ValidationException", { RetentionPeriodHours: 0 }],
    ["ValidationException", { RetentionPeriodHours: 0, RetentionStorageMegabytes: 51_200 }],
    ["LimitExceededException", { TargetShardCount: 4097 }],
    ["LimitExceededException", { TargetShardCount: 1_000_000 }],
    ["LimitExceededException", { TargetShardCount: 2 ** 31 - 1 }],
    ["InvalidArgumentException", { TargetShardCount: 2 ** 32 }],
    ["InvalidArgumentException", { TargetShardCount: 1e308 }],
    ["LimitExceededException", { TargetShardCount: 50_000_000, PartitioningSettings: active(2) }],
    ["LimitExceededException", { PartitioningSettings: active(50_000_000) }],
  ])("UpdateStream: %s for %j, and nothing is changed", async (name, change) => {
    const before = await yandex("DescribeStream", { StreamName });
    const input = { StreamName, TargetShardCount: 2, WriteQuotaKbPerSec: 128, ...change };
    expectError(await yandex("UpdateStream", input), name);
    expect((await yandex("DescribeStream", { StreamName })).text).toBe(before.text);
  });

  test("UpdateStream without a word about retention leaves it as it is", async () => {
    await yandex("UpdateStream", { StreamName, TargetShardCount: 2 });
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription.RetentionPeriodHours).toBe(12);
  });

  test("UpdateStream grows to the active partitions that it asks for", async () => {
    await yandex("UpdateStream", { StreamName, PartitioningSettings: active(3) });
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription).toMatchObject({
      PartitioningSettings: { MinActivePartitions: 3 },
      Shards: [{}, {}, {}],
    });
  });

  test.each<[string, number]>([
    ["LimitExceededException", 4097],
    ["LimitExceededException", 50_000_000],
    ["InvalidArgumentException", 2 ** 32],
  ])("UpdateShardCount: %s for %i", async (name, TargetShardCount) => {
    expectError(await yandex("UpdateShardCount", { StreamName, TargetShardCount }), name);
  });

  test("UpdateStreamMode", async () => {
    const StreamModeDetails = { StreamMode: "PROVISIONED" };
    await yandex("UpdateStreamMode", { StreamArn: StreamName, StreamModeDetails });
    const { output } = await yandex("DescribeStream", { StreamName });
    expect(output.StreamDescription).toMatchObject({ StreamModeDetails });
  });

  test("DeleteStream: {}, and the stream is not there any more", async () => {
    expect((await yandex("DeleteStream", { StreamName })).text).toBe("{}");
    for (const method of [
      "DescribeStream",
      "DescribeStreamSummary",
      "ListShards",
      "DeleteStream",
    ]) {
      expectError(await yandex(method, { StreamName }), "ResourceNotFoundException");
    }
  });
});

describe("consumers", () => {
  beforeEach(async () => {
    await yandex("CreateStream", { StreamName });
  });

  test("registered, listed, counted, taken away", async () => {
    const StreamArn = StreamName;
    const list = { StreamArn, MaxResults: 10 };
    expect((await yandex("ListStreamConsumers", list)).text).toBe("{}");
    for (const name of ["user1", "ИНВЭЛИД"]) {
      expect((await register(name)).output).toEqual({
        Consumer: {
          ConsumerArn: "",
          ConsumerCreationTimestamp: expect.any(Number),
          ConsumerName: name,
          ConsumerStatus: "ACTIVE",
        },
      });
    }
    expectError(await register("user1"), "ResourceInUseException");
    const { output } = await yandex("ListStreamConsumers", list);
    expect(output.Consumers?.map(({ ConsumerName }) => ConsumerName)).toEqual(["user1", "ИНВЭЛИД"]);
    const summary = await yandex("DescribeStreamSummary", { StreamName });
    expect(summary.output.StreamDescriptionSummary.ConsumerCount).toBe(2);

    expectError(await yandex("DeleteStream", { StreamName }), "ResourceInUseException");
    const gone = { StreamArn, ConsumerName: "user1" };
    expect((await yandex("DeregisterStreamConsumer", gone)).text).toBe("{}");
    expectError(await yandex("DeregisterStreamConsumer", gone), "ResourceNotFoundException");
    const deletion = { StreamName, EnforceConsumerDeletion: true };
    expect((await yandex("DeleteStream", deletion)).status).toBe(200);
  });

  test.each([
    ["", "ValidationException"],
    ["I/N|V/A|L/I|D", "InvalidArgumentException"],
    ["a\nb", "InvalidArgumentException"],
  ])("the name %j is refused: %s", async (name, error) => {
    expectError(await register(name), error);
    const unnamed = await yandex("RegisterStreamConsumer", { StreamArn: "", ConsumerName: "a" });
    expectError(unnamed, "ValidationException");
  });

  test("a hundred of them, page by page", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `c${String(i).padStart(2, "0")}`);
    for (const name of names) expect((await register(name)).status).toBe(200);
    const seen: string[] = [];
    let { output } = await yandex("ListStreamConsumers", {
      StreamArn: StreamName,
      MaxResults: 40,
    });
    for (;;) {
      seen.push(...(output.Consumers ?? []).map(({ ConsumerName }) => ConsumerName));
      if (!("NextToken" in output)) break;
      ({ output } = await yandex("ListStreamConsumers", {
        StreamArn: "",
        NextToken: output.NextToken,
      }));
    }
    expect(seen).toEqual(names);
  });

  test.each([
    ["ValidationException", { MaxResults: undefined }],
    ["ValidationException", { MaxResults: 0 }],
    ["ValidationException", { MaxResults: 10_001 }],
    ["InvalidArgumentException", { MaxResults: 2 ** 32 + 5 }],
    ["ValidationException", { MaxResults: -30 }],
    ["InvalidArgumentException", { StreamArn: "", NextToken: "$$%^&*токен" }],
    ["InvalidParameterCombination", { NextToken: "any" }],
    ["ResourceNotFoundException", { StreamArn: "teststream1" }],
  ])("ListStreamConsumers: %s for %j", async (name, input) => {
    const whole = { StreamArn: StreamName, MaxResults: 10, ...input };
    expectError(await yandex("ListStreamConsumers", whole), name);
  });
});

/** So many partitions at least, and ten more at most. */
function active(MinActivePartitions: number): object {
  const AutoPartitioningSettings = { Strategy: "AUTO_PARTITIONING_STRATEGY_SCALE_UP" };
  const MaxActivePartitions = MinActivePartitions + 10;
  return { MinActivePartitions, MaxActivePartitions, AutoPartitioningSettings };
}

function inRegion(region: string): YandexRequest {
  return { headers: authorizationFor(region) };
}

function register(ConsumerName: string): Promise<YandexReply> {
  return yandex("RegisterStreamConsumer", { StreamArn: StreamName, ConsumerName });
}

function expectError({ status, reason, error }: YandexReply, name: string): void {
  expect([status, reason, error.name]).toEqual([400, name, name]);
}
