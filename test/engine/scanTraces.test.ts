// One scanner serves all readers of an isolate, and a reader may go away in the middle of a record. What a scan has left
// behind then is nothing to the next one; and what was found of one value is nothing to the next value.

import { describe, expect, test } from "vitest";
import { bindChunk } from "../../worker/engine/chunk.ts";
import { noneSelected, type Scanner } from "../../worker/engine/scanner.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { scanners } from "./scanBuilds.ts";

const timeMs = 1_752_000_000_123;
const workMax = 2 ** 30;

/** What can be asked of three records, of which it selects all, or none. */
const questions: readonly { title: string; all: object; none: object }[] = [
  {
    title: "times",
    all: { approximateArrivalTimestamp: [{ numeric: [">", 5e-324] }] },
    none: { approximateArrivalTimestamp: [{ "anything-but": timeMs / 1000 }] },
  },
  {
    title: "a key",
    all: { partitionKey: ["key"] },
    none: { partitionKey: [{ "anything-but": "key" }] },
  },
  {
    title: "searches of a key",
    all: { partitionKey: [{ wildcard: "k*y" }] },
    none: { partitionKey: [{ "anything-but": { wildcard: "k*y" } }] },
  },
  {
    title: "times and a key",
    all: { approximateArrivalTimestamp: [timeMs / 1000], partitionKey: [{ prefix: "k" }] },
    none: { approximateArrivalTimestamp: [timeMs / 1000], partitionKey: ["k"] },
  },
  {
    title: "data as bytes",
    all: { data: [{ contains: "cd" }] },
    none: { data: [{ "anything-but": { wildcard: "*cd*" } }] },
  },
  {
    title: "data as JSON",
    all: { data: { a: [{ wildcard: "b*d" }] } },
    none: { data: { a: [{ "anything-but": { wildcard: "b*d" } }] } },
  },
];

const three = chunkOf(['{"a":"bcd"}', '{"a":"bcd"}', '{"a":"\\u0062cd"}']);

/** A record on which a scan pauses among its elements, and one on whose text it pauses between two searches. */
const long = chunkOf([`{"a":[${'"b",'.repeat(1000)}"b"]}`]);
const elements = programOf({ data: { a: [{ "equals-ignore-case": "c" }] } });
const text = chunkOf([`{"a":"${"\\u0062".repeat(1000)}"}`]);
const searches = programOf({ data: { a: [{ wildcard: "*bc*" }, { wildcard: "*bd*" }] } });
const bytes = programOf({ data: [{ wildcard: "*bc*" }, { wildcard: "*bd*" }] });

const left: readonly [title: string, leave: (scanner: Scanner) => void][] = [
  ["a scan among elements", (scanner) => leave(scanner, elements, long)],
  ["a scan between searches", (scanner) => leave(scanner, searches, text)],
  ["a scan between searches of bytes", (scanner) => leave(scanner, bytes, text)],
  [
    "a segment that took too long",
    (scanner) => expect(scanner.rulesOut(elements, long, 100)).toBeUndefined(),
  ],
];

describe.each(scanners)("$name build", ({ scanner }) => {
  describe.each(left)("after %s", (_, leaveBehind) => {
    test.each(questions)("$title are as ever", ({ all, none }) => {
      const [allOf, noneOf] = [programOf(all), programOf(none)];
      for (const work of [workMax, 1]) {
        leaveBehind(scanner);
        expect(runsOf(scanner, allOf, work)).toEqual([0, 3]);
        leaveBehind(scanner);
        expect(runsOf(scanner, noneOf, work)).toEqual([]);
      }
      leaveBehind(scanner);
      expect(scanner.rulesOut(allOf, three, workMax)).toBeUndefined();
      leaveBehind(scanner);
      expect(scanner.rulesOut(noneOf, three, workMax)).toBe(true);
    });
  });

  /** An escape in a text that a pattern names has the scanner ask first if the record is JSON. */
  test.each(['{"a":"\\u0078"', '{"a":"\\u0078", x'])("behind a record that is none: %s", (torn) => {
    const chunk = chunkOf([torn, '{"a":"bcd"}', '{"a":"x"}', torn, '{"a":"x"}']);
    const key = { partitionKey: [{ wildcard: "k*y" }] };
    const has = programOf({ ...key, data: { a: [{ wildcard: "*x*" }] } });
    const lacks = programOf({ ...key, data: { a: [{ "anything-but": { wildcard: "*x*" } }] } });
    expect(scanner.select(has, chunk, 0, 5, Infinity).runs).toEqual([2, 3, 4, 5]);
    expect(scanner.select(lacks, chunk, 0, 5, Infinity).runs).toEqual([1, 2]);
  });
});

/** Begins a scan that nobody goes on with. */
function leave(scanner: Scanner, program: Uint8Array, chunk: Uint8Array): void {
  const selected = noneSelected(0);
  scanner.selectOn(selected, program, chunk, 1, Infinity, 1);
  expect(selected.state).toBeDefined();
}

function runsOf(scanner: Scanner, program: Uint8Array, work: number): readonly number[] {
  const selected = noneSelected(0);
  while (selected.next < 3) scanner.selectOn(selected, program, three, 3, Infinity, work);
  return selected.runs;
}

function programOf(pattern: object): Uint8Array {
  return compileSelection({ where: JSON.stringify(pattern) })!.program;
}

function chunkOf(texts: readonly string[]): Uint8Array {
  const records = texts.map((each) => ({
    key: Buffer.from("key"),
    info: new Uint8Array(0),
    data: Buffer.from(each),
    timeMs,
  }));
  const chunk = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
  bindChunk(chunk, "2-16e5bc0a7ae5408a85df27ba25272fd7-0");
  return chunk;
}
