// The ways to a server with TLS: over HTTP/1.1 and HTTP/2, in the clear and in TLS, to its front; and to workerd's own
// socket. Each sends a POST and hands back what came.

import { readFileSync } from "node:fs";
import { Agent as PlainAgent, type IncomingMessage, request as requestPlain } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { Agent, request as requestTls } from "node:https";
import { authorizationFor } from "../worker/kinesis/client.ts";
import type { Server } from "./server.ts";

export interface Sent {
  /** The root if it is left out. */
  path?: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export type Ask = (sent: Sent) => Promise<Reply>;

export interface Ways extends Disposable {
  /** To the front, by name. */
  front: Record<string, Ask>;
  /** The URL of workerd's own socket. */
  direct: string;
}

export function waysTo(server: Server): Ways {
  const { host } = new URL(server.endpoint);
  const ca = readFileSync(/trust (\S+):/.exec(server.banner)![1]!);
  const agent = new Agent({ ca, keepAlive: true });
  const sessions = [
    connectHttp2(`http://${host}`),
    connectHttp2(`https://${host}`, { ca }),
  ] as const;
  return {
    direct: /direct +(http:\S+)/.exec(server.banner)![1]!,
    front: {
      "HTTP/1.1": askOnce(`http://${host}`),
      "HTTP/1.1 in TLS": askBy((head, take) =>
        requestTls(`https://${host}${head.path}`, { ...head, agent }, take),
      ),
      "HTTP/2": askHttp2(sessions[0]),
      "HTTP/2 in TLS": askHttp2(sessions[1]),
    },
    [Symbol.dispose]() {
      agent.destroy();
      for (const session of sessions) session.destroy();
    },
  };
}

export function askFetch(base: string): Ask {
  return async ({ path = "/", headers, body }) => {
    const reply = await fetch(base + path, { method: "POST", headers, body: new Uint8Array(body) });
    const bytes = Buffer.from(await reply.arrayBuffer());
    return { status: reply.status, headers: Object.fromEntries(reply.headers), body: bytes };
  };
}

/** As many connections as requests at once, which are used again. */
export function askKept(base: string): Ask & Disposable {
  const agent = new PlainAgent({ keepAlive: true });
  const ask = askBy((head, take) => requestPlain(base + head.path, { ...head, agent }, take));
  return Object.assign(ask, { [Symbol.dispose]: () => agent.destroy() });
}

/** A connection for each request. */
function askOnce(base: string): Ask {
  const agent = new PlainAgent();
  return askBy((head, take) => requestPlain(base + head.path, { ...head, agent }, take));
}

interface Head {
  method: string;
  path: string;
  headers: Record<string, string>;
}

function askBy(
  begin: (head: Head, take: (reply: IncomingMessage) => void) => ReturnType<typeof requestPlain>,
): Ask {
  return ({ path = "/", headers, body }) =>
    new Promise((done, fail) => {
      const head = { method: "POST", path, headers: { ...headers, ...lengthOf(body) } };
      const sending = begin(head, (reply) => {
        const { statusCode: status = 0, headers: got } = reply;
        gather(reply, (bytes) =>
          done({ status, headers: got as Record<string, string>, body: bytes }),
        );
      });
      sending.once("error", fail);
      sending.end(body);
    });
}

function askHttp2(session: ReturnType<typeof connectHttp2>): Ask {
  return ({ path = "/", headers, body }) =>
    new Promise((done, fail) => {
      const fields = { ":method": "POST", ":path": path, ...headers, ...lengthOf(body) };
      const stream = session.request(fields);
      let head: Record<string, unknown> = {};
      stream.once("response", (got) => (head = got));
      gather(stream, (bytes) =>
        done({
          status: Number(head[":status"]),
          headers: head as Record<string, string>,
          body: bytes,
        }),
      );
      stream.once("error", fail);
      stream.end(body);
    });
}

function lengthOf(body: Buffer): { "content-length": string } {
  return { "content-length": String(body.length) };
}

function gather(stream: NodeJS.ReadableStream, done: (bytes: Buffer) => void): void {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.once("end", () => done(Buffer.concat(parts)));
}

/** A call of Kinesis, which an open server answers. */
export function kinesis(operation: string, input: object): Sent {
  return {
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `Kinesis_20131202.${operation}`,
      "x-amz-date": "20261128T000000Z",
      authorization: authorizationFor("us-east-1"),
    },
    body: Buffer.from(JSON.stringify(input)),
  };
}

/** How many calls have come to the Worker by the WebSocket of its front. */
export async function gatheredCount(direct: string): Promise<number> {
  const metrics = await (await fetch(`${direct}/metrics`)).text();
  return Number(/^millrace_gathered_requests_total (\d+)/m.exec(metrics)?.[1]);
}
