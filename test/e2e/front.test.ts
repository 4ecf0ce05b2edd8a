/**
 * The public port of the local server, in front of a real workerd and, where a test must see the
 * other end, in front of a plain HTTP server: bytes arrive whole and in order over HTTP/1.1 and
 * over HTTP/2, at the pace of the reader, and an end on one side is an end on the other.
 */
import { KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import http2, { type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import { type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildWorker } from "../../local/build.ts";
import { type Front, openFront } from "../../local/front.ts";
import { type Runtime, startRuntime } from "../../local/runtime.ts";

const host = "127.0.0.1";
const pageBytes = 10 << 20;
const bodyBytes = 20 << 20;

const scratch = mkdtempSync(join(tmpdir(), "millrace-front-"));
let runtime: Runtime;
let front: Front;

beforeAll(async () => {
  runtime = await startEcho("main");
  front = await openFront({ host, port: 0, upstream: runtime });
});

afterAll(async () => {
  front.destroy();
  await runtime.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

describe("HTTP/1.1", () => {
  test("requests follow each other on one connection", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      const reply = await request1("/describe", { agent, body: Buffer.from("hello") });
      ports.add(reply.localPort);
      expect(JSON.parse(reply.body.toString())).toMatchObject({ method: "POST", bodyBytes: 5 });
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });

  test("requests sent before the first reply are answered in order", async () => {
    const paths = ["/a", "/b", "/c", "/d"];
    const socket = connect(front.port, host);
    const heads = paths.map((path) => `GET /describe${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    socket.end(heads.join("").replaceAll("/describe/", "/describe?"));
    const text = (await readAll(socket)).toString();
    expect([...text.matchAll(/describe\?(\w)"/g)].map((match) => match[1])).toEqual(
      paths.map((path) => path.slice(1)),
    );
  });

  test("a request that comes byte by byte is a request", async () => {
    await using door = await openNarrowDoor();
    const socket = connect({ port: door.port, host, allowHalfOpen: true });
    socket.end("POST /describe HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    expect((await readAll(socket)).toString()).toContain('"bodyBytes":3');
  });

  test("a client that has closed its sending side still gets its reply", async () => {
    const socket = connect({ port: front.port, host, allowHalfOpen: true });
    socket.end("GET /page?bytes=3 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\naaa$/s);
  });

  test("what is no HTTP gets a 400", async () => {
    const socket = connect(front.port, host);
    socket.end("PRINT ME\r\n\r\n");
    expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1.1 400 /);
  });

  test("a connection that says nothing, or half a preface, is closed when its client leaves", async () => {
    for (const word of ["", "PRI * HT"]) {
      const socket = connect({ port: front.port, host, allowHalfOpen: true });
      socket.end(word);
      expect((await readAll(socket)).toString()).toBe("");
    }
  });
});

describe("HTTP/2", () => {
  test("100 streams at once keep their bodies apart", async () => {
    await using client = openClient();
    const bodies = Array.from({ length: 100 }, (_, i) => Buffer.alloc(200_000 + i, i));
    const replies = await Promise.all(bodies.map((body) => client.send("/mirror", { body })));
    replies.forEach((reply, i) => {
      expect(reply.headers).toMatchObject({ ":status": 200, "x-mirror": "yes" });
      expect(reply.body.equals(bodies[i] ?? Buffer.alloc(0))).toBe(true);
    });
  });

  test("a preface that comes byte by byte is a preface", async () => {
    await using door = await openNarrowDoor();
    await using client = openClient(door.port);
    const { body } = await client.send("/describe", { body: Buffer.from("abc") });
    expect(JSON.parse(body.toString())).toMatchObject({ method: "POST", bodyBytes: 3 });
  });

  test("the request is the same as over HTTP/1.1, and :authority is its Host", async () => {
    await using client = openClient();
    const headers = {
      "x-amz-target": "Kinesis_20131202.ListStreams",
      "x-amz-security-token": "token",
      te: "trailers",
      expect: "100-continue",
      cookie: "a=1",
      "content-length": "2",
    };
    const path = "/describe?a=%20b&c=d%2Fe";
    const { body } = await client.send(path, {
      body: Buffer.from("{}"),
      headers: { ...headers, ":authority": "kinesis.local:4567" },
    });
    const one = await request1(path, {
      body: Buffer.from("{}"),
      headers: { ...headers, Host: "kinesis.local:4567" },
    });
    const told: unknown = JSON.parse(body.toString());
    expect(told).toMatchObject({ method: "POST", url: `http://kinesis.local:4567${path}` });
    expect(told).toEqual(withoutHeaders(JSON.parse(one.body.toString()), ["connection"]));
  });

  test("headers may be as large as a session token makes them", async () => {
    await using client = openClient();
    const token = "t".repeat(30_000);
    const { body } = await client.send("/describe", { headers: { "x-amz-security-token": token } });
    expect(body.toString().includes(token)).toBe(true);
  });

  test.each(["GET", "HEAD", "DELETE", "POST", "PUT"])("%s without a body", async (method) => {
    await using client = openClient();
    const { headers, body } = await client.send("/describe", { headers: { ":method": method } });
    expect(headers[":status"]).toBe(200);
    if (method === "HEAD") expect(body.length).toBe(0);
    else expect(JSON.parse(body.toString())).toMatchObject({ method, bodyBytes: 0 });
  });

  test("the AWS SDK for JavaScript gets through on its defaults, which are HTTP/2", async () => {
    const client = new KinesisClient({
      endpoint: `http://${host}:${front.port}`,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    expect(client.config.requestHandler.metadata?.handlerProtocol).toBe("h2");
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => client.send(new ListStreamsCommand({}))),
    );
    client.destroy();
    expect(replies.map((reply) => reply.$metadata.httpStatusCode)).toEqual(replies.map(() => 200));
  });

  test.each([
    ["a blank in its path", { ":path": "/a b" }],
    ["a method that is no token", { ":method": "GE T" }],
    [
      "CONNECT, which asks for a tunnel",
      { ":method": "CONNECT", ":authority": "x:1", ":path": undefined },
    ],
  ])("a request with %s is refused, and its session goes on", async (_what, headers) => {
    await using client = openClient();
    const refused = client.send("/", { headers }).then((reply) => {
      throw new Error(`status ${String(reply.headers[":status"])}`);
    });
    await expect(refused).rejects.toThrow(/PROTOCOL_ERROR|status 4\d\d|status 50[12]/);
    expect((await client.send("/page?bytes=1")).body.toString()).toBe("a");
  });

  test("a session that breaks the protocol ends alone", async () => {
    await using client = openClient();
    const socket = connect(front.port, host);
    socket.end("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame at all");
    await readAll(socket);
    expect((await client.send("/page?bytes=1")).body.toString()).toBe("a");
  });
});

describe.each(["HTTP/1.1", "HTTP/2"] as const)("over %s", (protocol) => {
  test("a body of 20 MB arrives, and comes back", async () => {
    const body = Buffer.alloc(bodyBytes, "0123456789abcdef-");
    const { headers, body: mirrored } = await send(protocol, "/mirror", { body });
    expect(headers[":status"]).toBe(200);
    expect(mirrored.equals(body)).toBe(true);
  });

  test("a reply of 10 MB arrives", async () => {
    const { body } = await send(protocol, `/page?bytes=${pageBytes}`);
    expect(body.equals(Buffer.alloc(pageBytes, "a"))).toBe(true);
  });

  test("a refusal reaches a client that is still sending", async () => {
    const { headers, body } = await send(protocol, "/refuse", { body: Buffer.alloc(bodyBytes) });
    expect(headers[":status"]).toBe(413);
    expect(body.toString()).toBe("no");
  });

  test("each piece of a slow reply comes when it is written", async () => {
    await using exchange = openExchange(protocol, front.port, "/mirror");
    for (const piece of ["one", "two", "three"]) {
      exchange.write(piece);
      expect(await exchange.readPiece()).toBe(piece);
    }
    exchange.end();
    expect(await exchange.readPiece()).toBeUndefined();
  });

  test("a client that goes away ends the request behind it", async () => {
    await using stub = await openStub();
    await using exchange = openExchange(protocol, stub.front.port, "/");
    const { request, reply } = await stub.received;
    const ended = new Promise((done) => request.once("close", done));
    reply.writeHead(200).write("begun");
    expect(await exchange.readPiece()).toBe("begun");
    exchange.abort();
    await ended;
  });

  test.each(["with a reset", "with an end"])(
    "a reply that breaks off %s is an error",
    async (how) => {
      await using stub = await openStub();
      await using exchange = openExchange(protocol, stub.front.port, "/");
      const { reply } = await stub.received;
      reply.writeHead(200, { "Content-Length": 100 }).write("begun");
      expect(await exchange.readPiece()).toBe("begun");
      if (how === "with a reset") reply.socket?.resetAndDestroy();
      else reply.socket?.destroy();
      await expect(exchange.readPiece()).rejects.toThrow();
    },
  );

  test.each(["with a reset", "with an end"])(
    "a request that workerd leaves without a reply %s gets one",
    async (how) => {
      let isFirst = true;
      const server = http.createServer((_, reply) => {
        if (isFirst) reply.end("first");
        else if (how === "with a reset") reply.socket?.resetAndDestroy();
        else reply.socket?.destroy();
        isFirst = false;
      });
      await once(server.listen(0, host), "listening");
      const lone = await openFront({ host, port: 0, upstream: { host, port: portOf(server) } });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      await using client = openClient(lone.port);
      const ask = () =>
        protocol === "HTTP/2" ? client.send("/") : request1("/", { agent }, lone.port);
      expect((await ask()).body.toString()).toBe("first");
      const { headers, body } = await ask();
      expect([headers[":status"], body.toString()]).toEqual([502, "workerd does not answer\n"]);
      lone.destroy();
      server.close();
      agent.destroy();
    },
  );

  test("a reply waits for a reader that is slow, and loses nothing", async () => {
    await using exchange = openExchange(protocol, front.port, `/page?bytes=${pageBytes}`, "GET");
    let length = 0;
    for (;;) {
      const piece = await exchange.readPiece();
      if (piece === undefined) break;
      length += piece.length;
      expect(piece).toBe("a".repeat(piece.length));
      await nextTurn();
    }
    expect(length).toBe(pageBytes);
  });

  test("without workerd it is a 502", async () => {
    const gone = await startEcho(`gone-${protocol.replace("/", "")}`);
    const lone = await openFront({ host, port: 0, upstream: gone });
    await gone.dispose();
    const { headers, body } = await send(protocol, "/", {}, lone.port);
    expect(headers[":status"]).toBe(502);
    expect(body.toString()).toBe("workerd does not answer\n");
    lone.destroy();
  });

  test("a request that has begun is answered before the server stops", async () => {
    const stopping = await startEcho(`stopping-${protocol.replace("/", "")}`);
    const last = await openFront({ host, port: 0, upstream: stopping });
    await using exchange = openExchange(protocol, last.port, "/mirror");
    exchange.write("begun");
    expect(await exchange.readPiece()).toBe("begun");
    const stopped = Promise.all([last.stop(), stopping.drain()]);
    await expect(send(protocol, "/", {}, last.port)).rejects.toThrow();
    exchange.end("finished");
    expect(await exchange.readPiece()).toBe("finished");
    expect(await exchange.readPiece()).toBeUndefined();
    exchange.abort();
    await stopped;
  });
});

test("what an object has stored is there for the next server on the folder", async () => {
  const first = await startEcho("kept");
  expect([await countVisit(first), await countVisit(first)]).toEqual([{ count: 1 }, { count: 2 }]);
  await first.drain();
  const second = await startEcho("kept");
  expect(await countVisit(second)).toEqual({ count: 3 });
  await second.dispose();
});

interface Reply {
  headers: Record<string, unknown>;
  body: Buffer;
  localPort?: number | undefined;
}

interface Sending {
  body?: Buffer;
  headers?: OutgoingHttpHeaders;
  agent?: http.Agent;
}

async function countVisit(upstream: Runtime): Promise<unknown> {
  return await (await fetch(`http://${host}:${upstream.port}/count`)).json();
}

async function startEcho(name: string): Promise<Runtime> {
  const entry = join(import.meta.dirname, "fixtures", "echo-worker.ts");
  const folder = { path: join(scratch, name), scratch: join(scratch, name, "tmp") };
  mkdirSync(folder.scratch, { recursive: true });
  const modules = await buildWorker(entry, join(scratch, "build"));
  return await startRuntime({ modules, folder, objects: { COUNTER: "Counter" } });
}

async function send(
  protocol: "HTTP/1.1" | "HTTP/2",
  path: string,
  sending: Sending = {},
  port = front.port,
): Promise<Reply> {
  if (protocol === "HTTP/1.1") return await request1(path, sending, port);
  await using client = openClient(port);
  return await client.send(path, sending);
}

async function request1(path: string, sending: Sending, port = front.port): Promise<Reply> {
  const { body, headers = {}, agent = false } = sending;
  const method = body === undefined ? "GET" : "POST";
  const outgoing = http.request({ host, port, path, method, headers, agent });
  // A server that has replied may close while the client is still sending.
  let reply: IncomingMessage | undefined;
  const replied = new Promise<IncomingMessage>((done, fail) => {
    outgoing.once("response", done);
    outgoing.on("error", (error) => reply === undefined && fail(error));
  });
  outgoing.end(body);
  reply = await replied;
  const localPort = reply.socket.localPort;
  const content = await readAll(reply);
  return { headers: { ":status": reply.statusCode, ...reply.headers }, body: content, localPort };
}

interface Client extends AsyncDisposable {
  send(path: string, sending?: Sending): Promise<Reply>;
}

function openClient(port = front.port): Client {
  const session = openSession(port);
  return {
    async send(path, { body, headers = {} } = {}) {
      const method = body === undefined ? "GET" : "POST";
      const stream = session.request(
        { ":method": method, ":path": path, ...headers },
        { endStream: body === undefined },
      );
      const replied = once(stream, "response");
      if (body !== undefined) stream.end(body);
      const [received] = await replied;
      return { headers: { ...received }, body: await readAll(stream) };
    },
    [Symbol.asyncDispose]: async () => session.destroy(),
  };
}

function openSession(port: number): ClientHttp2Session {
  const session = http2.connect(`http://${host}:${port}`, { maxSessionMemory: 100 });
  session.on("error", () => session.destroy());
  return session;
}

interface Exchange extends AsyncDisposable {
  write(piece: string): void;
  end(piece?: string): void;
  abort(): void;
  /** The next bytes of the reply as they come; undefined at its end. */
  readPiece(): Promise<string | undefined>;
}

/** A request whose body is written while its reply is read. */
function openExchange(
  protocol: "HTTP/1.1" | "HTTP/2",
  port: number,
  path: string,
  method = "POST",
): Exchange {
  const { sent, received, abort } =
    protocol === "HTTP/1.1" ? exchange1(port, path, method) : exchange2(port, path, method);
  const pieces = received.then((reply) => reply[Symbol.asyncIterator]());
  pieces.catch(() => {});
  return {
    write: (piece) => sent.write(piece),
    end: (piece = "") => sent.end(piece),
    abort,
    async readPiece() {
      const { value, done } = await (await pieces).next();
      return done === true ? undefined : String(value);
    },
    [Symbol.asyncDispose]: async () => void abort(),
  };
}

function exchange1(port: number, path: string, method: string) {
  const sent = http.request({ host, port, path, method, agent: false });
  sent.on("error", () => sent.destroy());
  sent.flushHeaders();
  const received = new Promise<Readable>((done, fail) => {
    sent.once("response", done);
    sent.once("error", fail);
  });
  return { sent, received, abort: () => sent.destroy() };
}

function exchange2(port: number, path: string, method: string) {
  const session = openSession(port);
  const sent = session.request(
    { ":method": method, ":path": path },
    { endStream: method === "GET" },
  );
  sent.on("error", () => session.destroy());
  return { sent, received: Promise.resolve<Readable>(sent), abort: () => session.destroy() };
}

interface Received {
  request: IncomingMessage;
  reply: ServerResponse;
}

/** A front before a plain HTTP server, and the first request that gets to it. */
async function openStub(): Promise<
  AsyncDisposable & { front: Front; received: Promise<Received> }
> {
  const server = http.createServer();
  const received = new Promise<Received>((done) => {
    server.once("request", (request, reply) => {
      request.on("error", () => request.destroy());
      done({ request, reply });
    });
  });
  await once(server.listen(0, host), "listening");
  const stub = await openFront({ host, port: 0, upstream: { host, port: portOf(server) } });
  return {
    front: stub,
    received,
    async [Symbol.asyncDispose]() {
      stub.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A way to the front that hands over each byte that the client sends in a turn of its own. */
async function openNarrowDoor(): Promise<AsyncDisposable & { port: number }> {
  const door = createServer({ allowHalfOpen: true }, (client) => {
    const inner = connect({ port: front.port, host, noDelay: true, allowHalfOpen: true });
    inner.pipe(client);
    inner.on("error", () => client.destroy());
    client.on("error", () => inner.destroy());
    void forwardBytes(client, inner);
  });
  await once(door.listen(0, host), "listening");
  return { port: portOf(door), [Symbol.asyncDispose]: async () => void door.close() };
}

async function forwardBytes(from: Socket, to: Socket): Promise<void> {
  for await (const chunk of from) {
    for (const byte of Buffer.from(chunk)) {
      await new Promise((written) => to.write(Buffer.of(byte), written));
      await nextTurn();
    }
  }
  to.end();
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function withoutHeaders(told: { headers: [string, string][] }, names: string[]) {
  return { ...told, headers: told.headers.filter(([name]) => !names.includes(name)) };
}
