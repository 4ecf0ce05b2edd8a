// What the scanner is as a WASM module: like the engine (module.test.ts), it asks nothing of its host and its memory
// never grows; its windows hold what they are said to hold; and no call leaves a trace that another can see.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CHUNK_HEADER_BYTES, wideColumnBytesMax } from "../../worker/engine/chunk.ts";
import { Scanner } from "../../worker/engine/scanner.ts";
import {
  infoBytesMax,
  keyBytesMax,
  programBytesMax,
  recordBytesMax,
  segmentBytes,
} from "../../worker/limits.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { packChunk } from "../reference/pack.ts";
import { compileEngine } from "./compile.ts";
import { Random } from "./random.ts";
import { sampleRecords } from "./scanSamples.ts";
import { scanners } from "./scanBuilds.ts";

/** The module is in every Worker, also in those that never scan. */
const moduleBytesMax = 16 * 1024;

const builds = scanners.map(({ name, scanner }) => ({
  name,
  scanner,
  module: compileEngine(name === "debug" ? "scan.debug.wasm" : "scan.wasm"),
}));

describe.each(builds)("the scanner's module, $name build", ({ name, module, scanner }) => {
  const { raw } = scanner;

  test("imports nothing but, to debug, what is told of a failed assert", () => {
    const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
    expect(imports).toEqual(name === "debug" ? ["abort"] : []);
  });

  test("exports what worker/engine/scanner.ts names, and nothing else", () => {
    const file = join(import.meta.dirname, "../../worker/engine/scanner.ts");
    const source = readFileSync(file, "utf8");
    const [, members] = /interface ScannerExports \{\n(.*?)\n\}/s.exec(source)!;
    const named = [...members!.matchAll(/^ {2}(\w+)(:|\()/gm)].map(([, member]) => member!);
    const exported = WebAssembly.Module.exports(module).map((each) => each.name);
    expect(exported.toSorted()).toEqual(named.toSorted());
  });

  test("its memory never grows, and is as small as its largest record lets it be", () => {
    expect(() => raw.memory.grow(1)).toThrow(RangeError);
    expect(raw.memory.buffer.byteLength).toBeLessThanOrEqual(11.5 * 2 ** 20);
  });

  test("its windows lie apart, inside the memory, with a vector's room after those that are run past", () => {
    const windows: [from: number, length: number][] = [
      [raw.INPUT.value, raw.INPUT_BYTES.value + 16],
      [raw.PROGRAM.value, raw.PROGRAM_BYTES.value + 16],
      [raw.RUNS.value, raw.RUNS_MAX.value * 8],
      [raw.RESULT.value, 8],
    ];
    const ordered = windows.toSorted(([a], [b]) => a - b);
    for (const [i, [from, length]] of ordered.entries()) {
      expect(from % 16).toBe(0);
      const next = ordered[i + 1]?.[0] ?? raw.memory.buffer.byteLength;
      expect(from + length).toBeLessThanOrEqual(next);
    }
  });

  test("the largest record, a segment of any records and the largest program have room", () => {
    const record = recordBytesMax + keyBytesMax + infoBytesMax;
    const chunk = CHUNK_HEADER_BYTES + wideColumnBytesMax + record;
    expect(raw.INPUT_BYTES.value).toBeGreaterThanOrEqual(chunk);
    expect(raw.INPUT_BYTES.value).toBeGreaterThanOrEqual(4 * segmentBytes);
    expect(raw.PROGRAM_BYTES.value).toBe(programBytesMax);
  });

  test("a longer program or chunk is refused before a byte of it is written", () => {
    const other = startScanner(name);
    const before = Buffer.from(other.raw.memory.buffer).toString("latin1");
    const long = new Uint8Array(raw.PROGRAM_BYTES.value + 1).fill(1);
    expect(() => other.loadProgram(long)).toThrow("program: too long");
    const data = new Uint8Array(raw.INPUT_BYTES.value);
    const records = [{ key: new Uint8Array(0), info: new Uint8Array(0), data, timeMs: 0 }];
    const chunk = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
    expect(() => other.loadRecords(chunk, 0, 1)).toThrow("scan: a chunk too long");
    expect(Buffer.from(other.raw.memory.buffer).toString("latin1") === before).toBe(true);
  });

  test("scans in any order, over whatever others left behind: the same answers", () => {
    const random = new Random(14);
    const scans = Array.from({ length: 60 }, () => makeScan(random));
    const fresh = scans.map((run) => run(startScanner(name)));
    const other = startScanner(name);
    const { memory, INPUT, INPUT_BYTES, PROGRAM, PROGRAM_BYTES } = other.raw;
    new Uint8Array(memory.buffer, INPUT.value, INPUT_BYTES.value).fill(0xff);
    new Uint8Array(memory.buffer, PROGRAM.value, PROGRAM_BYTES.value).fill(0xff);
    const order = scans.map((_, i) => i).toSorted(() => random.word() - 2 ** 31);
    for (const i of [...order, ...order.toReversed()]) {
      expect(scans[i]!(other)).toEqual(fresh[i]);
    }
  });
});

test("the module that ships is small", () => {
  const file = join(import.meta.dirname, "../../build/scan.wasm");
  expect(readFileSync(file).length).toBeLessThanOrEqual(moduleBytesMax);
});

function abort(): never {
  throw new Error("an assert failed");
}

function startScanner(name: "debug" | "release"): Scanner {
  const { module } = builds.find((each) => each.name === name)!;
  return new Scanner(module, name === "debug" ? { env: { abort } } : {});
}

const patterns = [
  { partitionKey: [{ prefix: "a" }] },
  { data: { a: [{ exists: true }] } },
  { data: [{ contains: "a" }] },
  { data: { b: [{ numeric: [">", 1] }], $or: [{ a: ["x"] }, { c: [null] }] } },
];

/** A random scan; its answer as text. */
function makeScan(random: Random): (scanner: Scanner) => string {
  const records = sampleRecords(random, 20).map(({ key, data, timeMs }) => ({
    key,
    info: new Uint8Array(0),
    data,
    timeMs,
  }));
  const chunk = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
  const { program } = compileSelection({ where: JSON.stringify(random.pick(patterns)) })!;
  return (scanner) => JSON.stringify(scanner.select(program, chunk, 0, records.length, Infinity));
}
