// Pages that the front prints: in every dialect and encoding, over HTTP/1.1 and HTTP/2, in the clear and
// in TLS, they have the records and headers that workerd's own socket gives. A workerd that is killed
// takes nothing along.

import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeCbor } from "../../worker/codec/cborReader.ts";
import { encodeCbor } from "../../worker/kinesis/cbor.ts";
import { type Server, startServer } from "./server.ts";
import { type Ask, askFetch, type Reply, type Sent, type Ways, waysTo } from "./ways.ts";

const json = {
  "content-type": "application/x-amz-json-1.1",
  "x-amz-date": "20261128T000000Z",
};
const cbor = { "content-type": "application/x-amz-cbor-1.1" };
const unsigned =
  "AWS4-HMAC-SHA256 Credential=local/20261128/us-east-1/kinesis/aws4_request, " +
  `SignedHeaders=host, Signature=${"0".repeat(64)}`;

let server: Server;
let direct: string;
/** Asks over each way to the front. */
let ways: Record<string, Ask>;
let opened: Ways;

beforeAll(async () => {
  server = await startServer({ flags: ["--tls"] });
  opened = waysTo(server);
  ({ direct, front: ways } = opened);
});

afterAll(async () => {
  opened[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

describe.each([
  // A page is printed at once, into the engine's memory.
  { name: "usual", count: 3000, dataBytes: 1000, limit: 1000 },
  // A page is longer than what is printed at once.
  { name: "long", count: 8000, dataBytes: 700, limit: 8000 },
  // Each record is longer than the engine's window.
  { name: "huge", count: 3, dataBytes: 5_000_000, limit: 1 },
])("$name pages", ({ name, count, dataBytes, limit }) => {
  let reads: Record<string, Sent>;

  beforeAll(async () => {
    await fill(name, count, dataBytes);
    reads = await readsOf(name, limit);
    await untilOrdered(reads["Kinesis JSON"]!);
  });

  test.each(["Kinesis JSON", "Kinesis CBOR", "v3io JSON", "Yandex JSON", "Yandex CBOR"])(
    "%s",
    async (format) => {
      const sent = reads[format]!;
      const expected = await answered(askFetch(direct), sent);
      const records = recordsOf(expected);
      expect(records.length).toBeGreaterThan(0);
      const before = await orderedPages();
      for (const [way, ask] of Object.entries(ways)) {
        const reply = await answered(ask, sent);
        expect(recordsOf(reply).equals(records), way).toBe(true);
        expect(namesOf(reply), way).toEqual(namesOf(expected));
        expect(reply.headers["content-type"], way).toBe(expected.headers["content-type"]);
        expect(reply.headers["content-length"], way).toBe(String(reply.body.length));
        const sum = reply.headers["x-amz-crc32"];
        if (sum !== undefined) expect(sum, way).toBe(String(crc32(reply.body)));
      }
      expect((await orderedPages()) - before).toBe(Object.keys(ways).length);
    },
  );
});

test("a workerd that is killed takes nothing along", async () => {
  await fill("killed", 2000, 1000);
  const sent = (await readsOf("killed", 1000))["v3io JSON"]!;
  const ask = ways["HTTP/1.1"]!;
  const expected = (await ask(sent)).body;
  await untilOrdered(sent);
  expect((await ask(sent)).body.equals(expected)).toBe(true);
  process.kill(server.workerdPids[0]!, "SIGKILL");
  await expect.poll(() => orderedPages().catch(() => -1)).toBe(0);
  expect((await ask(sent)).body.equals(expected)).toBe(true);
  await untilOrdered(sent);
  expect((await ask(sent)).body.equals(expected)).toBe(true);
});

/** The text or bytes of the records alone: the cursors before them are never the same twice. */
function recordsOf({ body, headers }: Reply): Buffer {
  if (headers["content-type"]?.includes("cbor") === true) {
    const { Records } = decodeCbor(body) as { Records: object[] };
    return Buffer.from(encodeCbor({ Records }));
  }
  return body.subarray(body.indexOf('"Records":['));
}

/** Names of headers, without those of a hop. */
function namesOf({ headers }: Reply): string[] {
  return Object.keys(headers)
    .filter((name) => !["connection", "keep-alive", ":status"].includes(name))
    .toSorted();
}

/** Asks workerd's own socket. */
function askDirect(sent: Sent): Promise<Reply> {
  return answered(askFetch(direct), sent);
}

async function fill(name: string, count: number, dataBytes: number): Promise<void> {
  await askDirect(kinesis("CreateStream", { StreamName: name, ShardCount: 1 }));
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`;
  await askDirect(kinesis("UpdateMaxRecordSize", { StreamARN, MaxRecordSizeInKiB: 10_240 }));
  const batch = Math.min(500, Math.floor(4_000_000 / dataBytes) || 1);
  for (let first = 0; first < count; first += batch) {
    const Records = Array.from({ length: Math.min(batch, count - first) }, (_, i) => ({
      PartitionKey: `"key" ${first + i} ä`,
      Data: Buffer.alloc(dataBytes, `record ${first + i} `).toString("base64"),
    }));
    const reply = JSON.parse(
      (await askDirect(kinesis("PutRecords", { StreamName: name, Records }))).body.toString(),
    );
    expect(reply.FailedRecordCount).toBe(0);
  }
}

function kinesis(action: string, input: object): Sent {
  const headers = {
    ...json,
    "x-amz-target": `Kinesis_20131202.${action}`,
    authorization: unsigned,
  };
  return { path: "/", headers, body: Buffer.from(JSON.stringify(input)) };
}

/** The same, with its reply in JSON. */
async function callDirect(sent: Sent) {
  return JSON.parse((await askDirect(sent)).body.toString());
}

function inCbor(sent: Sent, input: object): Sent {
  const headers = { ...sent.headers, ...cbor };
  return { ...sent, headers, body: Buffer.from(encodeCbor(input)) };
}

/** How each dialect asks for the first page of the stream. */
async function readsOf(StreamName: string, Limit: number): Promise<Record<string, Sent>> {
  const from = { StreamName, ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await callDirect(kinesis("GetShardIterator", from));
  const read = kinesis("GetRecords", { ShardIterator, Limit });
  const v3io = (action: string, input: object): Sent => ({
    path: `/${container}/${StreamName}/0`,
    headers: { "content-type": "application/json", "x-v3io-function": action },
    body: Buffer.from(JSON.stringify(input)),
  });
  const { Location } = await callDirect(v3io("SeekShard", { Type: "EARLIEST" }));
  const yandex = (action: string, input: object): Sent => ({
    ...kinesis(action, input),
    headers: { ...kinesis(action, input).headers, "x-amz-target": `kinesisApi.${action}` },
  });
  const found = await callDirect(yandex("GetShardIterator", { ...from, ShardId: "shard-000000" }));
  const input = { ShardIterator: found.ShardIterator, Limit };
  return {
    "Kinesis JSON": read,
    "Kinesis CBOR": inCbor(read, { ShardIterator, Limit }),
    "v3io JSON": v3io("GetRecords", { Location, Limit }),
    "Yandex JSON": yandex("GetRecords", input),
    "Yandex CBOR": inCbor(yandex("GetRecords", input), input),
  };
}

const container = "bigdata";

/** Reads the page until the front has printed it. */
async function untilOrdered(sent: Sent): Promise<void> {
  const before = await orderedPages();
  while ((await orderedPages()) === before) await ways["HTTP/1.1"]!(sent);
}

/** How many pages the front has printed. */
async function orderedPages(): Promise<number> {
  const metrics = await (await fetch(`${direct}/metrics`)).text();
  return Number(/^millrace_ordered_pages_total (\d+)/m.exec(metrics)?.[1]);
}

async function answered(ask: Ask, sent: Sent): Promise<Reply> {
  const reply = await ask(sent);
  expect(reply.status, reply.body.subarray(0, 500).toString()).toBe(200);
  return reply;
}
