// Requests that nobody would send, to the Kinesis face inside workerd: every operation with inputs out
// of its own shape, most of them almost right, and now and then a target, content type or body that
// is none. Whatever comes in is answered, never with an error of the server, and always in the service's own form;
// and a stream that was there before is there afterwards with its record.

import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { errorStatus } from "../../../worker/kinesis/errors.ts";
import type { Shape } from "../../../worker/kinesis/shapeTypes.ts";
import { declared } from "../../../worker/kinesis/operations.ts";
import { Random } from "../../engine/random.ts";
import { base64, kinesisOver } from "./client.ts";

const seed = 20_261_121;
const requestCount = 1500;
const kept = "kept";

const call = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
const random = new Random(seed);

/** Also counts of shards: none that takes long to make. */
const numbers = [
  0,
  1,
  2,
  3,
  -1,
  1.5,
  24,
  25,
  4097,
  8761,
  100_000,
  1e6,
  5e7,
  2 ** 31,
  2 ** 32,
  -(2 ** 32),
  1e9,
  2 ** 53,
  2 ** 64,
  1e308,
  -1e308,
  -0,
];

const texts = [
  "",
  "0",
  "a",
  "fuzz",
  "shardId-000000000000",
  "shardId-7",
  "49680440964476033767863765814080494040550126310645563394",
  "arn:aws:kinesis:us-east-1:000000000000:stream/fuzz",
  "arn:aws:kinesis:us-east-1:000000000000:stream/fuzz/consumer/c:1",
  "AAAAAAAAAAEA",
  "340282366920938463463374607431768211455",
  "\u0000",
  "\ud800",
  "語\u{1f600}",
  "x".repeat(300),
  "__proto__",
];

const contentTypes = ["application/x-amz-json-1.1", "application/json", "text/plain", ""];

const bodies = [
  "",
  "null",
  "[]",
  "{",
  '{"a":',
  "\u0000",
  '{"__proto__":{"a":1}}',
  "\ufeff{}",
  "\ud800",
];

test(`${requestCount} requests, seed ${seed}`, { timeout: 120_000 }, async () => {
  await call("CreateStream", { StreamName: kept, ShardCount: 1 });
  await call("CreateStream", { StreamName: "fuzz", ShardCount: 1 });
  const put = { StreamName: kept, PartitionKey: "a", Data: base64("kept") };
  const { output } = await call("PutRecord", put);
  for (let i = 0; i < requestCount; i++) await sendAny(i);
  const ShardIteratorType = "TRIM_HORIZON";
  const start = { StreamName: kept, ShardId: output.ShardId, ShardIteratorType };
  const { ShardIterator } = (await call("GetShardIterator", start)).output;
  const page = (await call("GetRecords", { ShardIterator })).output;
  expect(page.Records).toMatchObject([{ Data: put.Data, SequenceNumber: output.SequenceNumber }]);
});

async function sendAny(i: number): Promise<void> {
  const { name: operation, input: shape } = random.pick(declared);
  const isRaw = random.chance(0.1);
  const input = isRaw ? random.pick(bodies) : (valueOf(shape) as object);
  const changes: Record<string, string | null> = {};
  if (random.chance(0.1)) changes["content-type"] = random.pick(contentTypes);
  if (random.chance(0.05)) changes["x-amz-target"] = random.pick(["", ".", "Kinesis_20131202.No"]);
  if (random.chance(0.05)) changes["authorization"] = random.pick(["AWS4-HMAC-SHA256 a", "x"]);
  const text = JSON.stringify(input)?.slice(0, 300);
  const what = `seed ${seed}, request ${i}: ${operation} ${text} ${JSON.stringify(changes)}`;
  const reply = await call(operation, input, changes);
  expect(reply.status, what).toBeLessThan(500);
  const isJson = reply.headers.get("content-type") === "application/x-amz-json-1.1";
  if (reply.status === 400 && isJson)
    expect(Object.keys(errorStatus), what).toContain(reply.error.name);
}

/** A value of the shape, or one time in eight of some other. */
function valueOf(shape: Shape): unknown {
  if (random.chance(0.02)) return random.pick([null, true, 1, "a", [], {}]);
  switch (shape.type) {
    case "String":
      return random.pick(random.chance(0.5) ? (shape.values ?? texts) : texts);
    case "Integer":
    case "Long":
    case "Timestamp":
      return random.pick(numbers);
    case "Boolean":
      return random.chance(0.5);
    case "Blob":
      return random.chance(0.9)
        ? Buffer.from(random.bytes(random.below(20))).toString("base64")
        : "=";
    case "List":
      return Array.from({ length: random.below(4) }, () => valueOf(shape.item));
    case "Map":
      return { a: valueOf(shape.item), [random.pick(texts)]: valueOf(shape.item) };
    case "Structure": {
      const members = shape.members.filter(() => random.chance(0.75));
      return Object.fromEntries(
        members.map((member) => [member.name, nameOr(member.name, member.shape)]),
      );
    }
  }
}

/** A stream that exists is meant more often than not; the one that is kept is never named. */
function nameOr(name: string, shape: Shape): unknown {
  if (name === "StreamName" && random.chance(0.7)) return "fuzz";
  if (name === "ShardId" && random.chance(0.7)) return "shardId-000000000000";
  return valueOf(shape);
}
