// A front before a plain server in workerd's place, for tests of calls that go by the WebSocket. The server keeps what
// arrives, and answers when it is told to.

import type { IncomingMessage, ServerResponse } from "node:http";
import { onTestFinished, vi } from "vitest";
import { openFront } from "../../local/front.ts";
import { createGatherer } from "../../local/gatherer.ts";
import { type Patience, patience as usualPatience } from "../../local/patience.ts";
import type { KeptPuts } from "../../local/keptPuts.ts";
import { manifestHeader } from "../../worker/engine/putManifest.ts";
import { leftReplyHeader } from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";
import { call, callOf, type Client } from "./gathering-client.ts";
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
  /** The header of manifests, of a request by itself. */
  readonly manifest?: string | undefined;
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
  /** What larger bodies take at most. */
  largeBytes?: number;
  /** Keeps bodies of large puts. */
  puts?: KeptPuts;
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
        const manifest = request.headers[manifestHeader]?.toString();
        take({ members: undefined, text, left, manifest, response, isAnswered: false });
      });
      request.on("error", () => {});
    },
  });
  const upstream = { host, port };
  const { waitMs = 2 ** 30, largeBytes = 64 << 20, puts } = options;
  const gatherer = createGatherer(upstream, secret, { waitMs, usualMs: Infinity, largeBytes });
  const front = await openFront({
    host,
    port: 0,
    upstream: { ...upstream, gatherer, puts },
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

/** Calls that keep the server busy: what comes after them waits for others. */
const busy = ["busy 0", "busy 1"];

/** With as many reads under way as make others wait, of these clients. */
export async function openBusy(options: GatheringOptions = {}) {
  const opened = await openGatheringFront(options);
  const clients: Client[] = [];
  for (const [i, body] of busy.entries()) {
    clients.push(call(opened.front, callOf(body)));
    await opened.until(i + 1);
  }
  return { ...opened, clients };
}
