// The reader of workerd's replies: it gives the same heads and bodies however the bytes are cut, knows
// where each reply ends, and takes nothing for a reply that is none.
import { array, assert, constantFrom, double, property } from "fast-check";
import { expect, test } from "vitest";
import { ReplyFault, type ReplyHead, ReplyReader } from "../../local/replyReader.ts";

const headBytesMax = 4096;

/** What a client makes of a reply. */
interface Told {
  head?: ReplyHead;
  body: string;
  /** Whether the connection takes another request; undefined before the end. */
  reusable?: boolean;
}

interface Sample {
  method: string;
  text: string;
  told: Told;
}

const ok = (headers: string[], body: string, reusable = true): Told => ({
  head: { status: 200, headers },
  body,
  reusable,
});

const samples: Sample[] = [
  {
    method: "GET",
    text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello",
    told: ok(["content-length", "5", "x-a", "b"], "hello"),
  },
  {
    method: "POST",
    text:
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "5\r\nhel\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
    told: ok(["transfer-encoding", "chunked"], "hel\r\n0123456789"),
  },
  {
    method: "HEAD",
    text: "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n",
    told: ok(["content-length", "5"], ""),
  },
  {
    method: "GET",
    text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    told: { head: { status: 304, headers: ["content-length", "5"] }, body: "", reusable: true },
  },
  {
    method: "GET",
    text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    told: ok(["content-length", "0", "connection", "close"], "", false),
  },
  {
    method: "GET",
    text: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
    told: ok(["content-length", "1"], "a", false),
  },
];

function listen(told: Told) {
  return {
    head: ({ status, headers }: ReplyHead) => void (told.head = { status, headers }),
    body: (bytes: Buffer) => void (told.body += bytes.toString("latin1")),
    end: (reusable: boolean) => void (told.reusable = reusable),
  };
}

function read(method: string, text: string): Told {
  const reader = new ReplyReader(headBytesMax);
  const told: Told = { body: "" };
  reader.expect(method);
  reader.take(Buffer.from(text, "latin1"), listen(told));
  return told;
}

test("replies are what was sent, however they are cut", () => {
  const places = array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
  const replies = array(constantFrom(...samples), { minLength: 1, maxLength: 6 });
  assert(
    property(replies, places, (replies, places) => {
      const reader = new ReplyReader(headBytesMax);
      for (const { method, text, told: expected } of replies) {
        const ends = [...places.map((place) => Math.floor(place * text.length)), text.length];
        ends.sort((a, b) => a - b);
        const told: Told = { body: "" };
        reader.expect(method);
        ends.forEach((end, i) => {
          const piece = Buffer.from(text.slice(i === 0 ? 0 : ends[i - 1], end), "latin1");
          reader.take(piece, listen(told));
        });
        expect(told).toEqual(expected);
      }
    }),
  );
});

test("a body of unknown length ends with its connection, and one of known length breaks off", () => {
  for (const [headers, isComplete] of [
    ["", true],
    ["Content-Length: 9\r\n", false],
    ["Transfer-Encoding: chunked\r\n", false],
  ] as const) {
    const reader = new ReplyReader(headBytesMax);
    const told: Told = { body: "" };
    reader.expect("GET");
    reader.take(Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n`), listen(told));
    if (isComplete) reader.take(Buffer.from("half"), listen(told));
    expect(reader.close(listen(told))).toBe(isComplete);
    expect(told.reusable).toBe(isComplete ? false : undefined);
    expect(told.body).toBe(isComplete ? "half" : "");
  }
});

test.each([
  ["no status line", "hello\r\n\r\n"],
  ["another protocol", "HTTP/2.0 200 OK\r\n\r\n"],
  ["a line that is no header", "HTTP/1.1 200 OK\r\nhello\r\n\r\n"],
  ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n"],
  ["a head that never ends", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(headBytesMax)}`],
  ["a chunk without size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"],
  ["a chunk that is too long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"],
  ["more than the reply", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"],
])("%s is a fault", (_what, text) => {
  expect(() => read("GET", text)).toThrow(ReplyFault);
});

test("before a request nothing is a reply", () => {
  const reader = new ReplyReader(headBytesMax);
  expect(() => reader.take(Buffer.from("HTTP/1.1 408 "), listen({ body: "" }))).toThrow(ReplyFault);
});
