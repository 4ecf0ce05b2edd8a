// Texts of megabytes where a name, a number, a list or an expression belongs, inside workerd: each is refused
// in its dialect's form, by a reply that is short, and the server goes on. What they cost before was
// more than linear time, an array as long as the text, or a reply that was longer than the request.

import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { errorText, v3ioOver } from "./v3io/client.ts";
import { yandexOver } from "./yandex/client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);
const yandex = yandexOver(send);

const long = 2_000_000;

describe("v3io", () => {
  const item = "/bigdata/texts/item";
  const invalid = errorText(-201326592, "InvalidArgumentException");

  test.each<[string, string, object]>([
    ["a number of many digits", "PutItem", { Item: { a: { N: `${"1".repeat(long)}x` } } }],
    ["a list of names", "GetItem", { AttributesToGet: ",".repeat(5 * long) }],
    ["a list of other names", "GetItem", { AttributesToGet: "a,b".repeat(long) }],
    ["a path of slashes", "GetItems", { TableName: "/".repeat(5 * long) }],
    ["a text in an expression", "UpdateItem", { UpdateExpression: `a='${"x".repeat(2 * long)}'` }],
    ["escapes in an expression", "UpdateItem", { UpdateExpression: `a="${"\\x".repeat(long)}"` }],
    ["an open text", "UpdateItem", { UpdateExpression: `a='${"x".repeat(long)}` }],
    ["blanks", "UpdateItem", { UpdateExpression: `a=${" ".repeat(long)}` }],
    ["parentheses", "UpdateItem", { ConditionExpression: "(".repeat(long) }],
    ["negations", "UpdateItem", { ConditionExpression: `${"not ".repeat(long / 4)}a` }],
    ["digits in an expression", "UpdateItem", { UpdateExpression: `a=${"9".repeat(long)}` }],
  ])("%s: %s", async (_, name, body) => {
    const reply = await v3io(name, item, body);
    expect([reply.status, reply.text]).toEqual([400, invalid]);
  });

  test("an update that makes an item of gigabytes", async () => {
    await v3io("PutItem", item, { Item: { a: { S: "x".repeat(900_000) } } });
    const copies = Array.from({ length: 2000 }, (_, i) => `b${i}=a`).join(";");
    const reply = await v3io("UpdateItem", item, { UpdateExpression: copies });
    expect([reply.status, reply.text]).toEqual([400, invalid]);
    const { text } = await v3io("GetItem", item, { AttributesToGet: "b0" });
    expect(text).toBe('{"Item":{}}');
  });
});

describe("Yandex", () => {
  const StreamName = "texts";
  const ShardIteratorType = "TRIM_HORIZON";
  const record = { PartitionKey: "k", Data: "" };
  const replyBytesMax = 2000;

  beforeAll(async () => {
    await yandex("CreateStream", { StreamName });
  });

  test.each<[string, string, object, string]>([
    ["slashes", "DescribeStream", { StreamName: "/".repeat(5 * long) }, "InvalidArgumentException"],
    ["a name", "DescribeStream", { StreamName: "x".repeat(long) }, "InvalidArgumentException"],
    [
      "controls",
      "DescribeStream",
      { StreamName: "\u0000".repeat(long) },
      "InvalidArgumentException",
    ],
    [
      "a database",
      "DescribeStream",
      { StreamName: `/${"x".repeat(long)}/y` },
      "InvalidArgumentException",
    ],
    [
      "a shard",
      "GetShardIterator",
      { StreamName, ShardIteratorType, ShardId: "x".repeat(long) },
      "ResourceNotFoundException",
    ],
    [
      "a start",
      "DescribeStream",
      { StreamName, ExclusiveStartShardId: "x".repeat(long) },
      "ValidationException",
    ],
    [
      "a member",
      "DescribeStream",
      { StreamName, ["x".repeat(long)]: 1 },
      "InvalidArgumentException",
    ],
    [
      "a member of underscores",
      "DescribeStream",
      { StreamName, ["_a".repeat(long)]: 1 },
      "InvalidArgumentException",
    ],
    [
      "a key",
      "PutRecord",
      { ...record, StreamName, PartitionKey: "x".repeat(long) },
      "ValidationException",
    ],
    [
      "a hash",
      "PutRecord",
      { ...record, StreamName, ExplicitHashKey: "9".repeat(long) },
      "ValidationException",
    ],
    [
      "no base64",
      "PutRecord",
      { ...record, StreamName, Data: "%".repeat(long) },
      "InvalidArgumentException",
    ],
    [
      "a consumer",
      "RegisterStreamConsumer",
      { StreamArn: StreamName, ConsumerName: "x".repeat(long) },
      "InvalidArgumentException",
    ],
    [
      "no consumer",
      "DeregisterStreamConsumer",
      { StreamArn: StreamName, ConsumerName: "x".repeat(long) },
      "ResourceNotFoundException",
    ],
    ["an iterator", "GetRecords", { ShardIterator: "A".repeat(long) }, "InvalidArgumentException"],
  ])("%s in %s: %#", async (_, method, input, name) => {
    const { status, error, text } = await yandex(method, input);
    expect([status, error.name]).toEqual([400, name]);
    expect(text.length).toBeLessThan(replyBytesMax);
  });
});
