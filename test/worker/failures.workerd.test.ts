// What is no caller's doing is logged once, with the id that the reply has, in every dialect: a commit that fails,
// for a record and for many of one request, and an exception of an object. What callers do is not logged at all.

import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { catalogOf } from "../../worker/stream/directory.ts";
import { unwrap } from "../../worker/core/rpc.ts";
import { base64 } from "./kinesis/client.ts";
import { sabotage } from "../support/shards.ts";

const scope = { account: "000000000000", region: "us-east-1" };
const fault = "the disk is on fire";

let name: string;
let log: ReturnType<typeof spyOnLog>;

beforeEach(async () => {
  name = crypto.randomUUID();
  const spec = { name, shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
  log = spyOnLog();
});

afterEach(() => {
  log.mockRestore();
});

interface Request {
  path: string;
  headers: Record<string, string>;
  body: object;
  /** Of a reply that tells of the failure. */
  status: number;
  idHeader: string;
}

const aws = (target: string): Record<string, string> => ({
  "x-amz-target": target,
  "content-type": "application/x-amz-json-1.1",
  authorization:
    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
  "x-amz-date": "20260101T000000Z",
});

const record = () => ({ Data: base64("a"), PartitionKey: "k" });
const records = () => Array.from({ length: 20 }, record);

const puts: [what: string, request: () => Request][] = [
  ["Kinesis PutRecord", () => kinesis("PutRecord", 500, { StreamName: name, ...record() })],
  [
    "Kinesis PutRecords",
    () => kinesis("PutRecords", 200, { StreamName: name, Records: records() }),
  ],
  [
    "Kinesis PutRecords with a hash key",
    () =>
      kinesis("PutRecords", 200, {
        StreamName: name,
        Records: records().map((each) => Object.assign(each, { ExplicitHashKey: "0" })),
      }),
  ],
  ["v3io PutRecords", () => v3io("PutRecords", 200, name, { Records: records() })],
  ["Yandex PutRecord", () => yandex("PutRecord", 500, { StreamName: name, ...record() })],
  ["Yandex PutRecords", () => yandex("PutRecords", 200, { StreamName: name, Records: records() })],
];

describe("a commit that fails", () => {
  test.each(puts)(
    "%s: logged once by its shard, and once with the request's id",
    async (_, request) => {
      const { stream } = unwrap(await catalogOf(env, scope).describeStream(name));
      for (const { uid } of stream.shards) {
        await sabotage(env.SHARD.getByName(uid), (storage) => {
          const sync = storage.sync.bind(storage);
          storage.sync = () => {
            storage.sync = sync;
            return Promise.reject(new Error(fault));
          };
        });
      }
      const [uid] = stream.shards.map((shard) => shard.uid);
      await expectLogged(request(), [`a commit of shard ${uid} failed`]);
    },
  );
});

describe("an object that throws", () => {
  const calls: [what: string, request: () => Request][] = [
    ...puts.map(
      ([what, request]) => [what, () => ({ ...request(), status: 500 })] as [string, () => Request],
    ),
    ["Kinesis DescribeStream", () => kinesis("DescribeStream", 500, { StreamName: name })],
    ["Yandex DescribeStream", () => yandex("DescribeStream", 500, { StreamName: name })],
    ["v3io DescribeStream", () => v3io("DescribeStream", 500, name, {})],
    ["v3io Seek", () => v3io("Seek", 500, `${name}/0`, { Type: "EARLIEST" })],
    ["v3io GetItem", () => v3io("GetItem", 500, `${name}-a`, { AttributesToGet: "*" })],
    ["v3io GetItems", () => v3io("GetItems", 500, `${name}-a`, { AttributesToGet: "*" })],
  ];

  test.each(calls)("%s: logged once, with the request's id", async (_, request) => {
    const catalog = catalogOf(env, scope);
    const exec = await sabotage(catalog, ({ sql }) => {
      const exec = sql.exec.bind(sql);
      sql.exec = () => {
        throw new Error(fault);
      };
      return { restore: () => (sql.exec = exec) };
    });
    try {
      await expectLogged(request());
    } finally {
      await sabotage(catalog, () => exec.restore());
    }
  });
});

test("what a caller does is not logged", async () => {
  for (const request of [
    kinesis("PutRecord", 400, { StreamName: "none", ...record() }),
    v3io("PutRecords", 200, name, { Records: [{ Data: "%" }, { Data: "", ShardId: 9 }] }),
    v3io("GetItem", 404, "none", { AttributesToGet: "*" }),
    yandex("PutRecord", 400, { StreamName: "none", ...record() }),
  ]) {
    const reply = await send(request);
    await reply.arrayBuffer();
    expect(reply.status).toBe(request.status);
  }
  expect(log).not.toHaveBeenCalled();
});

/** Lines of a shard, when it has any, and then one of the request. */
async function expectLogged(request: Request, ofShard: readonly string[] = []): Promise<void> {
  const reply = await send(request);
  const text = await reply.text();
  expect([reply.status, text]).toEqual([request.status, expect.not.stringContaining(fault)]);
  expect(text).toContain("Internal");
  const id = reply.headers.get(request.idHeader);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  const lines = log.mock.calls.map((args) => args.map(textOf).join(" "));
  expect(lines).toEqual([...ofShard, id].map((about) => expect.stringContaining(about ?? "")));
  for (const line of lines) expect(line).toContain(fault);
}

function kinesis(operation: string, status: number, body: object): Request {
  const headers = aws(`Kinesis_20131202.${operation}`);
  return { path: "/", headers, body, status, idHeader: "x-amzn-requestid" };
}

function yandex(method: string, status: number, body: object): Request {
  return { ...kinesis(method, status, body), headers: aws(`kinesisApi.${method}`) };
}

function v3io(operation: string, status: number, path: string, body: object): Request {
  const headers = { "x-v3io-function": operation, "x-v3io-session-key": "any" };
  return { path: `/bigdata/${path}`, headers, body, status, idHeader: "x-request-id" };
}

function send({ path, headers, body }: Request): Promise<Response> {
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return exports.default.fetch(`http://localhost${path}`, init);
}

function spyOnLog() {
  return vi.spyOn(console, "error").mockReturnValue();
}

function textOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}
