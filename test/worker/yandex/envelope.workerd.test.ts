// Requests before they are about anything, inside workerd: which method, which format, whose; and what every
// reply has around it. Cases, texts and bytes are those of YDB's tests (kinesis_ut.cpp,
// error_codes_ut.cpp) where they say them.

import { exports } from "cloudflare:workers";
import { crc32 } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { authorizationFor, type YandexReply, yandexOver } from "./client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const yandex = yandexOver(send);

const amazonType = { "content-type": "application/x-amz-json-1.1" };
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

let StreamName: string;

beforeEach(() => {
  StreamName = `s-${crypto.randomUUID()}`;
});

describe("methods", () => {
  test.each([
    ["kinesisApi.MethodNotExists", "InvalidAction", "Missing method name MethodNotExists"],
    ["kinesisApi.DesribeStream", "InvalidAction", "Missing method name DesribeStream"],
    ["kinesisApi.", "MissingAction", "Unknown method name "],
    [".", "MissingAction", "Unknown method name "],
    ["", "MissingAction", "Unknown method name "],
    [".DescribeStream", "MissingAction", "Unknown method name "],
    ["kinesisApi.constructor", "InvalidAction", "Missing method name constructor"],
  ])("target %j: %s", async (target, name, message) => {
    const reply = await yandex("", { StreamName }, { target });
    expectError(reply, name);
    expect(reply.error.message).toBe(message);
  });

  test.each([
    "AddTagsToStream",
    "DescribeLimits",
    "DescribeStreamConsumer",
    "DisableEnhancedMonitoring",
    "EnableEnhancedMonitoring",
    "ListTagsForStream",
    "MergeShards",
    "RemoveTagsFromStream",
    "SplitShard",
    "StartStreamEncryption",
    "StopStreamEncryption",
  ])("%s is not implemented by that service either", async (method) => {
    const reply = await yandex(method, { StreamName });
    expectError(reply, "InvalidAction");
    expect(reply.error.message).toContain("Method is not implemented yet");
  });

  test("whatever version of the service a target names", async () => {
    for (const service of ["kinesisApi", "legacyApi", "Kinesis_20131202"]) {
      const target = `${service}.ListStreams`;
      expect((await yandex("", {}, { target })).text).toMatch(/^\{"HasMoreStreams":false/);
    }
  });

  test("Kinesis at the root speaks with this service where the signature is for its region", async () => {
    await yandex("CreateStream", { StreamName });
    const others = { path: "/", target: "Kinesis_20131202.DescribeStream" };
    const headers = authorizationFor("ru-central1");
    const here = await yandex(
      "",
      { StreamName: `/ru-central1/${StreamName}` },
      { ...others, headers },
    );
    expect(here.output.StreamDescription.Shards[0]?.ShardId).toBe("shard-000000");
    const there = await yandex(
      "",
      { StreamName },
      { ...others, headers: { ...authorizationFor("us-east-1"), ...amazonType } },
    );
    expect(there.output.StreamDescription.Shards[0]?.ShardId).toBe("shardId-000000000000");
  });

  test("GET /Ping", async () => {
    const reply = await send("/Ping");
    expect(reply.status).toBe(200);
    expect(reply.headers.get("x-amzn-requestid")).toMatch(uuid);
  });
});

describe("formats", () => {
  test.each(["application/bson", "", "text/plain", "application/x-amz-json-2.0"])(
    "content type %j is refused, in so many bytes",
    async (type) => {
      const reply = await yandex(
        "CreateStream",
        { StreamName },
        { headers: { "content-type": type } },
      );
      expectError(reply, "InvalidArgumentException");
      expect(reply.text).toBe(
        '{"__type":"InvalidArgumentException","message":"Unknown ContentType"}',
      );
    },
  );

  test.each([
    "application/json",
    "application/x-amz-json-1.0",
    "application/x-amz-json-1.1",
    "Application/JSON; charset=utf-8",
  ])("%s is JSON", async (type) => {
    const reply = await yandex(
      "CreateStream",
      { StreamName },
      { headers: { "content-type": type } },
    );
    expect([reply.status, reply.reason, reply.text]).toEqual([200, "", "{}"]);
    expect(reply.headers.get("content-type")).toBe("application/x-amz-json-1.1");
  });

  test.each(["application/cbor", "application/x-amz-cbor-1.1"])("%s is CBOR", async (type) => {
    const headers = { "content-type": type };
    const name = `/Root/${StreamName}`;
    // {"ShardCount": 5, "StreamName": name}, as nlohmann::json writes it.
    const body = Buffer.concat([
      Buffer.from("a2", "hex"),
      Buffer.from("jShardCount"),
      Buffer.from("05", "hex"),
      Buffer.from("jStreamName"),
      Buffer.from([0x78, name.length]),
      Buffer.from(name),
    ]);
    const created = await yandex("CreateStream", {}, { headers, body });
    expect([created.status, created.reason]).toEqual([200, ""]);
    expect(Buffer.from(created.bytes).toString("hex")).toBe("a0");
    expect(created.headers.get("content-type")).toBe("application/x-amz-cbor-1.1");
    const again = await yandex("CreateStream", {}, { headers, body });
    expect(again.reason).toBe("ResourceInUseException");
    const said = `<main>: Error: Stream with name ${name} already exists, code: 500070\n`;
    expect(Buffer.from(again.bytes).toString("latin1")).toBe(
      `\xa2f__typevResourceInUseExceptiongmessagex${String.fromCharCode(said.length)}${said}`,
    );
  });

  test("JSON where CBOR was said: refused in CBOR, in so many bytes", async () => {
    const headers = { "content-type": "application/cbor" };
    const reply = await yandex("CreateStream", { StreamName }, { headers });
    expect([reply.status, reply.reason]).toEqual([400, "InvalidArgumentException"]);
    expect(Buffer.from(reply.bytes).toString("latin1")).toBe(
      "\xa2f__typex\x18InvalidArgumentExceptiongmessagex$Can not parse request body from CBOR",
    );
  });

  test.each([
    ["Some garbage in json", "InvalidArgumentException", "Can not parse request body from JSON"],
    ["", "MissingParameter", "Top level of json value is not a map"],
    ["null", "MissingParameter", "Top level of json value is not a map"],
    ["[]", "InvalidArgumentException", undefined],
    ["5", "InvalidArgumentException", undefined],
    ['"\\ud800"', "InvalidArgumentException", undefined],
  ])("body %j: %s", async (body, name, message) => {
    for (const method of ["CreateStream", "GetRecords", "ListStreams"]) {
      const reply = await yandex(method, {}, { body });
      expectError(reply, name);
      if (message !== undefined) expect(reply.error.message).toBe(message);
    }
  });

  test("a name may be written in three ways", async () => {
    for (const key of ["StreamName", "streamName", "stream_name"]) {
      await yandex("CreateStream", { [key]: `${StreamName}-${key}` });
      const described = await yandex("DescribeStream", { [key]: `${StreamName}-${key}` });
      expect(described.status).toBe(200);
    }
  });

  test("a record with its bytes in CBOR, put and read", async () => {
    await yandex("CreateStream", { StreamName });
    const headers = { "content-type": "application/x-amz-cbor-1.1" };
    const body = Buffer.concat([
      Buffer.from("a3", "hex"),
      Buffer.from("dDataD\0\x01\x7f\xff", "latin1"),
      Buffer.from("lPartitionKeyaxjStreamName"),
      Buffer.from([0x78, StreamName.length]),
      Buffer.from(StreamName),
    ]);
    const put = await yandex("PutRecord", {}, { headers, body });
    expect(Buffer.from(put.bytes).toString("latin1")).toBe(
      "\xa3nEncryptionTypedNONEnSequenceNumbera0gShardIdlshard-000000",
    );
    const start = { StreamName, ShardId: "shard-000000", ShardIteratorType: "TRIM_HORIZON" };
    const { output } = await yandex("GetShardIterator", start);
    const page = await yandex("GetRecords", { ShardIterator: output.ShardIterator });
    expect(page.output.Records?.[0]?.Data).toBe("AAF//w==");
  });
});

describe("around every reply", () => {
  test("a request id, and what the client called it", async () => {
    const named = { headers: { "x-request-id": "mine-1" } };
    const ids = new Set<string>();
    for (const [method, others, end] of [
      ["ListStreams", {}, ""],
      ["ListStreams", named, "-mine-1"],
      ["DescribeStream", named, "-mine-1"],
      ["NoSuchMethod", named, "-mine-1"],
      ["ListStreams", { headers: { "x-request-id": "x".repeat(200) } }, ""],
    ] as const) {
      const id = (await yandex(method, {}, others)).headers.get("x-amzn-requestid") ?? "";
      expect(id).toMatch(uuid);
      expect(id.slice(36)).toBe(end);
      ids.add(id);
    }
    expect(ids.size).toBe(5);
  });

  test("the checksum of the body", async () => {
    for (const method of ["ListStreams", "DescribeStream", "NoSuchMethod"]) {
      const { headers, bytes } = await yandex(method, { StreamName });
      expect(headers.get("x-amz-crc32")).toBe(String(crc32(bytes)));
    }
  });
});

describe("credentials", () => {
  const fixture = authorizationFor("ru-central1");

  test.each<[string, Record<string, string>, string, string?]>([
    [
      "none",
      { authorization: "" },
      "IncompleteSignature",
      "Neither Credentials nor IAM token was provided",
    ],
    [
      "a signature without its parts",
      { ...fixture, authorization: (fixture["authorization"] ?? "").split(",")[0] ?? "" },
      "IncompleteSignature",
    ],
    [
      "no key",
      {
        ...fixture,
        authorization: (fixture["authorization"] ?? "").replace("AKIDEXAMPLE", ""),
      },
      "MissingAuthenticationToken",
    ],
    [
      "another scheme",
      { authorization: "XXXXXX unauthorized_user@builtin" },
      "AccessDeniedException",
    ],
  ])("%s: refused", async (_, headers, name, message) => {
    const methods = ["DescribeStream", "GetRecords", "PutRecords", "CreateStream", "ListStreams"];
    for (const method of methods) {
      const reply = await yandex(method, {}, { headers });
      expectError(reply, name);
      if (message !== undefined) expect(reply.error.message).toBe(message);
    }
  });

  test.each<[string, Record<string, string>]>([
    ["a bearer", { authorization: "Bearer proxy_sa@builtin" }],
    ["a subject token", { authorization: "", "x-yacloud-subjecttoken": "proxy_sa@builtin" }],
    ["a bearer as one", { authorization: "", "x-yacloud-subjecttoken": "Bearer proxy_sa@builtin" }],
    ["a security token", { authorization: "", "x-amz-security-token": "proxy_sa@builtin" }],
    ["a signature", fixture],
  ])("%s: let in by an open server", async (_, headers) => {
    expect((await yandex("ListStreams", {}, { headers })).status).toBe(200);
  });

  test("what is wrong with a body is said first", async () => {
    const reply = await yandex("CreateStream", {}, { headers: { authorization: "" }, body: "{" });
    expectError(reply, "InvalidArgumentException");
  });
});

function expectError({ status, reason, error }: YandexReply, name: string): void {
  expect([status, reason, error.name]).toEqual([400, name, name]);
}
