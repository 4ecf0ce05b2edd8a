// The framer of the front: what it passes on is what came, however it was cut; it always knows what the
// client owes; and of heads that could be read in two ways it passes nothing.
import { array, assert, constantFrom, double, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { type Phase, RequestFramer } from "../../local/framing.ts";

const headBytesMax = 4096;

const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const put = "PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
const chunked =
  "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "5\r\nhel\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n";
const unix = "GET /b HTTP/1.0\nHost: [::1]:1\n\n";

/** Cuts a text at places that are parts of 1. */
function cut(text: string, places: number[]): Buffer[] {
  const ends = [...places.map((place) => Math.floor(place * text.length)), text.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, i) => Buffer.from(text.slice(i === 0 ? 0 : ends[i - 1], end), "latin1"));
}

test("whole requests pass as they are, and leave nothing owed, however they are cut", () => {
  const places = array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
  const requests = array(constantFrom(get, put, chunked, unix), {
    minLength: 1,
    maxLength: 6,
  });
  assert(
    property(requests, places, (requests, places) => {
      const text = requests.join("");
      const framer = new RequestFramer(headBytesMax);
      const passed = cut(text, places).flatMap((piece) => framer.take(piece));
      expect(Buffer.concat(passed).toString("latin1")).toBe(text);
      expect(framer.phase).toBe("nothing");
    }),
  );
});

test("where TLS was taken off, each head says so once, however it is cut", () => {
  const told = "X-Forwarded-Proto: http\r\n";
  const own = get.replace("\r\n\r\n", `\r\n${told}\r\n`);
  const places = array(double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
  const requests = array(constantFrom(get, put, chunked, unix, own), {
    minLength: 1,
    maxLength: 6,
  });
  assert(
    property(requests, places, (requests, places) => {
      const framer = new RequestFramer(headBytesMax, { isSecure: true });
      const passed = cut(requests.join(""), places).flatMap((piece) => framer.take(piece));
      const expected = requests.map((text) => (text === own ? text : withHeader(text)));
      expect(Buffer.concat(passed).toString("latin1")).toBe(expected.join(""));
      expect(framer.phase).toBe("nothing");
    }),
  );
});

test.each<[string, Phase]>([
  ["", "nothing"],
  ["\r\n", "nothing"],
  ["G", "head"],
  ["GET / HTTP/1.1\r\nHost: localhost\r\n", "head"],
  [get, "nothing"],
  [`${get}G`, "head"],
  [put.slice(0, -1), "body"],
  [put, "nothing"],
  [chunked.slice(0, -1), "body"],
  [chunked.slice(0, -40), "body"],
  [chunked.replace("5\r\n", "five\r\n"), "lost"],
  [chunked.replace("5\r\n", "5\n"), "lost"],
  [chunked.replace("5\r\n", "fffffffffffffffff\r\n"), "lost"],
  [chunked.slice(0, -2) + "X: y\r\n".repeat(2000), "body"],
  [chunked.slice(0, -2) + "X: y\r\n".repeat(3000), "lost"],
])("after %j the client owes: %s", (text, phase) => {
  const framer = new RequestFramer(headBytesMax);
  framer.take(Buffer.from(text, "latin1"));
  expect(framer.phase).toBe(phase);
});

test("a target may be UTF-8, also with a byte that is a blank in Latin-1", () => {
  const head = Buffer.from("GET /voilà HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(new RequestFramer(headBytesMax).take(head)).toEqual([head]);
});

test.each(['/a"b', "/a?b`c", '/a#<>`"', "/a{b}|^[c]\\?d{e}|^[f]\\?"])(
  "a target passes: %s",
  (target) => {
    const head = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(new RequestFramer(headBytesMax).take(head)).toEqual([head]);
  },
);

test("the longest target passes, and no longer one", () => {
  const [head, longHead] = [65_534, 65_535].map((length) =>
    Buffer.from(`GET /${"a".repeat(length - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`),
  ) as [Buffer, Buffer];
  const [longest, longer] = [new RequestFramer(128 << 10), new RequestFramer(128 << 10)];
  expect(longest.take(head)).toEqual([head]);
  expect(longer.take(longHead)).toEqual([]);
  expect(longer.fault?.status).toBe(414);
});

test("nothing of a head passes before its end", () => {
  const framer = new RequestFramer(headBytesMax);
  const head = Buffer.from(get);
  for (const byte of head.subarray(0, -1)) expect(framer.take(Buffer.of(byte))).toEqual([]);
  expect(Buffer.concat(framer.take(head.subarray(-1))).equals(head)).toBe(true);
});

describe("a head that is refused", () => {
  const long = `X: ${"x".repeat(headBytesMax)}`;
  test.each<[string, string, string[], number?]>([
    ["no request", "hello", ["Host: a"]],
    ["another version", "GET / HTTP/2.0", ["Host: a"]],
    ["a blank in the target", "GET /a b HTTP/1.1", ["Host: a"]],
    ["a target that is no path", "GET a HTTP/1.1", ["Host: a"]],
    ["CONNECT", "CONNECT a:443 HTTP/1.1", ["Host: a:443"]],
    ["a method that workerd does not know", "BREW / HTTP/1.1", ["Host: a"], 501],
    ["a method in lower case", "get / HTTP/1.1", ["Host: a"], 501],
    ["no Host", "GET / HTTP/1.1", []],
    ["no Host in HTTP/1.0, which workerd refuses too", "GET / HTTP/1.0", []],
    ["a control character in the target", "GET /a\u0001b HTTP/1.1", ["Host: a"]],
    ["an accent in the path", "GET /a` HTTP/1.1", ["Host: a"]],
    ["an angle in the query", "GET /?a<b HTTP/1.1", ["Host: a"]],
    ["quotes in the query", 'GET /?a={"b":1} HTTP/1.1', ["Host: a"]],
    ["DEL in the target", "GET /a\u007fb HTTP/1.1", ["Host: a"]],
    ["a target that is not UTF-8", "GET /caf\u00e9 HTTP/1.1", ["Host: a"]],
    ["an empty Host", "GET / HTTP/1.1", ["Host:"]],
    ["a Host with a blank", "GET / HTTP/1.1", ["Host: a b"]],
    ["two Hosts", "GET / HTTP/1.1", ["Host: a", "Host: b"]],
    ["the same Host twice", "GET / HTTP/1.1", ["Host: a", "host: a"]],
    ["another Host in the target", "GET http://b/ HTTP/1.1", ["Host: a"]],
    ["a line without a colon", "GET / HTTP/1.1", ["Host: a", "what"]],
    ["a blank before the colon", "GET / HTTP/1.1", ["Host: a", "X : y"]],
    ["a folded line", "GET / HTTP/1.1", ["Host: a", "X: y", " z"]],
    ["a NUL", "GET / HTTP/1.1", ["Host: a", "X: \0"]],
    ["two lengths", "POST / HTTP/1.1", ["Host: a", "Content-Length: 1", "Content-Length: 2"]],
    ["a negative length", "POST / HTTP/1.1", ["Host: a", "Content-Length: -1"]],
    ["a length with a sign", "POST / HTTP/1.1", ["Host: a", "Content-Length: +1"]],
    ["an empty length", "POST / HTTP/1.1", ["Host: a", "Content-Length:"]],
    [
      "a length and chunks",
      "POST / HTTP/1.1",
      ["Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"],
    ],
    ["another coding", "POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: gzip, chunked"]],
    ["too many bytes", "GET / HTTP/1.1", ["Host: a", long], 431],
  ])("%s", (_what, first, lines, status = 400) => {
    const framer = new RequestFramer(headBytesMax);
    const text = [first, ...lines, "", ""].join("\r\n");
    const before = "GET / HTTP/1.1\r\nHost: b\r\n\r\n";
    const passed = framer.take(Buffer.from(`${before}${text}`, "latin1"));
    expect(Buffer.concat(passed).toString()).toBe(before);
    expect(framer.fault?.status).toBe(status);
  });
});

function withHeader(text: string): string {
  return text.replace(
    /(\r?\n)(\r?\n)/,
    (_, end, blank) => `${end}x-forwarded-proto: https\r\n${blank}`,
  );
}
