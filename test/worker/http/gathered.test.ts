// Members of a request that the front has gathered, read as the platform would have read them; and replies that wait.

import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import {
  answerHeadBytes,
  answerKinds,
  GatheredRequest,
  memberHeadBytes,
  printReply,
  readMembers,
} from "../../../worker/http/gathered.ts";
import { LeftReplies } from "../../../worker/http/leftReplies.ts";
import { splitUrl } from "../../../worker/http/url.ts";

describe("a member's head", () => {
  const head = [
    "POST / HTTP/1.1",
    "Host: example.test:4567",
    "X-Amz-Target: Kinesis_20131202.GetRecords",
    "Accept:",
    "X-Twice: one",
    "x-Other: Host: x-twice: not this",
    "X-TWICE: \ttwo \t",
    "",
    "",
  ].join("\r\n");
  const request = new GatheredRequest(head, new Uint8Array());
  const asked: Record<string, string | null> = {
    "x-amz-target": "Kinesis_20131202.GetRecords",
    "X-Amz-TARGET": "Kinesis_20131202.GetRecords",
    host: "example.test:4567",
    accept: "",
    "x-twice": "one, two",
    twice: null,
    "amz-target": null,
    "x-other": "Host: x-twice: not this",
    post: null,
  };

  test.each(Object.entries(asked))("%s is %j", (name, value) => {
    expect(request.headers.get(name)).toBe(value);
    expect(request.headers.has(name)).toBe(value !== null);
  });

  test("has the method, and a URL with the host", () => {
    expect(request).toMatchObject({ method: "POST", url: "http://example.test:4567/" });
    expect(splitUrl(request.url)).toEqual({ path: "/", query: "" });
  });

  test("may end its lines without a carriage return", () => {
    const plain = new GatheredRequest("POST / HTTP/1.1\r\nHost: a\nX-B: c\n\n", new Uint8Array());
    expect(plain.headers.get("host")).toBe("a");
    expect(plain.headers.get("x-b")).toBe("c");
  });
});

describe("members", () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
  const bytes = Buffer.concat(["one", "", "three"].map(memberOf));

  test("have each its head and its body", async () => {
    const members = readMembers(bufferOf(bytes));
    expect(members.map(({ whole }) => Buffer.from(whole).toString())).toEqual(["one", "", "three"]);
    expect(members.map(({ headers }) => headers.get("host"))).toEqual(["a", "a", "a"]);
    expect(Buffer.from(await members[2]!.arrayBuffer()).toString()).toBe("three");
  });

  test("of no bytes are none", () => {
    expect(readMembers(new ArrayBuffer(0))).toEqual([]);
  });

  test.each([1, 5, 7])("%d bytes too few are an error", (missing) => {
    expect(() => readMembers(bufferOf(bytes.subarray(0, -missing)))).toThrow();
  });

  function memberOf(body: string): Buffer {
    const sizes = Buffer.alloc(memberHeadBytes);
    sizes.writeUint32LE(head.length, 0);
    sizes.writeUint32LE(body.length, 4);
    return Buffer.concat([sizes, Buffer.from(head), Buffer.from(body)]);
  }
});

test("a reply is that of HTTP/1.1, behind its place, its kind and its length", () => {
  const bytes = Buffer.from(printReply(7, 400, { "x-name": "value" }, Buffer.from("body")));
  expect([0, 4, 8].map((at) => bytes.readUint32LE(at))).toEqual([
    7,
    answerKinds.reply,
    bytes.length - answerHeadBytes,
  ]);
  expect(bytes.subarray(answerHeadBytes).toString()).toBe(
    "HTTP/1.1 400 Bad Request\r\nx-name: value\r\ncontent-length: 4\r\n\r\nbody",
  );
});

describe("replies that wait", () => {
  let nowMs = 0;
  let patience: Promise<void> = new Promise(() => {});
  const now = () => nowMs;
  const opened = () => {
    nowMs = 0;
    return new LeftReplies<string>({ bytesMax: 100, msMax: 1000, patience: () => patience });
  };

  test("are taken once, by their names", async () => {
    const left = opened();
    const [one = "", two = ""] = [
      await left.leave("one", 10, now),
      await left.leave("two", 10, now),
    ];
    expect(left.take(two)).toBe("two");
    expect(left.take(two)).toBeUndefined();
    expect(left.take(one)).toBe("one");
    expect(left.count).toBe(0);
  });

  test("wait for room, the first one first", async () => {
    const left = opened();
    const first = await left.leave("first", 60, now);
    const inside: string[] = [];
    const leave = async (reply: string, bytes: number) => {
      const name = await left.leave(reply, bytes, now);
      inside.push(reply);
      return name ?? "";
    };
    const large = leave("large", 41);
    const small = leave("small", 10);
    await Promise.resolve();
    expect(inside).toEqual([]);
    left.take(first ?? "");
    expect([left.take(await large), left.take(await small)]).toEqual(["large", "small"]);
    expect(inside).toEqual(["large", "small"]);
  });

  test("wait for room only so long, and then hold up nobody", async () => {
    const left = opened();
    const first = await left.leave("first", 60, now);
    patience = Promise.resolve();
    expect(await left.leave("impatient", 50, now)).toBeUndefined();
    expect(await left.leave("small", 40, now)).toBeDefined();
    expect(left.take(first ?? "")).toBe("first");
    expect(left.count).toBe(1);
  });

  test("of a request that has ended while it waited are forgotten like others", async () => {
    const left = opened();
    patience = new Promise(() => {});
    const first = await left.leave("first", 60, now);
    void left.leave("nobody waits for it", 100, now);
    left.take(first ?? "");
    expect(left.count).toBe(1);
    nowMs = 1000;
    const next = await left.leave("next", 100, now);
    expect(left.take(next ?? "")).toBe("next");
  });

  test("that are larger than all room get all of it", async () => {
    const left = opened();
    const large = await left.leave("large", 1000, now);
    const next = left.leave("next", 1, now);
    expect(left.count).toBe(1);
    left.take(large ?? "");
    expect(left.take((await next) ?? "")).toBe("next");
  });

  test("are forgotten after a while, and make room, also if the clock was set back", async () => {
    const left = opened();
    nowMs = 5000;
    const old = await left.leave("old", 50, now);
    nowMs = 5500;
    const later = await left.leave("later", 50, now);
    const waiting = left.leave("waiting", 50, now);
    left.forgetOld(6000);
    await waiting;
    expect([old, later].map((name) => left.take(name ?? ""))).toEqual([undefined, "later"]);
    left.forgetOld(4000);
    expect(left.count).toBe(0);
  });
});

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
