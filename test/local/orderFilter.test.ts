// The replies on a connection of workerd, cut at every place: what is no order passes unchanged, and an
// order is found whole, whatever is before and after it.

import { expect, test } from "vitest";
import { isOrder, OrderFilter, pageHead } from "../../local/orderFilter.ts";

const plain = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const chunked =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx: y\r\n\r\n";
const empty = "HTTP/1.1 204 No Content\r\n\r\n";
const informal = "HTTP/1.1 100 Continue\r\n\r\n";
const ofHead = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nX-Millrace-Pages: 1\r\n\r\n";
const untilEnd = "HTTP/1.1 200 OK\r\n\r\nand so on HTTP/1.1 200 OK\r\nx-millrace-page: 1\r\n\r\n";
const order =
  'HTTP/1.1 200 OK\r\nX-Millrace-Page: 1\r\nContent-Length: 12\r\nx-id: 7\r\n\r\n{"life":"a"}';
const chunkedOrder =
  'HTTP/1.1 200 OK\r\nx-millrace-page: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"lif\r\n7\r\ne":"a"}\r\n0\r\n\r\n';
/** A body that looks like an order. */
const forged = `HTTP/1.1 200 OK\r\ncontent-length: ${order.length}\r\n\r\n${order}`;

/** What passes, with `<order>` where one was found. */
function filter(pieces: readonly Buffer[], methods: readonly string[]): string {
  let seen = "";
  const found = new OrderFilter(1000, (bytes) => (seen += bytes.toString("latin1")));
  for (const method of methods) found.expect(method);
  for (const piece of pieces) {
    for (let rest: Buffer = piece; rest.length > 0;) {
      const ordered = found.take(rest);
      if (ordered === undefined) break;
      seen += `<${ordered.page.order.toString()}>`;
      // The bytes are good until this returns, as those of a buffer that is used again.
      const kept = Buffer.from(ordered.rest);
      rest.fill(0);
      rest = kept;
    }
    piece.fill(0);
  }
  return seen;
}

const ordered = '<{"life":"a"}>';

test.each<[string, string[], string[], string]>([
  ["no order", [plain, chunked, empty], ["GET", "GET", "GET"], plain + chunked + empty],
  ["one alone", [order], ["POST"], ordered],
  [
    "one between others",
    [plain, order, chunked],
    ["GET", "POST", "GET"],
    plain + ordered + chunked,
  ],
  ["two", [order, chunkedOrder], ["POST", "POST"], ordered + ordered],
  ["after 100 Continue", [informal, order, plain], ["POST", "GET"], informal + ordered + plain],
  ["after a reply to HEAD", [ofHead, order], ["HEAD", "POST"], ofHead + ordered],
  ["a body that looks like one", [forged, plain], ["POST", "GET"], forged + plain],
  ["a reply without a length", [untilEnd], ["GET"], untilEnd],
  ["a reply that nobody has asked for", [plain, plain], ["GET"], plain + plain],
])("%s", (_, replies, methods, expected) => {
  const bytes = replies.join("");
  expect(filter([Buffer.from(bytes)], methods)).toBe(expected);
  for (let cut = 1; cut < bytes.length; cut++) {
    const pieces = [Buffer.from(bytes.slice(0, cut)), Buffer.from(bytes.slice(cut))];
    expect(filter(pieces, methods), `cut at ${cut}`).toBe(expected);
  }
  const single = Array.from(Buffer.from(bytes), (byte) => Buffer.of(byte));
  expect(filter(single, methods)).toBe(expected);
});

test.each([
  ["what is no reply", `HTTP/9 200\r\n\r\n${plain}`],
  ["a head that is too large", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(1500)}\r\n\r\n${plain}`],
])("%s passes, and so does all that follows", (_, bytes) => {
  for (let cut = 0; cut < bytes.length; cut++) {
    const pieces = [Buffer.from(bytes.slice(0, cut)), Buffer.from(bytes.slice(cut))];
    expect(filter(pieces, ["GET", "GET"]), `cut at ${cut}`).toBe(bytes);
  }
});

test("a page has the headers of its order, with its own length", () => {
  const headers = [
    "content-type",
    "a/b",
    "x-millrace-page",
    "1",
    "content-length",
    "12",
    "x-id",
    "7",
  ];
  const head = { status: 200, headers };
  expect(isOrder(head)).toBe(true);
  expect(pageHead(head, 1234, { "x-sum": "9" })).toEqual({
    status: 200,
    headers: ["content-type", "a/b", "x-id", "7", "x-sum", "9", "content-length", "1234"],
  });
  expect(isOrder(pageHead(head, 1234, {}))).toBe(false);
});
