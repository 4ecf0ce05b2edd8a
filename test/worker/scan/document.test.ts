// docs/SCAN.md is executed: its patterns are accepted, its examples match what it says they match, in both builds of the
// scanner and for the plain evaluator, and its bounds are those of the code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  conditionsMax,
  matchersMax,
  patternCharactersMax,
  patternDepthMax,
  programBytesMax,
  scanBytesMax,
} from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";
import { scanners } from "../../engine/scanBuilds.ts";
import { packChunk } from "../../reference/pack.ts";
import { selects } from "../../reference/scan.ts";

const document = readFileSync(join(import.meta.dirname, "../../../docs/SCAN.md"), "utf8");
const readme = readFileSync(join(import.meta.dirname, "../../../README.md"), "utf8");

const [, examples = "[]"] = /```json examples\n([^`]*)```/.exec(document) ?? [];
const parsed = JSON.parse(examples) as [pattern: object, matches: string[], others: string[]][];

describe.each(parsed)("%j", (pattern, matches, others) => {
  const where = JSON.stringify(pattern);
  const records = [...matches, ...others].map((data) => ({
    key: Buffer.from("k"),
    info: new Uint8Array(0),
    timeMs: 0,
    data: Buffer.from(data),
  }));

  test.each(scanners)(
    "the $name build selects the first data, and not the second",
    ({ scanner }) => {
      const { program } = compileSelection({ where })!;
      const chunk = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
      const { runs } = scanner.select(program, chunk, 0, records.length, Infinity);
      expect(runs).toEqual([0, matches.length]);
    },
  );

  test("so does the plain evaluator", () => {
    expect(records.map((record) => selects(where, record))).toEqual(
      records.map((_, i) => i < matches.length),
    );
  });
});

test("there are examples", () => {
  expect(parsed.length).toBeGreaterThan(30);
});

const patterns = Array.from(
  document.matchAll(/```json pattern\n([^`]*)```/g),
  ([, text = ""]) => text,
);

test.each(patterns)("the pattern %s is accepted", (where) => {
  expect(compileSelection({ where })).toBeDefined();
});

test("the pattern that README shows is accepted", () => {
  const [, where = ""] = /where=(\{.*\})'/.exec(readme) ?? [];
  expect(compileSelection({ where })).toBeDefined();
});

test("the mistake that it shows is the one that is made", () => {
  expect(() => compileSelection({ where: '{"data":{"a":"x"}}' })).toThrow(
    /"at":14,"path":"data.a"/,
  );
  expect(document).toContain("invalid at character 14 (data.a): an array of what the value may be");
});

test("its bounds are those of the code", () => {
  const numbers = [
    patternCharactersMax.toLocaleString("en"),
    patternDepthMax,
    conditionsMax,
    matchersMax,
  ];
  const bounds = document.slice(document.indexOf("### Bounds"), document.indexOf("## Examples"));
  for (const number of numbers) expect(bounds).toContain(`| ${number} `);
  expect(bounds).toContain(`${programBytesMax / 1024} KiB`);
  expect(document).toContain(`${scanBytesMax / 2 ** 20} MiB at most`);
});
