// Large PutRecords through the front, which keeps their bodies and sends manifests: over HTTP/1.1 and HTTP/2, in the
// clear and in TLS, the replies and the stored records are those of workerd's own socket. What was acknowledged is there
// after a kill, and the folder is sound. A manifest of a client is a body like any other.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifestHeader } from "../../worker/engine/putManifest.ts";
import { type Server, startServer, untilGone } from "./server.ts";
import {
  type Ask as AskBytes,
  askFetch as askByFetch,
  askKept,
  type Sent,
  type Ways,
  waysTo,
} from "./ways.ts";

const root = resolve(import.meta.dirname, "..", "..");
const run = promisify(execFile);

interface Answered {
  status: number;
  text: string;
}

type Ask = (sent: Sent) => Promise<Answered>;

const unsigned =
  "AWS4-HMAC-SHA256 Credential=local/20261128/us-east-1/kinesis/aws4_request, " +
  `SignedHeaders=host, Signature=${"0".repeat(64)}`;

let server: Server;
let direct: Ask;
/** Asks over each way to the front. */
let ways: Record<string, Ask>;
let opened: Ways;
let kept: Disposable;

/** Calls go by the WebSocket unless their connection is to end with them. */
const closing = "HTTP/1.1, a connection for each";

beforeAll(async () => {
  server = await startServer({ flags: ["--tls"] });
  opened = waysTo(server);
  direct = askFetch(opened.direct);
  const { host } = new URL(server.endpoint);
  const lasting = askKept(`http://${host}`);
  kept = lasting;
  const asks = { ...opened.front, [closing]: opened.front["HTTP/1.1"]!, "HTTP/1.1": lasting };
  ways = Object.fromEntries(Object.entries(asks).map(([name, ask]) => [name, asText(ask)]));
});

afterAll(async () => {
  kept[Symbol.dispose]();
  opened[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

test("every way stores the same records, and answers the same", async () => {
  await create(direct, "ways", 1);
  let stored = 0;
  for (const [way, ask] of Object.entries(ways)) {
    const before = await stagedSegments();
    const calls = await gatheredCount();
    const reply = await ask(batch("ways", stored, 500));
    expect(reply.status, `${way}: ${reply.text}`).toBe(200);
    const { FailedRecordCount, Records } = JSON.parse(reply.text);
    expect([FailedRecordCount, Records.length], way).toEqual([0, 500]);
    expect((await stagedSegments()) - before, way).toBe(1);
    expect((await gatheredCount()) - calls, way).toBe(way === closing ? 0 : 1);
    stored += 500;
    const numbers = Records.map(({ SequenceNumber }: { SequenceNumber: string }) => SequenceNumber);
    const found = await readAll(direct, "ways");
    expect(found.length, way).toBe(stored);
    expect(
      found.slice(-500).map(({ SequenceNumber }) => SequenceNumber),
      way,
    ).toEqual(numbers);
  }
  const same = await direct(batch("ways", stored, 500));
  expect(Object.keys(JSON.parse(same.text))).toEqual(["FailedRecordCount", "Records"]);
  await expectStored(ways["HTTP/1.1"]!, "ways", stored + 500);
});

describe("what the Worker needs itself passes as it is", () => {
  test("records for several shards", async () => {
    await create(direct, "shards", 4);
    const before = await stagedSegments();
    for (const ask of Object.values(ways)) {
      const { FailedRecordCount } = JSON.parse((await ask(batch("shards", 0, 500))).text);
      expect(FailedRecordCount).toBe(0);
    }
    expect(await stagedSegments()).toBe(before);
    expect((await readAll(direct, "shards", 4)).length).toBe(500 * Object.keys(ways).length);
  });

  test.each<[what: string, input: () => object]>([
    ["a stream that is not there", () => inputOf("missing", 0, 500)],
    ["a name that is none", () => ({ ...inputOf("ways", 0, 500), StreamName: "no name" })],
    ["no name", () => ({ Records: inputOf("ways", 0, 500).Records })],
    [
      "an ARN",
      () => ({ ...inputOf("ways", 0, 500), StreamName: undefined, StreamARN: arnOf("no") }),
    ],
    ["a dry run", () => ({ ...inputOf("ways", 0, 500), DryRun: true })],
    ["too many records", () => inputOf("ways", 0, 501)],
    ["a member that is unknown", () => ({ ...inputOf("missing", 0, 500), More: 1 })],
    ["data that is no base64", () => withRecord({ PartitionKey: "a", Data: "?" })],
    ["a record without a key", () => withRecord({ Data: "YQ==" })],
    ["a record that is too large", () => withRecord({ PartitionKey: "a", Data: largeData })],
  ])("%s is refused with the same words", async (_, input) => {
    const sent = kinesis("PutRecords", input());
    const expected = await direct(sent);
    expect(expected.status).toBe(400);
    for (const [way, ask] of Object.entries(ways)) expect(await ask(sent), way).toEqual(expected);
  });

  test("bodies that are no JSON, and those of other operations", async () => {
    const text = JSON.stringify(inputOf("ways", 0, 500));
    for (const body of [text.slice(0, -1), `${text}}`, "x".repeat(700_000)]) {
      const sent = { ...kinesis("PutRecords", {}), body: Buffer.from(body) };
      const expected = await direct(sent);
      expect(expected.status).toBe(400);
      for (const [way, ask] of Object.entries(ways)) expect(await ask(sent), way).toEqual(expected);
    }
  });
});

test("what a page of another host or origin puts is answered over HTTP", async () => {
  const sent = batch("ways", 0, 500);
  const headers = { ...sent.headers, host: "elsewhere.example" };
  for (const way of ["HTTP/1.1", closing]) {
    const ask = ways[way]!;
    const before = await gatheredCount();
    const refused = await ask({ ...sent, headers });
    expect(refused.status, way).toBe(403);
    expect(refused.text, way).toContain("elsewhere.example");
    expect((await gatheredCount()) - before, way).toBe(way === closing ? 0 : 1);
  }
  for (const [way, ask] of Object.entries(ways)) {
    const before = await gatheredCount();
    const page = { ...sent, headers: { ...sent.headers, origin: new URL(server.endpoint).origin } };
    const { status, text } = await ask(page);
    expect([status, JSON.parse(text).FailedRecordCount], way).toEqual([200, 0]);
    expect((await gatheredCount()) - before, way).toBe(0);
  }
});

test("a manifest of a client is a body like any other", async () => {
  await create(direct, "forged", 1);
  const { StreamName } = { StreamName: "forged" };
  const manifest = { id: "0", bodyBytes: 10, streamName: StreamName, largestBytes: 1, head: "" };
  const sent = kinesis("PutRecords", manifest);
  const expected = await direct(sent);
  for (const ask of Object.values(ways)) {
    for (const secret of ["", "1", "0".repeat(32)]) {
      const forged = { ...sent, headers: { ...sent.headers, [manifestHeader]: secret } };
      expect(await ask(forged)).toEqual(expected);
    }
    const real = batch("forged", 0, 400);
    const marked = { ...real, headers: { ...real.headers, [manifestHeader]: "1" } };
    expect((await ask(marked)).status).toBe(200);
  }
  expect((await readAll(direct, "forged")).length).toBe(400 * Object.keys(ways).length);
});

test("a client that leaves in the middle stores nothing, and is missed by nobody", async () => {
  await create(direct, "leaves", 1);
  const { headers, body } = batch("leaves", 0, 500);
  const { host, port } = new URL(server.endpoint);
  const { connect } = await import("node:net");
  for (let i = 0; i < 5; i++) {
    const socket = connect(Number(port), "127.0.0.1");
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `POST / HTTP/1.1\r\nhost: ${host}\r\n${lines.join("")}content-length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, 100_000 * i), () => socket.resetAndDestroy());
    await new Promise<void>((done) => socket.once("close", () => done()));
  }
  expect((await ways["HTTP/1.1"]!(batch("leaves", 0, 500))).status).toBe(200);
  await expectStored(direct, "leaves", 500);
});

test(
  "what was acknowledged is there after a kill, and the folder is sound",
  { timeout: 120_000 },
  async () => {
    const data = mkdtempSync(join(tmpdir(), "millrace-kept-"));
    try {
      let stored = 0;
      for (let round = 0; round < 3; round++) {
        const victim = await startServer({ data });
        const ask = askFetch(victim.endpoint);
        if (round === 0) await create(ask, "killed", 1);
        await expectStored(ask, "killed", stored, true);
        stored = (await readAll(ask, "killed")).length;
        const puts = Array.from({ length: 4 }, async () => {
          for (;;) {
            const reply = await ask(batch("killed", 0, 500)).catch(() => undefined);
            if (reply?.status !== 200) return;
            stored += 500;
          }
        });
        const least = stored + 12_000;
        await expect.poll(() => stored, { timeout: 60_000 }).toBeGreaterThan(least);
        await victim.kill9();
        await Promise.all(puts);
        for (const pid of victim.workerdPids) await untilGone(pid);
      }
      const doctor = [join(root, "command", "main.ts"), "doctor", data];
      const { stdout } = await run(process.execPath, doctor, { cwd: root });
      expect(stdout).not.toMatch(/problem/i);
      await using last = await startServer({ data });
      await expectStored(askFetch(last.endpoint), "killed", stored, true);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  },
);

test("a signature covers the body that the front keeps", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-kept-keys-"));
  const file = join(folder, "auth.json");
  const keys = { accessKeyId: "owner", secretAccessKey: "open sesame" };
  writeFileSync(file, JSON.stringify({ principals: [{ ...keys, account: "111122223333" }] }));
  try {
    await using closed = await startServer({ flags: ["--memory", "--auth", file] });
    const client = new AwsClient({ ...keys, service: "kinesis", region: "us-east-1" });
    const sign = async (sent: Sent): Promise<Sent> => {
      const { authorization: _, ...headers } = sent.headers;
      const signed = await client.sign(closed.endpoint, {
        method: "POST",
        headers: { ...headers, "content-length": String(sent.body.length) },
        body: new Uint8Array(sent.body),
        aws: { allHeaders: true },
      });
      return { ...sent, headers: Object.fromEntries(signed.headers) };
    };
    const ask = askFetch(closed.endpoint);
    await ask(await sign(kinesis("CreateStream", { StreamName: "signed", ShardCount: 1 })));
    const good = await sign(batch("signed", 0, 500));
    expect(await ask(good)).toMatchObject({ status: 200 });
    const altered = Buffer.from(good.body);
    altered[altered.length - 60_000]! ^= 1;
    const refused = await ask({ ...good, body: altered });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain("InvalidSignatureException");
    const nobody = await ask(batch("signed", 0, 500));
    expect(nobody.status).toBe(400);
    const metrics = await ask(
      await sign(kinesis("DescribeStreamSummary", { StreamName: "signed" })),
    );
    expect(metrics.status).toBe(200);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const largeData = Buffer.alloc(1_100_000).toString("base64");

function withRecord(record: object): object {
  const input = inputOf("ways", 0, 450);
  return { ...input, Records: [...input.Records, record] };
}

function dataOf(i: number): Buffer {
  return Buffer.alloc(1000 + (i % 50), createHash("md5").update(String(i)).digest());
}

function inputOf(StreamName: string, first: number, count: number) {
  const Records = Array.from({ length: count }, (_, i) => ({
    PartitionKey: `key ${first + i}`,
    Data: dataOf(first + i).toString("base64"),
  }));
  return { StreamName, Records };
}

function arnOf(name: string): string {
  return `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`;
}

function batch(StreamName: string, first: number, count: number): Sent {
  return kinesis("PutRecords", inputOf(StreamName, first, count));
}

function kinesis(action: string, input: object): Sent {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-date": "20261128T000000Z",
    "x-amz-target": `Kinesis_20131202.${action}`,
    authorization: unsigned,
  };
  return { headers, body: Buffer.from(JSON.stringify(input)) };
}

async function create(ask: Ask, StreamName: string, ShardCount: number): Promise<void> {
  const reply = await ask(kinesis("CreateStream", { StreamName, ShardCount }));
  expect(reply.status, reply.text).toBe(200);
}

interface Found {
  SequenceNumber: string;
  PartitionKey: string;
  Data: string;
}

/** All records, shard by shard. */
async function readAll(ask: Ask, StreamName: string, shardCount = 1): Promise<Found[]> {
  const records: Found[] = [];
  const call = async (action: string, input: object) =>
    JSON.parse((await ask(kinesis(action, input))).text);
  for (let shard = 0; shard < shardCount; shard++) {
    const ShardId = `shardId-${String(shard).padStart(12, "0")}`;
    const from = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
    let { ShardIterator } = await call("GetShardIterator", from);
    for (let isBehind = true; isBehind;) {
      const page = await call("GetRecords", { ShardIterator, Limit: 10_000 });
      records.push(...page.Records);
      ShardIterator = page.NextShardIterator;
      isBehind = page.Records.length > 0 || page.MillisBehindLatest > 0;
    }
  }
  return records;
}

/** The records of batches that all began with record 0, or of one after the other; there may be more if a put was cut off. */
async function expectStored(ask: Ask, name: string, count: number, isRepeated = false) {
  const records = await readAll(ask, name);
  if (isRepeated) expect(records.length).toBeGreaterThanOrEqual(count);
  else expect(records.length).toBe(count);
  for (const [at, { PartitionKey, Data }] of records.entries()) {
    const i = isRepeated ? at % 500 : at;
    if (PartitionKey === `key ${i}` && Data === dataOf(i).toString("base64")) continue;
    throw new Error(`record ${at} of ${name} is another one: ${PartitionKey}`);
  }
}

function stagedSegments(): Promise<number> {
  return metric("millrace_segments_staged_total");
}

/** Calls that came by the WebSocket. */
function gatheredCount(): Promise<number> {
  return metric("millrace_gathered_requests_total");
}

async function metric(name: string): Promise<number> {
  const metrics = await (await fetch(`${opened.direct}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)`, "m").exec(metrics)?.[1]);
}

function askFetch(base: string): Ask {
  return asText(askByFetch(base));
}

function asText(ask: AskBytes): Ask {
  return async (sent) => {
    const { status, body } = await ask(sent);
    return { status, text: body.toString() };
  };
}
