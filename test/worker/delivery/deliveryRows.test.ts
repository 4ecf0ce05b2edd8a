// The rows of a queue: what was stored is read again, and bytes that were changed anywhere are refused.

import { expect, test } from "vitest";
import {
  decodeRow,
  DONE,
  encodeRow,
  type RowHead,
  type StoredRun,
} from "../../../worker/delivery/deliveryRows.ts";
import { isCode } from "../../../worker/errors.ts";

const name = "shard-0/queue";
const head: RowHead = {
  kind: "change",
  part: 0,
  parts: 1,
  sequence: 12,
  next: 2 ** 50 - 1,
  generation: 115_000_000_000_000,
};

const waiting: StoredRun = {
  from: 3,
  to: 13,
  state: 0,
  receives: 2,
  firstMs: 1_800_000_000_123,
  generation: 115_000_000_000_000,
  endMs: 0,
};
const done: StoredRun = { ...waiting, from: 2 ** 40, to: 2 ** 40 + 2 ** 32 - 1, state: DONE };
const inFlight: StoredRun = { ...waiting, from: 20, to: 21, state: 1, endMs: 1_800_000_030_123 };

test.each<[string, StoredRun[]]>([
  ["no run", []],
  ["runs without ends", [waiting, done]],
  ["runs in flight", [waiting, inFlight, done]],
])("%s: as it was", (_, runs) => {
  const row = decodeRow(name, encodeRow(name, head, runs));
  expect(row.head).toEqual(head);
  expect([...row.runs()]).toEqual(runs);
});

test("a row at an odd place of its buffer is read", () => {
  const bytes = encodeRow(name, head, [inFlight]);
  const odd = new Uint8Array(bytes.length + 3);
  odd.set(bytes, 3);
  expect([...decodeRow(name, odd.subarray(3)).runs()]).toEqual([inFlight]);
});

test("every changed byte is noticed", () => {
  const bytes = encodeRow(name, { ...head, kind: "state" }, [waiting, inFlight]);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    expectCorrupt(() => decodeRow(name, changed), at);
  }
  for (let length = 0; length < bytes.length; length++) {
    expectCorrupt(() => decodeRow(name, bytes.slice(0, length)), length);
  }
});

test("the row of another queue is refused", () => {
  const bytes = encodeRow("shard-0/other", head, [waiting]);
  expectCorrupt(() => decodeRow(name, bytes), "another");
});

function expectCorrupt(read: () => unknown, what: unknown): void {
  let error: unknown;
  try {
    read();
  } catch (caught) {
    error = caught;
  }
  expect([what, isCode(error, "corrupt")]).toEqual([what, true]);
}
