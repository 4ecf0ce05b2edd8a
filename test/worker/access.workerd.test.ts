// Who may do what through the v3io and the Yandex face, inside workerd: keys, passwords and tokens of one
// configuration, allow lists and a policy attached to a stream; what each dialect says to those it does
// not let in, and what everybody hears while nothing is configured.

import { setClock } from "../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Env } from "../../worker/core/bindings.ts";
import { catalogOf, forgetStream } from "../../worker/stream/directory.ts";
import { unwrap } from "../../worker/core/rpc.ts";
import { Backend } from "../../worker/stream/backend.ts";
import { serveV3io } from "../../worker/v3io/face.ts";
import { serveYandex } from "../../worker/yandex/face.ts";
import { nowMs, type PlainRequest, sign, timestamp } from "./auth/requests.ts";
import { errorText } from "./v3io/client.ts";

const account = "111122223333";
const home = { account: "000000000000", region: "us-east-1" };
const scope = { account, region: home.region };

const principals = [
  {
    accessKeyId: "owner",
    secretAccessKey: "open sesame",
    account,
    v3io: { accessKey: "owner-session", user: "owner", password: "pass:word" },
    tokens: ["owner-token"],
  },
  {
    accessKeyId: "reader",
    secretAccessKey: "reading",
    account,
    allow: [
      {
        actions: ["kinesis:Get*", "kinesis:DescribeStream", "v3io:Get*", "v3io:Seek"],
        streams: ["orders-*"],
      },
    ],
    v3io: { accessKey: "reader-session" },
    tokens: ["reader-token"],
  },
];

const keys = { MILLRACE_AUTH: JSON.stringify({ principals }), MILLRACE_ACCESS: "keys" };
const closed = { MILLRACE_ACCESS: "closed" };

const denied = errorText(-13, "Permission denied");

let stream: string;

beforeEach(async () => {
  stream = `orders-${crypto.randomUUID()}`;
  const spec = { name: stream, shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
});

afterEach(() => {
  vi.useRealTimers();
});

describe("v3io", () => {
  test.each<[string, Record<string, string>]>([
    ["a session key", { "x-v3io-session-key": "owner-session" }],
    ["a password", { authorization: `Basic ${btoa("owner:pass:word")}` }],
    ["a header as for S3", { authorization: "AWS owner-session:any" }],
    [
      "a header as for S3 of now",
      {
        authorization:
          "AWS4-HMAC-SHA256 Credential=owner-session/20260101/us-east-1/s3/aws4_request, " +
          "SignedHeaders=host, Signature=any",
      },
    ],
  ])("%s lets in", async (_, headers) => {
    const reply = await v3io("DescribeStream", stream, headers);
    expect([reply.status, reply.text]).toEqual([200, '{"RetentionPeriodHours":24,"ShardCount":1}']);
  });

  test.each<[string, number, Record<string, string>]>([
    ["nothing", 401, {}],
    ["an unknown session key", 403, { "x-v3io-session-key": "some" }],
    ["the key id of a signature", 403, { "x-v3io-session-key": "owner" }],
    ["a wrong password", 403, { authorization: `Basic ${btoa("owner:password")}` }],
    ["a token of the other dialect", 403, { "x-v3io-session-key": "owner-token" }],
    ["another scheme", 401, { authorization: "Bearer owner-token" }],
  ])("%s does not: %i", async (_, status, headers) => {
    for (const name of ["DescribeStream", "CreateStream", "PutItem", "NoSuchFunction", undefined]) {
      const reply = await v3io(name, stream, headers);
      expect([reply.status, reply.text]).toEqual([status, denied]);
    }
  });

  const reader = { "x-v3io-session-key": "reader-session" };

  test("an allow list reaches as far as it says", async () => {
    const owner = { "x-v3io-session-key": "owner-session" };
    const records = { Records: [{ Data: "", ShardId: 0 }] };
    expect((await v3io("PutRecords", stream, owner, records)).status).toBe(200);
    await v3io("PutItem", `${stream}/g-state.json`, owner, { Item: { a: { N: "1" } } });
    const allowed: [string, string, object][] = [
      ["Seek", `${stream}/0`, { Type: "EARLIEST" }],
      ["SeekShard", `${stream}/0`, { Type: "EARLIEST" }],
      ["GetRecords", `${stream}/0`, { Location: "AQAAAAAAAAAAAAAAAAAAAA==" }],
      ["GetItem", `${stream}/0`, { AttributesToGet: "__obj_type" }],
      ["GetItem", `${stream}/g-state.json`, { AttributesToGet: "*" }],
      ["GetItems", `${stream}/`, { AttributesToGet: "*" }],
    ];
    for (const [name, at, body] of allowed) {
      expect([name, (await v3io(name, at, reader, body)).status]).toEqual([name, 200]);
    }
    const refused: [string | undefined, string, (object | undefined)?, string?][] = [
      ["PutRecords", stream, records],
      ["UpdateStream", stream, { ShardCount: 2 }],
      ["DescribeStream", stream],
      ["CreateStream", "orders-new", { ShardCount: 1 }],
      ["PutItem", `${stream}/g-state.json`, { Item: {} }],
      ["UpdateItem", `${stream}/0`, { UpdateExpression: "a = 1" }],
      ["GetItem", "else/where", { AttributesToGet: "*" }],
      ["GetItems", "elsewhere/", { AttributesToGet: "*" }],
      ["Seek", "payments/0", { Type: "EARLIEST" }],
      [undefined, `${stream}/`, undefined, "DELETE"],
      [undefined, `${stream}/0`, undefined, "DELETE"],
      [undefined, `${stream}/object`, undefined, "PUT"],
      [undefined, "", undefined, "GET"],
      [undefined, `?prefix=${stream}`, undefined, "GET"],
    ];
    for (const [name, at, body, method] of refused) {
      const reply = await v3io(name, at, reader, body, method);
      expect([name, at, reply.status, reply.text]).toEqual([name, at, 403, denied]);
    }
    expect((await v3io(undefined, `${stream}/g-state.json`, reader, undefined, "GET")).status).toBe(
      200,
    );
  });

  test("a policy attached to the stream allows more, by Kinesis's names", async () => {
    const Statement = {
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${account}:user/reader` },
      Action: "kinesis:PutRecords",
      Resource: `arn:aws:kinesis:us-east-1:${account}:stream/${stream}`,
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement });
    unwrap(await catalogOf(env, scope).changePolicy({ stream }, policy));
    const records = { Records: [{ Data: "", ShardId: 0 }] };
    expect((await v3io("PutRecords", stream, reader, records)).status).toBe(200);
    expect((await v3io("DescribeStream", stream, reader)).status).toBe(403);
  });

  test("what lies in a stream is the stream's until it is gone", async () => {
    const Statement = {
      Effect: "Deny",
      Principal: "*",
      Action: "kinesis:GetRecords",
      Resource: "*",
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement });
    unwrap(await catalogOf(env, scope).changePolicy({ stream }, policy));
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      unwrap(await catalogOf(env, scope).deleteStream(stream));
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
    forgetStream(scope, stream);
    const owner = { "x-v3io-session-key": "owner-session" };
    for (const at of [`${stream}/state`, stream]) {
      const reply = await v3io("PutItem", at, owner, { Item: {} });
      expect([at, reply.status]).toEqual([at, 403]);
    }
  });

  test("an account sees its own streams", async () => {
    const open = { MILLRACE_ACCESS: "open" };
    for (const [name, status] of [
      [account, 200],
      ["444455556666", 404],
    ] as const) {
      const headers = { "x-v3io-session-key": name };
      const reply = await v3io("DescribeStream", stream, headers, {}, "PUT", open);
      expect(reply.status).toBe(status);
    }
  });

  test("while nothing is configured everybody hears what to set", async () => {
    const owner = { "x-v3io-session-key": "owner-session" };
    const reply = await v3io("DescribeStream", stream, owner, {}, "PUT", closed);
    expect(reply.status).toBe(403);
    const { ErrorMessage } = JSON.parse(reply.text) as { ErrorMessage: string };
    expect(ErrorMessage).toMatch(/^Permission denied\. This Millrace is closed: .*MILLRACE_AUTH/);
  });
});

describe("Yandex", () => {
  test("a token of the configuration lets in, in any of its headers", async () => {
    for (const headers of [
      bearer("owner-token"),
      { "x-yacloud-subjecttoken": "owner-token" },
      { "x-yacloud-subjecttoken": "Bearer owner-token" },
      { "x-amz-security-token": "owner-token" },
    ]) {
      const { text } = await yandex("DescribeStream", { StreamName: stream }, headers);
      expect(text).toContain(`"Owner":"${account}"`);
    }
  });

  test("a signature lets in, and one that is wrong does not", async () => {
    setClock(nowMs);
    const request: PlainRequest = {
      method: "POST",
      path: "/Root",
      query: "",
      headers: [
        ["Host", "localhost"],
        ["Content-Type", "application/json"],
        ["X-Amz-Target", "kinesisApi.DescribeStream"],
        ["X-Amz-Date", timestamp],
      ],
      body: JSON.stringify({ StreamName: stream }),
    };
    for (const [secretAccessKey, region, name] of [
      ["open sesame", "ru-central1", undefined],
      ["open sesame", "us-east-1", undefined],
      ["open sesame", "aliaska-2", "AccessDeniedException"],
      ["shut", "ru-central1", "AccessDeniedException"],
    ] as const) {
      const key = { accessKeyId: "owner", secretAccessKey };
      const signingScope = `${timestamp.slice(0, 8)}/${region}/kinesis/aws4_request`;
      const { headers } = sign(request, { key, scope: signingScope });
      const sent = Object.fromEntries(
        headers.map(([header, value]) => [header.toLowerCase(), value]),
      );
      const { error } = await yandex("DescribeStream", { StreamName: stream }, sent);
      expect([region, error]).toEqual([region, name]);
    }
  });

  test.each<[string, Record<string, string>, string]>([
    ["an unknown token", bearer("owner"), "AccessDeniedException"],
    ["a session key of the other dialect", bearer("owner-session"), "AccessDeniedException"],
    ["nothing", {}, "IncompleteSignature"],
  ])("%s does not: %s", async (_, headers, name) => {
    for (const method of ["DescribeStream", "CreateStream", "ListStreams"]) {
      const { status, error } = await yandex(method, {}, headers);
      expect([status, error]).toEqual([400, name]);
    }
  });

  test("an allow list reaches as far as it says", async () => {
    const input = { StreamName: stream };
    const target = { ...input, ShardId: "shard-000000", ShardIteratorType: "TRIM_HORIZON" };
    const reader = bearer("reader-token");
    const ShardIterator = await iteratorOf(target, reader);
    expect((await yandex("GetRecords", { ShardIterator }, reader)).status).toBe(200);
    expect((await yandex("DescribeStream", input, reader)).status).toBe(200);
    for (const [method, body] of [
      ["PutRecord", { ...input, PartitionKey: "a", Data: "" }],
      ["PutRecords", { ...input, Records: [] }],
      ["ListShards", input],
      ["ListStreams", {}],
      ["DeleteStream", input],
      ["CreateStream", { StreamName: "orders-x" }],
      ["UpdateShardCount", { ...input, TargetShardCount: 2 }],
      ["UpdateStream", { ...input, TargetShardCount: 2 }],
      ["RegisterStreamConsumer", { StreamArn: stream, ConsumerName: "c" }],
      ["DescribeStream", { StreamName: "payments" }],
      ["GetShardIterator", { ...target, StreamName: "payments" }],
    ] as const) {
      const { status, error } = await yandex(method, body, reader);
      expect([method, status, error]).toEqual([method, 400, "AccessDeniedException"]);
    }
  });

  test("an iterator does not let in whom its stream does not", async () => {
    const name = `payments-${crypto.randomUUID()}`;
    const owner = bearer("owner-token");
    await yandex("CreateStream", { StreamName: name }, owner);
    const target = { StreamName: name, ShardId: "shard-000000", ShardIteratorType: "LATEST" };
    const ShardIterator = await iteratorOf(target, owner);
    const { error } = await yandex("GetRecords", { ShardIterator }, bearer("reader-token"));
    expect(error).toBe("AccessDeniedException");
  });

  test("while nothing is configured everybody hears what to set", async () => {
    const { error, text } = await yandex("ListStreams", {}, bearer("owner-token"), closed);
    expect(error).toBe("AccessDeniedException");
    expect(text).toMatch(/"message":"This Millrace is closed: .*MILLRACE_AUTH/);
  });
});

/** A function, or a plain verb, at a place in the default container. */
async function v3io(
  name: string | undefined,
  at: string,
  headers: Record<string, string>,
  body: object | undefined = {},
  method = "PUT",
  access: Partial<Env> = keys,
): Promise<{ status: number; text: string }> {
  const isPlain = name === undefined;
  const request = new Request(`http://localhost/bigdata/${at}`, {
    method: isPlain ? (method ?? "GET") : "PUT",
    headers: { ...headers, ...(!isPlain && { "x-v3io-function": name }) },
    ...(!isPlain && { body: JSON.stringify(body) }),
  });
  const reply = await serveV3io(request, backendWith(access), home);
  return { status: reply.status, text: await textOf(reply) };
}

async function yandex(
  method: string,
  input: object,
  headers: Record<string, string>,
  access: Partial<Env> = keys,
): Promise<{ status: number; text: string; error: string | undefined }> {
  const request = new Request("http://localhost/Root", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-amz-target": `kinesisApi.${method}`,
      ...headers,
    },
    body: JSON.stringify(input),
  });
  const reply = await serveYandex(request, backendWith(access), home);
  const text = await textOf(reply);
  return { status: reply.status, text, error: /"__type":"(\w+)"/.exec(text)?.[1] };
}

async function iteratorOf(target: object, headers: Record<string, string>): Promise<string> {
  const { text } = await yandex("GetShardIterator", target, headers);
  return (JSON.parse(text) as { ShardIterator: string }).ShardIterator;
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function backendWith(access: Partial<Env>): Backend {
  const { MILLRACE_ACCESS: _, ...others } = env;
  const bindings = { ...others, ...access };
  return new Backend({ env: bindings, segments: exports.Segments, waitUntil: () => {} });
}

async function textOf(reply: Response): Promise<string> {
  return Buffer.from(await reply.arrayBuffer()).toString();
}
