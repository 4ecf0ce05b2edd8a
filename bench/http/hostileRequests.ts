// A seeded generator of hostile requests for every dialect and encoding. Inputs have the shape of
// each operation, with numbers that are huge, negative or invalid, long lists and texts, members of
// another type, too deeply nested or unknown. Bodies, headers and paths may be broken. No count in
// them would justify a long processing time.

import type { operations as KinesisOperations } from "../../worker/kinesis/operations.ts";
import { encodeCbor } from "../../worker/kinesis/cbor.ts";
import type { Shape } from "../../worker/kinesis/shapeTypes.ts";
import type { Field, Fields } from "../../worker/yandex/shapeTypes.ts";
import type { operations as YandexOperations } from "../../worker/yandex/operations.ts";
import type { Random } from "../../test/engine/random.ts";
import { v3ioMembers } from "../../test/worker/v3io/members.ts";
import { loadOperations } from "../tools/operations.ts";

const kinesisOperations = [...(await loadOperations<typeof KinesisOperations>("kinesis")).values()];
const yandexOperations = [...(await loadOperations<typeof YandexOperations>("yandex")).values()];

export type Dialect = "kinesis" | "v3io" | "yandex";

export interface HostileRequest {
  dialect: Dialect;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** The stream that hostile requests may do anything to. */
export const targetStream = "hostile";

const numbers: readonly unknown[] = [
  0,
  1,
  2,
  3,
  -1,
  -0,
  1.5,
  0.1,
  5e-324,
  24,
  25,
  8761,
  10_001,
  4097,
  100_001,
  1_000_000,
  50_000_000,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  2 ** 64,
  1e21,
  1e308,
  -1e308,
];

/** JSON numbers that doubles cannot represent, inserted where a text marks them. */
const rawNumbers = ["1e999", "-1e999", "9".repeat(400), `1${"0".repeat(5000)}`, "0.0000001e-9999"];

const texts: readonly string[] = [
  "",
  "0",
  "a",
  targetStream,
  `/Root/${targetStream}`,
  "shardId-000000000000",
  "shardId-7",
  "shard-000000",
  "shardId-999999999999999999",
  "TRIM_HORIZON",
  "LATEST",
  "AT_SEQUENCE_NUMBER",
  "AT_TIMESTAMP",
  "EARLIEST",
  "SEQUENCE",
  "TIME",
  "PROVISIONED",
  "ON_DEMAND",
  "arn:aws:kinesis:us-east-1:000000000000:stream/hostile",
  "arn:aws:kinesis:us-east-1:000000000000:stream/hostile/consumer/c:1",
  "arn:aws:kinesis",
  "not base64!",
  "A",
  "AAAA",
  "AQAAAAAAAAAAAAAAAAAAAA==",
  "AQAAAP////////////////8=",
  "////",
  "340282366920938463463374607431768211455",
  "340282366920938463463374607431768211456",
  "49680440964476033767863765814080494040550126310645563394",
  "a == 1",
  "a = a + 1; remove b",
  "a[1e9] = 1",
  "not(exists(a))",
  "((((a",
  "9:9",
  "\u0000",
  "\ud800",
  "語\u{1f600}",
  "__proto__",
  "constructor",
  "{}",
  "[]",
  "null",
];

const longTexts: readonly (() => string)[] = [
  () => "9".repeat(100_000),
  () => "x".repeat(300),
  () => "x".repeat(70_000),
  () => "/".repeat(50_000),
  () => ",".repeat(50_000),
  () => "%".repeat(20_000),
  () => "(".repeat(5000),
  () => "a=a+a;".repeat(3000),
  () => `${"1".repeat(50_000)}x`,
  () => "arn:aws:kinesis:kinesis:".repeat(80),
  () => "\u0000".repeat(10_000),
  () => "*".repeat(20_000),
];

const v3ioFunctions = [
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
  "B",
  "BOOL",
  "TS",
];

const names = [
  "bigdata",
  targetStream,
  "other",
  "0",
  "1",
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

const kinesisTypes = ["application/x-amz-json-1.1", "application/x-amz-cbor-1.1"];
const yandexTypes = [
  ...kinesisTypes,
  "application/json",
  "application/cbor",
  "application/x-amz-json-1.0",
];
const otherTypes = [
  "text/plain",
  "",
  ";;;",
  "application/json",
  "application/x-amz-json-1.1; charset=utf-7",
];

const signature =
  "AWS4-HMAC-SHA256 Credential=hostile/20360101/us-east-1/kinesis/aws4_request, " +
  "SignedHeaders=host, Signature=0";

const authorizations = [
  "Bearer x",
  "AWS4-HMAC-SHA256",
  "AWS4-HMAC-SHA256 Credential=",
  `AWS4-HMAC-SHA256 ${"Credential=a/b,".repeat(500)}`,
  "Basic %%%",
  "x".repeat(5000),
];

export function hostileRequest(random: Random): HostileRequest {
  const dialect = random.pick(["kinesis", "v3io", "yandex"] as const);
  const request = { kinesis, v3io, yandex }[dialect](random);
  if (random.chance(0.02)) request.headers["content-type"] = random.pick(otherTypes);
  if (random.chance(0.04)) request.body = brokenBody(random);
  return { dialect, ...request };
}

/** A command that sends the request again. */
export function curlOf(request: HostileRequest, endpoint: string): string {
  const { method, path, headers, body } = request;
  const flags = Object.entries(headers).map(([name, value]) => `-H '${name}: ${quoted(value)}'`);
  const hex = Buffer.from(body).toString("base64");
  const data = body.length === 0 ? "" : `echo ${hex} | base64 -d | `;
  const send = body.length === 0 ? "" : " --data-binary @-";
  return `${data}curl -sv --path-as-is -X ${method} ${flags.join(" ")}${send} '${endpoint}${quoted(path)}'`;
}

type Unnamed = Omit<HostileRequest, "dialect">;

function kinesis(random: Random): Unnamed {
  const operation = random.pick(kinesisOperations);
  const type = random.pick(kinesisTypes);
  const input = kinesisValue(random, operation.input);
  const headers: Record<string, string> = {
    "content-type": type,
    "x-amz-target": random.chance(0.98)
      ? `Kinesis_20131202.${operation.name}`
      : random.pick(["", ".", "Kinesis_20131202.", "a.b"]),
    "x-amz-date": "20360101T000000Z",
  };
  if (random.chance(0.95))
    headers["authorization"] = random.chance(0.8) ? signature : random.pick(authorizations);
  return { method: "POST", path: "/", headers, body: encode(random, input, type) };
}

function yandex(random: Random): Unnamed {
  const operation = random.pick(yandexOperations);
  const type = random.pick(yandexTypes);
  const input = yandexMessage(random, operation.input);
  const headers: Record<string, string> = {
    "content-type": type,
    "x-amz-target": `kinesisApi.${random.chance(0.98) ? operation.name : random.pick(["", ".", "No"])}`,
    "x-amz-date": "20360101T000000Z",
  };
  if (random.chance(0.95))
    headers["authorization"] = random.chance(0.7) ? "Bearer x" : random.pick(authorizations);
  const path = random.chance(0.9) ? "/Root" : pathOf(random);
  return { method: "POST", path, headers, body: encode(random, input, type) };
}

function v3io(random: Random): Unnamed {
  const headers: Record<string, string> = { "x-v3io-session-key": "hostile" };
  const hasFunction = random.chance(0.75);
  if (hasFunction) headers["x-v3io-function"] = random.pick(v3ioFunctions);
  if (random.chance(0.1))
    headers["range"] = random.pick(["bytes=-1", "bytes=9-1", "bytes=0-99999999999999", "x"]);
  const method = random.pick(
    hasFunction ? ["PUT", "POST", "GET", "PATCH"] : ["PUT", "GET", "HEAD", "DELETE", "POST"],
  );
  const usual = [
    `/bigdata/${targetStream}/`,
    `/bigdata/${targetStream}/0`,
    "/bigdata/d/o",
    "/bigdata",
  ];
  const path = (random.chance(0.7) ? random.pick(usual) : pathOf(random)) + queryOf(random);
  const input: Record<string, unknown> = {};
  for (let i = random.below(7); i > 0; i--) input[random.pick(v3ioMembers)] = anyValue(random, 3);
  if (random.chance(0.2))
    input["Records"] = listOf(random, () => membersOf(random, recordMembers, 2));
  const hasBody = method !== "GET" && method !== "HEAD" && method !== "DELETE";
  return {
    method,
    path,
    headers,
    body: hasBody ? encode(random, input, "json") : new Uint8Array(0),
  };
}

/** A value of the shape; sometimes a value of no shape. */
function kinesisValue(random: Random, shape: Shape): unknown {
  if (random.chance(0.04)) return anyValue(random, 2);
  switch (shape.type) {
    case "String":
      return random.chance(0.4) && shape.values ? random.pick(shape.values) : textOf(random);
    case "Integer":
    case "Long":
    case "Timestamp":
      return numberOf(random);
    case "Boolean":
      return random.chance(0.5);
    case "Blob":
      return random.chance(0.5)
        ? textOf(random)
        : Buffer.from(random.bytes(random.below(40))).toString("base64");
    case "List":
      return listOf(random, () => kinesisValue(random, shape.item));
    case "Map":
      return Object.fromEntries(
        listOf(random, () => [textOf(random), kinesisValue(random, shape.item)]),
      );
    case "Structure": {
      const members = shape.members.filter(() => random.chance(0.8));
      return Object.fromEntries(
        members.map(({ name, shape: of }) => [
          name,
          named(random, name) ?? kinesisValue(random, of),
        ]),
      );
    }
  }
}

function yandexMessage(random: Random, fields: Fields): unknown {
  const members = Object.entries(fields).filter(() => random.chance(0.75));
  return Object.fromEntries(
    members.map(([name, field]) => [name, named(random, name) ?? yandexValue(random, field)]),
  );
}

function yandexValue(random: Random, field: Field): unknown {
  if (random.chance(0.04)) return anyValue(random, 2);
  switch (field.type) {
    case "text":
    case "bytes":
      return textOf(random);
    case "integer":
    case "time":
      return numberOf(random);
    case "boolean":
      return random.chance(0.5);
    case "name":
      return random.pick([...field.names, "ANOTHER", ""]);
    case "list":
      return listOf(random, () => yandexMessage(random, field.of));
    case "message":
      return yandexMessage(random, field.fields);
  }
}

/** Most requests name the existing stream and shard. */
function named(random: Random, name: string): string | undefined {
  if (/^Stream(?:Name|Arn)$/.test(name) && random.chance(0.7)) return targetStream;
  return name === "ShardId" && random.chance(0.5)
    ? random.pick(["shardId-000000000000", "shard-000000"])
    : undefined;
}

function anyValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
    case 1:
      return numberOf(random);
    case 2:
    case 3:
    case 4:
      return textOf(random);
    case 5:
      return random.pick([null, true, false]);
    case 6:
      return listOf(random, () => anyValue(random, depth - 1));
    default:
      return membersOf(random, random.chance(0.5) ? recordMembers : v3ioMembers, depth);
  }
}

function membersOf(random: Random, members: readonly string[], depth: number): object {
  const value: Record<string, unknown> = {};
  for (let i = random.below(5); i > 0; i--)
    value[random.pick(members)] = anyValue(random, depth - 1);
  return value;
}

/** Mostly a few elements; rarely more than any operation accepts, all of them equal. */
function listOf<T>(random: Random, makeItem: () => T): T[] {
  if (random.chance(0.985)) return Array.from({ length: random.below(4) }, makeItem);
  const item = makeItem();
  if (JSON.stringify(item)?.length > 2000) return [item];
  const length = random.pick([501, 1001, 10_001, 120_000]);
  return Array.from({ length }, () => item);
}

function numberOf(random: Random): unknown {
  if (random.chance(0.05)) return rawMark + random.below(rawNumbers.length);
  return random.pick(numbers);
}

function textOf(random: Random): string {
  return random.chance(0.04) ? random.pick(longTexts)() : random.pick(texts);
}

/** A placeholder for a number that only JSON text can contain. */
const rawMark = "\u0001number";

function encode(random: Random, input: unknown, type: string): Uint8Array {
  if (type.includes("cbor")) return encodeCbor(input);
  const text = JSON.stringify(input).replaceAll(
    /"\\u0001number(\d)"/g,
    (_, at: string) => rawNumbers[Number(at)] ?? "0",
  );
  const body = Buffer.from(text);
  // Half a body, or one with bytes that are no UTF-8.
  if (random.chance(0.01)) return body.subarray(0, random.below(body.length + 1));
  if (random.chance(0.01) && body.length > 0) body[random.below(body.length)] = 0xff;
  return body;
}

function brokenBody(random: Random): Uint8Array {
  const repeat = (before: string, unit: string, after = "") =>
    Buffer.from(before + unit.repeat(random.pick([10, 5000, 200_000])) + after);
  switch (random.below(12)) {
    case 0:
      return random.bytes(random.below(2000));
    case 1:
      return Buffer.from(
        random.pick(["", "null", "[]", "5", '"a"', "{", '{"a":', "{}garbage", "\ufeff{}", " "]),
      );
    case 2:
      return repeat("", "[");
    case 3:
      return repeat("", '{"a":');
    case 4:
      return repeat('{"Records":[', "{},", "{}]}");
    case 5:
      return repeat('{"Limit":', "9", "}");
    case 6:
      return repeat('{"StreamName":"', "\\u0000", '"}');
    case 7:
      return repeat("{", '"a":1,', '"a":2}');
    case 8:
      // CBOR that claims more bytes or items than exist.
      return Uint8Array.of(random.pick([0x5b, 0x7b, 0x9b, 0xbb]), ...random.bytes(8), 0x60);
    case 9:
      return Buffer.concat([
        Uint8Array.of(0xbf, 0x67, ...Buffer.from("Records"), 0x9f),
        Buffer.alloc(random.pick([10, 200_000]), 0xa0),
        Uint8Array.of(0xff, 0xff),
      ]);
    case 10:
      return new Uint8Array(random.pick([10, 100, 100_000])).fill(
        random.pick([0x81, 0xc1, 0xd8, 0xa1, 0x9f, 0x5f, 0x60]),
      );
    default:
      // CBOR numbers: not one, infinite, of 64 bits, negative.
      return Uint8Array.of(0xa1, 0x65, ...Buffer.from("Limit"), ...random.pick(cborNumbers));
  }
}

const cborNumbers: readonly (readonly number[])[] = [
  [0xf9, 0x7e, 0x00],
  [0xf9, 0x7c, 0x00],
  [0xfb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0],
  [0x1b, 255, 255, 255, 255, 255, 255, 255, 255],
  [0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
  [0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0],
];

function pathOf(random: Random): string {
  return `/${Array.from({ length: random.below(6) }, () => random.pick(names)).join("/")}`;
}

function queryOf(random: Random): string {
  if (random.chance(0.7)) return "";
  const keys = [
    "prefix",
    "marker",
    "max-keys",
    "prefix-only",
    "prefix-info",
    "X-Amz-Algorithm",
    "x",
  ];
  const values = [
    ...names,
    "1",
    "0",
    "-1",
    "999999999",
    "99999999999999999999",
    "1e9",
    `${targetStream}/`,
  ];
  const pairs = Array.from(
    { length: random.below(4) },
    () => `${random.pick(keys)}=${random.pick(values)}`,
  );
  return `?${pairs.join("&")}`;
}

function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}
