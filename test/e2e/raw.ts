// HTTP/1.1 by hand: a request as the bytes that some client was seen to send, and the reply as it came,
// for tests in which no header may be added and none left out.

import { connect, type Socket } from "node:net";

export interface RawReply {
  status: number;
  /** In lower case. */
  headers: Map<string, string>;
  body: string;
}

const blankLine = "\r\n\r\n";

/** The head of a Kinesis request with a body of 100 bytes, without its last blank line. */
export const headOfHundred = [
  "POST / HTTP/1.1",
  "Host: localhost",
  "X-Amz-Target: Kinesis_20131202.ListStreams",
  "Content-Type: application/x-amz-json-1.1",
  "Content-Length: 100",
].join("\r\n");

/** `lines` is the head without its last blank line; one connection for each request. */
export async function sendRaw(
  endpoint: string,
  lines: readonly string[],
  body = "",
): Promise<RawReply> {
  const { hostname, port } = new URL(endpoint);
  const socket = connect(Number(port), hostname);
  try {
    socket.write(lines.join("\r\n") + blankLine + body);
    return await readReply(socket, lines[0]?.startsWith("HEAD ") ?? false);
  } finally {
    socket.destroy();
  }
}

async function readReply(socket: Socket, isHead: boolean): Promise<RawReply> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    const reply = parseReply(bytes, isHead);
    if (reply !== undefined) return reply;
  }
  throw new Error(`the connection ended after:\n${bytes.toString()}`);
}

/** Undefined while something of it is missing. */
function parseReply(bytes: Buffer, isHead: boolean): RawReply | undefined {
  const end = bytes.indexOf(blankLine);
  if (end < 0) return undefined;
  const [first = "", ...rest] = bytes.subarray(0, end).toString().split("\r\n");
  const headers = new Map(
    rest.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
    }),
  );
  const status = Number(first.split(" ")[1]);
  const length = isHead || status === 204 ? 0 : Number(headers.get("content-length"));
  const body = bytes.subarray(end + blankLine.length);
  if (!(body.length >= length)) return undefined;
  return { status, headers, body: body.subarray(0, length).toString() };
}
