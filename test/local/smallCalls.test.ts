// Which requests go by the WebSocket, and which pass as they come.

import { describe, expect, test } from "vitest";
import type { RequestHead } from "../../local/collection.ts";
import { isPlainHead, SmallCalls } from "../../local/smallCalls.ts";

const kinesisPut = { "x-amz-target": "Kinesis_20131202.PutRecord" };
const kinesisRead = { "x-amz-target": "Kinesis_20131202.GetRecords" };
const v3ioPut = { "x-v3io-function": "PutRecords" };

type Asked = [what: string, target: string, headers: Record<string, string>, kind?: string];

test.each<Asked>([
  ["a put of Kinesis", "/", kinesisPut, "write"],
  ["a read of Kinesis", "/", kinesisRead, "read"],
  ["a put of v3io", "/projects/one/", v3ioPut, "write"],
  ["without the last slash", "/projects/a-b_c.d/0", v3ioPut, "write"],
  ["a put of Yandex", "/ru-central1/b1g/db", kinesisPut, "write"],
  ["a read of Yandex, whose page may be large", "/ru-central1/b1g/db", kinesisRead],
  ["another function of v3io", "/projects/one/0", { "x-v3io-function": "GetRecords" }],
  ["two functions", "/projects/one/", { ...v3ioPut, ...kinesisRead }, "write"],
  ["v3io at the root", "/", v3ioPut],
  ["another operation", "/", { "x-amz-target": "Kinesis_20131202.ListShards" }],
  ["no operation", "/projects/one/", {}],
  ["a query", "/projects/one/?a=b", v3ioPut],
  ["a query of Kinesis", "/?a=b", kinesisPut],
  ["two slashes", "/projects//one/", v3ioPut],
  ["a way up", "/projects/../one/", v3ioPut],
  ["a way nowhere", "/projects/./one/", v3ioPut],
  ["a coded character", "/projects/%6fne/", v3ioPut],
  ["a backslash", "/projects\\one/", v3ioPut],
  ["an absolute address", "http://localhost/projects/one/", v3ioPut],
  ["a very long path", `/${"a".repeat(3000)}/`, v3ioPut],
  ["another origin", "/projects/one/", { ...v3ioPut, origin: "http://localhost" }],
])("%s", (_, target, headers, kind) => {
  expect(new SmallCalls().kindOf(headOf(target, headers))).toBe(kind);
});

test("a method other than POST passes", () => {
  const head = headOf("/projects/one/", v3ioPut);
  expect(new SmallCalls().kindOf({ ...head, method: "PUT" })).toBeUndefined();
});

describe("a head that the Worker reads as workerd does", () => {
  test.each([
    ["POST / HTTP/1.1\r\nhost: a\r\n\r\n", true],
    ["POST /projects/one/ HTTP/1.1\r\nhost: a\r\n\r\n", true],
    ["POST  / HTTP/1.1\r\nhost: a\r\n\r\n", false],
    ["POST / HTTP/1.0\r\nhost: a\r\n\r\n", false],
    ["POST / HTTP/1.1\nhost: a\n\n", false],
    ["\r\nPOST / HTTP/1.1\r\nhost: a\r\n\r\n", false],
    ["PUT / HTTP/1.1\r\nhost: a\r\n\r\n", false],
    ["POST / HTTP/1.1\r\nhost: \u00e4\r\n\r\n", false],
  ])("%j: %j", (head, isPlain) => {
    expect(isPlainHead(Buffer.from(head, "latin1"))).toBe(isPlain);
  });
});

function headOf(target: string, headers: Record<string, string>): RequestHead {
  const bodyBytes = 10;
  return { method: "POST", target, headers: Object.entries(headers), bodyBytes, isLast: false };
}
