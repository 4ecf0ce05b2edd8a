// Requests that came by the front's WebSocket, inside workerd: each gets the answer that it gets by itself, and what it
// stores is stored once. What is unusual is not done; a large page is left to be fetched.

import { Buffer } from "node:buffer";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { Env, Runtime } from "../../worker/core/bindings.ts";
import { openChannel, serveLeft } from "../../worker/gathered.ts";
import { answerHeadBytes, answerKinds, memberHeadBytes } from "../../worker/http/gathered.ts";
import { serve } from "../../worker/serve.ts";
import { keysOf, secretOf, signedRequest } from "./access/keys.ts";
import { authorizationFor, base64, kinesisOver } from "./kinesis/client.ts";

interface Answer {
  kind: number;
  status: number;
  reason: string;
  headers: Record<string, string>;
  text: string;
}

/** A request as it is sent by itself. */
type Sent = Request;

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

let stream = "";
let count = 0;

beforeEach(async () => {
  stream = `gathered-${count++}`;
  await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
});

test("every member gets the answer that it gets by itself", async () => {
  await put("a", "b");
  const iterator = await iteratorOf("TRIM_HORIZON");
  const sent = [
    ask("GetRecords", { ShardIterator: iterator }),
    ask("GetRecords", { ShardIterator: iterator, Limit: 1 }),
    ask("GetRecords", { ShardIterator: "nonsense" }),
    ask("GetRecords", "no JSON"),
    ask("GetRecords", { Limit: 0 }),
    ask("PutRecord", { StreamName: "nowhere", PartitionKey: "k", Data: base64("d") }),
    ask("Nothing", {}),
    ask("GetRecords", {}, { authorization: "" }),
    ask("GetRecords", { ShardIterator: iterator }, { "content-type": "text/plain" }),
    ask("GetRecords", { ShardIterator: iterator }, { "content-type": "application/json" }),
  ];
  const alone = await Promise.all(sent.map((request) => serve(request.clone(), runtimeWith())));
  const answers = await gather(sent);
  for (const [i, { kind, status, headers, text }] of answers.entries()) {
    expect(kind).toBe(answerKinds.reply);
    const own = alone[i]!;
    expect({ status, text: cut(text) }).toEqual({
      status: own.status,
      text: cut(await own.text()),
    });
    expect(Object.keys(headers).toSorted()).toEqual(
      [...new Set([...own.headers.keys(), "content-length"])].toSorted(),
    );
  }
});

test("puts of one message are stored once each", async () => {
  const texts = Array.from({ length: 30 }, (_, i) => `record ${i}`);
  const answers = await gather(
    texts.map((text) =>
      ask("PutRecord", { StreamName: stream, PartitionKey: text, Data: base64(text) }),
    ),
  );
  const numbers = answers.map(({ text }) => JSON.parse(text).SequenceNumber);
  expect(new Set(numbers).size).toBe(texts.length);
  const { output } = await kinesis("GetRecords", {
    ShardIterator: await iteratorOf("TRIM_HORIZON"),
  });
  const stored = output.Records.map(({ Data, SequenceNumber }) => [
    SequenceNumber,
    Buffer.from(Data, "base64").toString(),
  ]);
  expect(new Map(stored as [string, string][])).toEqual(
    new Map(numbers.map((n, i) => [n, texts[i]!])),
  );
});

test("a put of v3io is stored, and an error of Yandex has its name as the reason phrase", async () => {
  const url = `http://localhost/projects/${stream}/`;
  const v3io = (name: string, input: object) =>
    ask("", input, { "x-v3io-function": name, "x-amz-target": "" }, url);
  await exports.default.fetch(v3io("CreateStream", { ShardCount: 1, RetentionPeriodHours: 1 }));
  const [stored, refused] = await gather([
    v3io("PutRecords", { Records: [{ Data: base64("d"), ShardId: 0 }] }),
    ask("PutRecord", { StreamName: "none" }, {}, "http://localhost/ru-central1/folder/database"),
  ]);
  expect(stored).toMatchObject({ status: 200, reason: "OK" });
  expect(JSON.parse(stored!.text)).toMatchObject({ FailedRecordCount: 0 });
  expect(refused).toMatchObject({ status: 400, reason: expect.stringMatching(/^\w+$/) });
  expect(JSON.parse(refused!.text)).toMatchObject({ ["__type"]: refused!.reason });
});

describe("not done, and to be sent by itself", () => {
  const unusual: Record<string, () => Sent> = {
    "a page of another origin": () => put1({ origin: "http://localhost:1" }),
    "a host that is not served": () => put1({}, "http://example.test/"),
    "a read of v3io": () =>
      put1({ "x-v3io-function": "GetRecords" }, `http://localhost/bigdata/${stream}/0`),
    "a read of Yandex Data Streams": () =>
      ask("GetRecords", { ShardIterator: "x" }, {}, "http://localhost/ru-central1/folder/database"),
    "Durable Streams": () =>
      new Request(`http://localhost/v1/stream/${stream}`, { method: "POST", body: "text" }),
    "another service": () => put1({ "x-amz-target": "DynamoDB_20120810.PutItem" }),
    "a page of the operator's": () => put1({}, "http://localhost/_millrace/reset"),
  };

  test.each(Object.keys(unusual))("%s", async (what) => {
    const answers = await gather([unusual[what]!(), put1()]);
    expect(answers.map(({ kind }) => kind)).toEqual([answerKinds.alone, answerKinds.reply]);
    expect(await readAll()).toHaveLength(1);
  });

  test("a page of an origin that is listed", async () => {
    const allowed = { MILLRACE_ALLOW_ORIGIN: "http://localhost:1" };
    const answers = await gather([put1({ origin: "http://localhost:1" })], allowed);
    expect(answers.map(({ kind }) => kind)).toEqual([answerKinds.alone]);
  });

  test("a put without room on the disk", async () => {
    const SPACE = { fetch: () => Promise.resolve(Response.json({ spareBytes: 0 })) } as never;
    const answers = await gather([put1(), ask("GetRecords", { ShardIterator: "x" })], { SPACE });
    expect(answers.map(({ kind }) => kind)).toEqual([answerKinds.alone, answerKinds.reply]);
    expect(await readAll()).toHaveLength(0);
  });
});

test("each member's signature is checked over its own body", async () => {
  const access = keysOf([{ accessKeyId: "AKIAGATHERED", account: "000000000000" }]);
  const key = { accessKeyId: "AKIAGATHERED", secretAccessKey: secretOf("AKIAGATHERED") };
  const input = { StreamName: stream, PartitionKey: "k", Data: base64("d") };
  const request = ask("PutRecord", input);
  const body = await request.clone().text();
  const init = { method: "POST", headers: Object.fromEntries(request.headers), body };
  const good = signedRequest(init, key, "us-east-1");
  const wrong = signedRequest(init, { ...key, secretAccessKey: "wrong" }, "us-east-1");
  const { url, headers } = good;
  const changed = new Request(url, { method: "POST", headers, body: body.replace('"k"', '"l"') });
  const answers = await gather([good, wrong, changed, request], access);
  expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 400]);
  expect(await readAll()).toHaveLength(1);
});

describe("a large page", () => {
  test("is left, and sent to who comes with its name, once", async () => {
    const { request, whole } = await largeRead();
    const [answer] = await gather([request.clone()]);
    expect(answer).toMatchObject({ kind: answerKinds.left });
    const reply = await serveLeft(request.clone(), answer!.text, runtimeWith());
    expect(cut(await reply.text())).toBe(whole);
    expect(reply.headers.get("x-amzn-requestid")).not.toBeNull();
    expect(reply.headers.get("date")).not.toBeNull();
    const again = await serveLeft(request, answer!.text, runtimeWith());
    expect(cut(await again.text())).toBe(whole);
  });

  test("waits for room, and is looked for once", async () => {
    const { request, whole } = await largeRead();
    const before = await pagesRead();
    const requests = Array.from({ length: 90 }, () => request.clone());
    const answers: Answer[] = [];
    await gather(requests, {}, async (answer) => {
      answers.push(answer);
      const reply = await serveLeft(request.clone(), answer.text, runtimeWith());
      expect(cut(await reply.text())).toBe(whole);
    });
    expect(answers.map(({ kind }) => kind)).toEqual(requests.map(() => answerKinds.left));
    expect((await pagesRead()) - before).toBe(requests.length);
  });
});

test("members that fail do not concern the others", async () => {
  await put("a");
  const iterator = await iteratorOf("TRIM_HORIZON");
  const broken = { ...env, CATALOG: { getByName: () => undefined } } as unknown as Env;
  const answers = await gather(
    [
      ask("GetRecords", "no JSON"),
      ask("PutRecord", { StreamName: "x", PartitionKey: "k", Data: "" }),
    ],
    broken,
  );
  expect(answers.map(({ status }) => status)).toEqual([400, 500]);
  expect((await gather([ask("GetRecords", { ShardIterator: iterator })]))[0]).toMatchObject({
    status: 200,
  });
});

describe("while an answer takes long", () => {
  test("others do not wait for it, of its message and of later ones", async () => {
    const { runtime, release } = waitingRuntime();
    const front = new Front(runtime);
    const order: number[] = [];
    front.take = ({ status }) => void order.push(status);
    await front.send([slow(), quick()]);
    await front.answer(1);
    await front.send([quick(), quick()]);
    await Promise.all([front.answer(2), front.answer(3)]);
    expect(order).toEqual([400, 400, 400]);
    release();
    expect(await front.answer(0)).toMatchObject({ status: 500 });
    front.close();
  });

  test("the front may go: then nobody gets it, and it harms nobody", async () => {
    const { runtime, release } = waitingRuntime();
    const gone = new Front(runtime);
    await gone.send([slow(), quick()]);
    await gone.answer(1);
    gone.close();
    await gone.closed;
    release();
    const next = new Front(runtime);
    await next.send([slow(), quick()]);
    expect(await next.answer(0)).toMatchObject({ status: 500 });
    expect(await next.answer(1)).toMatchObject({ status: 400 });
    next.close();
  });
});

test("messages of many calls are answered one by one", async () => {
  const front = new Front(runtimeWith());
  const texts = Array.from({ length: 640 }, (_, i) => `record ${i}`);
  for (let at = 0; at < texts.length; at += 64) {
    await front.send(
      texts
        .slice(at, at + 64)
        .map((text) =>
          ask("PutRecord", { StreamName: stream, PartitionKey: text, Data: base64(text) }),
        ),
    );
  }
  const numbers = new Map<string, string>();
  for (const [i, text] of texts.entries()) {
    const answer = await front.answer(i);
    numbers.set(JSON.parse(answer.text).SequenceNumber, text);
  }
  front.close();
  const stored = (await readAll()).map(({ SequenceNumber, Data }) => [
    SequenceNumber,
    Buffer.from(Data, "base64").toString(),
  ]);
  expect(new Map(stored as [string, string][])).toEqual(numbers);
});

test("every call of the WebSocket is counted", async () => {
  const before = await countOf(/^millrace_gathered_requests_total (\d+)$/gm);
  await gather([put1()]);
  await gather([put1(), ask("GetRecords", "no JSON")]);
  expect((await countOf(/^millrace_gathered_requests_total (\d+)$/gm)) - before).toBe(3);
});

/** Waits for the catalog. */
function slow(): Sent {
  return ask("PutRecord", { StreamName: "slow", PartitionKey: "k", Data: "" });
}

function quick(): Sent {
  return ask("GetRecords", "no JSON");
}

/** A runtime whose catalog answers, with a failure, as soon as it is told to. */
function waitingRuntime(): { runtime: Runtime; release: () => void } {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const describeStream = () => promise.then(() => Promise.reject(new Error("no catalog")));
  const CATALOG = { getByName: () => ({ describeStream }) } as unknown as Env["CATALOG"];
  return { runtime: runtimeWith({ CATALOG }), release };
}

/** Puts a record. */
function put1(headers: Record<string, string> = {}, url?: string): Sent {
  const input = { StreamName: stream, PartitionKey: "k", Data: base64("d") };
  return ask("PutRecord", input, headers, url);
}

/** A read of a large page, and its text. */
async function largeRead(): Promise<{ request: Request; whole: string }> {
  for (let i = 0; i < 2; i++) await put(...Array.from({ length: 4 }, () => "x".repeat(200_000)));
  const request = ask("GetRecords", { ShardIterator: await iteratorOf("TRIM_HORIZON") });
  return { request, whole: cut(await (await serve(request.clone(), runtimeWith())).text()) };
}

/** The answers in the order of the requests; `take` gets each as soon as it is there. */
async function gather(
  requests: readonly Sent[],
  changes: Partial<Env> = {},
  take: (answer: Answer) => Promise<void> = async () => {},
): Promise<Answer[]> {
  const front = new Front(runtimeWith(changes));
  const taken: Promise<void>[] = [];
  front.take = (answer) => void taken.push(take(answer));
  await front.send(requests);
  const answers = await Promise.all(requests.map((_, i) => front.answer(i)));
  await Promise.all(taken);
  front.close();
  return answers;
}

/** The front's side of a WebSocket. */
class Front {
  take: (answer: Answer) => void = () => {};
  readonly #socket: WebSocket;
  readonly #answers: PromiseWithResolvers<Answer>[] = [];
  readonly closed: Promise<unknown>;

  constructor(runtime: Runtime) {
    const socket = openChannel(runtime, (call) => call).webSocket!;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#read(Buffer.from(data as ArrayBuffer)));
    this.closed = new Promise((done) => socket.addEventListener("close", done));
    socket.accept();
    this.#socket = socket;
  }

  /** Sends them in one message. */
  async send(requests: readonly Sent[]): Promise<void> {
    const parts: Buffer[] = [];
    for (const request of requests) {
      const number = firstNumber + this.#answers.push(Promise.withResolvers<Answer>()) - 1;
      parts.push(await printMember(number, request));
    }
    this.#socket.send(Buffer.concat(parts));
  }

  /** What the request got that was sent as the n-th. */
  answer(n: number): Promise<Answer> {
    return this.#answers[n]!.promise;
  }

  close(): void {
    this.#socket.close();
  }

  #read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const [number = 0, kind = 0, length = 0] = [0, 4, 8].map((i) => bytes.readUint32LE(at + i));
      const from = at + answerHeadBytes;
      at = from + length;
      expect(at).toBeLessThanOrEqual(bytes.length);
      const answer = answerOf(kind, bytes.subarray(from, at));
      this.#answers[number - firstNumber]!.resolve(answer);
      this.take(answer);
    }
  }
}

const firstNumber = 2 ** 32 - 1000;

async function printMember(number: number, request: Sent): Promise<Buffer> {
  const body = Buffer.from(await request.clone().arrayBuffer());
  const own = [...request.headers].filter(([name]) => name !== "host");
  const lines = own.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { host, pathname } = new URL(request.url);
  const head = Buffer.from(
    `${request.method} ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${lines}content-length: ${body.length}\r\n\r\n`,
  );
  const sizes = Buffer.alloc(memberHeadBytes);
  sizes.writeUint32LE(number, 0);
  sizes.writeUint32LE(head.length, 4);
  sizes.writeUint32LE(body.length, 8);
  return Buffer.concat([sizes, head, body]);
}

function answerOf(kind: number, bytes: Buffer): Answer {
  if (kind !== answerKinds.reply) {
    return { kind, status: 0, reason: "", headers: {}, text: bytes.toString() };
  }
  const end = bytes.indexOf("\r\n\r\n");
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(": ", 2)));
  return {
    kind,
    status: Number(first.split(" ")[1]),
    reason: first.split(" ").slice(2).join(" "),
    headers,
    text: bytes.toString("utf8", end + 4),
  };
}

function runtimeWith(changes: Partial<Env> = {}): Runtime {
  return { env: { ...env, ...changes }, segments: exports.Segments, waitUntil: () => {} };
}

function ask(
  operation: string,
  input: object | string,
  changes: Record<string, string> = {},
  url = "http://localhost/",
): Sent {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `Kinesis_20131202.${operation}`,
    "x-amz-date": "20261128T000000Z",
    authorization: authorizationFor("us-east-1"),
    ...changes,
  };
  const body = typeof input === "string" ? input : JSON.stringify(input);
  return new Request(url, { method: "POST", headers, body });
}

/** Without what is new in each reply. */
function cut(text: string): string {
  return text.replace(/"NextShardIterator":"[^"]*"/, "").replace(/"MillisBehindLatest":\d+/, "");
}

async function put(...texts: string[]): Promise<void> {
  const Records = texts.map((text) => ({ PartitionKey: "k", Data: base64(text) }));
  expect(
    (await kinesis("PutRecords", { StreamName: stream, Records })).output.FailedRecordCount,
  ).toBe(0);
}

async function readAll() {
  const { output } = await kinesis("GetRecords", {
    ShardIterator: await iteratorOf("TRIM_HORIZON"),
  });
  return output.Records;
}

async function iteratorOf(ShardIteratorType: string): Promise<string> {
  const target = { StreamName: stream, ShardId: "shardId-000000000000", ShardIteratorType };
  return (await kinesis("GetShardIterator", target)).output.ShardIterator;
}

/** Pages that were read, wherever from. */
async function pagesRead(): Promise<number> {
  return await countOf(/^millrace_pages_total\{[^}]*\} (\d+)/gm);
}

/** The sum of these metrics. */
async function countOf(lines: RegExp): Promise<number> {
  const metrics = await (await exports.default.fetch("http://localhost/metrics")).text();
  return [...metrics.matchAll(lines)].reduce((sum, [, count]) => sum + Number(count), 0);
}
