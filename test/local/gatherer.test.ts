// When calls go to workerd and when they wait: while it has few, after an answer, after a moment, and not for what hangs.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Gatherer } from "../../local/gatherer.ts";
import type { CallKind, SmallCall } from "../../local/smallCalls.ts";

const head = Buffer.from("POST / HTTP/1.1\r\nhost: a\r\n\r\n");

interface Sent {
  names: string[];
  /** Tells that one of them is answered. */
  over: () => void;
}

let sent: Sent[];
let alone: string[];
/** How many messages were sent when the channel was told to stop. */
let stopped: number | undefined;
let gatherer: Gatherer;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  sent = [];
  alone = [];
  stopped = undefined;
  const channel = {
    send: (calls: readonly SmallCall[], over: () => void) =>
      void sent.push({ names: calls.map(nameOf), over }),
    keepOpen() {},
    async stop() {
      stopped = sent.length;
    },
    destroy() {},
  };
  gatherer = new Gatherer(channel, { usualMs: 20, waitMs: 2 });
});

afterEach(() => {
  vi.useRealTimers();
});

test("the first of a kind goes at once, the next one at the end of the turn", () => {
  add("read 1");
  expect(names()).toEqual([["read 1"]]);
  add("write 1", "write");
  expect(names()).toEqual([["read 1"], ["write 1"]]);
  add("read 2");
  add("write 2", "write");
  expect(names()).toHaveLength(2);
  vi.advanceTimersByTime(0);
  expect(names().slice(2)).toEqual([["read 2"], ["write 2"]]);
});

test("those of one turn go together, in their order", () => {
  for (const name of ["first", "a", "b", "c"]) add(name);
  vi.advanceTimersByTime(0);
  expect(names()).toEqual([["first"], ["a", "b", "c"]]);
});

describe("with two messages under way", () => {
  beforeEach(() => {
    for (const name of ["one", "two"]) add(name);
    vi.advanceTimersByTime(0);
    expect(sent).toHaveLength(2);
  });

  test.each([0, 1])("calls wait until number %d is answered", (which) => {
    for (const name of ["a", "b"]) add(name);
    vi.advanceTimersByTime(1);
    expect(sent).toHaveLength(2);
    expect(gatherer.waitingCount).toBe(2);
    sent[which]!.over();
    vi.advanceTimersByTime(0);
    expect(names()[2]).toEqual(["a", "b"]);
    expect(gatherer.waitingCount).toBe(0);
  });

  test("and for a moment at most", () => {
    for (const name of ["a", "b"]) add(name);
    vi.advanceTimersByTime(2);
    expect(names().slice(2)).toEqual([["a", "b"]]);
  });

  test("and not for messages that hang", () => {
    vi.advanceTimersByTime(21);
    add("a");
    vi.advanceTimersByTime(0);
    expect(names()[2]).toEqual(["a"]);
  });

  test("an answer counts once", () => {
    sent[0]!.over();
    sent[0]!.over();
    add("a");
    expect(sent).toHaveLength(2);
    sent[1]!.over();
    vi.advanceTimersByTime(0);
    expect(names()[2]).toEqual(["a"]);
    sent[2]!.over();
    add("b");
    expect(names()[3]).toEqual(["b"]);
  });

  test("a message is no longer under way when a part of its answers has come", () => {
    for (const name of ["a", "b"]) add(name);
    vi.advanceTimersByTime(2);
    expect(sent).toHaveLength(3);
    for (const { over } of sent) over();
    add("c");
    expect(names()[3]).toEqual(["c"]);
  });

  test("those that wait go when it stops, before the channel ends; later ones go by themselves", () => {
    for (const name of ["a", "b"]) add(name);
    add("put", "write");
    add("another put", "write");
    void gatherer.stop();
    expect(names().slice(3)).toEqual([["a", "b"], ["another put"]]);
    expect(stopped).toBe(5);
    add("late");
    vi.runAllTimers();
    expect(alone).toEqual(["late"]);
    expect(sent).toHaveLength(5);
  });
});

test("messages that hang do not hold up others, however many there are", () => {
  for (let i = 0; i < 100; i++) {
    add("hangs");
    vi.advanceTimersByTime(2);
  }
  vi.advanceTimersByTime(20);
  const before = sent.length;
  add("a");
  vi.advanceTimersByTime(0);
  expect(names().slice(before)).toEqual([["a"]]);
});

test("messages that hang are no longer busy, also when they are answered later", () => {
  for (let i = 0; i < 5; i++) {
    add("hangs");
    vi.advanceTimersByTime(2);
  }
  expect(sent).toHaveLength(5);
  vi.advanceTimersByTime(50);
  for (const { over } of sent.splice(0)) over();
  add("first");
  add("second");
  vi.advanceTimersByTime(0);
  expect(names()).toEqual([["first"], ["second"]]);
  add("third");
  vi.advanceTimersByTime(1);
  expect(sent).toHaveLength(2);
  sent[0]!.over();
  vi.advanceTimersByTime(0);
  expect(names()[2]).toEqual(["third"]);
});

test("a message has no more calls, and no more bytes, than its bounds", () => {
  add("first");
  for (let i = 0; i < 130; i++) add(`${i}`);
  vi.advanceTimersByTime(0);
  expect(names().map(({ length }) => length)).toEqual([1, 64, 64, 2]);
  add("first", "write");
  sent = [];
  for (let i = 0; i < 20; i++) add(`${i}`, "write", 30_000);
  vi.advanceTimersByTime(0);
  expect(names().map(({ length }) => length)).toEqual([8, 8, 4]);
});

function names(): string[][] {
  return sent.map(({ names }) => names);
}

function nameOf(call: SmallCall): string {
  return Buffer.concat(call.body).toString().trimEnd();
}

function add(name: string, kind: CallKind = "read", bytes = 20): void {
  gatherer.add({
    kind,
    head,
    body: [Buffer.from(name.padEnd(bytes))],
    sendAlone: () => void alone.push(name),
    take() {},
    lose() {},
  });
}
