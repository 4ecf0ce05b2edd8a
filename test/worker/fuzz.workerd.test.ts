// Requests that nobody would send, to the v3io and the Yandex face inside workerd: paths, headers and bodies
// out of a seeded generator, most of them almost right. Whatever comes in is answered, never with an
// error of the server, and always in the dialect's own form; and a stream that was there before is
// there afterwards with all of its records.

import { exports } from "cloudflare:workers";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { errorTable } from "../../worker/v3io/errors.ts";
import { errorStatus } from "../../worker/yandex/errors.ts";
import type { Field, Fields } from "../../worker/yandex/shapeTypes.ts";
import { operations } from "../../worker/yandex/operations.ts";
import { Random } from "../engine/random.ts";
import { v3ioOver } from "./v3io/client.ts";
import { v3ioMembers } from "./v3io/members.ts";
import { yandexOver } from "./yandex/client.ts";

const seed = 20_261_121;
const requestCount = 1500;

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);
const yandex = yandexOver(send);

/** Also counts of shards: none that takes long to make. */
const numbers = [
  0,
  1,
  2,
  3,
  -1,
  1.5,
  4097,
  8761,
  10_001,
  1e6,
  5e7,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  -(2 ** 32),
  1e9,
  2 ** 53,
  2 ** 64,
  1e308,
  -1e308,
  -0,
  5e-324,
];
const texts = [
  "",
  "0",
  "a",
  "fuzz",
  "/Root/fuzz",
  "shard-000000",
  "TRIM_HORIZON",
  "LATEST",
  "AT_SEQUENCE_NUMBER",
  "EARLIEST",
  "SEQUENCE",
  "TIME",
  "CreateOrReplaceAttributes",
  "a == 1",
  "not(exists(a))",
  "a = a + 1; remove b",
  "((((a",
  "AQAAAAAAAAAAAAAAAAAAAA==",
  "////",
  "\u0000",
  "\ud800",
  "語\u{1f600}",
  "x".repeat(300),
  "x".repeat(70_000),
  "__proto__",
  "constructor",
];

const functions = [
  "CreateStream",
  "UpdateStream",
  "DescribeStream",
  "PutRecords",
  "Seek",
  "SeekShard",
  "GetRecords",
  "GetItem",
  "GetItems",
  "PutItem",
  "UpdateItem",
  "GetClusterMD",
  "createstream",
  "NoSuchFunction",
  "",
];

const recordMembers = [
  "Data",
  "ClientInfo",
  "PartitionKey",
  "ShardId",
  "ExplicitHashKey",
  "N",
  "S",
];

const segments = [
  "bigdata",
  "fuzz",
  "other",
  "0",
  "1",
  "7",
  "999999999999",
  "..",
  ".",
  "%2e%2e",
  "%2F",
  "%00",
  "%ff",
  "%",
  "%zz",
  "a%20b",
  "%E8%AA%9E",
  "state.json",
  "x".repeat(300),
  "",
  "",
];

const contentTypes = [
  "application/json",
  "application/x-amz-json-1.1",
  "application/x-amz-json-1.0",
  "application/cbor",
  "application/x-amz-cbor-1.1",
  "text/plain; charset=utf-8",
  "",
  ";;;",
];

test(`v3io: ${requestCount} requests, seed ${seed}`, async () => {
  const random = new Random(seed);
  await v3io("CreateStream", "/bigdata/fuzz-kept", { ShardCount: 2 });
  await v3io("PutRecords", "/bigdata/fuzz-kept", { Records: [{ Data: "AA==", ShardId: 1 }] });
  await v3io("CreateStream", "/bigdata/fuzz", { ShardCount: 2 });
  for (let i = 0; i < requestCount; i++) {
    const { path, init, shown } = v3ioRequest(random);
    const reply = await send(path, init);
    const text = Buffer.from(await reply.arrayBuffer()).toString();
    expect(reply.status, shown).toBeLessThan(500);
    if (reply.status >= 300 && init.method !== "HEAD") {
      expect(text, shown).toMatch(/^\{\n\t"ErrorCode": -\d+,\n\t"ErrorMessage": "[^"]+"\n\}$/);
      const statuses = Object.values(errorTable).map(({ status }) => status as number);
      expect(statuses, shown).toContain(reply.status);
    }
  }
  const { output } = await v3io("GetRecords", "/bigdata/fuzz-kept/1", {
    Location: "AQAAAAAAAAAAAAAAAAAAAA==",
  });
  expect(output.Records).toHaveLength(1);
});

test(`Yandex: ${requestCount} requests, seed ${seed}`, async () => {
  const random = new Random(seed);
  const kept = { StreamName: "fuzz-kept-too", PartitionKey: "k", Data: "AA==" };
  await yandex("CreateStream", { StreamName: kept.StreamName });
  await yandex("PutRecord", kept);
  await yandex("CreateStream", { StreamName: "fuzz" });
  for (let i = 0; i < requestCount; i++) {
    const { path, init, shown } = yandexRequest(random);
    const reply = await send(path, init);
    const bytes = new Uint8Array(await reply.arrayBuffer());
    const text = Buffer.from(bytes).toString();
    expect([200, 400], shown).toContain(reply.status);
    expect(reply.headers.get("x-amzn-requestid"), shown).not.toBeNull();
    expect(reply.headers.get("x-amz-crc32"), shown).toBe(String(crc32(bytes)));
    if (reply.status === 200) {
      expect(reply.statusText, shown).toBe("");
    } else {
      expect(Object.keys(errorStatus), shown).toContain(reply.statusText);
      expect(text, shown).toContain(reply.statusText);
    }
  }
  const target = { StreamName: kept.StreamName, ShardId: "shard-000000" };
  const start = { ...target, ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = (await yandex("GetShardIterator", start)).output;
  expect((await yandex("GetRecords", { ShardIterator })).output.Records).toHaveLength(1);
});

interface Sent {
  path: string;
  init: RequestInit & { method: string };
  shown: string;
}

function v3ioRequest(random: Random): Sent {
  const headers: Record<string, string> = {};
  const name = random.below(4) === 0 ? undefined : random.pick(functions);
  if (name !== undefined) headers["x-v3io-function"] = name;
  if (random.below(2) === 0) headers["content-type"] = random.pick(contentTypes);
  if (random.below(5) === 0) headers["range"] = random.pick(["-1", "bytes=0-1", "bytes=9", "x"]);
  const verbs = ["PUT", "PUT", "POST", "GET", "HEAD", "DELETE"];
  const method = random.pick(name === undefined ? verbs : [...verbs, "PATCH"]);
  const path = pathOf(random, ["/bigdata/fuzz", "/bigdata/fuzz/0", "/bigdata/d/o", "/bigdata"]);
  // Without a function, nothing but a path makes a request one of this face.
  const at = name === undefined && isRoot(path) ? "/bigdata" : path;
  return request(random, at + queryOf(random), method, headers, v3ioMembers);
}

function yandexRequest(random: Random): Sent {
  const { name: method, input } = random.pick([...operations.values()]);
  const headers: Record<string, string> = {
    "content-type": random.below(8) === 0 ? random.pick(contentTypes) : "application/json",
    "x-amz-target":
      random.below(20) === 0 ? random.pick(texts.slice(0, 8)) : `kinesisApi.${method}`,
  };
  if (random.below(10) !== 0) headers["authorization"] = "Bearer any";
  const path = pathOf(random, ["/Root", "/Root", "/Root/", "/ru-central1/cloud/db"]);
  // Nothing but a target makes a request to a bare path one of this face.
  const isOther = isRoot(path) && !headers["x-amz-target"]?.startsWith("kinesisApi.");
  const at = isOther ? "/Root" : path;
  if (random.below(4) === 0) {
    return request(random, at, "POST", headers, Object.keys(input));
  }
  const body = JSON.stringify(messageFor(random, input));
  const shown = `${method} ${at} ${JSON.stringify(headers)} ${body.slice(0, 500)}`;
  return { path: at, init: { method: "POST", headers, body }, shown };
}

function request(
  random: Random,
  path: string,
  method: string,
  headers: Record<string, string>,
  members: readonly string[],
): Sent {
  const init: Sent["init"] = { method, headers };
  if (method !== "GET" && method !== "HEAD") init.body = bodyOf(random, members);
  const body = typeof init.body === "string" ? init.body.slice(0, 500) : "bytes";
  return { path, init, shown: `${method} ${path} ${JSON.stringify(headers)} ${body}` };
}

function pathOf(random: Random, usual: readonly string[]): string {
  if (random.below(3) !== 0) return random.pick(usual);
  const names = Array.from({ length: random.below(6) }, () => random.pick(segments));
  return `/${names.join("/")}`;
}

/** As it arrives, dots resolved. */
function isRoot(path: string): boolean {
  return /^\/*$/.test(new URL(`http://localhost${path}`).pathname);
}

function queryOf(random: Random): string {
  if (random.below(4) !== 0) return "";
  const names = ["prefix", "marker", "max-keys", "prefix-only", "prefix-info", "x"];
  const values = [...segments, "1", "fuzz/", "%2Ffuzz%2F", "0", "1000000000000"];
  const pairs = Array.from({ length: random.below(4) }, () => {
    return `${random.pick(names)}=${random.pick(values)}`;
  });
  return `?${pairs.join("&")}`;
}

function bodyOf(random: Random, members: readonly string[]): string | Uint8Array<ArrayBuffer> {
  switch (random.below(12)) {
    case 0:
      return new Uint8Array(random.bytes(random.below(200)));
    case 1:
      return random.pick(["", "null", "[]", "5", '"a"', "{", '{"a":', "{}garbage", "\ufeff{}"]);
    case 2:
      return `${"[".repeat(5000)}${"]".repeat(5000)}`;
    case 3:
      return `{"Records":${'{"a":'.repeat(2000)}1${"}".repeat(2000)}}`;
    default: {
      const body: Record<string, unknown> = {};
      for (let i = random.below(6); i > 0; i--) {
        body[random.pick(members)] = valueOf(random, members, 3);
      }
      return JSON.stringify(body);
    }
  }
}

/** An input in which most members are of their type. */
function messageFor(random: Random, fields: Fields): object {
  const message: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (random.below(3) !== 0) message[name] = fieldFor(random, field);
  }
  if (random.below(2) === 0 && "StreamName" in fields) message["StreamName"] = "fuzz";
  if (random.below(2) === 0 && "StreamArn" in fields) message["StreamArn"] = "fuzz";
  return message;
}

function fieldFor(random: Random, field: Field): unknown {
  if (random.below(20) === 0) return valueOf(random, recordMembers, 2);
  switch (field.type) {
    case "text":
      return random.pick(texts);
    case "integer":
    case "time":
      return random.pick(numbers);
    case "boolean":
      return random.below(2) === 0;
    case "bytes":
      return random.pick(["", "AA==", "AAEC", "not base64!", "x".repeat(5000)]);
    case "name":
      return random.pick([...field.names, "ANOTHER"]);
    case "list":
      return Array.from({ length: random.below(4) }, () => messageFor(random, field.of));
    case "message":
      return messageFor(random, field.fields);
  }
}

function valueOf(random: Random, members: readonly string[], depth: number): unknown {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
    case 1:
      return random.pick(numbers);
    case 2:
    case 3:
    case 4:
      return random.pick(texts);
    case 5:
      return random.pick([null, true, false]);
    case 6:
      return Array.from({ length: random.below(4) }, () => valueOf(random, members, depth - 1));
    default: {
      const value: Record<string, unknown> = {};
      for (let i = random.below(5); i > 0; i--) {
        const name = random.pick(random.below(2) === 0 ? recordMembers : members);
        value[name] = valueOf(random, members, depth - 1);
      }
      return value;
    }
  }
}
