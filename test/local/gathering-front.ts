// A front before a plain server in workerd's place, for tests of calls that go together. The server keeps what arrives,
// and answers when it is told to.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, vi } from "vitest";
import { openFront } from "../../local/front.ts";
import { createGatherer } from "../../local/gatherer.ts";
import { type Patience, patience as usualPatience } from "../../local/patience.ts";
import {
  answerKinds,
  gatheredHeader,
  leftReplyHeader,
  printReply,
  readMembers,
} from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";

export const secret = "the secret of a test";

/** A request as the server got it. */
export class Arrived {
  /** Bodies of calls that came in one request; undefined for a request by itself. */
  readonly members: string[] | undefined;
  readonly text: string;
  /** The name of a reply that was left. */
  readonly left: string | undefined;
  readonly response: ServerResponse;

  constructor(bytes: Buffer, headers: Record<string, unknown>, response: ServerResponse) {
    const isGroup = headers[gatheredHeader] === secret;
    this.text = isGroup ? "" : bytes.toString();
    const own = new Uint8Array(bytes);
    this.members = isGroup
      ? readMembers(own.buffer).map(({ whole }) => Buffer.from(whole).toString())
      : undefined;
    this.left = headers[leftReplyHeader]?.toString();
    this.response = response;
  }

  isAnswered = false;

  /** Answers a request by itself, or all members of a group that have no answer, each with what it has sent. */
  answer(): void {
    this.isAnswered = true;
    if (this.members === undefined) this.response.end(this.text);
    else {
      this.answerMembers(this.members.map((_, i) => i));
      this.response.end();
    }
  }

  answerMembers(members: readonly number[]): void {
    for (const i of members) {
      const body = Buffer.from(this.members?.[i] ?? "");
      this.response.write(printReply(i, 200, { "x-place": String(i) }, body));
    }
  }
}

export interface GatheringOptions {
  /** Answers requests to other paths than the root, which are not kept then. */
  answerPath?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  patience?: Partial<Patience>;
  /** How long calls wait for others; for ever if it is left out. */
  waitMs?: number;
  /** Answers at once what is true for it; the others wait for the test. */
  isQuick?: (arrived: Arrived) => boolean;
}

export async function openGatheringFront(options: GatheringOptions = {}) {
  const arrived: Arrived[] = [];
  const { answerPath } = options;
  const server = createServer((request, response) => {
    if (answerPath !== undefined && request.url !== "/") return answerPath(request, response);
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const one = new Arrived(Buffer.concat(parts), request.headers, response);
      arrived.push(one);
      if (options.isQuick?.(one) === true) one.answer();
    });
    request.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = "127.0.0.1";
  const { port } = server.address() as AddressInfo;
  const upstream = { host, port };
  const { waitMs = 2 ** 30 } = options;
  const gatherer = createGatherer(upstream, secret, { waitMs, usualMs: Infinity });
  const front = await openFront({
    host,
    port: 0,
    upstream: { ...upstream, gatherer },
    patience: { ...usualPatience, ...options.patience },
  });
  onTestFinished(() => {
    front.destroy();
    server.close();
    server.closeAllConnections();
  });
  const until = async (count: number) => {
    await vi.waitFor(() => {
      if (arrived.length < count) throw new Error(`${arrived.length} of ${count} have come`);
    }, patience);
    return arrived[count - 1]!;
  };
  /** The group of so many calls that wait, which goes when a request is answered. */
  const gathered = async (count: number) => {
    await vi.waitUntil(() => gatherer.waitingCount === count, { ...patience, interval: 1 });
    const before = arrived.length;
    arrived.find(({ members, isAnswered }) => members === undefined && !isAnswered)?.answer();
    return await until(before + 1);
  };
  return { arrived, front, server, until, gathered };
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

export { answerKinds };
