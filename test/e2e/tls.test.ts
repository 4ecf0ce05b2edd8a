/**
 * TLS on the public port: one port for TLS, HTTP/2 and HTTP/1.1, a certificate that is made once and
 * that strict clients take, the same patience as without TLS, and a plain word to those who speak TLS
 * to a server without it.
 */
import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  type KinesisClientConfig,
} from "@aws-sdk/client-kinesis";
import { NodeHttp2Handler, NodeHttpHandler } from "@smithy/node-http-handler";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keepCertificate } from "../../local/certificate.ts";
import { type Front, openFront } from "../../local/front.ts";
import { readShard } from "./sdk.ts";
import { headOfHundred } from "./raw.ts";
import { bannerValue, runToEnd, type Server, startServer } from "./server.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-tls-"));
const host = "127.0.0.1";
/** A handshake must be over within `headMs`, also on a busy machine. */
const patience = {
  headMs: 1000,
  bodySilenceMs: 150,
  bodyMs: 400,
  idleMs: 150,
  spareMs: 4000,
  idleSessionMs: 150,
};

let server: Server;
let ca: string;
let port: number;
/** The same upstream, with limits of milliseconds and few connections. */
let front: Front;

beforeAll(async () => {
  server = await startServer({ flags: ["--tls", "--allow-host", "streams.test"] });
  ca = readFileSync(join(server.data, "tls", "ca.pem"), "utf8");
  port = Number(new URL(server.endpoint).port);
  const direct = new URL(bannerValue(server.banner, "direct").replace(/ .*$/, ""));
  const identity = await keepCertificate(scratch, []);
  const upstream = { host, port: Number(direct.port) };
  front = await openFront({ host, port: 0, upstream, patience, identity, connectionsMax: 4 });
});

afterAll(async () => {
  front.destroy();
  await server.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe("one port", () => {
  test.each([
    [["h2", "http/1.1"], "h2"],
    [["http/1.1"], "http/1.1"],
    [["h2"], "h2"],
    [[], false],
  ])(
    "a client that offers %j gets %s, with a certificate it can check",
    async (offered, agreed) => {
      const options = { host, port, ca, servername: "localhost", ALPNProtocols: offered };
      const socket = tls.connect(options);
      await once(socket, "secureConnect");
      expect(socket.authorized).toBe(true);
      expect(socket.alpnProtocol).toBe(agreed);
      socket.destroy();
    },
  );

  test.each(["localhost", "127.0.0.1", "streams.test"])("answers HTTP/1.1 as %s", async (name) => {
    expect(await ask1(name)).toBe(200);
  });

  test("answers HTTP/2, requests side by side", async () => {
    const session = http2.connect(`https://localhost:${port}`, { ca });
    const replies = Array.from({ length: 20 }, () => ask2(session));
    expect(new Set(await Promise.all(replies))).toEqual(new Set([200]));
    session.close();
  });

  test("answers HTTP/2 to a client that offers no ALPN, as the AWS SDK for Java does", async () => {
    const socket = tls.connect({ host, port, ca, servername: "localhost" });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe(false);
    const session = http2.connect(`https://localhost:${port}`, { createConnection: () => socket });
    expect(await ask2(session)).toBe(200);
    session.close();
  });

  test("answers both without TLS as before", async () => {
    expect((await fetch(`http://${host}:${port}/_millrace/health`)).status).toBe(200);
    const session = http2.connect(`http://${host}:${port}`);
    expect(await ask2(session)).toBe(200);
    session.close();
  });

  test("addresses that the server tells are those that were called", async () => {
    const session = http2.connect(`https://localhost:${port}`, { ca });
    const told = [
      await locationOver1("https", "one"),
      await locationOver2(session, "two"),
      await locationOver1("http", "three"),
      // Behind a proxy that takes off TLS.
      await locationOver1("http", "four", { "x-forwarded-proto": "https" }),
      await locationOver1("https", "five", { "x-forwarded-proto": "http" }),
    ];
    session.close();
    const schemes = told.map((location) => location?.replace(/:.*\//, " "));
    expect(schemes).toEqual(["https one", "https two", "http three", "https four", "http five"]);
  });

  test.each([
    ["HTTP/2", () => new NodeHttp2Handler()],
    ["HTTP/1.1", () => new NodeHttpHandler({ httpsAgent: new https.Agent({ ca }) })],
  ] satisfies [string, () => KinesisClientConfig["requestHandler"]][])(
    "the AWS SDK writes and reads megabytes over %s",
    async (protocol, handler) => {
      const StreamName = protocol.replaceAll(/\W/g, "-");
      await using kinesis = connectSdk(handler());
      await kinesis.client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      const Data = new Uint8Array(900_000).fill(7);
      for (let i = 0; i < 3; i++) {
        const Records = Array.from({ length: 4 }, () => ({ PartitionKey: "a", Data }));
        await kinesis.client.send(new PutRecordsCommand({ StreamName, Records }));
      }
      const records = await readShard(kinesis.client, StreamName, 0);
      expect(records.map((record) => record.Data?.length)).toEqual(Array(12).fill(900_000));
    },
  );
});

/** Where a new stream is, as the reply to its creation says. */
async function locationOver1(
  scheme: "http" | "https",
  name: string,
  headers: Record<string, string> = {},
): Promise<string | undefined> {
  const options = { method: "PUT", headers: { "content-length": "0", ...headers }, ca };
  const { request } = scheme === "https" ? https : http;
  const asked = request(`${scheme}://localhost:${port}/v1/stream/${name}`, options).end();
  const [reply] = (await once(asked, "response")) as [http.IncomingMessage];
  reply.resume();
  expect(reply.statusCode).toBe(201);
  return reply.headers.location;
}

async function locationOver2(
  session: http2.ClientHttp2Session,
  name: string,
): Promise<string | undefined> {
  const stream = session.request({ ":method": "PUT", ":path": `/v1/stream/${name}` }).end();
  const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
  return headers["location"];
}

/** The SDK's handler for HTTP/2 takes no options of TLS: it gets the authority as the process does. */
function connectSdk(requestHandler: NonNullable<KinesisClientConfig["requestHandler"]>) {
  tls.setDefaultCACertificates([...tls.getCACertificates(), ca]);
  const client = new KinesisClient({
    endpoint: `https://localhost:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler,
  });
  return { client, [Symbol.asyncDispose]: async () => client.destroy() };
}

describe("the certificate", () => {
  test("is kept, with a key that only its owner reads; its authority signs for nobody else", async () => {
    const first = await keepCertificate(join(scratch, "kept"), []);
    expect(await keepCertificate(join(scratch, "kept"), [])).toEqual(first);
    for (const name of ["ca.pem", "certificate.pem", "key.pem"]) {
      expect(statSync(join(scratch, "kept", "tls", name)).mode & 0o077).toBe(0);
    }
    const authority = new X509Certificate(first.ca);
    expect(authority.ca).toBe(true);
    expect(first.key).not.toContain(authority.publicKey.export({ type: "spki", format: "pem" }));
    const days = (Date.parse(new X509Certificate(first.cert).validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(700);
    expect(days).toBeLessThan(825);
  });

  test("is made again for a name that it lacks, and when a file is missing or damaged", async () => {
    const folder = join(scratch, "again");
    const first = await keepCertificate(folder, []);
    const second = await keepCertificate(folder, ["streams.test", "192.0.2.7"]);
    expect(second.ca).not.toBe(first.ca);
    const certificate = new X509Certificate(second.cert);
    expect(certificate.checkHost("streams.test")).toBe("streams.test");
    expect(certificate.checkIP("192.0.2.7")).toBe("192.0.2.7");
    expect(await keepCertificate(folder, ["streams.test"])).toEqual(second);
    rmSync(join(folder, "tls", "key.pem"));
    const third = await keepCertificate(folder, []);
    expect(third.cert).not.toBe(second.cert);
    writeFileSync(join(folder, "tls", "certificate.pem"), "damaged");
    expect((await keepCertificate(folder, [])).cert).not.toBe(third.cert);
  });

  test("of the user's own is shown, and JSON names no authority", async () => {
    const own = await keepCertificate(join(scratch, "own"), []);
    const [cert, key] = ["certificate.pem", "key.pem"].map((name) =>
      join(scratch, "own/tls", name),
    );
    const flags = ["--memory", "--cert", cert ?? "", "--key", key ?? ""];
    await using given = await startServer({ flags });
    expect(given.banner).not.toMatch(/^ {2}tls/m);
    const socket = tls.connect({ host, port: Number(new URL(given.endpoint).port), ca: own.ca });
    await once(socket, "secureConnect");
    expect(socket.getPeerX509Certificate()?.toString()).toBe(own.cert);
    socket.destroy();
  });

  test.each([
    ["a certificate without its key", ["--cert", "c.pem"], /--cert needs .* --key/],
    ["a key without its certificate", ["--key", "k.pem"], /--key needs .* --cert/],
    [
      "a file that is none",
      ["--cert", "/none.pem", "--key", "/none.pem"],
      /--cert \/none.pem .*ENOENT/,
    ],
    [
      "files that are no PEM",
      ["--cert", "package.json", "--key", "package.json"],
      /--cert package.json.*PEM/,
    ],
  ])("%s is one line on stderr", async (_what, flags, line) => {
    const ended = await runToEnd(["--port", "0", "--memory", ...flags]);
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr).toMatch(/^millrace: [^\n]+\n$/);
    expect(ended.exitCode).toBe(2);
  });
});

describe("a client that does not finish what it begins", () => {
  test("half a hello, and a whole one without what follows, are left", async () => {
    const bytes = await hello();
    const parts = [bytes.subarray(0, 1), bytes.subarray(0, 50), bytes];
    const left = parts.map((part) => {
      const socket = connect(front.port, host);
      socket.write(part);
      return once(socket.resume(), "close");
    });
    await Promise.all(left);
  });

  test("bytes that are no handshake are left", async () => {
    const socket = connect(front.port, host);
    socket.on("error", () => {});
    socket.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 20]), Buffer.alloc(20, 0xff)]));
    socket.resume();
    await once(socket, "close");
  });

  test("nothing after the handshake is left; half a head gets a 408 inside TLS", async () => {
    const talks = ["", "POST / HT"].map(async (text) => talk(await secure(), text));
    const [silent, half] = await Promise.all(talks);
    expect(silent).toBe("");
    expect(half).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("a body that stops gets a 400 in the dialect's form inside TLS", async () => {
    const reply = await talk(await secure(), `${headOfHundred}\r\n\r\n{`);
    expect(reply).toMatch(/^HTTP\/1\.1 400 [^]*"__type":"SerializationException"/);
  });

  test("handshakes that stop make room for those that go on", async () => {
    const bytes = await hello();
    const idle = Array.from({ length: 8 }, () => connect(front.port, host));
    for (const socket of idle) {
      socket.on("error", () => {});
      socket.write(bytes.subarray(0, 50));
    }
    const socket = await secure();
    socket.write("GET /_millrace/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
    for (const each of idle) each.destroy();
  });

  test("an HTTP/2 session without a request is closed", async () => {
    const session = http2.connect(`https://localhost:${front.port}`, { ca: await authority() });
    await once(session, "close");
  });
});

describe("a server without TLS", () => {
  test("says what to set, once, and goes on", async () => {
    await using plain = await startServer({ flags: ["--memory"] });
    const { port } = new URL(plain.endpoint);
    for (let i = 0; i < 3; i++) {
      await expect(fetch(`https://localhost:${port}/`)).rejects.toThrow();
    }
    expect((await fetch(`${plain.endpoint}/_millrace/health`)).status).toBe(200);
    const { stderr } = await plain.stop();
    expect(stderr).toBe(
      "millrace: a client speaks TLS (https://), for which this server has no certificate: " +
        "start it with --tls, or with --cert and --key\n",
    );
  });
});

/** The first flight of a handshake, as a client sends it. */
async function hello(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const listener = createServer((socket) => socket.once("data", resolve)).listen(0, host);
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const socket = tls.connect({ host, port, ca });
  socket.on("error", () => {});
  const bytes = await promise;
  socket.destroy();
  listener.close();
  return bytes;
}

async function authority(): Promise<string> {
  return (await keepCertificate(scratch, [])).ca;
}

async function secure(): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host, port: front.port, ca: await authority() });
  await once(socket, "secureConnect");
  return socket;
}

async function talk(socket: Socket, text: string): Promise<string> {
  if (text !== "") socket.write(text);
  return await readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  await once(socket, "close");
  return text;
}

async function ask1(name: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = { host, port, ca, servername: name, path: "/_millrace/health", agent: false };
  const isAddress = name === host;
  https
    .get({ ...options, ...(isAddress && { servername: "" }), headers: { host: name } }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    })
    .on("error", reject);
  return await promise;
}

async function ask2(session: http2.ClientHttp2Session): Promise<number> {
  const stream = session.request({ ":path": "/_millrace/health" });
  const [headers] = (await once(stream, "response")) as [
    http2.IncomingHttpHeaders & { ":status": number },
  ];
  stream.resume();
  await once(stream, "end");
  return headers[":status"];
}
