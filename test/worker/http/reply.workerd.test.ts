// Replies on their way to clients who read them, read them late, stop reading or go away: each has its
// bytes, all of them together stay within the isolate's budget, and nobody waits for ever.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  pageMemoryBytesMax,
  pageMemoryLeaseMs,
  replyPartBytes,
  replyPartBytesMax,
} from "../../../worker/limits.ts";
import { respond, send } from "../../../worker/http/reply.ts";
import { pageMemory } from "../../../worker/stream/loadBudget.ts";
import { patience } from "../../support/patience.ts";

const bodyBytes = 4 * 1024 * 1024;
/** Replies of that size for which there is room at once. */
const roomCount = pageMemoryBytesMax / bodyBytes;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a reply", () => {
  test.each([
    0,
    1,
    16_383,
    16_384,
    replyPartBytes - 1,
    replyPartBytes,
    replyPartBytes + 1,
    2 * replyPartBytes,
    2 * replyPartBytes + 1,
    replyPartBytesMax + 1,
    replyPartBytesMax + 2,
    replyPartBytesMax + 3,
    replyPartBytesMax + 4,
    bodyBytes,
  ])("of %i bytes is sent whole, and its memory is free", async (length) => {
    const body = bytesOf(length);
    const reply = await respond(body, { status: 201, headers: { "x-name": "value" } });
    expect([reply.status, reply.headers.get("x-name")]).toEqual([201, "value"]);
    expect(await sameBytes(reply, body)).toBe(true);
    await freed();
  });

  test("is made when there is room for it, and not before", async () => {
    const held = await Promise.all(Array.from({ length: roomCount }, () => respondLarge()));
    expect(pageMemory.bytes).toBe(pageMemoryBytesMax);
    let isMade = false;
    const waiting = send(bodyBytes, () => {
      isMade = true;
      return { length: bodyBytes, parts: [bytesOf(bodyBytes)] };
    });
    await settled();
    expect([isMade, pageMemory.waiting]).toEqual([false, 1]);
    await held[0]?.arrayBuffer();
    expect((await (await waiting).arrayBuffer()).byteLength).toBe(bodyBytes);
    expect(isMade).toBe(true);
    await Promise.all(held.slice(1).map((reply) => reply.arrayBuffer()));
    await freed();
  });

  test("that its client cancels gives its memory back at once", async () => {
    const replies = await Promise.all(Array.from({ length: roomCount }, () => respondLarge()));
    for (const reply of replies) await reply.body?.cancel();
    await freed();
  });

  test("that cannot be made is refused, and takes nothing", async () => {
    const refused = send(bodyBytes, () => {
      throw new RangeError("no such records");
    });
    await expect(refused).rejects.toThrow("no such records");
    await freed();
  });

  test("that breaks off while it is made is not taken for whole", async () => {
    const reply = await send(bodyBytes, () => ({ length: bodyBytes, parts: brokenParts() }));
    await expect(reply.arrayBuffer()).rejects.toThrow();
    await freed();
  });

  test.each([
    ["shorter", 1000],
    ["longer", bodyBytes + 1],
  ])("whose parts are %s than it says is not taken for whole", async (_, length) => {
    const reply = await send(bodyBytes, () => ({ length: bodyBytes, parts: [bytesOf(length)] }));
    await expect(reply.arrayBuffer()).rejects.toThrow();
    await freed();
  });
});

describe("clients that have stopped reading", () => {
  test("are left alone while nobody needs the memory", async () => {
    const replies = await Promise.all(Array.from({ length: roomCount }, () => respondLarge()));
    await pass(10 * pageMemoryLeaseMs);
    expect(pageMemory.bytes).toBe(pageMemoryBytesMax);
    const lengths = replies.map(async (reply) => (await reply.arrayBuffer()).byteLength);
    expect(await Promise.all(lengths)).toEqual(replies.map(() => bodyBytes));
    await freed();
  });

  test("are cut off when others wait, who are served", async () => {
    const silent = await Promise.all(Array.from({ length: roomCount }, () => respondLarge()));
    const waiting = Promise.all(Array.from({ length: roomCount }, () => respondLarge()));
    await settled();
    expect(pageMemory.waiting).toBe(roomCount);
    await pass(2 * pageMemoryLeaseMs);
    const served = await waiting;
    for (const reply of served) expect((await reply.arrayBuffer()).byteLength).toBe(bodyBytes);
    for (const reply of silent) await expect(reply.arrayBuffer()).rejects.toThrow();
    await freed();
  });

  test("are given up much sooner if they have left before their reply began", async () => {
    // The platform asks for nothing of such a reply.
    const left = Promise.all(Array.from({ length: 3 * roomCount }, () => respondLarge()));
    const waiting = respondLarge();
    await settled();
    for (let i = 0; i < 8; i++) {
      await vi.advanceTimersByTimeAsync(pageMemory.soonMs);
      await settled();
    }
    expect(8 * pageMemory.soonMs).toBeLessThan(pageMemoryLeaseMs / 4);
    expect((await (await waiting).arrayBuffer()).byteLength).toBe(bodyBytes);
    for (const reply of await left) await reply.body?.cancel().catch(() => {});
    await freed();
  });

  test("are not those that read slowly, one part in a lease's time", async () => {
    const early = await Promise.all(Array.from({ length: roomCount / 2 }, () => respondLarge()));
    const readers = early.map((reply) => reply.body!.getReader());
    for (const reader of readers) await reader.read();
    // Half of the memory is on its way in large pieces, so the next pieces are small.
    const slow = await respondLarge();
    const reader = slow.body!.getReader();
    const others = await Promise.all(
      Array.from({ length: roomCount / 2 - 1 }, () => respondLarge()),
    );
    const waiting = respondLarge();
    let readBytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      expect(value.length).toBeLessThanOrEqual(replyPartBytes);
      readBytes += value.length;
      await pass(pageMemoryLeaseMs / 4);
    }
    expect(readBytes).toBe(bodyBytes);
    expect((await (await waiting).arrayBuffer()).byteLength).toBe(bodyBytes);
    for (const reply of others) await expect(reply.arrayBuffer()).rejects.toThrow();
    for (const each of readers) await each.cancel();
    await freed();
  });

  test("have as many times longer for a piece as it is larger", async () => {
    const slow = await respondLarge();
    const reader = slow.body!.getReader();
    const first = await reader.read();
    expect(first.value?.length).toBe(replyPartBytesMax);
    const others = await Promise.all(Array.from({ length: roomCount - 1 }, () => respondLarge()));
    const waiting = respondLarge();
    const longMs = (pageMemoryLeaseMs * replyPartBytesMax) / replyPartBytes;
    await pass(longMs - pageMemoryLeaseMs / 2);
    expect((await (await waiting).arrayBuffer()).byteLength).toBe(bodyBytes);
    for (const reply of others) await expect(reply.arrayBuffer()).rejects.toThrow();
    let readBytes = replyPartBytesMax;
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      readBytes += read.value.length;
    }
    expect(readBytes).toBe(bodyBytes);
    await freed();
  });

  test("leave pieces of one byte in the stream, and it keeps its memory until the last is asked for", async () => {
    const body = bytesOf(replyPartBytesMax);
    const reply = await respond(body);
    const reader = reply.body!.getReader();
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < 3; i++) {
      const { value = new Uint8Array(0) } = await reader.read();
      pieces.push(value);
      await settled();
      expect(pageMemory.bytes).toBe(replyPartBytesMax);
    }
    const { value: last } = await reader.read();
    expect([...pieces, last!].map(({ length }) => length)).toEqual([body.length - 3, 1, 1, 1]);
    await freed();
    expect(Buffer.concat([...pieces, last!]).equals(body)).toBe(true);
    expect((await reader.read()).done).toBe(true);
  });
});

function respondLarge(): Promise<Response> {
  return respond(bytesOf(bodyBytes));
}

function* brokenParts(): Generator<Uint8Array<ArrayBuffer>> {
  yield bytesOf(bodyBytes / 2);
  throw new RangeError("the rest cannot be read");
}

function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => (i * 7 + (i >>> 8)) & 0xff);
}

async function sameBytes(reply: Response, body: Uint8Array): Promise<boolean> {
  return Buffer.from(await reply.arrayBuffer()).equals(body);
}

/** Lets time pass in steps, with room for what follows from each. */
async function pass(ms: number): Promise<void> {
  const step = pageMemoryLeaseMs / 4;
  for (let passed = 0; passed < ms; passed += step) {
    await vi.advanceTimersByTimeAsync(step);
    await settled();
  }
}

/** Everything that needs no time has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await scheduler.wait(0);
}

async function freed(): Promise<void> {
  await vi.waitFor(() => expect([pageMemory.bytes, pageMemory.waiting]).toEqual([0, 0]), patience);
  expect(vi.getTimerCount()).toBe(0);
}
