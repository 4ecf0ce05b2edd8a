// Pages that the front prints: in every dialect and encoding, over HTTP/1.1 and HTTP/2, in the clear and
// in TLS, they have the records and headers that workerd's own socket gives. A workerd that is killed
// takes nothing along.

import { connect as connectHttp2 } from "node:http2";
import { Agent, request as requestHttp1 } from "node:https";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeCbor } from "../../worker/codec/cborReader.ts";
import { encodeCbor } from "../../worker/kinesis/cbor.ts";
import { type Server, startServer } from "./server.ts";

interface Sent {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

interface Reply {
  headers: Record<string, string>;
  body: Buffer;
}

type Ask = (sent: Sent) => Promise<Reply>;

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
const ends: (() => void)[] = [];

beforeAll(async () => {
  server = await startServer({ flags: ["--tls"] });
  direct = /direct +(http:\S+)/.exec(server.banner)![1]!;
  const { host } = new URL(server.endpoint);
  const ca = readFileSync(/trust (\S+):/.exec(server.banner)![1]!);
  const agent = new Agent({ ca, keepAlive: true });
  const plain = connectHttp2(`http://${host}`);
  const encrypted = connectHttp2(`https://${host}`, { ca });
  ends.push(
    () => agent.destroy(),
    () => plain.destroy(),
    () => encrypted.destroy(),
  );
  ways = {
    "HTTP/1.1": askFetch(`http://${host}`),
    "HTTP/1.1 in TLS": askTls(`https://${host}`, agent),
    "HTTP/2": askHttp2(plain),
    "HTTP/2 in TLS": askHttp2(encrypted),
  };
});

afterAll(async () => {
  for (const end of ends) end();
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
      const expected = await askFetch(direct)(sent);
      const records = recordsOf(expected);
      expect(records.length).toBeGreaterThan(0);
      const before = await orderedPages();
      for (const [way, ask] of Object.entries(ways)) {
        const reply = await ask(sent);
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

async function fill(name: string, count: number, dataBytes: number): Promise<void> {
  const ask = askFetch(direct);
  await ask(kinesis("CreateStream", { StreamName: name, ShardCount: 1 }));
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`;
  await ask(kinesis("UpdateMaxRecordSize", { StreamARN, MaxRecordSizeInKiB: 10_240 }));
  const batch = Math.min(500, Math.floor(4_000_000 / dataBytes) || 1);
  for (let first = 0; first < count; first += batch) {
    const Records = Array.from({ length: Math.min(batch, count - first) }, (_, i) => ({
      PartitionKey: `"key" ${first + i} ä`,
      Data: Buffer.alloc(dataBytes, `record ${first + i} `).toString("base64"),
    }));
    const reply = JSON.parse(
      (await ask(kinesis("PutRecords", { StreamName: name, Records }))).body.toString(),
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

/** How each dialect asks for the first page of the stream. */
async function readsOf(StreamName: string, Limit: number): Promise<Record<string, Sent>> {
  const ask = askFetch(direct);
  const call = async (sent: Sent) => JSON.parse((await ask(sent)).body.toString());
  const from = { StreamName, ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await call(kinesis("GetShardIterator", from));
  const read = kinesis("GetRecords", { ShardIterator, Limit });
  const inCbor = (sent: Sent, input: object): Sent => ({
    ...sent,
    headers: { ...sent.headers, ...cbor },
    body: Buffer.from(encodeCbor(input)),
  });
  const v3io = (action: string, input: object): Sent => ({
    path: `/${container}/${StreamName}/0`,
    headers: { "content-type": "application/json", "x-v3io-function": action },
    body: Buffer.from(JSON.stringify(input)),
  });
  const { Location } = await call(v3io("SeekShard", { Type: "EARLIEST" }));
  const yandex = (action: string, input: object): Sent => ({
    ...kinesis(action, input),
    headers: { ...kinesis(action, input).headers, "x-amz-target": `kinesisApi.${action}` },
  });
  const found = await call(yandex("GetShardIterator", { ...from, ShardId: "shard-000000" }));
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

function askFetch(base: string): Ask {
  return async ({ path, headers, body }) => {
    const reply = await fetch(base + path, { method: "POST", headers, body: new Uint8Array(body) });
    const bytes = Buffer.from(await reply.arrayBuffer());
    expect(reply.status, bytes.subarray(0, 500).toString()).toBe(200);
    return { headers: Object.fromEntries(reply.headers), body: bytes };
  };
}

function askTls(base: string, agent: Agent): Ask {
  return ({ path, headers, body }) =>
    new Promise((done, fail) => {
      const sending = requestHttp1(base + path, { method: "POST", headers, agent }, (reply) => {
        const parts: Buffer[] = [];
        reply.on("data", (part: Buffer) => parts.push(part));
        reply.once("end", () =>
          done({ headers: reply.headers as Record<string, string>, body: Buffer.concat(parts) }),
        );
      });
      sending.once("error", fail);
      sending.end(body);
    });
}

function askHttp2(session: ReturnType<typeof connectHttp2>): Ask {
  return ({ path, headers, body }) =>
    new Promise((done, fail) => {
      const stream = session.request({ ":method": "POST", ":path": path, ...headers });
      const parts: Buffer[] = [];
      let head = {};
      stream.once("response", (fields) => (head = fields));
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.once("end", () => done({ headers: head, body: Buffer.concat(parts) }));
      stream.once("error", fail);
      stream.end(body);
    });
}
