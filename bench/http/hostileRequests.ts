// A seeded generator of hostile requests for every dialect and encoding. Inputs have the shape of
// each operation, with values that are hostile (hostileValues.ts). Bodies, headers and paths may be broken.

import type { operations as KinesisOperations } from "../../worker/kinesis/operations.ts";
import type { Shape } from "../../worker/kinesis/shapeTypes.ts";
import type { Field, Fields } from "../../worker/yandex/shapeTypes.ts";
import type { operations as YandexOperations } from "../../worker/yandex/operations.ts";
import type { Random } from "../../test/engine/random.ts";
import { durableRequest, operatorRequest } from "./hostilePaths.ts";
import { v3ioMembers } from "../../test/worker/v3io/members.ts";
import { loadOperations } from "../tools/operations.ts";
import {
  anyValue,
  brokenBody,
  encode,
  listOf,
  membersOf,
  numberOf,
  recordMembers,
  targetStream,
  textOf,
} from "./hostileValues.ts";

const kinesisOperations = [...(await loadOperations<typeof KinesisOperations>("kinesis")).values()];
const yandexOperations = [...(await loadOperations<typeof YandexOperations>("yandex")).values()];

export type Dialect = "kinesis" | "v3io" | "yandex" | "durable" | "operator";

export interface HostileRequest {
  dialect: Dialect;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

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

/** `queue`: the ARN of a queue that hostile requests may do anything to. */
export function hostileRequest(random: Random, queue?: string): HostileRequest {
  const dialect = random.pick(["kinesis", "v3io", "yandex", "durable", "operator"] as const);
  const makers = { kinesis, v3io, yandex, durable: durableRequest, operator: operatorRequest };
  const request = makers[dialect](random, queue);
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

function kinesis(random: Random, queue: string | undefined): Unnamed {
  const operation = random.pick(kinesisOperations);
  const type = random.pick(kinesisTypes);
  const input = kinesisValue(random, operation.input);
  if (queue !== undefined && isRecord(input) && "QueueARN" in input && random.chance(0.7)) {
    input["QueueARN"] = queue;
    // A receive without records waits as long as it says.
    if ("WaitTimeSeconds" in input || operation.name.startsWith("Receive")) {
      input["WaitTimeSeconds"] = random.chance(0.8) ? 1 : numberOf(random);
      if (isLongWait(input["WaitTimeSeconds"])) input["WaitTimeSeconds"] = 1;
    }
  }
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLongWait(seconds: unknown): boolean {
  return typeof seconds === "number" && seconds > 1 && seconds <= 21;
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
