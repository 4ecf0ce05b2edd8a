// Calls with larger bodies, which go by the WebSocket too, here to a plain server in workerd's place. They share room, which
// each gives back whatever becomes of it; without room, or when they are slow, they pass as they come.

import { createHash } from "node:crypto";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CallCollection } from "../../local/callCollection.ts";
import type { Counted } from "../../local/collection.ts";
import { Gatherer } from "../../local/gatherer.ts";
import type { SmallCall } from "../../local/smallCalls.ts";
import { answerKinds } from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";
import { begins, call, callOf, turns, untilSeen } from "./gathering-client.ts";
import { answer, type Arrived, openBusy, openGatheringFront } from "./gathering-front.ts";

const text = "x".repeat(700_000);
const half = text.slice(0, 350_000);
const large = { largeBytes: 4_000_000 };

/** Of a long text what is different if it is another one: the difference of two such texts takes minutes to print. */
function brief(text = ""): string {
  return text.length < 100 ? text : createHash("sha256").update(text).digest("hex");
}

/** What has arrived, in short. */
function shapeOf({ members, text }: Arrived) {
  return members === undefined ? { alone: brief(text) } : { members: members.map(brief) };
}

const often = { ...patience, interval: 1 };

describe.each(["HTTP/1.1", "HTTP/2"] as const)("over %s", (way) => {
  const begin = begins[way];

  test("a body of 700 kB goes by the WebSocket, and counts twice until it is answered", async () => {
    const { front, gatherer, until } = await openGatheringFront(large);
    const put = begin(front, text.length);
    put.write(text);
    const { message } = await until(1);
    expect(message?.members.map(brief)).toEqual([brief(text)]);
    expect(gatherer.room.freeBytes).toBe(large.largeBytes - 2 * text.length);
    message?.answer();
    expect(brief(await put.reply())).toBe(brief(`200 ${text}`));
    expect(gatherer.room.freeBytes).toBe(large.largeBytes);
  });

  test("what has not come of a body counts nothing", async () => {
    const { front, gatherer } = await openGatheringFront(large);
    const put = begin(front, text.length);
    put.write(half);
    const expected = large.largeBytes - 2 * half.length;
    await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(expected), patience);
    put.leave();
    await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(large.largeBytes), patience);
  });

  test("a small body counts nothing", async () => {
    const { front, gatherer, until } = await openGatheringFront({ largeBytes: 0 });
    const small = text.slice(0, 32 << 10);
    const put = begin(front, small.length);
    put.write(small);
    expect(shapeOf(await until(1))).toEqual({ members: [brief(small)] });
    expect(gatherer.room.freeBytes).toBe(0);
  });

  test("one is not held up by others under way", async () => {
    const { front, until } = await openBusy(large);
    const read = begin(front, text.length, "GetRecords");
    read.write(text);
    expect(shapeOf(await until(3))).toEqual({ members: [brief(text)] });
  });

  test("the largest goes by the WebSocket, and a larger one passes as it comes", async () => {
    const { front, gatherer, until } = await openGatheringFront(large);
    for (const [i, more] of [0, 1].entries()) {
      const body = "x".repeat((1 << 20) + more);
      const put = begin(front, body.length);
      put.write(body);
      const arrived = await until(i + 1);
      const its = brief(body);
      expect(shapeOf(arrived)).toEqual(more === 0 ? { members: [its] } : { alone: its });
      answer(arrived);
      expect(brief(await put.reply())).toBe(brief(`200 ${body}`));
    }
    expect(gatherer.room.freeBytes).toBe(large.largeBytes);
  });

  test("without room for all of it a body passes as it comes, and takes none from others", async () => {
    const largeBytes = 2 * text.length - 1;
    const { front, gatherer, until } = await openGatheringFront({ largeBytes });
    const put = begin(front, text.length);
    put.write(text);
    const alone = await until(1);
    expect(shapeOf(alone)).toEqual({ alone: brief(text) });
    expect(gatherer.room.freeBytes).toBe(largeBytes);
    const other = begin(front, half.length);
    other.write(half);
    expect(shapeOf(await until(2))).toEqual({ members: [brief(half)] });
    answer(alone);
    expect(brief(await put.reply())).toBe(brief(`200 ${text}`));
  });

  test("a body that takes two seconds passes from then on as it comes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { front, gatherer, server, until } = await openGatheringFront(large);
    let begun = 0;
    server.prependListener("request", () => begun++);
    const put = begin(front, text.length);
    put.write(half);
    const expected = large.largeBytes - 2 * half.length;
    await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(expected), often);
    expect(begun).toBe(0);
    vi.advanceTimersByTime(2000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(begun).toBe(1), patience);
    await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(large.largeBytes), patience);
    put.write(half);
    const arrived = await until(1);
    expect(shapeOf(arrived)).toEqual({ alone: brief(text) });
    answer(arrived);
    expect(brief(await put.reply())).toBe(brief(`200 ${text}`));
  });

  test("a body in many small pieces goes whole", async () => {
    const { front, gatherer, until } = await openGatheringFront(large);
    const body = "0123456789".repeat(4000);
    const put = begin(front, body.length);
    for (let at = 0; at < body.length; at += 100) {
      put.write(body.slice(at, at + 100));
      await turns(1);
    }
    const arrived = await until(1);
    expect(shapeOf(arrived)).toEqual({ members: [brief(body)] });
    answer(arrived);
    expect(brief(await put.reply())).toBe(brief(`200 ${body}`));
    expect(gatherer.room.freeBytes).toBe(large.largeBytes);
  });

  test("one that is told to go alone arrives as it was sent, and gives its room back", async () => {
    const { front, gatherer, until } = await openGatheringFront(large);
    const put = begin(front, text.length);
    put.write(text);
    (await until(1)).message?.tell(text, answerKinds.alone);
    const alone = await until(2);
    expect(shapeOf(alone)).toEqual({ alone: brief(text) });
    answer(alone);
    expect(brief(await put.reply())).toBe(brief(`200 ${text}`));
    expect(gatherer.room.freeBytes).toBe(large.largeBytes);
  });

  test("one without an answer when the WebSocket ends gives its room back", async () => {
    const { front, gatherer, until } = await openGatheringFront(large);
    const put = begin(front, text.length);
    put.write(text);
    (await until(1)).message?.socket.terminate();
    expect(await put.reply()).toMatch(/^502 /);
    expect(gatherer.room.freeBytes).toBe(large.largeBytes);
  });

  test.each(["answered", "sent alone", "lost"])(
    "one whose client has gone gives its room back when it is %s",
    async (end) => {
      const { front, gatherer, until, arrived } = await openGatheringFront(large);
      const put = begin(front, text.length);
      put.write(text);
      const { message } = await until(1);
      put.leave();
      await untilSeen(front);
      expect(gatherer.room.freeBytes).toBe(large.largeBytes - 2 * text.length);
      if (end === "answered") message?.answer();
      else if (end === "lost") message?.socket.terminate();
      else message?.tell(text, answerKinds.alone);
      await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(large.largeBytes), patience);
      await turns(20);
      expect(arrived).toHaveLength(1);
    },
  );

  test("many at once have no more room than there is, and all are answered", async () => {
    const { arrived, front, gatherer, until } = await openGatheringFront(large);
    const puts = Array.from({ length: 20 }, () => begin(front, text.length));
    for (const put of puts) put.write(text);
    await until(puts.length);
    const counted = arrived.filter(({ members }) => members !== undefined).length;
    expect(counted).toBeGreaterThan(0);
    expect(counted * 2 * text.length).toBeLessThanOrEqual(large.largeBytes);
    for (const one of arrived) answer(one);
    const replies = await Promise.all(puts.map((put) => put.reply()));
    expect(new Set(replies.map(brief))).toEqual(new Set([brief(`200 ${text}`)]));
    expect(gatherer.room.freeBytes).toBe(large.largeBytes);
  });
});

test("a put and the poll behind it on one connection get their replies in their order", async () => {
  const { arrived, front, gatherer, until } = await openGatheringFront(large);
  const put = callOf(text, [], "PutRecords");
  const get = "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const client = call(front, `${put}${callOf("poll")}${get}${put}`);
  const first = await until(1);
  await turns(100);
  expect(arrived).toHaveLength(1);
  answer(first);
  expect(brief(await client.reply())).toBe(brief(text));
  for (const number of [2, 3, 4]) answer(await until(number));
  expect(arrived[1]?.members ?? [arrived[1]?.text]).toEqual(["poll"]);
  const replies = [await client.reply(), await client.reply(), await client.reply()];
  expect(replies.map(brief)).toEqual(["poll", "", brief(text)]);
  expect(gatherer.room.freeBytes).toBe(large.largeBytes);
});

test("behind a call on one connection, an invalid head is answered after it", async () => {
  const { front, gatherer, until } = await openGatheringFront(large);
  const client = call(front, `${callOf(text, [], "PutRecords")}nonsense\r\n\r\n`);
  answer(await until(1));
  expect(brief(await client.reply())).toBe(brief(text));
  expect(await client.all()).toMatch(/^HTTP\/1.1 400 /);
  expect(gatherer.room.freeBytes).toBe(large.largeBytes);
});

test("a client that ends its side in the middle leaves no room taken", async () => {
  const { front, gatherer, server } = await openGatheringFront(large);
  const aborted = new Promise<void>((done) => {
    server.prependListener("request", (request) => request.once("error", () => done()));
  });
  const client = call(front, callOf(text, [], "PutRecords").slice(0, -1000));
  await vi.waitFor(() => expect(gatherer.room.freeBytes).toBeLessThan(large.largeBytes), patience);
  client.socket.end();
  await aborted;
  await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(large.largeBytes), patience);
});

test("the end of the front leaves no room taken", async () => {
  const { front, gatherer } = await openGatheringFront(large);
  const put = begins["HTTP/2"](front, text.length);
  put.write(half);
  call(front, callOf(text, [], "PutRecords").slice(0, -1000));
  const expected = large.largeBytes - 2 * half.length - 2 * (text.length - 1000);
  await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(expected), patience);
  front.destroy();
  await vi.waitFor(() => expect(gatherer.room.freeBytes).toBe(large.largeBytes), patience);
});

test("a body that is on its way for two seconds is late; one that is small, whole or given up never is", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const late = vi.fn<() => void>();
  const begin = (bodyBytes: number) => openCollection(bodyBytes, late).collection;
  begin(32 << 10);
  begin(40_000).finish(head, [body]);
  begin(40_000).abandon();
  vi.advanceTimersByTime(10_000);
  expect(late).not.toHaveBeenCalled();
  begin((32 << 10) + 1);
  vi.advanceTimersByTime(1999);
  expect(late).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(late).toHaveBeenCalledOnce();
});

describe("a body that passes by itself counts until it is written:", () => {
  test("one that is released", () => {
    const { collection, isFreed } = openGrown();
    collection.abandon();
    isFreed();
  });

  test("one with a head that the Worker might read differently", () => {
    const { collection, isFreed, sent } = openGrown();
    const unusual = Buffer.concat([Buffer.from("\r\n"), head]);
    expect(collection.finish(unusual, [body])).toEqual([unusual, body]);
    expect(sent).toEqual([]);
    isFreed();
  });

  test("one that is told to go alone", () => {
    const { collection, isFreed, sent } = openGrown();
    expect(collection.finish(head, [body])).toEqual([]);
    sent[0]?.sendAlone();
    isFreed();
  });
});

const head = Buffer.from("POST / HTTP/1.1\r\nhost: a\r\n\r\n");
const body = Buffer.alloc(100_000);

/** A call with room for `body`, of an owner that notes what passes. */
function openCollection(bodyBytes: number, late: () => void = () => {}) {
  const sent: SmallCall[] = [];
  const sender = {
    send: (calls: readonly SmallCall[]) => void sent.push(...calls),
    keepOpen() {},
    async stop() {},
    destroy() {},
  };
  const gatherer = new Gatherer(sender, { largeBytes: 2 * body.length });
  const passing: Counted[] = [];
  const collection = new CallCollection(gatherer, "write", bodyBytes, {
    begin() {},
    passes: (call) => void passing.push(call),
    pass() {},
    take() {},
    lose() {},
    late,
  });
  return { collection, gatherer, passing, sent };
}

/** One whose body has come. */
function openGrown() {
  const { collection, gatherer, passing, sent } = openCollection(body.length);
  expect(collection.grow(body.length)).toBe(true);
  const isFreed = () => {
    expect(gatherer.room.freeBytes).toBe(0);
    for (let i = 0; i < 2; i++) for (const each of passing) each.free();
    expect(gatherer.room.freeBytes).toBe(2 * body.length);
  };
  return { collection, sent, isFreed };
}
