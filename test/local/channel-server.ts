// A plain server in workerd's place, to which the front opens its WebSocket. What the front sends by it is handed to the
// test, which answers or does not.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import {
  type AnswerKind,
  answerKinds,
  gatheredHeader,
  printAnswer,
  printReply,
  readMembers,
} from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";

export const secret = "the secret of a test";

/** Calls that came in one message. */
export class Message {
  /** Their numbers, and their bodies. */
  readonly numbers: readonly number[];
  readonly members: readonly string[];
  /** Their headers of this name. */
  readonly header: (name: string) => readonly (string | null)[];
  readonly socket: WebSocket;

  constructor(bytes: Buffer, socket: WebSocket) {
    const members = readMembers(new Uint8Array(bytes).buffer);
    this.numbers = members.map(({ number }) => number);
    this.members = members.map(({ whole }) => Buffer.from(whole).toString());
    this.header = (name) => members.map(({ headers }) => headers.get(name));
    this.socket = socket;
  }

  /** Answers each of these members with what it has sent, all of them if none is named. */
  answer(members = this.members): void {
    for (const member of members) this.socket.send(this.replyTo(member));
  }

  replyTo(member: string): Uint8Array {
    return printReply(this.#numberOf(member), 200, { "x-name": "value" }, Buffer.from(member));
  }

  /** Tells that a member is to be sent by itself. */
  tell(member: string, kind: Exclude<AnswerKind, typeof answerKinds.reply>, text = ""): void {
    this.socket.send(printAnswer(this.#numberOf(member), kind, text));
  }

  #numberOf(member: string): number {
    return this.numbers[this.members.indexOf(member)]!;
  }
}

export interface ChannelServerOptions {
  /** Gets the requests that open no WebSocket. */
  serve?: RequestListener;
  take?: (message: Message) => void;
  /** False for a server that opens no WebSocket, and answers as to any request. */
  opens?: boolean;
  /** It opens one only then. */
  opening?: Promise<void>;
}

export async function openChannelServer(options: ChannelServerOptions = {}) {
  const { take = () => {}, opens = true, opening = Promise.resolve() } = options;
  const server = createServer(options.serve);
  const acceptor = new WebSocketServer({ noServer: true });
  /** All that were opened with their connections, and the messages of all. */
  const sockets: WebSocket[] = [];
  const connections: Duplex[] = [];
  const messages: Message[] = [];
  const accept = (socket: WebSocket) => {
    sockets.push(socket);
    socket.on("message", (bytes: Buffer) => {
      const message = new Message(bytes, socket);
      messages.push(message);
      take(message);
    });
  };
  if (opens) {
    server.on("upgrade", (request, connection, head) => {
      if (request.headers[gatheredHeader] !== secret) {
        connection.end("HTTP/1.1 403 Forbidden\r\n\r\n");
        return;
      }
      connections.push(connection);
      void opening.then(() => acceptor.handleUpgrade(request, connection, head, accept));
    });
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = "127.0.0.1";
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    for (const connection of connections) connection.destroy();
  });
  /** The message of this number, from one on. */
  const until = async (count: number) => {
    await vi.waitFor(() => {
      if (messages.length < count) throw new Error(`${messages.length} of ${count} have come`);
    }, patience);
    return messages[count - 1]!;
  };
  return { host, port, server, sockets, connections, messages, until };
}
