/**
 * The front's own replies, for when workerd gives none: a line of text, then the connection is
 * closed.
 */

const phrases = {
  400: "Bad Request",
  408: "Request Timeout",
  414: "URI Too Long",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
} as const;

export type PlainStatus = keyof typeof phrases;

/** The reply as HTTP/1.1 text. */
export function printPlainReply(status: PlainStatus, reason: string): string {
  const body = `${reason}\n`;
  const headers = {
    ...plainHeaders(),
    "content-length": Buffer.byteLength(body),
    connection: "close",
    ...(status === 503 && { "retry-after": 1 }),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${phrases[status]}\r\n${lines.join("")}\r\n${body}`;
}

export function plainHeaders(): Record<string, string> {
  return { date: new Date().toUTCString(), "content-type": "text/plain" };
}
