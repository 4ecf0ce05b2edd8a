// When calls go to workerd and when they wait: while it has few, after an answer, after a moment, and not for what hangs.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Gatherer } from "../../local/gatherer.ts";
import type { CallKind, SmallCall } from "../../local/smallCalls.ts";
import type { Exchange } from "../../local/upstreamConnection.ts";

const head = Buffer.from("POST / HTTP/1.1\r\nhost: a\r\n\r\n");

let groups: Exchange[];
let alone: { name: string; over: () => void }[];
let isFull: boolean;
let gatherer: Gatherer;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  groups = [];
  alone = [];
  isFull = false;
  const pool = {
    get isFull() {
      return isFull;
    },
    begin: (exchange: Exchange) => void groups.push(exchange),
    forget() {},
    destroy() {},
  };
  gatherer = new Gatherer({ read: pool, write: pool }, "secret", { usualMs: 20, waitMs: 2 });
});

afterEach(() => {
  vi.useRealTimers();
});

test("the first of a kind passes at once, the next one at the end of the turn", () => {
  expect(gatherer.pass("read")).toBeDefined();
  expect(gatherer.pass("read")).toBeUndefined();
  expect(gatherer.pass("write")).toBeDefined();
  add("a");
  expect(alone).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(alone).toMatchObject([{ name: "a" }]);
});

test("those of one turn go together", () => {
  gatherer.pass("read");
  for (const name of ["a", "b", "c"]) add(name);
  vi.advanceTimersByTime(0);
  expect([groups.length, alone.length]).toEqual([1, 0]);
});

describe("with two messages under way", () => {
  let overs: (() => void)[];

  beforeEach(() => {
    overs = [gatherer.pass("read")!];
    add("first");
    vi.advanceTimersByTime(0);
    overs.push(alone.pop()!.over);
  });

  test.each([0, 1])("calls wait until number %d is answered", (which) => {
    for (const name of ["a", "b"]) add(name);
    vi.advanceTimersByTime(1);
    expect(groups).toHaveLength(0);
    expect(gatherer.waitingCount).toBe(2);
    overs[which]!();
    vi.advanceTimersByTime(0);
    expect(groups).toHaveLength(1);
    expect(gatherer.waitingCount).toBe(0);
  });

  test("and for a moment at most", () => {
    for (const name of ["a", "b"]) add(name);
    vi.advanceTimersByTime(2);
    expect(groups).toHaveLength(1);
  });

  test("and not for messages that hang", () => {
    vi.advanceTimersByTime(21);
    add("a");
    vi.advanceTimersByTime(0);
    expect(alone).toMatchObject([{ name: "a" }]);
  });

  test("an answer counts once", () => {
    overs[0]!();
    overs[0]!();
    expect(gatherer.pass("read")).toBeUndefined();
    overs[1]!();
    expect(gatherer.pass("read")).toBeDefined();
  });

  test("a group is no longer under way when a part of its answers has come", () => {
    for (const name of ["a", "b"]) add(name);
    vi.advanceTimersByTime(2);
    overs.forEach((over) => over());
    groups[0]!.body(Buffer.alloc(0), () => {});
    expect(gatherer.pass("read")).toBeDefined();
  });
});

test("while groups that are held up have all connections, calls go alone", () => {
  gatherer.pass("read");
  isFull = true;
  for (const name of ["a", "b"]) add(name);
  vi.advanceTimersByTime(0);
  expect(groups).toEqual([]);
  expect(alone.map(({ name }) => name)).toEqual(["a", "b"]);
});

test("messages that hang are no longer busy, also when they are answered later", () => {
  const hanging = Array.from({ length: 5 }, () => {
    add("hangs");
    vi.advanceTimersByTime(2);
    return alone.pop()!.over;
  });
  vi.advanceTimersByTime(50);
  for (const over of hanging) over();
  const over = gatherer.pass("read")!;
  add("second");
  vi.advanceTimersByTime(0);
  expect(alone.map(({ name }) => name)).toEqual(["second"]);
  add("third");
  vi.advanceTimersByTime(1);
  expect(alone).toHaveLength(1);
  over();
  vi.advanceTimersByTime(0);
  expect(alone).toHaveLength(2);
});

test("a group has no more members, and no more bytes, than its bounds", () => {
  gatherer.pass("read");
  for (let i = 0; i < 130; i++) add(`${i}`);
  vi.advanceTimersByTime(0);
  expect(groups).toHaveLength(3);
  groups = [];
  for (let i = 0; i < 20; i++) add(`${i}`, "write", 30_000);
  gatherer.pass("write");
  vi.runAllTimers();
  expect(groups).toHaveLength(3);
});

function add(name: string, kind: CallKind = "read", bytes = 10): void {
  const call: SmallCall = {
    kind,
    head,
    body: [Buffer.alloc(bytes)],
    sendAlone: (over) => void alone.push({ name, over }),
    take() {},
    lose() {},
  };
  gatherer.add(call);
}
