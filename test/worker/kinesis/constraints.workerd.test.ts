// readInput: the texts kinesalite prints, the bounds of the current model, and
// the one verdict that is left to the action.
import { describe, expect, expectTypeOf, test } from "vitest";
import { errorBody, KinesisError } from "../../../worker/kinesis/errors.ts";
import type { InputOf } from "../../../worker/kinesis/shapeTypes.ts";
import { readInput } from "../../../worker/kinesis/validate.ts";
import { constraintRows } from "./constraint-table.ts";
import { isOperation, type OperationInput, type OperationName, shapes } from "./shapes.ts";

/** The violations that a decoded body is answered with; none when it is accepted. */
function violationsOf(operation: string, decoded: unknown, format: "json" | "cbor" = "json") {
  if (!isOperation(operation)) throw new Error(`no operation ${operation}`);
  try {
    const { keyError } = readInput(shapes[operation], decoded, { format, bodyBytes: 2 ** 25 });
    return keyError ? split(keyError) : [];
  } catch (error) {
    if (error instanceof KinesisError) return split(error);
    throw error;
  }
}

function split(error: KinesisError): string[] {
  expect(error.name).toBe("ValidationException");
  const [, count, rest = ""] = /^(\d+) validation errors? detected: (.*)$/s.exec(error.message)!;
  const violations = rest.split(/; (?=Value )/);
  expect(error.message.startsWith(`${count} validation error${count === "1" ? " " : "s "}`)).toBe(
    true,
  );
  expect(violations).toHaveLength(Number(count));
  return violations;
}

/** `{a*129}` becomes 129 letters. */
function expand(text: string): string {
  return text.replace(/\{(.)\*(\d+)\}/g, (_, letter: string, count: string) =>
    letter.repeat(Number(count)),
  );
}

const broken = (value: string, path: string, constraint: string): string =>
  `Value ${value} at '${path}' failed to satisfy constraint: Member must ${constraint}`;

const matching = "satisfy regular expression pattern: ";

const missing = (path: string): string => broken("null", path, "not be null");

const record = { PartitionKey: "k", Data: "" };

const arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s";

const channelArn = "arn:aws:kinesis:us-east-1:123456789012:channel/c";

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function tags(count: number): Record<string, string> {
  return Object.fromEntries(range(count).map((i) => [`k${i}`, "v"]));
}

function retention(hours: number): object {
  return { StreamName: "s", RetentionPeriodHours: hours };
}

function sized(length: number): object {
  return { StreamName: "s", PartitionKey: "k", Data: new Uint8Array(length) };
}

describe("constraints: as kinesalite answers", () => {
  const operations = new Set(constraintRows.map(([operation]) => operation));
  test.each([...operations])("%s", (operation) => {
    for (const [, input, violations] of constraintRows.filter(([name]) => name === operation)) {
      const body = expand(JSON.stringify(input));
      expect(violationsOf(operation, JSON.parse(body)), body).toEqual(violations.map(expand));
    }
  });

  test("no more than ten violations are reported, the list's own first", () => {
    const Records = Array.from({ length: 501 }, () => ({ PartitionKey: "", Data: "" }));
    const printed = Records.map(
      () => "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310",
    );
    expect(violationsOf("PutRecords", { Records, StreamName: "" })).toEqual([
      broken(`'[${printed.join(", ")}]'`, "records", "have length less than or equal to 500"),
      ...Array.from({ length: 9 }, (_, i) =>
        broken(
          "''",
          `records.${i + 1}.member.partitionKey`,
          "have length greater than or equal to 1",
        ),
      ),
    ]);
  });

  test("a pattern must fit the whole text", () => {
    expect(
      violationsOf("PutRecord", { ...record, StreamName: "s", ExplicitHashKey: "x01" }),
    ).toEqual([
      broken("'x01'", "explicitHashKey", "satisfy regular expression pattern: 0|([1-9]\\d{0,38})"),
    ]);
    expect(
      violationsOf("PutRecord", { ...record, StreamName: "s", SequenceNumberForOrdering: "0x" }),
    ).toEqual([
      broken(
        "'0x'",
        "sequenceNumberForOrdering",
        "satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
      ),
    ]);
  });
});

describe("constraints: bounds of the current model", () => {
  test.each<[string, string, object]>([
    ["200 tags", "AddTagsToStream", { StreamName: "s", Tags: tags(200) }],
    ["50 tag keys", "RemoveTagsFromStream", { StreamName: "s", TagKeys: range(50).map(String) }],
    ["a page of 50 tags", "ListTagsForStream", { StreamName: "s", Limit: 50 }],
    ["a year of retention", "IncreaseStreamRetentionPeriod", retention(8760)],
    ["no shard count", "CreateStream", { StreamName: "s" }],
    ["a record of 10 MiB", "PutRecord", sized(10_485_760)],
    ["128 characters of name", "DeleteStream", { StreamName: "a".repeat(128) }],
    ["a stream by its ARN alone", "DescribeStream", { StreamARN: arn }],
    ["a stream by both", "DescribeStream", { StreamName: "s", StreamARN: arn }],
    ["a token without stream", "ListShards", { NextToken: "t" }],
    ["nothing at all", "ListStreams", {}],
    ["records of 10240 KiB", "UpdateMaxRecordSize", { StreamARN: arn, MaxRecordSizeInKiB: 10240 }],
    ["a channel by its ARN", "TagResource", { ResourceARN: channelArn, Tags: { a: "" } }],
  ])("%s: accepted", (_, operation, input) => {
    expect(violationsOf(operation, input)).toEqual([]);
  });

  test("201 tags, 51 tag keys and a page of 51 are refused", () => {
    const [many] = violationsOf("AddTagsToStream", { StreamName: "s", Tags: tags(201) });
    expect(many).toMatch(/^Value '\{k0=v, k1=v, .*, k200=v\}' at 'tags' .* equal to 200$/);
    const keys = range(51).map(String);
    expect(violationsOf("RemoveTagsFromStream", { StreamName: "s", TagKeys: keys })).toEqual([
      broken(`'[${keys.join(", ")}]'`, "tagKeys", "have length less than or equal to 50"),
    ]);
    expect(violationsOf("ListTagsForStream", { StreamName: "s", Limit: 51 })).toEqual([
      broken("'51'", "limit", "have value less than or equal to 50"),
    ]);
  });

  test("what a record holds is not printed", () => {
    expect(violationsOf("PutRecord", sized(10_485_761), "cbor")).toEqual([
      "Value at 'data' failed to satisfy constraint: " +
        "Member must have length less than or equal to 10485760",
    ]);
  });

  test("a null among items is named, or breaks the constraint of its list", () => {
    expect(violationsOf("PutRecords", { StreamName: "s", Records: [record, null] })).toEqual([
      missing("records.2.member"),
    ]);
    expect(violationsOf("RemoveTagsFromStream", { StreamName: "s", TagKeys: [null] })).toEqual([
      broken(
        "'[null]'",
        "tagKeys",
        "satisfy constraint: [Member must have length less than or equal to 128, " +
          "Member must have length greater than or equal to 1]",
      ),
    ]);
    expect(violationsOf("AddTagsToStream", { StreamName: "s", Tags: { a: null } })).toEqual([
      "Value '{a=null}' at 'tags' failed to satisfy constraint: Map value must satisfy " +
        "constraint: [Member must have length less than or equal to 256, " +
        "Member must have length greater than or equal to 0]",
    ]);
  });

  test("a wrong item of an enumeration prints the set", () => {
    const [violation] = violationsOf("EnableEnhancedMonitoring", {
      StreamName: "s",
      ShardLevelMetrics: ["ALL", "NONE"],
    });
    expect(violation).toBe(
      broken(
        "'[ALL, NONE]'",
        "shardLevelMetrics",
        "satisfy constraint: [Member must satisfy enum value set: [IncomingBytes, " +
          "IncomingRecords, OutgoingBytes, OutgoingRecords, WriteProvisionedThroughputExceeded, " +
          "ReadProvisionedThroughputExceeded, IteratorAgeMilliseconds, ALL]]",
      ),
    );
  });

  test("a member of a structure is named by its path", () => {
    expect(
      violationsOf("SubscribeToShard", {
        ConsumerARN: `${arn}/consumer/c:1`,
        ShardId: "s",
        StartingPosition: { Type: "NOW", SequenceNumber: "-1" },
      }),
    ).toEqual([
      broken(
        "'NOW'",
        "startingPosition.type",
        "satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, " +
          "AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
      ),
      broken(
        "'-1'",
        "startingPosition.sequenceNumber",
        "satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
      ),
    ]);
  });

  test.each<[OperationName, string[]]>([
    ["CreateChannel", ["channelName", "serviceExecutionRoleARN", "streamConfigurationList"]],
    ["DeleteChannel", ["channelARN"]],
    ["DeleteResourcePolicy", ["resourceARN"]],
    ["DeregisterStreamConsumer", []],
    ["DescribeAccountSettings", []],
    ["DescribeChannel", ["channelARN"]],
    ["DescribeLimits", []],
    ["DescribeStreamConsumer", []],
    ["DisableEnhancedMonitoring", ["streamName", "shardLevelMetrics"]],
    ["EnableEnhancedMonitoring", ["streamName", "shardLevelMetrics"]],
    ["GetResourcePolicy", ["resourceARN"]],
    ["ListChannels", []],
    ["ListShards", []],
    ["ListStreamConsumers", ["streamARN"]],
    ["ListStreams", []],
    ["ListTagsForResource", ["resourceARN"]],
    ["PutResourcePolicy", ["resourceARN", "policy"]],
    ["RegisterStreamConsumer", ["streamARN", "consumerName"]],
    ["StartStreamEncryption", ["streamName", "encryptionType", "keyId"]],
    ["StopStreamEncryption", ["streamName", "encryptionType", "keyId"]],
    ["SubscribeToShard", ["consumerARN", "shardId", "startingPosition"]],
    ["TagResource", ["tags", "resourceARN"]],
    ["UntagResource", ["tagKeys", "resourceARN"]],
    ["UpdateAccountSettings", ["minimumThroughputBillingCommitment"]],
    ["UpdateChannel", ["channelARN"]],
    ["UpdateMaxRecordSize", ["streamARN", "maxRecordSizeInKiB"]],
    ["UpdateShardCount", ["streamName", "targetShardCount", "scalingType"]],
    ["UpdateStreamMode", ["streamARN", "streamModeDetails"]],
    ["UpdateStreamRecordDistributionStrategy", ["streamARN", "recordDistributionStrategy"]],
    ["UpdateStreamWarmThroughput", ["streamName", "warmThroughputMiBps"]],
  ])("%s: requires %j", (operation, paths) => {
    expect(violationsOf(operation, {})).toEqual(paths.map(missing));
  });

  test("a body of megabytes is not echoed whole, nor a list of millions printed", () => {
    const [pattern, length] = violationsOf("DeleteStream", { StreamName: "é".repeat(2_000_000) });
    const echoed = `'${"é".repeat(100_000)}...'`;
    expect(pattern === broken(echoed, "streamName", `${matching}[a-zA-Z0-9_.-]+`)).toBe(true);
    expect(length).toMatch(/have length less than or equal to 128$/);
    const Records = Array.from({ length: 200_000 }, () => record);
    const [many, ...others] = violationsOf("PutRecords", { StreamName: "s", Records });
    expect(many?.length).toBeLessThan(101_000);
    expect(many).toMatch(/^Value '\[com\.amazonaws\..*\.\.\.' at 'records' failed/);
    expect(others).toEqual([]);
  });

  test("the linear patterns refuse hostile texts at once, whatever their length", () => {
    const runs = ":kinesis::123456789012:".repeat(44) + "stream/".repeat(146);
    const hostile = `arn:aws${runs} `;
    expect(hostile.length).toBeLessThanOrEqual(2048);
    const started = performance.now();
    expect(violationsOf("ListTagsForResource", { ResourceARN: hostile })).toHaveLength(1);
    const long = "stream/".repeat(150_000);
    const [only, ...others] = violationsOf("ListTagsForResource", {
      ResourceARN: `arn:aws:kinesis::123456789012:${long} `,
    });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(only).toMatch(/have length less than or equal to 2048$/);
    expect(others).toEqual([]);
  });
});

describe("constraints: a missing partition key is left to the action", () => {
  const source = { format: "json", bodyBytes: 100 } as const;

  test("the input is handed over with the error that a keyed stream deserves", () => {
    const decoded = { StreamName: "s", Records: [record, { Data: "YQ==" }] };
    const { input, keyError } = readInput(shapes.PutRecords, decoded, source);
    expect(input.Records).toHaveLength(2);
    expect(keyError && errorBody(keyError)).toEqual({
      __type: "ValidationException",
      message: `1 validation error detected: ${missing("records.2.member.partitionKey")}`,
    });
  });

  test("with anything else wrong, all of it is said at once", () => {
    const decoded = {
      StreamName: "s",
      Records: [{ PartitionKey: "", Data: "" }, { Data: "" }, {}],
    };
    expect(() => readInput(shapes.PutRecords, decoded, source)).toThrow(
      /^4 validation errors detected: .*records\.2\.member\.partitionKey/,
    );
  });

  test("a complete input has no such error", () => {
    const decoded = { StreamName: "s", Records: [record] };
    expect(readInput(shapes.PutRecords, decoded, source).keyError).toBeUndefined();
  });
});

test("types: an input is as precise as its shape", () => {
  type PutRecordsInput = OperationInput<"PutRecords">;
  expectTypeOf<PutRecordsInput["Records"][number]>().toEqualTypeOf<{
    readonly PartitionKey?: string | undefined;
    readonly ExplicitHashKey?: string | undefined;
    readonly Data: Uint8Array;
  }>();
  expectTypeOf<PutRecordsInput["StreamName"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<OperationInput<"CreateStream">["StreamName"]>().toEqualTypeOf<string>();
  expectTypeOf<OperationInput<"AddTagsToStream">["Tags"]>().toEqualTypeOf<
    ReadonlyMap<string, string>
  >();
  expectTypeOf<InputOf<typeof shapes.GetShardIterator>["ShardIteratorType"]>().toEqualTypeOf<
    "AFTER_SEQUENCE_NUMBER" | "LATEST" | "AT_TIMESTAMP" | "AT_SEQUENCE_NUMBER" | "TRIM_HORIZON"
  >();
  expectTypeOf<OperationInput<"ListShards">["ShardFilter"]>().toExtend<
    { readonly Type: string; readonly Timestamp?: number | undefined } | undefined
  >();
});
