// Everything that a Kinesis client can get wrong, sent to the real local server over HTTP: each is
// refused with the documented name, status and body, stores nothing, and the next request is answered
// as if nothing had been (sound.ts). The texts are those of kinesalite and the AWS API reference.

import { connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { describe, expect, test } from "vitest";
import { authorizationFor, base64, type HeaderChanges } from "../worker/kinesis/client.ts";
import { keepSound, ShardId, StreamName } from "./sound.ts";

const { kinesis, endpoint, iterator: iteratorOf } = keepSound();

const mebibyte = 1024 * 1024;
const account = "000000000000";

describe("Kinesis: requests that are none", () => {
  const notHere =
    '{"__type":"UnknownOperationException",' +
    '"message":"This is Millrace, which serves kinesis; got dynamodb (PutRecord)."}';
  const unknown = '{"__type":"UnknownOperationException"}';
  const unreadable = '{"__type":"SerializationException"}';
  const denied =
    "<AccessDeniedException>\n" +
    "  <Message>Unable to determine service/operation name to be authorized</Message>\n" +
    "</AccessDeniedException>\n";

  test.each<[string, string | Uint8Array, HeaderChanges, number, string]>([
    ["no body", "", {}, 400, unreadable],
    ["no body and no target", "", { "x-amz-target": null }, 400, unknown],
    ["half an object", '{"StreamName":', {}, 400, unreadable],
    ["no JSON at all", "StreamName=sound", {}, 400, unreadable],
    ["null", "null", {}, 400, unreadable],
    ["true", "true", {}, 400, unreadable],
    ["a text", '"sound"', {}, 400, unreadable],
    ["two objects", "{}{}", {}, 400, unreadable],
    ["a byte order mark", "\ufeff{}", {}, 400, unreadable],
    ["broken UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), {}, 400, unreadable],
    ["deep nesting", "[".repeat(100_000), {}, 400, unreadable],
    ["an unknown operation", "{}", target("Kinesis_20131202.Nothing"), 400, unknown],
    ["a service that is not here", "{}", target("DynamoDB_20120810.PutRecord"), 400, notHere],
    ["a target that is none", "{}", target("PutRecord"), 400, unknown],
    ["a name of every object", "{}", target("Kinesis_20131202.constructor"), 400, unknown],
    ["no target", "{}", { "x-amz-target": null }, 400, unknown],
    ["a form", "{}", contentType("text/plain"), 404, "<UnknownOperationException/>\n"],
    [
      "a form, no target",
      "{}",
      { ...contentType("text/plain"), "x-amz-target": null },
      403,
      denied,
    ],
  ])("%s", async (_, body, changes, status, text) => {
    const reply = await kinesis("PutRecord", body, changes);
    expect([reply.status, reply.text]).toEqual([status, text]);
    expect(reply.headers.get("x-amzn-requestid")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a verb other than POST", async () => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const reply = await fetch(endpoint(), { method });
      expect([reply.status, await reply.text()]).toEqual([403, denied]);
    }
  });

  test("no credentials, and half of them", async () => {
    const none = await kinesis("ListStreams", {}, { authorization: null });
    expect([none.status, none.error]).toEqual([
      400,
      { name: "MissingAuthenticationTokenException", message: "Missing Authentication Token" },
    ]);
    const authorization = authorizationFor("us-east-1").split(", Signature")[0] ?? "";
    const half = await kinesis("ListStreams", {}, { authorization });
    expect([half.status, half.error.name]).toEqual([400, "IncompleteSignatureException"]);
    expect(half.error.message).toContain("Authorization header requires 'Signature' parameter.");
  });
});

describe("Kinesis: wrong members", () => {
  const number = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

  test.each<[string, object, string]>([
    ["DescribeStream", { StreamName: 5 }, `${number} can not be converted to an String`],
    ["DescribeStream", { StreamName: ["sound"] }, "Start of list found where not expected"],
    ["DescribeStream", { StreamName: {} }, "Start of structure or map found where not expected."],
    [
      "CreateStream",
      { StreamName, ShardCount: "1" },
      "class java.lang.String can not be converted to an Integer",
    ],
    ["PutRecord", put(5), `${number} can not be converted to a Blob`],
    [
      "PutRecord",
      put("abc"),
      "'abc' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 " +
        "bytes but found: 3",
    ],
    [
      "PutRecord",
      put("ab=c"),
      "'ab=c' can not be converted to a Blob: Invalid Base64 character: '='",
    ],
    ["PutRecords", { StreamName, Records: "none" }, "Expected list or null"],
    ["PutRecords", { StreamName, Records: [5] }, "Expected null"],
  ])("%s %j: SerializationException", async (operation, input, message) => {
    const { status, text } = await kinesis(operation, input);
    const body = { __type: "SerializationException", Message: message };
    expect([status, text]).toEqual([400, JSON.stringify(body)]);
  });

  const missing = "failed to satisfy constraint: Member must not be null";

  test.each<[string, object, string]>([
    ["PutRecord", {}, `Value null at 'data' ${missing}`],
    ["PutRecords", { StreamName }, `Value null at 'records' ${missing}`],
    ["GetShardIterator", { StreamName, ShardId }, `Value null at 'shardIteratorType' ${missing}`],
    ["GetRecords", {}, `Value null at 'shardIterator' ${missing}`],
    ["DescribeStream", {}, `Value null at 'streamName' ${missing}`],
    [
      "DescribeStream",
      { StreamName: "not a name" },
      "Value 'not a name' at 'streamName' failed to satisfy constraint: " +
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ],
    [
      "CreateStream",
      { StreamName: "n".repeat(129), ShardCount: 1 },
      "Member must have length less than or equal to 128",
    ],
    [
      "CreateStream",
      { StreamName: "new", ShardCount: 0 },
      "Value '0' at 'shardCount' failed to satisfy constraint: " +
        "Member must have value greater than or equal to 1",
    ],
    [
      "GetRecords",
      { ShardIterator: "any", Limit: 10_001 },
      "Value '10001' at 'limit' failed to satisfy constraint: " +
        "Member must have value less than or equal to 10000",
    ],
    [
      "GetShardIterator",
      { StreamName, ShardId, ShardIteratorType: "OLDEST" },
      "Value 'OLDEST' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy " +
        "enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, " +
        "TRIM_HORIZON]",
    ],
  ])("%s %j: ValidationException", async (operation, input, words) => {
    const { status, error } = await kinesis(operation, input);
    expect([status, error.name]).toEqual([400, "ValidationException"]);
    expect(error.message).toMatch(/^\d+ validation errors? detected: /);
    expect(error.message).toContain(words);
  });

  test.each<[string, object]>([
    ["DescribeStream", {}],
    ["DescribeStreamSummary", {}],
    ["ListShards", {}],
    ["DeleteStream", {}],
    ["PutRecord", { Data: "", PartitionKey: "key" }],
    ["PutRecords", { Records: [{ Data: "", PartitionKey: "key" }] }],
  ])("%s of an unknown stream: ResourceNotFoundException", async (operation, input) => {
    const { status, error } = await kinesis(operation, { ...input, StreamName: "nowhere" });
    expect([status, error]).toEqual([
      400,
      {
        name: "ResourceNotFoundException",
        message: `Stream nowhere under account ${account} not found.`,
      },
    ]);
  });

  test.each([
    [
      "nowhere",
      ShardId,
      `Shard ${ShardId} in stream nowhere under account ${account} does not exist`,
    ],
    [
      StreamName,
      "shardId-000000000001",
      `Shard shardId-000000000001 in stream ${StreamName} under account ${account} does not exist`,
    ],
    [
      StreamName,
      "first",
      `Could not find shard first in stream ${StreamName} under account ${account}.`,
    ],
  ])(
    "GetShardIterator of %s %s: ResourceNotFoundException",
    async (StreamName, ShardId, message) => {
      const input = { StreamName, ShardId, ShardIteratorType: "LATEST" };
      const { status, error } = await kinesis("GetShardIterator", input);
      expect([status, error]).toEqual([400, { name: "ResourceNotFoundException", message }]);
    },
  );

  test("a forged and an altered iterator: InvalidArgumentException", async () => {
    const iterator = await iteratorOf();
    const middle = iterator.length / 2;
    const other = iterator[middle] === "A" ? "B" : "A";
    const altered = iterator.slice(0, middle) + other + iterator.slice(middle + 1);
    for (const ShardIterator of ["forged", "A".repeat(iterator.length), altered]) {
      const { status, error } = await kinesis("GetRecords", { ShardIterator });
      expect([status, error]).toEqual([
        400,
        { name: "InvalidArgumentException", message: "Invalid ShardIterator." },
      ]);
    }
    expect((await kinesis("GetRecords", { ShardIterator: iterator })).status).toBe(200);
  });

  test("a hash key of 2^128, and a sequence number that is none: InvalidArgumentException", async () => {
    const key = String(2n ** 128n);
    const hash = await kinesis("PutRecord", { ...put(""), ExplicitHashKey: key });
    expect([hash.status, hash.error]).toEqual([
      400,
      {
        name: "InvalidArgumentException",
        message:
          "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
          `Specified value was ${key}`,
      },
    ]);
    const input = { StreamName, ShardId, ShardIteratorType: "AT_SEQUENCE_NUMBER" };
    const number = await kinesis("GetShardIterator", { ...input, StartingSequenceNumber: "5" });
    expect([number.status, number.error.name]).toEqual([400, "InvalidArgumentException"]);
  });
});

describe("Kinesis: too much", () => {
  test("a key of 257 characters, alone and in a batch: ValidationException", async () => {
    const key = "k".repeat(257);
    const words = (path: string) =>
      `1 validation error detected: Value '${key}' at '${path}' failed to satisfy constraint: ` +
      "Member must have length less than or equal to 256";
    const alone = await kinesis("PutRecord", { ...put(""), PartitionKey: key });
    expect([alone.status, alone.error]).toEqual([
      400,
      { name: "ValidationException", message: words("partitionKey") },
    ]);
    const Records = [entry("good"), { Data: "", PartitionKey: key }];
    const batch = await kinesis("PutRecords", { StreamName, Records });
    expect([batch.status, batch.error]).toEqual([
      400,
      { name: "ValidationException", message: words("records.2.member.partitionKey") },
    ]);
  });

  test.each([mebibyte + 1, 10 * mebibyte, 10 * mebibyte + 1])(
    "a record of %i bytes, alone and in a batch: ValidationException",
    async (bytes) => {
      const Data = base64(new Uint8Array(bytes));
      const words = /failed to satisfy constraint: Member must have length less than or equal to /;
      const alone = await kinesis("PutRecord", put(Data));
      expect([alone.status, alone.error.name]).toEqual([400, "ValidationException"]);
      expect(alone.error.message).toMatch(words);
      const Records = [entry("good"), { Data, PartitionKey: "key" }];
      const batch = await kinesis("PutRecords", { StreamName, Records });
      expect([batch.status, batch.error.name]).toEqual([400, "ValidationException"]);
      expect(batch.error.message).toMatch(words);
      expect(batch.error.message).toContain("records.2.member.data");
    },
  );

  test("501 records, and none: ValidationException", async () => {
    for (const [count, words] of [
      [501, "Member must have length less than or equal to 500"],
      [0, "Member must have length greater than or equal to 1"],
    ] as const) {
      const Records = Array.from({ length: count }, () => entry("too many"));
      const { status, error } = await kinesis("PutRecords", { StreamName, Records });
      expect([status, error.name]).toEqual([400, "ValidationException"]);
      expect(error.message).toContain("at 'records' failed to satisfy constraint: ");
      expect(error.message).toContain(words);
    }
  });

  test("records of more than 10 MiB together, keys included: InvalidArgumentException", async () => {
    const Data = base64(new Uint8Array(mebibyte - 1));
    const Records = Array.from({ length: 10 }, () => ({ Data, PartitionKey: "k" }));
    Records.push({ Data: "", PartitionKey: "k" });
    const { status, error } = await kinesis("PutRecords", { StreamName, Records });
    expect([status, error]).toEqual([
      400,
      { name: "InvalidArgumentException", message: "Records size exceeds 10 MB limit" },
    ]);
  });

  test("a body above the limit: 413, whether its length is told or not", async () => {
    const body = new Uint8Array(16 * mebibyte + 1).fill(0x20);
    const told = await kinesis("PutRecord", body);
    expect([told.status, told.error?.name]).toEqual([413, "RequestEntityTooLargeException"]);
    const stream = new Blob([body]).stream();
    const init = { method: "POST", body: stream, duplex: "half" as const };
    const untold = await fetch(endpoint(), init);
    expect([untold.status, await untold.text()]).toEqual([413, told.text]);
    expect(untold.headers.get("x-amzn-requestid")).toMatch(/^[\da-f-]{36}$/);
  });

  test("a body above the limit over HTTP/2: 413", async () => {
    const session = connectHttp2(endpoint());
    const stream = session.request({ ":method": "POST", ":path": "/" });
    stream.end(Buffer.alloc(16 * mebibyte + 1, 0x20));
    const status = await new Promise((done, fail) => {
      stream.once("response", (headers) => done(headers[":status"]));
      stream.once("error", fail);
    });
    stream.close(constants.NGHTTP2_CANCEL);
    session.destroy();
    expect(status).toBe(413);
  });
});

describe("bytes that are no request", () => {
  test.each<[string, string]>([
    ["noise", "\u0000\u0001\u0002\u00ff noise\r\n\r\n"],
    ["half of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnoise, and more noise"],
    ["a length that is none", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n"],
    [
      "a chunk that is none",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ["a line that never ends", `GET /${"a".repeat(300_000)} HTTP/1.1\r\n\r\n`],
  ])("%s: the connection ends, the server does not", async (_, bytes) => {
    await talk(bytes);
  });

  test("a client that leaves in the middle of its body", async () => {
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    await talk(`${head}{"StreamName":`, true);
  });
});

/** Sends bytes over a connection of their own, and waits until it is closed. */
async function talk(bytes: string, leave = false): Promise<void> {
  const { hostname, port } = new URL(endpoint());
  await new Promise<void>((done) => {
    const socket = connectTcp(Number(port), hostname, () => {
      socket.write(Buffer.from(bytes, "latin1"), () => {
        if (leave) socket.destroy();
        else socket.end();
      });
    });
    socket.resume();
    socket.on("error", () => {});
    socket.once("close", () => done());
  });
}

function target(name: string): HeaderChanges {
  return { "x-amz-target": name };
}

function contentType(type: string): HeaderChanges {
  return { "content-type": type };
}

function entry(text: string): object {
  return { Data: base64(text), PartitionKey: "key" };
}

function put(Data: unknown): object {
  return { StreamName, PartitionKey: "key", Data };
}
