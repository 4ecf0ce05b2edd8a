/**
 * Serves what the Worker asks of this process, such as syncing a file: a server on a loopback port
 * that only workerd may use. workerd adds a secret of this run to each of its requests, which no
 * other program and no web page knows.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { secretHeader, serviceHeader } from "./workerdConfig.ts";

/** Answers the requests that the Worker makes to a binding. */
export type Handler = (request: Request) => Promise<Response>;

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
  const { headers, method = "GET", url = "/" } = incoming;
  const handler = handlers[String(headers[serviceHeader])];
  if (!isSame(String(headers[secretHeader]), secret) || handler === undefined) {
    response.writeHead(403).end();
    return;
  }
  const parts: Uint8Array[] = [];
  for await (const part of incoming) parts.push(part as Uint8Array);
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: Buffer.concat(parts) } : {};
  const reply = await handler(new Request(`http://service${url}`, { method, ...body }));
  response.writeHead(reply.status, Object.fromEntries(reply.headers));
  response.end(Buffer.from(await reply.arrayBuffer()));
}

function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
