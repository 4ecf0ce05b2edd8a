// Small calls of many clients at once, which the front passes to workerd by a WebSocket: over HTTP/1.1 and HTTP/2, in the
// clear and in TLS, each client gets the reply that workerd's own socket gives, and what it has put is there once. So it is with
// signatures, with clients far behind, and with a workerd that is killed meanwhile.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatheredHeader, leftReplyHeader } from "../../worker/http/gathered.ts";
import { base64 } from "../worker/kinesis/client.ts";
import { type Server, startServer, untilGone } from "./server.ts";
import {
  type Ask,
  askFetch,
  askKept,
  gatheredCount,
  kinesis,
  type Reply,
  type Sent,
  type Ways,
  waysTo,
} from "./ways.ts";

const clientCount = 40;

const space = Buffer.from(" ");

let server: Server;
let opened: Ways;
let kept: Ask & Disposable;
let direct: Ask;
let ways: Record<string, Ask>;

beforeAll(async () => {
  server = await startServer({ flags: ["--tls"] });
  opened = waysTo(server);
  const { host } = new URL(server.endpoint);
  kept = askKept(`http://${host}`);
  direct = askFetch(opened.direct);
  ways = { ...opened.front, "HTTP/1.1": kept };
});

afterAll(async () => {
  kept[Symbol.dispose]();
  opened[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const wayNames = ["HTTP/1.1", "HTTP/1.1 in TLS", "HTTP/2", "HTTP/2 in TLS"];

describe.each(wayNames)("over %s", (way) => {
  const StreamName = `over-${wayNames.indexOf(way)}`;

  test("each put is stored once, under the number that its client got", async () => {
    await callDirect(kinesis("CreateStream", { StreamName, ShardCount: 3 }));
    const before = await gatheredCount(opened.direct);
    const texts = Array.from({ length: 300 }, (_, i) => `record ${i}`);
    const told = new Map<string, string>();
    await atOnce(texts, async (text) => {
      const { body } = await answered(ways[way]!, put(StreamName, text));
      const { ShardId, SequenceNumber } = JSON.parse(body.toString());
      told.set(`${ShardId} ${SequenceNumber}`, text);
    });
    expect(told.size).toBe(texts.length);
    expect(await stored(StreamName, 3)).toEqual(told);
    expect((await gatheredCount(opened.direct)) - before).toBe(texts.length);
  });

  test("reads, and what is wrong, are answered as by workerd's own socket", async () => {
    const iterator = await iteratorOf(StreamName, "TRIM_HORIZON");
    const latest = await iteratorOf(StreamName, "LATEST");
    const sent = [
      kinesis("GetRecords", { ShardIterator: iterator }),
      kinesis("GetRecords", { ShardIterator: iterator, Limit: 3 }),
      kinesis("GetRecords", { ShardIterator: latest }),
      kinesis("GetRecords", { ShardIterator: "none" }),
      kinesis("GetRecords", { ShardIterator: latest, Limit: 0 }),
      put("missing", "text"),
      kinesis("PutRecord", { StreamName, PartitionKey: "", Data: "YQ==" }),
      kinesis("PutRecords", { StreamName, Records: [] }),
      { ...kinesis("GetRecords", {}), body: Buffer.from("{") },
      without(kinesis("GetRecords", { ShardIterator: latest }), "authorization"),
      withHeader(kinesis("GetRecords", { ShardIterator: latest }), "content-type", "text/plain"),
      withHeader(kinesis("GetRecords", { ShardIterator: latest }), "x-amz-target", "Kinesis.Get"),
    ];
    const expected = await Promise.all(sent.map(async (one) => comparable(await direct(one))));
    const many = Array.from({ length: 6 }, () => sent.map((one, i) => ({ one, i }))).flat();
    await atOnce(many, async ({ one, i }) => {
      const reply = await ways[way]!(one);
      expect(comparable(reply), `${i}`).toEqual(expected[i]);
    });
  });

  test("puts of v3io and Yandex, and what is wrong with them, are answered as by workerd's own socket", async () => {
    const path = `/projects/${StreamName}/`;
    const settings = { ShardCount: 1, RetentionPeriodHours: 1 };
    await direct(v3io("CreateStream", path, settings));
    const Records = [{ Data: base64("one"), ShardId: 0 }];
    await callDirect(yandex("CreateStream", { StreamName, ShardCount: 1 }));
    const records = [{ PartitionKey: "key", Data: base64("one") }];
    const sent = [
      v3io("PutRecords", path, { Records }),
      v3io("PutRecords", path, { Records: [{ Data: base64("one"), ShardId: 7 }] }),
      v3io("PutRecords", path, { Records: [] }),
      v3io("PutRecords", "/projects/missing/", { Records }),
      v3io("PutRecords", "/missing/one/", { Records }),
      { ...v3io("PutRecords", path, {}), body: Buffer.from("{") },
      yandex("PutRecord", { StreamName, ...records[0] }),
      yandex("PutRecords", { StreamName, Records: records }),
      yandex("PutRecords", { StreamName: "missing", Records: records }),
      yandex("PutRecord", { StreamName, PartitionKey: "", Data: "YQ==" }),
      { ...yandex("PutRecord", {}), body: Buffer.from("{") },
      without(yandex("PutRecord", { StreamName, ...records[0] }), "authorization"),
      withHeader(yandex("PutRecord", { StreamName, ...records[0] }), "content-type", "text/plain"),
    ];
    const expected = await Promise.all(sent.map(async (one) => numberless(await direct(one))));
    expect(expected.map(({ status }) => status)).toContain(200);
    const before = await gatheredCount(opened.direct);
    const many = Array.from({ length: 4 }, () => sent.map((one, i) => ({ one, i }))).flat();
    await atOnce(many, async ({ one, i }) => {
      expect(numberless(await ways[way]!(one)), `${i}`).toEqual(expected[i]);
    });
    expect((await gatheredCount(opened.direct)) - before).toBe(many.length);
  });

  test("larger puts, up to 1 MiB, go this way too, and are stored once", async () => {
    const name = `${StreamName}-large`;
    await callDirect(kinesis("CreateStream", { StreamName: name, ShardCount: 2 }));
    const before = await gatheredCount(opened.direct);
    const texts = [40_000, 200_000, 500_000, 700_000].map((bytes) => `${bytes} `.padEnd(bytes));
    await atOnce(texts, async (text) => {
      await answered(ways[way]!, put(name, text, text.slice(0, 6)));
    });
    // A message is larger than its body.
    const whole = put(name, "the largest");
    const body = Buffer.from(whole.body.toString().padEnd(1 << 20));
    const long = { "x-long": "x".repeat(6000) };
    await answered(ways[way]!, { headers: { ...whole.headers, ...long }, body });
    expect((await gatheredCount(opened.direct)) - before).toBe(texts.length + 1);
    const found = [...(await stored(name, 2)).values()];
    expect(found.length).toBe(texts.length + 1);
    for (const text of [...texts, "the largest"]) expect(found.includes(text)).toBe(true);
    await answered(ways[way]!, { headers: whole.headers, body: Buffer.concat([body, space]) });
    expect((await gatheredCount(opened.direct)) - before).toBe(texts.length + 1);
  });

  test("clients far behind get their pages, also while others poll", async () => {
    const name = `${StreamName}-long`;
    await callDirect(kinesis("CreateStream", { StreamName: name, ShardCount: 1 }));
    const Records = Array.from({ length: 20 }, (_, i) => ({
      PartitionKey: `key ${i}`,
      Data: base64(`${i} `.repeat(20_000)),
    }));
    for (let i = 0; i < 3; i++) {
      await callDirect(kinesis("PutRecords", { StreamName: name, Records }));
    }
    const behind = kinesis("GetRecords", { ShardIterator: await iteratorOf(name, "TRIM_HORIZON") });
    const tip = kinesis("GetRecords", { ShardIterator: await iteratorOf(name, "LATEST") });
    const page = comparable(await direct(behind));
    expect(page.text.length).toBeGreaterThan(1_000_000);
    await atOnce(
      Array.from({ length: 120 }, (_, i) => i % 6 === 0),
      async (isBehind) => {
        const reply = await answered(ways[way]!, isBehind ? behind : tip);
        if (isBehind) expect(comparable(reply)).toEqual(page);
        else expect(JSON.parse(reply.body.toString()).Records).toEqual([]);
      },
    );
  });
});

test.each([gatheredHeader, leftReplyHeader])(
  "a client that sends %s is answered like others",
  async (name) => {
    const sent = kinesis("GetRecords", { ShardIterator: await iteratorOf("over-0", "LATEST") });
    const expected = comparable(await direct(sent));
    for (const value of ["", "1", "0".repeat(32), `${"0".repeat(32)} name`]) {
      for (const ask of Object.values(ways)) {
        expect(comparable(await ask(withHeader(sent, name, value)))).toEqual(expected);
      }
    }
  },
);

test("many who are far behind get their pages at once, which are more than waits in workerd", async () => {
  const name = "far-behind";
  await callDirect(kinesis("CreateStream", { StreamName: name, ShardCount: 1 }));
  const Records = Array.from({ length: 4 }, (_, i) => ({
    PartitionKey: `key ${i}`,
    Data: base64(`${i} `.repeat(350_000)),
  }));
  for (let i = 0; i < 3; i++) {
    await callDirect(kinesis("PutRecords", { StreamName: name, Records }));
  }
  const behind = kinesis("GetRecords", { ShardIterator: await iteratorOf(name, "TRIM_HORIZON") });
  const page = comparable(await direct(behind));
  expect(page.text.length).toBeGreaterThan(8_000_000);
  for (let round = 0; round < 2; round++) {
    using fresh = askKept(`http://${new URL(server.endpoint).host}`);
    const replies = Array.from({ length: 24 }, () => fresh(behind));
    for (const reply of await Promise.all(replies)) {
      expect(reply.status).toBe(200);
      expect(comparable(reply).text === page.text).toBe(true);
    }
  }
});

test("every signature is checked over its own body", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-gathered-keys-"));
  const file = join(folder, "auth.json");
  const principals = ["one", "two"].map((accessKeyId, i) => ({
    accessKeyId,
    secretAccessKey: `secret ${accessKeyId}`,
    account: `11112222333${i}`,
  }));
  writeFileSync(file, JSON.stringify({ principals }));
  try {
    await using closed = await startServer({ flags: ["--memory", "--auth", file] });
    using ask = askKept(closed.endpoint);
    const sign = async (accessKeyId: string, secretAccessKey: string, sent: Sent) => {
      const keys = { accessKeyId, secretAccessKey, service: "kinesis", region: "us-east-1" };
      const signed = await new AwsClient(keys).sign(closed.endpoint, {
        method: "POST",
        headers: without(sent, "authorization").headers,
        body: new Uint8Array(sent.body),
        aws: { allHeaders: true },
      });
      return { ...sent, headers: Object.fromEntries(signed.headers) };
    };
    const StreamName = "signed";
    for (const { accessKeyId, secretAccessKey } of principals) {
      const create = kinesis("CreateStream", { StreamName, ShardCount: 1 });
      await answered(ask, await sign(accessKeyId, secretAccessKey, create));
    }
    const cases = await Promise.all(
      Array.from({ length: 120 }, async (_, i) => {
        const { accessKeyId, secretAccessKey } = principals[i % 2]!;
        const sent = put(StreamName, `${accessKeyId} ${i}`);
        const right = await sign(accessKeyId, secretAccessKey, sent);
        const isRight = i % 3 !== 0;
        if (isRight) return { sent: right, isRight };
        const body = Buffer.from(sent.body.toString().replace("key", "kez"));
        return { sent: { ...right, body }, isRight };
      }),
    );
    await atOnce(cases, async ({ sent, isRight }) => {
      const reply = await ask(sent);
      expect(reply.status).toBe(isRight ? 200 : 400);
      if (!isRight) expect(reply.body.toString()).toContain("InvalidSignatureException");
    });
    for (const { accessKeyId, secretAccessKey } of principals) {
      const own: Ask = async (sent) => ask(await sign(accessKeyId, secretAccessKey, sent));
      const texts = [...(await stored(StreamName, 1, own)).values()];
      expect(texts).toHaveLength(40);
      expect(texts.every((text) => text.startsWith(accessKeyId))).toBe(true);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what was acknowledged is there once after a kill of workerd, and others are told", async () => {
  await using killed = await startServer();
  using ask = askKept(killed.endpoint);
  const StreamName = "killed";
  await answered(ask, kinesis("CreateStream", { StreamName, ShardCount: 1 }));
  const told = new Map<string, string>();
  const load = { sent: 0, isOver: false };
  const clients = Array.from({ length: clientCount }, async () => {
    while (!load.isOver) {
      const text = `record ${load.sent++}`;
      const reply = await ask(put(StreamName, text)).catch(() => undefined);
      if (reply?.status !== 200) continue;
      const { ShardId, SequenceNumber } = JSON.parse(reply.body.toString());
      told.set(`${ShardId} ${SequenceNumber}`, text);
    }
  });
  await expect.poll(() => told.size).toBeGreaterThan(200);
  for (const pid of killed.workerdPids) process.kill(pid, "SIGKILL");
  await Promise.all(killed.workerdPids.map(untilGone));
  const before = told.size;
  await expect.poll(() => told.size).toBeGreaterThan(before + 200);
  load.isOver = true;
  await Promise.all(clients);
  const found = await stored(StreamName, 1, ask);
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries([...told.keys()].map((number) => [number, found.get(number)])),
  );
  expect(new Set(found.values()).size).toBe(found.size);
});

/** Does the work with so many at a time. */
async function atOnce<Item>(items: readonly Item[], work: (item: Item) => Promise<void>) {
  const waiting = [...items];
  const workers = Array.from({ length: clientCount }, async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  });
  await Promise.all(workers);
}

function v3io(operation: string, path: string, input: object): Sent {
  const headers = { "content-type": "application/json", "x-v3io-function": operation };
  return { path, headers, body: Buffer.from(JSON.stringify(input)) };
}

function yandex(operation: string, input: object): Sent {
  return { ...kinesis(operation, input), path: "/ru-central1/b1g/db" };
}

function put(StreamName: string, text: string, key = text): Sent {
  return kinesis("PutRecord", { StreamName, PartitionKey: `key ${key}`, Data: base64(text) });
}

function without({ headers, ...sent }: Sent, name: string): Sent {
  const { [name]: _, ...others } = headers;
  return { ...sent, headers: others };
}

function withHeader({ headers, ...sent }: Sent, name: string, value: string): Sent {
  return { ...sent, headers: { ...headers, [name]: value } };
}

async function callDirect(sent: Sent) {
  const { body } = await answered(direct, sent);
  return body.length === 0 ? {} : JSON.parse(body.toString());
}

async function answered(ask: Ask, sent: Sent): Promise<Reply> {
  const reply = await ask(sent);
  expect(reply.status, reply.body.subarray(0, 300).toString()).toBe(200);
  return reply;
}

/** What replies to the same request have in common. */
function comparable({ status, headers, body }: Reply) {
  const text = body
    .toString()
    .replace(/"NextShardIterator":"[^"]*"/, "")
    .replace(/"MillisBehindLatest":\d+/, "");
  const { "content-type": type, "cache-control": cache, "retry-after": later } = headers;
  const has = ["x-amzn-requestid", "x-amz-id-2", "date"].map((name) => headers[name] !== undefined);
  return { status, type, cache, later, has, text };
}

/** The same for replies to puts, whose records have different numbers. */
function numberless(reply: Reply) {
  const { text, ...others } = comparable(reply);
  const { "x-amz-crc32": sum } = reply.headers;
  const withoutNumbers = text.replaceAll(/"SequenceNumber":"?\d+"?/g, "");
  const hasNumbers = withoutNumbers !== text;
  return { ...others, sum: hasNumbers ? sum !== undefined : sum, text: withoutNumbers };
}

async function iteratorOf(StreamName: string, ShardIteratorType: string, shard = 0, ask = direct) {
  const ShardId = `shardId-${String(shard).padStart(12, "0")}`;
  const sent = kinesis("GetShardIterator", { StreamName, ShardId, ShardIteratorType });
  const { body } = await answered(ask, sent);
  return JSON.parse(body.toString()).ShardIterator as string;
}

/** Texts by shard and number, as they are read. */
async function stored(StreamName: string, shards: number, ask = direct) {
  const found = new Map<string, string>();
  for (let shard = 0; shard < shards; shard++) {
    let iterator = await iteratorOf(StreamName, "TRIM_HORIZON", shard, ask);
    for (;;) {
      const { body } = await answered(ask, kinesis("GetRecords", { ShardIterator: iterator }));
      const { Records, NextShardIterator, MillisBehindLatest } = JSON.parse(body.toString());
      for (const { SequenceNumber, Data } of Records) {
        const id = `shardId-${String(shard).padStart(12, "0")} ${SequenceNumber}`;
        found.set(id, Buffer.from(Data, "base64").toString());
      }
      if (Records.length === 0 && MillisBehindLatest === 0) break;
      iterator = NextShardIterator;
    }
  }
  return found;
}
