// Memory that is used again: nobody sees what another one had in it, and no more of it waits than is allowed.
import { expect, test } from "vitest";
import { BufferPool } from "../../../worker/codec/bufferPool.ts";

const mebibyte = 1024 * 1024;

test("memory that is given back is lent again, and its earlier views are empty", () => {
  const pool = new BufferPool(mebibyte, mebibyte);
  const first = pool.lend(300_000)!;
  first.fill(7);
  const { byteLength } = first.buffer;
  pool.giveBack(first);
  expect([first.length, first.buffer.byteLength]).toEqual([0, 0]);
  const second = pool.lend(200_000)!;
  expect([second.length, second.buffer.byteLength]).toEqual([200_000, byteLength]);
  expect(first.length).toBe(0);
});

test("what is lent is not lent to another one, and what is given back twice is there once", () => {
  const pool = new BufferPool(mebibyte, mebibyte);
  const first = pool.lend(1000)!;
  expect(pool.lend(1000)!.buffer).not.toBe(first.buffer);
  pool.giveBack(first);
  pool.giveBack(first);
  const again = [pool.lend(1000)!, pool.lend(1000)!];
  expect(again[0]!.buffer).not.toBe(again[1]!.buffer);
});

test("what is lent together goes back together", () => {
  const pool = new BufferPool(mebibyte, mebibyte);
  const body = pool.lend(400_000)!;
  const records = pool.lendWith(body, 300_000);
  pool.giveBack(body);
  expect([body.length, records.length]).toEqual([0, 0]);
});

test("a buffer that a stream was read into has another identity, by which it is given back", () => {
  const pool = new BufferPool(mebibyte, mebibyte);
  const moved = new Uint8Array(pool.lend(400_000)!.buffer.transfer(), 0, 400_000);
  pool.note(moved.buffer);
  const records = pool.lendWith(moved, 1000);
  pool.giveBack(moved);
  expect([moved.length, records.length]).toEqual([0, 0]);
});

test("with memory that is not lent nothing is lent", () => {
  const pool = new BufferPool(mebibyte, mebibyte);
  const body = new Uint8Array(1000);
  const records = pool.lendWith(body, 500);
  expect(records.buffer.byteLength).toBe(500);
  pool.giveBack(body);
  expect([body.length, records.length]).toEqual([1000, 500]);
});

test("large memory is not lent, and no more waits than is allowed", () => {
  const pool = new BufferPool(mebibyte, mebibyte);
  expect(pool.lend(mebibyte + 1)).toBeUndefined();
  const lent = [1, 2, 3].map(() => pool.lend(mebibyte / 2)!);
  for (const [i, each] of lent.entries()) each.fill(i + 1);
  for (const each of lent) pool.giveBack(each);
  const marks = [1, 2, 3].map(() => pool.lend(mebibyte / 2)![0]);
  expect(marks).toEqual([1, 2, 0]);
});
