// A front before a plain server in workerd's place, for tests of calls that go by the WebSocket. The server keeps what
// arrives, and answers when it is told to.

import type { IncomingMessage, ServerResponse } from "node:http";
import { onTestFinished, vi } from "vitest";
import { openFront } from "../../local/front.ts";
import { createGatherer } from "../../local/gatherer.ts";
import { type Patience, patience as usualPatience } from "../../local/patience.ts";
import { leftReplyHeader } from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";
import { type Message, openChannelServer, secret } from "./channel-server.ts";

/** What the server got: a message of the WebSocket, or a request by itself. */
export interface Arrived {
  /** Undefined for a request by itself. */
  readonly message?: Message;
  /** Bodies of the calls of a message. */
  readonly members: readonly string[] | undefined;
  /** The body of a request by itself. */
  readonly text?: string;
  /** With the name of a reply that was left. */
  readonly left?: string | undefined;
  readonly response?: ServerResponse;
  isAnswered: boolean;
}

/** Answers a request by itself, or all members of a message, each with what it has sent. */
export function answer(arrived: Arrived): void {
  arrived.isAnswered = true;
  arrived.message?.answer();
  arrived.response?.end(arrived.text);
}

export interface GatheringOptions {
  /** Answers requests to other paths than the root, which are not kept then. */
  answerPath?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  patience?: Partial<Patience>;
  /** How long calls wait for others; for ever if it is left out. */
  waitMs?: number;
  /** Answers at once what is true for it; the others wait for the test. */
  isQuick?: (arrived: Arrived) => boolean;
  /** False for a server that opens no WebSocket. */
  opens?: boolean;
}

export async function openGatheringFront(options: GatheringOptions = {}) {
  const arrived: Arrived[] = [];
  const { answerPath } = options;
  const take = (one: Arrived) => {
    arrived.push(one);
    if (options.isQuick?.(one) === true) answer(one);
  };
  const { host, port, server, sockets } = await openChannelServer({
    opens: options.opens ?? true,
    take: (message) => take({ message, members: message.members, isAnswered: false }),
    serve(request, response) {
      if (answerPath !== undefined && request.url !== "/") return answerPath(request, response);
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const left = request.headers[leftReplyHeader]?.toString();
        take({ members: undefined, text, left, response, isAnswered: false });
      });
      request.on("error", () => {});
    },
  });
  const upstream = { host, port };
  const { waitMs = 2 ** 30 } = options;
  const gatherer = createGatherer(upstream, secret, { waitMs, usualMs: Infinity });
  const front = await openFront({
    host,
    port: 0,
    upstream: { ...upstream, gatherer },
    patience: { ...usualPatience, ...options.patience },
  });
  onTestFinished(() => front.destroy());
  const until = async (count: number) => {
    await vi.waitFor(() => {
      if (arrived.length < count) throw new Error(`${arrived.length} of ${count} have come`);
    }, patience);
    return arrived[count - 1]!;
  };
  /** The message with so many calls that wait, which goes when one before it is answered. */
  const gathered = async (count: number) => {
    await vi.waitUntil(() => gatherer.waitingCount === count, { ...patience, interval: 1 });
    const before = arrived.length;
    const first = arrived.find(({ members, isAnswered }) => members?.length === 1 && !isAnswered);
    if (first !== undefined) answer(first);
    const { message } = await until(before + 1);
    if (message === undefined) throw new Error("a request by itself has come");
    return message;
  };
  return { arrived, front, gatherer, server, sockets, until, gathered };
}

/** A call as a client sends it. */
export function callOf(body: string, lines: readonly string[] = [], operation = "GetRecords") {
  return [
    "POST / HTTP/1.1",
    "Host: localhost",
    "Content-Type: application/x-amz-json-1.1",
    `X-Amz-Target: Kinesis_20131202.${operation}`,
    ...lines,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}
