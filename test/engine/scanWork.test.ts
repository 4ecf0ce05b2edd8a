// The work of a call of the scanner is bounded whatever the pattern and the record are: a call that has done its work
// stops in the middle of a record, and the next one goes on from there, with the same result as one call for all. What is
// counted are calls, not their time: each row has so many, which is less than a tenth of its steps by the unit of work.

import { expect, test } from "vitest";
import { noneSelected, Scanner } from "../../worker/engine/scanner.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { compileEngine } from "./compile.ts";

const bytes = 200_000;
const work = 20_000;

/** A text of about so many bytes, most of which are a part again and again. */
function fill(head: string, part: string, tail: string): Buffer {
  return Buffer.from(`${head}${part.repeat(Math.floor(bytes / part.length))}${tail}`);
}

function many<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** A part that is in the data again and again but for its end. */
const almost = (i: number) =>
  `*${"ab".repeat(30)}${i.toString(2).padStart(6, "0").replaceAll("0", "aa").replaceAll("1", "bb")}*`;

interface Row {
  title: string;
  pattern: object;
  data: Buffer;
  /** Calls that it takes at least. */
  calls: number;
  matches?: boolean;
}

const searches = many(64, (i) => ({ wildcard: almost(i) }));
const ignoringCase = many(64, (i) => ({ "equals-ignore-case": `ab${i}` }));

const rows: readonly Row[] = [
  {
    title: "64 comparisons in any case, short texts",
    pattern: { data: { a: ignoringCase } },
    data: fill('{"a":[', '"a",', '"a"]}'),
    calls: 1200,
  },
  {
    title: "64 searches of one long text",
    pattern: { data: { a: searches } },
    data: fill('{"a":"', "ab", '"}'),
    calls: 64,
  },
  {
    title: "64 searches of one long text with escapes",
    pattern: { data: { a: searches } },
    data: fill('{"a":"', "a\\u0062", '"}'),
    calls: 64,
  },
  {
    title: "64 searches of data as bytes",
    pattern: { data: searches },
    data: fill("", "ab", ""),
    calls: 64,
  },
  {
    title: "no search is true",
    pattern: { data: { a: [{ "anything-but": { wildcard: many(60, almost) } }] } },
    data: fill('{"a":"', "a\\u0062", '"}'),
    calls: 60,
    matches: true,
  },
  {
    title: "the last of 64 searches is true",
    pattern: {
      data: { a: [...many(63, (i) => ({ wildcard: almost(i) })), { wildcard: "*b\tc" }] },
    },
    data: fill('{"a":"', "ab", '\\tc"}'),
    calls: 64,
    matches: true,
  },
  {
    title: "64 numbers, short numbers",
    pattern: { data: { a: many(64, (i) => ({ numeric: [">", 1000 + i] })) } },
    data: fill('{"a":[', "1,", "1]}"),
    calls: 2000,
  },
  {
    title: "31 conditions on each of many objects",
    pattern: { data: { $or: many(31, (i) => ({ a: { [`k${i}`]: ["x"] } })) } },
    data: fill('{"a":[', "{},", "{}]}"),
    calls: 200,
  },
  {
    title: "60 names beside each of many names",
    pattern: { data: { $or: many(60, (i) => ({ [`k${100 + i}`]: ["x"] })) } },
    data: fill("{", '"k\\u007az":1,', '"a":1}'),
    calls: 50,
  },
  {
    title: "64 ranges of addresses",
    pattern: { data: { a: many(64, (i) => ({ cidr: `10.0.${i}.0/24` })) } },
    data: fill('{"a":[', '"10.0.99.1",', '"a"]}'),
    calls: 400,
  },
  {
    title: "whether a record that fulfils the rest is JSON",
    pattern: { data: { a: [{ exists: false }] } },
    data: fill("[", "1,", "1]"),
    calls: 2,
    matches: true,
  },
];

test.each(rows)(
  "$title: calls go on from one another",
  ({ pattern, data, calls, matches = false }) => {
    const scanner = new Scanner(compileEngine("scan.wasm"));
    const { program } = compileSelection({ where: JSON.stringify(pattern) })!;
    const chunk = chunkOf(data);
    expect(scanner.select(program, chunk, 0, 1, Infinity).runs).toEqual(matches ? [0, 1] : []);
    const selected = noneSelected(0);
    let made = 0;
    for (; selected.next < 1; made++) {
      scanner.selectOn(selected, program, chunk, 1, Infinity, work);
      // Another scan takes the memory now and then.
      if (made % 3 === 0) scanner.select(program, other, 0, 1, Infinity);
    }
    expect(selected.runs).toEqual(matches ? [0, 1] : []);
    expect(made).toBeGreaterThanOrEqual(calls);
  },
);

test("the work that is left is told, and goes down by the bytes of the records", () => {
  const scanner = new Scanner(compileEngine("scan.wasm"));
  const { program } = compileSelection({ where: '{"data":{"a":["b"]}}' })!;
  const selected = noneSelected(0);
  const left = scanner.selectOn(
    selected,
    program,
    chunkOf(fill('{"a":"', "c", '"}')),
    1,
    1,
    2 ** 30,
  );
  expect(selected.next).toBe(1);
  expect(2 ** 30 - left).toBeGreaterThanOrEqual(bytes);
  expect(2 ** 30 - left).toBeLessThan(8 * bytes);
});

const other = chunkOf(Buffer.from('{"a":"\\u0061"}'));

function chunkOf(data: Uint8Array): Uint8Array {
  const records = [{ key: Buffer.from("k"), info: new Uint8Array(0), data, timeMs: 0 }];
  return packChunk({ firstIndex: 0, timeOrdinal: 0, records });
}
