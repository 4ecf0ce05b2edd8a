// Pages share the memory they are printed in: a reply must have its bytes before the next page is
// printed, whenever it is read.

import { describe, expect, test } from "vitest";
import { engine } from "../../../worker/engine/instance.ts";
import { respond } from "../../../worker/http/reply.ts";
import { engineBytes, pageBufferBytesMax, replyPartBytes } from "../../../worker/limits.ts";
import { pageMemory } from "../../../worker/stream/loadBudget.ts";
import { RecordPage } from "../../../worker/http/recordPage.ts";
import { Random } from "../../engine/random.ts";
import { batchOf, type RecordPut } from "../../../worker/engine/recordBatch.ts";
import { stampChunk } from "../../../worker/engine/chunk.ts";
import type { RecordRun } from "../../../worker/engine/printer.ts";

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

describe("pages printed before any is read", () => {
  test.each([
    ["small", 1000, ["a", "b", "c"]],
    ["of a megabyte", 1_000_000, ["a", "b", "c"]],
    // Two of these have room at once, and a third would wait until one is read.
    ["that are sent piece by piece", 1_700_000, ["a", "b"]],
    ["of records beyond the window", 2_300_000, ["a", "b"]],
  ])("%s", async (_, dataBytes, letters) => {
    const pages = letters.map((letter) => pageOf(letter, dataBytes));
    const replies = await Promise.all(
      pages.map((page) => page.respond({ init: { headers: { "x-letter": "yes" } } })),
    );
    const copies = pages.map((page) => page.bytes());
    for (const [i, letter] of letters.entries()) {
      const reply = replies[i] as Response;
      expect(reply.headers.get("x-letter")).toBe("yes");
      const text = await reply.text();
      expect(new TextDecoder().decode(copies[i])).toBe(text);
      const records = JSON.parse(text) as { Data: string }[];
      expect(records.map(({ Data }) => atob(Data))).toEqual(
        Array.from({ length: 3 }, () => letter.repeat(dataBytes)),
      );
    }
  });
});

describe("pages in the engine's memory", () => {
  test("are sent from there, one after the other, as long as each is read to its end", async () => {
    for (const letter of "abcdefghijkl") {
      const page = await begin(letter);
      expect(isInEngine(page)).toBe(true);
      await expectWhole(page);
    }
  });

  test("are there until the platform has asked for more than their text", async () => {
    const held = await beginAll("abcd");
    expect(held.map(isInEngine)).toEqual([true, true, true, true]);
    // Two of its three last bytes: the large piece may still be on its way.
    for (let i = 0; i < 2; i++) await readPiece(held[0]!);
    for (const letter of "efghijkl") {
      const page = await begin(letter);
      expect(isInEngine(page)).toBe(false);
      await expectWhole(page);
    }
    for (const page of held) await expectWhole(page);
    const next = await begin("m");
    expect(isInEngine(next)).toBe(true);
    await expectWhole(next);
  });

  test("that turn out to be longer than a slot are sent from elsewhere, and the slot is free", async () => {
    const key = new Uint8Array(1000).fill(1);
    for (let turn = 0; turn < 5; turn++) {
      const records = Array.from({ length: 500 }, () => ({ key, info: nothing, data: key }));
      const page = new RecordPage(nothing, [runOf(records)], engine.v3ioJson(), nothing);
      const text = Buffer.from(page.bytes());
      expect(text.length).toBeGreaterThan(3_000_000);
      const reply = await page.respond();
      expect(Buffer.from(await reply.arrayBuffer()).equals(text)).toBe(true);
    }
    const next = await begin("a");
    expect(isInEngine(next)).toBe(true);
    await expectWhole(next);
  });

  test("end with three pieces of one byte, also when memory has become short meanwhile", async () => {
    const reply = await pageOf("a", dataBytes).respond();
    const others = Array.from({ length: 3 }, () => respond(new Uint8Array(pageBufferBytesMax)));
    const readers = (await Promise.all(others)).map((other) => other.body!.getReader());
    for (const reader of readers) await reader.read();
    expect(pageMemory.isRoomy).toBe(false);
    const page: Reading = { letter: "a", reader: reply.body!.getReader(), pieces: [] };
    const lengths: number[] = [];
    const copies: Buffer[] = [];
    for (let read = await page.reader.read(); !read.done; read = await page.reader.read()) {
      lengths.push(read.value.length);
      copies.push(Buffer.from(read.value));
    }
    expect(Buffer.concat(copies).equals(expected("a"))).toBe(true);
    expect(lengths[0]).toBe(replyPartBytes);
    expect(lengths.slice(-3)).toEqual([1, 1, 1]);
    for (const reader of readers) await reader.cancel();
  });

  test("are read by many at once, in any order, and each has its own", async () => {
    const random = new Random(20_261_127);
    const wait = async (): Promise<void> => {
      for (let turns = random.below(4); turns > 0; turns--) await scheduler.wait(0);
    };
    const readAll = async (letter: string): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) {
        await wait();
        const page = await begin(letter);
        await wait();
        await readPiece(page);
        await wait();
        await expectWhole(page);
      }
    };
    await Promise.all(Array.from("abcdefghij", readAll));
  });

  test("are not overwritten when their client goes away, for somebody may hold what was given last", async () => {
    const gone = await beginAll("abcd");
    for (const { reader } of gone) await reader.cancel();
    for (const letter of "efgh") await expectWhole(await begin(letter));
    for (const { letter, pieces, reader } of gone) {
      const [first] = pieces;
      const isSame = Buffer.from(expected(letter)).subarray(0, -3).equals(first!);
      expect([isSame, (await reader.read()).done]).toEqual([true, true]);
    }
  });
});

const dataBytes = 300_000;

/** A page that is being read. */
interface Reading {
  letter: string;
  reader: ReadableStreamDefaultReader<Uint8Array>;
  /** As they were given, not copied. */
  pieces: Uint8Array[];
}

/** A page of more than a megabyte, of which the first piece has been read. */
async function begin(letter: string): Promise<Reading> {
  const reply = await pageOf(letter, dataBytes).respond();
  const page: Reading = { letter, reader: reply.body!.getReader(), pieces: [] };
  await readPiece(page);
  return page;
}

async function beginAll(letters: string): Promise<Reading[]> {
  const all: Reading[] = [];
  for (const letter of letters) all.push(await begin(letter));
  return all;
}

async function readPiece({ reader, pieces }: Reading): Promise<void> {
  const { value } = await reader.read();
  pieces.push(value!);
}

function isInEngine({ pieces: [first] }: Reading): boolean {
  return first!.buffer.byteLength === engineBytes;
}

/** Reads the rest. A reader copies what it was given before it asks for the last byte. */
async function expectWhole(page: Reading): Promise<void> {
  const { letter, reader, pieces } = page;
  while (pieces.length < 3) await readPiece(page);
  const copies: Uint8Array[] = [Buffer.concat(pieces)];
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    copies.push(Buffer.from(read.value));
  }
  expect(Buffer.concat(copies).equals(Buffer.from(expected(letter)))).toBe(true);
}

function expected(letter: string): Uint8Array {
  return pageOf(letter, dataBytes).bytes();
}

/** Three records of one letter, over two runs. */
function pageOf(letter: string, dataBytes: number): RecordPage {
  const record = { key: nothing, info: nothing, data: encoder.encode(letter.repeat(dataBytes)) };
  const runs = [0, 1, 2].map((firstIndex) => runOf([record], firstIndex));
  return new RecordPage(encoder.encode("["), runs, engine.v3ioJson(), encoder.encode("]"));
}

function runOf(records: readonly RecordPut[], firstIndex = 0): RecordRun {
  const chunk = engine.pack(batchOf(records));
  stampChunk(chunk, { firstIndex, timeMs: 1, timeOrdinal: firstIndex });
  return { chunk, from: 0, to: records.length };
}
