// Which requests of a connection the front keeps back, what it passes on instead, and when it gives that up.

import { expect, onTestFinished, test, vi } from "vitest";
import type { RequestHead } from "../../local/collection.ts";
import { RequestFramer } from "../../local/framing.ts";
import { KeptConnection, type KeptRequest } from "../../local/keptConnection.ts";
import type { KeptPuts } from "../../local/keptPuts.ts";
import type { PutManifest } from "../../worker/engine/putManifest.ts";
import { bodyOf, headOf, putLines, putsWith } from "./put-requests.ts";

const body = bodyOf(500);
const other = bodyOf(500, "b");

function connect(puts: KeptPuts) {
  const connection = new KeptConnection(puts);
  let last: KeptRequest | undefined;
  const framer = new RequestFramer(65_536, {
    begun: (head) => (last = connection.collect(head, () => framer.release())),
  });
  const send = (head: string, body: Buffer): string => {
    const parts = [...framer.take(Buffer.from(head)), ...framer.take(body)];
    last?.free();
    return Buffer.concat(parts).toString();
  };
  return { connection, framer, send, last: () => last };
}

/** The manifest in what was passed on. */
function manifestIn(passed: string): PutManifest {
  return JSON.parse(passed.slice(passed.indexOf("\r\n\r\n") + 4));
}

test("a put passes as its manifest, with the secret", () => {
  const puts = putsWith();
  const { send, last } = connect(puts);
  const passed = send(headOf(body.length), body);
  const manifest = JSON.stringify(manifestIn(passed));
  expect(passed).toBe(
    [
      ...putLines,
      `Content-Length: ${manifest.length}`,
      `x-millrace-manifest: ${puts.secret}`,
      "",
      manifest,
    ].join("\r\n"),
  );
  const free = puts.room.freeBytes;
  last()?.settle();
  expect(puts.room.freeBytes).toBeGreaterThan(free);
  expect(puts.serve(manifestIn(passed).id).status).toBe(410);
});

test.each<[string, readonly string[]]>([
  ["no POST", putLines.with(0, "PUT / HTTP/1.1")],
  ["another path", putLines.with(0, "POST /a HTTP/1.1")],
  ["another operation", putLines.with(3, "X-Amz-Target: Kinesis_20131202.PutRecord")],
  ["no operation", putLines.slice(0, 3)],
  ["two operations", [...putLines, putLines[3]!]],
  ["CBOR", putLines.with(2, "Content-Type: application/x-amz-cbor-1.1")],
  ["JSON of another version", putLines.with(2, "Content-Type: application/json")],
  ["two content types", [...putLines, putLines[2]!]],
  ["Expect", [...putLines, "Expect: 100-continue"]],
  ["a coding", [...putLines, "Content-Encoding: gzip"]],
  ["a function of v3io", [...putLines, "X-v3io-function: PutRecords"]],
  ["a manifest of its own", [...putLines, "X-Millrace-Manifest: 0"]],
])("what has %s passes as it came", (_, lines) => {
  const { send } = connect(putsWith());
  const head = headOf(body.length, lines);
  expect(send(head, body)).toBe(`${head}${body.toString()}`);
});

test.each<[string, readonly string[]]>([
  ["a parameter", putLines.with(2, "content-type: Application/X-Amz-JSON-1.1; charset=utf-8")],
  ["a blank first line", ["", ...putLines]],
])("what has %s passes as its manifest", (_, lines) => {
  const { send } = connect(putsWith());
  expect(manifestIn(send(headOf(body.length, lines), body)).bodyBytes).toBe(body.length);
});

test("lines that end without CR keep so", () => {
  const { send } = connect(putsWith());
  const passed = send(headOf(body.length).replaceAll("\r\n", "\n"), body);
  expect(passed).toMatch(/\nContent-Length: \d{3,4}\nx-millrace-manifest: \w{32}\r\n\r\n\{"id"/);
});

test.each([bodyOf(300), Buffer.alloc(500 << 10, " "), Buffer.alloc(3 << 20, " ")])(
  "a body of another size passes as it came, and reserves nothing",
  (body) => {
    const puts = putsWith();
    const { freeBytes } = puts.room;
    const { framer } = connect(puts);
    expect(framer.take(Buffer.from(headOf(body.length)))).toHaveLength(1);
    expect(puts.room.freeBytes).toBe(freeBytes);
  },
);

test("without room in the budget a body passes as it came", () => {
  const puts = putsWith({ keptBytes: body.length * 2 - 1 });
  const { send } = connect(puts);
  expect(send(headOf(body.length), body)).toBe(`${headOf(body.length)}${body.toString()}`);
  puts.room.free(1);
  expect(manifestIn(send(headOf(body.length), body)).bodyBytes).toBe(body.length);
});

test("what has come of a body counts twice until it was passed on, and what has not come does not", () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { framer, last } = connect(puts);
  const head = headOf(body.length);
  expect(framer.take(Buffer.from(head))).toEqual([]);
  expect(puts.room.freeBytes).toBe(freeBytes);
  for (const from of [0, 400, 600]) {
    expect(
      framer.take(body.subarray(from, from === 0 ? 400 : from === 400 ? 600 : 10_000)),
    ).toEqual([]);
  }
  expect(puts.room.freeBytes).toBe(freeBytes - 20_000);
  expect(Buffer.concat(framer.release()).toString()).toBe(
    `${head}${body.toString("utf8", 0, 10_000)}`,
  );
  expect(framer.release()).toEqual([]);
  expect(puts.room.freeBytes).toBe(freeBytes - 20_000);
  for (let i = 0; i < 2; i++) last()?.free();
  expect(puts.room.freeBytes).toBe(freeBytes);
  expect(Buffer.concat(framer.take(body.subarray(10_000))).equals(body.subarray(10_000))).toBe(
    true,
  );
  expect(framer.phase).toBe("nothing");
});

test("a body that the budget has no room for passes from there on", () => {
  const puts = putsWith({ keptBytes: 100_000 });
  const { framer, last } = connect(puts);
  const head = headOf(body.length);
  expect(framer.take(Buffer.from(`${head}${body.toString("utf8", 0, 50_000)}`))).toEqual([]);
  expect(puts.room.freeBytes).toBe(0);
  const passed = [
    ...framer.take(body.subarray(50_000, 50_001)),
    ...framer.take(body.subarray(50_001)),
  ];
  expect(Buffer.concat(passed).toString()).toBe(`${head}${body.toString()}`);
  last()?.free();
  expect(puts.room.freeBytes).toBe(100_000);
});

test("a body that comes byte by byte is joined to a few parts", () => {
  const { framer } = connect(putsWith());
  framer.take(Buffer.from(headOf(body.length)));
  for (let at = 0; at < 100_000; at++) framer.take(body.subarray(at, at + 1));
  framer.take(body.subarray(100_000, 110_000));
  for (let at = 110_000; at < 110_010; at++) framer.take(body.subarray(at, at + 1));
  const [head, ...parts] = framer.release();
  expect(head?.toString()).toBe(headOf(body.length));
  expect(Buffer.concat(parts).equals(body.subarray(0, 110_010))).toBe(true);
  expect(parts.length).toBeLessThan(12);
  expect(new Set(parts.map(({ buffer }) => buffer)).size).toBeLessThan(12);
});

test("a body that is on its way for two seconds is late; one that is whole or given up never is", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const late = vi.fn<() => void>();
  const connection = new KeptConnection(putsWith());
  const begin = () => {
    const framer = new RequestFramer(65_536, { begun: (head) => connection.collect(head, late) });
    framer.take(Buffer.from(headOf(body.length)));
    return framer;
  };
  begin().take(body);
  begin().release();
  vi.advanceTimersByTime(10_000);
  expect(late).not.toHaveBeenCalled();
  begin();
  vi.advanceTimersByTime(1999);
  expect(late).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(late).toHaveBeenCalledOnce();
});

test("after a body that was asked for, 1 passes as it comes, then 2; a chunk that is written ends that", async () => {
  const puts = putsWith();
  const { send, connection, last } = connect(puts);
  const head = headOf(body.length);
  const kept = () => {
    const passed = send(head, body);
    last()?.settle();
    return passed.startsWith(head) ? undefined : passed;
  };
  /** Sends puts up to one that is kept; says how many passed before. */
  const passedBefore = (): number => {
    let count = 0;
    while (kept() === undefined) count++;
    return count;
  };
  const putAndFetch = () => puts.serve(manifestIn(send(head, body)).id);
  putAndFetch();
  expect(passedBefore()).toBe(1);
  putAndFetch();
  expect(passedBefore()).toBe(2);
  await puts.stage(manifestIn(send(head, other)).id, async () => {});
  putAndFetch();
  expect(passedBefore()).toBe(1);
  // So it is with a body that makes no manifest.
  const unusual = Buffer.from(body.toString().replace('"s"', '"\\u0061"'));
  expect(send(headOf(unusual.length), unusual)).toBe(
    `${headOf(unusual.length)}${unusual.toString()}`,
  );
  expect(passedBefore()).toBe(1);
  for (const count of [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]) {
    putAndFetch();
    // Heads tell as much.
    const collect = () =>
      connection.collect(
        {
          method: "POST",
          target: "/",
          isLast: false,
          headers: [
            ["x-amz-target", "Kinesis_20131202.PutRecords"],
            ["content-type", "application/x-amz-json-1.1"],
          ],
          bodyBytes: body.length,
        },
        () => {},
      );
    for (let i = 0; i < count; i++) expect(collect()).toBeUndefined();
  }
});

test("what is known of a stream holds on all connections, and of no other stream", () => {
  const puts = putsWith();
  const [first, second] = [connect(puts), connect(puts)];
  const head = headOf(body.length);
  for (const _ of "123") {
    let passed = first.send(head, body);
    while (passed.startsWith(head)) passed = first.send(head, body);
    puts.serve(manifestIn(passed).id).sent?.();
  }
  // Four pass now, wherever they come.
  const isPassed = () => second.send(head, body).startsWith(head);
  expect(["1", "2", "3", "4", "5"].map(isPassed)).toEqual([true, true, true, true, false]);
  const elsewhere = Buffer.from(body.toString().replace('"s"', '"t"'));
  const third = connect(puts);
  expect(third.send(headOf(elsewhere.length), elsewhere)).not.toContain('"Records"');
});

test("bodies that were asked for at the same time count once", () => {
  const puts = putsWith();
  const connection = new KeptConnection(puts);
  const begun = (head: RequestHead) => connection.collect(head, () => {});
  const framers = Array.from({ length: 5 }, () => new RequestFramer(65_536, { begun }));
  const send = (framer: RequestFramer) => {
    const parts = [...framer.take(Buffer.from(headOf(body.length))), ...framer.take(body)];
    return Buffer.concat(parts).toString();
  };
  const first = framers.slice(0, 3).map(send);
  for (const passed of first) puts.serve(manifestIn(passed).id).sent?.();
  const whole = headOf(body.length) + body.toString();
  expect(send(framers[3]!)).toBe(whole);
  expect(manifestIn(send(framers[4]!)).bodyBytes).toBe(body.length);
});
