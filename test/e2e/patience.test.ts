/**
 * What the front does with clients that do not finish what they begin, on a real server and with limits
 * of milliseconds: each is given up, told so where it can be, and costs no other client anything.
 */
import { once } from "node:events";
import http from "node:http";
import http2, { type ClientHttp2Session } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Front, openFront } from "../../local/front.ts";
import { patience as usual } from "../../local/patience.ts";
import { headOfHundred as head } from "./raw.ts";
import { bannerValue, type Server, startServer } from "./server.ts";

const host = "127.0.0.1";
/** What a client must do in time has longer: a busy machine may stop this process for that long. */
const patience = {
  headMs: 600,
  bodySilenceMs: 100,
  bodyMs: 400,
  idleMs: 600,
  spareMs: 4000,
  idleSessionMs: 600,
};

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

let server: Server;
let front: Front;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory"] });
  const port = Number(new URL(bannerValue(server.banner, "direct").replace(/ .*$/, "")).port);
  front = await openFront({ host, port: 0, upstream: { host, port }, patience });
});

afterAll(async () => {
  front.destroy();
  await server.stop();
});

test("the limits are what the documentation says, and end", () => {
  expect(usual).toEqual({
    headMs: 15_000,
    bodySilenceMs: 20_000,
    bodyMs: 120_000,
    idleMs: 15_000,
    spareMs: 4000,
    idleSessionMs: 120_000,
  });
});

describe("HTTP/1.1", () => {
  test.each([
    ["nothing", ""],
    ["half a preface", "PRI * HT"],
  ])("a client that sends %s is left", async (_what, text) => {
    expect(await talk(front.port, text)).toBe("");
  });

  test.each([
    ["half a request line", "POST / HT"],
    ["half a head", `${head}\r\nX-A: `],
  ])("a client that sends %s gets a 408", async (_what, text) => {
    const reply = await talk(front.port, text);
    expect(reply).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\ndate: \w{3}, .* GMT\r\n/);
    expect(reply).toMatch(/\r\nconnection: close\r\n/);
  });

  test("a head that goes on for ever gets a 408", async () => {
    const drip = { piece: "X-A: b\r\n", everyMs: 10 };
    expect(await talk(front.port, `${head}\r\n`, drip)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test.each([
    ["stops", undefined],
    ["goes on for ever", { piece: "a", everyMs: 20 }],
  ])("a body that %s gets a 400 in the dialect's form", async (_what, drip) => {
    const long = head.replace("Content-Length: 100", "Content-Length: 100000");
    const reply = await talk(front.port, `${long}\r\n\r\n{`, drip);
    expect(reply).toMatch(/^HTTP\/1\.1 400 /);
    expect(reply).toMatch(/\r\nx-amzn-requestid: /);
    expect(reply).toMatch(/"__type":"SerializationException"/);
  });

  test("chunks that stop get a 400 in the dialect's form", async () => {
    const chunks = head.replace("Content-Length: 100", "Transfer-Encoding: chunked");
    const reply = await talk(front.port, `${chunks}\r\n\r\n5\r\n{`);
    expect(reply).toMatch(/^HTTP\/1\.1 400 [^]*"__type":"SerializationException"/);
  });

  test("what was asked before is answered before the 408 and the 400", async () => {
    const first = "GET /_millrace/stats HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const late = await talk(front.port, `${first}${head}`);
    expect(late).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*HTTP\/1\.1 408 Request Timeout\r\n/);
    const wrong = await talk(front.port, `${first}CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`);
    expect(wrong).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test.each([
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
    ["no Host", "GET / HTTP/1.1\r\n\r\n"],
    ["a Host that is none", "GET /_millrace/stats HTTP/1.1\r\nHost: a b\r\n\r\n"],
    ["a length and chunks", `${head}\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ["no HTTP", "hello\r\n\r\n"],
    ["HTTP/1.0 without a Host", "GET / HTTP/1.0\r\n\r\n"],
    ["a target with quotes", 'GET /_millrace/scan?where={"a":1} HTTP/1.1\r\nHost: a\r\n\r\n'],
    ["a target that is not UTF-8", "GET /caf\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ])("%s is a 400 with a Date", async (_what, text) => {
    expect(await talk(front.port, text)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ndate: /);
  });

  test("a target that is too long is a 414 with a Date", async () => {
    const long = `GET /${"a".repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`;
    expect(await talk(front.port, long)).toMatch(/^HTTP\/1\.1 414 URI Too Long\r\ndate: /);
  });
});

describe("HTTP/2", () => {
  test("a client that sends a preface and no SETTINGS is left", async () => {
    await talk(front.port, preface);
  });

  test("a body that stops gets a 400 in the dialect's form, and its session goes on", async () => {
    const session = openSession(front.port);
    const headers = {
      "x-amz-target": "Kinesis_20131202.ListStreams",
      "content-type": "application/x-amz-json-1.1",
    };
    const stream = session.request({ ":method": "POST", ":path": "/", ...headers });
    stream.write("{");
    const [reply] = await once(stream, "response");
    let body = "";
    stream.on("data", (bytes: Buffer) => (body += bytes.toString()));
    await once(stream, "end");
    expect(reply).toMatchObject({ ":status": 400, "x-amzn-requestid": expect.any(String) });
    expect(body).toMatch(/"__type":"SerializationException"/);
    const other = session.request({ ":path": "/_millrace/stats" });
    expect((await once(other, "response"))[0]).toMatchObject({ ":status": 200 });
    session.destroy();
  });

  test("a session with nothing to do is closed", async () => {
    await once(openSession(front.port), "close");
  });

  test.each([
    ["an :authority that is none", { ":authority": "localhost:99999" }],
    ["an :authority and another Host", { ":authority": "localhost", host: "a" }],
  ])("%s is a 400 with a Date", async (_what, headers) => {
    const session = openSession(front.port);
    const stream = session.request({ ":path": "/_millrace/stats", ...headers });
    const [reply] = await once(stream, "response");
    expect(reply).toMatchObject({ ":status": 400, date: expect.stringMatching(/ GMT$/) });
    session.destroy();
  });
});

test("waiting for a reply has no limit of the front's", async () => {
  await using stub = await openStub({ patience });
  const asked = talk(
    stub.front.port,
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na",
  );
  const reply = await stub.nextRequest();
  // A client that came later has been given up meanwhile.
  await talk(stub.front.port, "GET");
  await talk(stub.front.port, "GET");
  reply.writeHead(200, { connection: "close" }).end("late");
  expect(await asked).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*late\r\n0\r\n\r\n$/);
});

describe("as many connections as there may be", () => {
  test.each([
    ["has said nothing", ""],
    ["has not finished its head", "GET / HT"],
    ["has not finished its body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na"],
  ])("one more takes the place of one that %s", async (_what, text) => {
    await using stub = await openStub({ connectionsMax: 3 });
    const owing = [0, 1, 2].map(() => connect(stub.front.port, host));
    await Promise.all(owing.map((socket) => once(socket, "connect")));
    for (const socket of owing) socket.on("error", () => {}).write(text);
    const gone = Promise.race(owing.map((socket) => once(socket.resume(), "close")));
    const asked = talk(stub.front.port, "GET /asked HTTP/1.1\r\nHost: a\r\n\r\n");
    (await stub.nextRequest("/asked")).writeHead(200, { connection: "close" }).end();
    expect(await asked).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    await gone;
    for (const socket of owing) socket.destroy();
  });

  test("when all have asked, one more is a 503 that says when to come again", async () => {
    await using stub = await openStub({ connectionsMax: 2 });
    const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const asked = [talk(stub.front.port, request), talk(stub.front.port, request)];
    const replies = [await stub.nextRequest(), await stub.nextRequest()];
    const refused = await talk(stub.front.port, request);
    expect(refused).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\ndate: [^]*\r\nretry-after: 1\r\n/,
    );
    for (const reply of replies) reply.writeHead(200, { connection: "close" }).end();
    for (const reply of await Promise.all(asked)) expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });
});

/** Sends a text, then pieces if there are some, until the connection is closed: what came. */
async function talk(
  port: number,
  text: string,
  drip?: { piece: string; everyMs: number },
): Promise<string> {
  const socket: Socket = connect({ port, host, allowHalfOpen: true });
  socket.write(Buffer.from(text, "latin1"));
  const timer =
    drip && setInterval(() => socket.writable && socket.write(drip.piece), drip.everyMs);
  let came = "";
  socket.on("data", (bytes: Buffer) => (came += bytes.toString()));
  socket.on("error", () => {});
  socket.once("end", () => socket.end());
  await new Promise((done) => socket.once("close", done));
  clearInterval(timer);
  return came;
}

function openSession(port: number): ClientHttp2Session {
  const session = http2.connect(`http://localhost:${port}`);
  session.on("error", () => {});
  return session;
}

/** A front before a plain HTTP server that answers when the test does. */
async function openStub(options: Partial<Parameters<typeof openFront>[0]>) {
  const replies: http.ServerResponse[] = [];
  const upstream = http.createServer((_request, reply) => {
    replies.push(reply);
    upstream.emit("asked");
  });
  await once(upstream.listen(0, host), "listening");
  const { port } = upstream.address() as AddressInfo;
  const stub = await openFront({ host, port: 0, upstream: { host, port }, ...options });
  return {
    front: stub,
    async nextRequest(path = "/"): Promise<http.ServerResponse> {
      for (;;) {
        const at = replies.findIndex((reply) => reply.req.url === path);
        const [reply] = at < 0 ? [] : replies.splice(at, 1);
        if (reply !== undefined) return reply;
        await once(upstream, "asked");
      }
    },
    async [Symbol.asyncDispose]() {
      stub.destroy();
      upstream.closeAllConnections();
      upstream.close();
    },
  };
}
