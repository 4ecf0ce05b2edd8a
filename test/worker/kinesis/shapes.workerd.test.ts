// The table of operations against the AWS SDK: the same operations with the same members of the
// same types, and required where the SDK says so, but for the differences named here.
import * as sdk from "@aws-sdk/client-kinesis";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Shape, StructureShape } from "../../../worker/kinesis/shapeTypes.ts";
import { operations as served } from "../../../worker/kinesis/operations.ts";
import { isOperation, type OperationName, shapes } from "./shapes.ts";

/** A schema of @smithy/core: a number for a simple type, a tuple or a function for others. */
type Schema = number | readonly unknown[] | (() => Schema);

const simpleTypes: Record<number, string> = {
  0: "String",
  1: "Number",
  2: "Boolean",
  4: "Timestamp",
  21: "Blob",
  64: "List<String>",
  128: "Map<String>",
};

const operations = Object.keys(shapes).filter(isOperation);

function schemaOf(operation: OperationName): readonly unknown[] {
  const schema: unknown = Reflect.get(sdk, `${operation}Input$`);
  if (!Array.isArray(schema)) throw new Error(`the SDK has no input of ${operation}`);
  return schema;
}

/** As one text: types, member names, and an exclamation mark where a member is required. */
function describeSchema(schema: Schema): string {
  if (typeof schema === "function") return describeSchema(schema());
  if (typeof schema === "number") return simpleTypes[schema] ?? `simple ${schema}`;
  const [kind, , , , names, content, requiredCount = 0] = schema as [number, ...unknown[]];
  if (kind === 1) return `List<${describeSchema(names as Schema)}>`;
  if (kind === 2) return `Map<${describeSchema(content as Schema)}>`;
  const members = (names as string[]).map((name, i) => {
    const isRequired = i < (requiredCount as number);
    return `${name}${isRequired ? "!" : ""}: ${describeSchema((content as Schema[])[i]!)}`;
  });
  return `{${members.toSorted().join(", ")}}`;
}

/** `required` decides for a member whether it gets the mark. */
function describeShape(shape: Shape): string {
  switch (shape.type) {
    case "Integer":
    case "Long":
      return "Number";
    case "List":
      return `List<${describeShape(shape.item)}>`;
    case "Map":
      return `Map<${describeShape(shape.item)}>`;
    case "Structure":
      return describeStructure(shape);
    default:
      return shape.type;
  }
}

function describeStructure({ members }: StructureShape): string {
  const texts = members.map(
    ({ name, shape, presence }) =>
      `${name}${presence === "always" ? "!" : ""}: ${describeShape(shape)}`,
  );
  return `{${texts.toSorted().join(", ")}}`;
}

const receiving =
  "{Limit: Number, QueueARN!: String, VisibilityTimeoutSeconds: Number, WaitTimeSeconds: Number}";
const settling = "{Entries!: List<{ReceiptHandle!: String}>, QueueARN!: String}";
const hiding =
  "{Entries!: List<{ReceiptHandle!: String, VisibilityTimeoutSeconds!: Number}>, QueueARN!: String}";
const attributes =
  "{DeadLetterConfiguration: {MaxReceiveCount: Number, TargetType!: String}, " +
  "VisibilityTimeoutSeconds: Number}";

/** What botocore 1.44.8 has of queues; the SDK for JavaScript does not know them yet. */
const ofQueues: ReadonlyMap<string, string> = new Map([
  ["AcknowledgeDeadLetterQueueRecords", settling],
  ["AcknowledgeQueueRecords", settling],
  [
    "CreateQueue",
    `{QueueAttributes: ${attributes}, QueueName!: String, StreamConfigurationList!: ` +
      "List<{StartingPosition: {Timestamp: Timestamp, Type!: String}, StreamARN!: String}>, " +
      "Tags: Map<String>}",
  ],
  ["DeleteQueue", "{QueueARN!: String}"],
  ["DescribeQueue", "{QueueARN!: String}"],
  [
    "ListQueues",
    "{MaxResults: Number, NextToken: String, " +
      "StreamFilter: List<{StreamARN!: String, StreamCreationTimestamp: Timestamp}>}",
  ],
  ["ReceiveDeadLetterQueueRecords", receiving],
  ["ReceiveQueueRecords", receiving],
  ["RestoreDeadLetterQueueRecords", settling],
  ["UpdateDeadLetterQueueRecordsVisibility", hiding],
  ["UpdateQueue", `{QueueARN!: String, QueueAttributes!: ${attributes}}`],
  ["UpdateQueueRecordsVisibility", hiding],
]);

describe("shapes: the 57 operations of the service", () => {
  test("are those that the SDKs can call", () => {
    const commands = Object.keys(sdk).filter((name) => /^[A-Z]\w+Command$/.test(name));
    const names = commands.map((name) => name.slice(0, -"Command".length));
    const known = new Set([...names, ...ofQueues.keys()]);
    expect(operations.toSorted()).toEqual([...known].toSorted());
    expect(operations).toHaveLength(57);
  });

  test.each(operations)("%s has the members that the SDK sends", (operation) => {
    const ours = describeShape(shapes[operation]);
    const theirs = ofQueues.get(operation) ?? describeSchema(schemaOf(operation));
    expect(operation === "UpdateMaxRecordSize" ? ours.replace("ARN!", "ARN") : ours).toBe(theirs);
  });

  test("names that every object has are no operations", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty", ""]) {
      expect(served.has(name)).toBe(false);
    }
  });
});

describe("shapes: the linear patterns", () => {
  const alphabet = [
    "arn:aws",
    "-cn",
    ":",
    ":kinesis:",
    "us-east-1",
    ":123456789012:",
    "12345678901",
    "stream/",
    "channel/",
    "queue/",
    "consumer/",
    "/",
    "a.b_c-1",
    ":17",
    " ",
    "\n",
  ];
  const candidates = fc
    .array(fc.constantFrom(...alphabet), { maxLength: 12 })
    .map((pieces) => `arn:aws${pieces.join("")}`);

  test.each([
    ["StreamARN", shapes.DescribeStream.fields.StreamARN],
    ["ConsumerARN", shapes.SubscribeToShard.fields.ConsumerARN.shape],
    ["ResourceARN", shapes.TagResource.fields.ResourceARN.shape],
    ["ChannelARN", shapes.DeleteChannel.fields.ChannelARN.shape],
    ["QueueARN", shapes.DeleteQueue.fields.QueueARN.shape],
  ])("%s accepts what the printed pattern accepts", (_, { pattern }) => {
    const printed = new RegExp(`^(?:${pattern?.printed})$`);
    fc.assert(
      fc.property(candidates, (text) => {
        expect(pattern?.regex.test(text)).toBe(printed.test(text));
      }),
      { numRuns: 20_000 },
    );
  });

  test.each([
    ["arn:aws:kinesis:us-east-1:123456789012:stream/s", true],
    ["arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s", true],
    ["arn:aws:kinesis:us-east-1:12345678901:stream/s", false],
    ["arn:aws:kinesis:us-east-1:123456789012:stream/", false],
    ["arn:aws:sqs:us-east-1:123456789012:stream/s", false],
  ])("%s is a StreamARN: %s", (arn, isOne) => {
    expect(shapes.DescribeStream.fields.StreamARN.pattern?.regex.test(arn)).toBe(isOne);
  });
});
