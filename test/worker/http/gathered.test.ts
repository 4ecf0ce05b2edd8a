// Members of a message of the front, read as the platform would have read them; answers, which go together; and replies
// that wait.

import { Buffer } from "node:buffer";
import { beforeEach, describe, expect, test } from "vitest";
import {
  AnswerSender,
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
  const request = new GatheredRequest(7, head, new Uint8Array());
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
    const plain = new GatheredRequest(
      7,
      "POST / HTTP/1.1\r\nHost: a\nX-B: c\n\n",
      new Uint8Array(),
    );
    expect(plain.headers.get("host")).toBe("a");
    expect(plain.headers.get("x-b")).toBe("c");
  });
});

describe("members", () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
  const numbers = [7, 0, 2 ** 32 - 1];
  const bytes = Buffer.concat(["one", "", "three"].map((body, i) => memberOf(numbers[i]!, body)));

  test("have each its number, its head and its body", async () => {
    const members = readMembers(bufferOf(bytes));
    expect(members.map(({ number }) => number)).toEqual(numbers);
    expect(members.map(({ whole }) => Buffer.from(whole).toString())).toEqual(["one", "", "three"]);
    expect(members.map(({ headers }) => headers.get("host"))).toEqual(["a", "a", "a"]);
    expect(Buffer.from(await members[2]!.arrayBuffer()).toString()).toBe("three");
  });

  test("of no bytes are none", () => {
    expect(readMembers(new ArrayBuffer(0))).toEqual([]);
  });

  test.each([1, 5, 7, bytes.length - 1, bytes.length - 11])(
    "%d bytes too few are an error",
    (missing) => {
      expect(() => readMembers(bufferOf(bytes.subarray(0, -missing)))).toThrow();
    },
  );

  function memberOf(number: number, body: string): Buffer {
    const sizes = Buffer.alloc(memberHeadBytes);
    for (const [i, value] of [number, head.length, body.length].entries()) {
      sizes.writeUint32LE(value, 4 * i);
    }
    return Buffer.concat([sizes, Buffer.from(head), Buffer.from(body)]);
  }
});

test.each([7, 2 ** 32 - 1])(
  "a reply is that of HTTP/1.1, behind its number %d, its kind and its length",
  (number) => {
    const bytes = Buffer.from(printReply(number, 400, { "x-name": "value" }, Buffer.from("body")));
    expect([0, 4, 8].map((at) => bytes.readUint32LE(at))).toEqual([
      number,
      answerKinds.reply,
      bytes.length - answerHeadBytes,
    ]);
    expect(bytes.subarray(answerHeadBytes).toString()).toBe(
      "HTTP/1.1 400 Bad Request\r\nx-name: value\r\ncontent-length: 4\r\n\r\nbody",
    );
  },
);

describe("answers", () => {
  let sent: Uint8Array[];
  let sender: AnswerSender;

  beforeEach(() => {
    sent = [];
    sender = new AnswerSender((bytes) => void sent.push(bytes));
  });

  test("that are ready at the same time go together", async () => {
    const answers = [1, 2, 3].map((value) => Uint8Array.of(value));
    for (const [i, answer] of answers.entries()) void addLater(answer, i * 5);
    await afterTurns(50);
    expect(sent).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  test("do not wait for another one that takes longer", async () => {
    sender.add(Uint8Array.of(1));
    await afterTurns(50);
    sender.add(Uint8Array.of(2));
    await afterTurns(50);
    expect(sent).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  });

  test("are sent in several messages if they are large, each of them whole and in its order", async () => {
    const sizes = [100_000, 100_000, 100_000, 300_000, 1, 262_143, 1];
    for (const [i, size] of sizes.entries()) sender.add(new Uint8Array(size).fill(i));
    await afterTurns(50);
    expect(sent.map(({ length }) => length)).toEqual([200_000, 100_000, 300_000, 262_144, 1]);
    expect(
      Buffer.concat(sent).equals(Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i)))),
    ).toBe(true);
  });

  test("that come while others are sent are not lost", async () => {
    sender = new AnswerSender((bytes) => {
      if (sent.push(bytes) === 1) sender.add(Uint8Array.of(2));
    });
    sender.add(Uint8Array.of(1));
    await afterTurns(50);
    expect(sent).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  });

  async function addLater(answer: Uint8Array, turns: number): Promise<void> {
    await afterTurns(turns);
    sender.add(answer);
  }
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

/** So many turns of the queue of promises. */
async function afterTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
