/**
 * Serves what the Worker asks of this process, such as syncing a file: a server on a loopback port
 * that only workerd may use. workerd adds a secret of this run to each of its requests, which no
 * other program and no web page knows.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { secretHeader, serviceHeader } from "./workerdConfig.ts";

/** A request of the Worker to a binding: the path, without its slash, and the body. */
export interface Call {
  path: string;
  body: Buffer;
}

export interface Answer {
  status: number;
  /** JSON, or what went wrong; none with status 204. */
  body?: string;
  /** Bytes in parts instead of that. */
  parts?: readonly Buffer[];
  /** Called when the parts were sent, or cannot be. */
  sent?: () => void;
}

/** Answers the requests that the Worker makes to a binding. Many come while data are written, so they are plain. */
export type Handler = (call: Call) => Promise<Answer>;

export interface Services {
  address: string;
  secret: string;
  /** Ends all connections. */
  close(): void;
}

const loopback = "127.0.0.1";

/** `handlers` by the name of the Worker's binding. Does not keep the process alive. */
export async function openServices(handlers: Readonly<Record<string, Handler>>): Promise<Services> {
  const secret = randomBytes(32).toString("hex");
  const server = createServer((request, response) => {
    answer(request, response, secret, handlers).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  // workerd keeps connections open, and a request on one that closes at that moment would fail.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.on("connection", (socket) => socket.unref());
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(0, loopback, done);
  });
  server.unref();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    address: `${loopback}:${port}`,
    secret,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  secret: string,
  handlers: Readonly<Record<string, Handler>>,
): Promise<void> {
  const { headers, url = "/" } = incoming;
  const handler = handlers[String(headers[serviceHeader])];
  if (!isSame(String(headers[secretHeader]), secret) || handler === undefined) {
    response.writeHead(403).end();
    return;
  }
  const call = { path: url.slice(1), body: await readBody(incoming) };
  const { status, body, parts, sent = () => {} } = await handler(call);
  if (parts === undefined) {
    response.writeHead(status, body === undefined ? {} : lengthOf(body)).end(body);
    return;
  }
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  if (response.destroyed) {
    sent();
    return;
  }
  response.once("close", sent);
  response.cork();
  response.writeHead(status, { "content-length": bytes });
  for (const part of parts) response.write(part);
  response.end();
  response.uncork();
}

function readBody(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((done, fail) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.once("end", () => done(Buffer.concat(parts)));
    incoming.once("error", fail);
    incoming.once("close", () => fail(new Error("the request did not come whole")));
  });
}

function lengthOf(body: string): Record<string, string | number> {
  return { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
}

function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
