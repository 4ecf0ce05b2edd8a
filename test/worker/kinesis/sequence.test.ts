// Sequence numbers: golden values from kinesalite db/index.js (stringifySequence, parseSequence),
// the laws that clients rely on, and the numbers that must be refused.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  endingSequenceNumber,
  parseSequenceNumber,
  sequenceIndexMax,
  sequenceNumber,
  startingSequenceNumber,
} from "../../../worker/kinesis/sequence.ts";

const shardCreatedMs = 1_700_000_000_000;

test("the example of docs/FORMAT.md has these digits", () => {
  const document = readFileSync(join(import.meta.dirname, "../../../docs/FORMAT.md"), "utf8");
  const form = /```json sequence\n(.*?)```\s+```\n(\d+)\n```/s;
  const [, record = "", digits] = form.exec(document) ?? [];
  const number = sequenceNumber(JSON.parse(record));
  expect(number).toBe(digits);
  expect(document).toContain(`\`${BigInt(number).toString(16)}\``);
});

describe("sequence numbers: written as kinesalite writes them", () => {
  test.each([
    [
      "49646437577108476416916876405825929425585429676275269634",
      { shardCreatedMs, shardIndex: 0, index: 0, arrivalMs: shardCreatedMs },
    ],
    [
      "49646437577175378652512617525350365399861878309460639794",
      {
        shardCreatedMs: shardCreatedMs + 999,
        shardIndex: 3,
        index: 123_456_789,
        arrivalMs: 1_760_000_000_123,
      },
    ],
    [
      "49646437577442987594894835752950174125494769796759159026",
      { shardCreatedMs, shardIndex: 15, index: 1, arrivalMs: shardCreatedMs + 1000 },
    ],
    [
      "49646437577108476416916876405827138351405044374169452802",
      { shardCreatedMs, shardIndex: 16, index: 1, arrivalMs: shardCreatedMs + 1000 },
    ],
    [
      "49646437577454137967494101064518528738535237034528735218",
      {
        shardCreatedMs,
        shardIndex: 2_147_483_647,
        index: 9_223_372_036_854_775_807n,
        arrivalMs: 68_719_476_735_000,
      },
    ],
    [
      "54757830818497555308950625195686315587521574960843718770",
      {
        shardCreatedMs: 16_025_174_999_000,
        shardIndex: 7,
        index: 9_007_199_254_740_993n,
        arrivalMs: shardCreatedMs,
      },
    ],
    [
      "49039857308065255390643594839074465368162025762690433026",
      { shardCreatedMs: 1000, shardIndex: 0, index: 0n, arrivalMs: 1000 },
    ],
  ])("%s", (text, record) => {
    expect(sequenceNumber(record)).toBe(text);
  });

  test("a shard starts with record 0 at its creation and ends past every record", () => {
    const shard = { shardCreatedMs, shardIndex: 1 };
    expect(startingSequenceNumber(shard)).toBe(
      "49646437577130777162115407028967465143858078037781250066",
    );
    expect(
      endingSequenceNumber({ shardCreatedMs, shardIndex: 2, closedMs: 1_760_000_000_000 }),
    ).toBe("49646437577164228279913202963678559799570604555025514530");
  });

  test("neighbours of one CreateStream are a constant apart", () => {
    const starts = Array.from({ length: 16 }, (_, shardIndex) =>
      BigInt(startingSequenceNumber({ shardCreatedMs, shardIndex })),
    );
    for (const [i, start] of starts.slice(1).entries()) {
      expect(start - starts[i]!).toBe(22300745198530623141535718272648361505980432n);
    }
  });

  test.each([
    { index: -1 },
    { index: sequenceIndexMax + 1n },
    { shardIndex: -1 },
    { shardIndex: 2 ** 31 },
    { shardIndex: 0.5 },
    { shardCreatedMs: -1 },
    { shardCreatedMs: 16_025_175_000_000 },
    { shardCreatedMs: Number.NaN },
    { arrivalMs: -1 },
    { arrivalMs: 2 ** 36 * 1000 },
  ])("nothing is written for %o", (part) => {
    const record = { shardCreatedMs, shardIndex: 0, index: 0, arrivalMs: shardCreatedMs };
    expect(() => sequenceNumber({ ...record, ...part })).toThrow(RangeError);
  });
});

const seconds = (max: number) =>
  fc
    .integer({ min: 0, max })
    .chain((whole) => fc.integer({ min: 0, max: 999 }).map((ms) => whole * 1000 + ms));

const records = fc.record({
  shardCreatedMs: seconds(16_025_174_999),
  shardIndex: fc.integer({ min: 0, max: 2_147_483_647 }),
  index: fc.bigInt({ min: 0n, max: sequenceIndexMax }),
  arrivalMs: seconds(2 ** 36 - 1),
});

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

describe("sequence numbers: laws", () => {
  test("what is written is read back, times in whole seconds", () => {
    fc.assert(
      fc.property(records, (record) => {
        const text = sequenceNumber(record);
        expect(text).toMatch(/^\d{56}$/);
        expect(parseSequenceNumber(text)).toEqual({
          version: 2,
          shardCreatedMs: wholeSeconds(record.shardCreatedMs),
          shardIndex: record.shardIndex,
          index: record.index,
          arrivalMs: wholeSeconds(record.arrivalMs),
        });
      }),
      { numRuns: 1000 },
    );
  });

  test("within a shard texts sort as indexes do, between its start and its end", () => {
    fc.assert(
      fc.property(records, records, (one, two) => {
        const { shardIndex, shardCreatedMs } = one;
        const a = sequenceNumber({ ...one, shardCreatedMs });
        const b = sequenceNumber({ ...two, shardIndex, shardCreatedMs });
        if (one.index !== two.index) expect(a < b).toBe(one.index < two.index);
        const closedMs = Math.max(one.arrivalMs, two.arrivalMs);
        expect(a <= endingSequenceNumber({ shardIndex, shardCreatedMs, closedMs })).toBe(true);
        if (one.arrivalMs >= shardCreatedMs) {
          expect(a >= startingSequenceNumber({ shardIndex, shardCreatedMs })).toBe(true);
        }
      }),
    );
  });

  test("any text is read or refused, never thrown at", () => {
    const text = fc.oneof(
      fc.string(),
      fc.bigInt({ min: 0n, max: 1n << 190n }).map(String),
      fc.bigInt({ min: 2n << 184n, max: 3n << 184n }).map(String),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const parsed = parseSequenceNumber(candidate);
        expect("failure" in parsed || parsed.version <= 2).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

const hex = (digits: string): string => BigInt(`0x${digits}`).toString();

describe("sequence numbers: read as kinesalite reads them", () => {
  test("version 1 has a random part and a small index", () => {
    expect(parseSequenceNumber("49539394000267034926541125164040083350902495778208481361")).toEqual(
      {
        version: 1,
        shardCreatedMs: 1_400_000_000_000,
        shardIndex: 5,
        index: 7n,
        arrivalMs: 1_400_000_100_000,
      },
    );
  });

  test.each(["21694737246112115534304753553450663941", "427089313553461567843840588965150725"])(
    "version 0 with its leading one or without: %s",
    (text) => {
      expect(parseSequenceNumber(text)).toEqual({
        version: 0,
        shardCreatedMs: 1_380_000_000_000,
        shardIndex: 5,
      });
    },
  );

  test.each([
    ["0", { version: 0, shardCreatedMs: 0, shardIndex: 0 }],
    ["5", { version: 0, shardCreatedMs: 0, shardIndex: 5 }],
    [
      hex("13bb2cc3d7ffffffffffffffffffffff"),
      { version: 0, shardCreatedMs: 16_025_174_999_000, shardIndex: 65_535 },
    ],
    [hex("100000000000000000000000000000000"), { version: 0, shardCreatedMs: 0, shardIndex: 0 }],
    [
      hex("20000000000000000000000000000000000000000000001"),
      { version: 1, shardCreatedMs: 0, shardIndex: 0, index: 0n, arrivalMs: 0 },
    ],
    [
      hex("20000000000000000000000000000000000000000000002"),
      { version: 2, shardCreatedMs: 0, shardIndex: 0, index: 0n, arrivalMs: 0 },
    ],
    [
      hex("20000000000000000000000000000000000000800000002"),
      { version: 2, shardCreatedMs: 0, shardIndex: -2_147_483_648, index: 0n, arrivalMs: 0 },
    ],
  ])("%s", (text, parsed) => {
    expect(parseSequenceNumber(text)).toEqual(parsed);
  });

  test.each([
    ["", "not a number"],
    ["00", "not a number"],
    ["-1", "not a number"],
    ["1e5", "not a number"],
    ["0x2", "not a number"],
    ["1 ", "not a number"],
    ["1".repeat(130), "not a number"],
    ["9".repeat(129), "unknown version"],
    [hex("200000000000000000000000000000000"), "unknown version"],
    [hex("1ffffffffff7fffffffffffffff000000000007fffffff2"), "unknown version"],
    [hex("20000000000000000000000000000000000000000000000"), "unknown version"],
    [hex("20000000000000000000000000000000000000000000010"), "unknown version"],
    [hex("20000000000000000000000000000000000000000000003"), "unknown version"],
    [hex("20000000000000000000000000000000000000000000004"), "unknown version"],
    [hex("30000000000000000000000000000000000000000000001"), "unknown version"],
    [hex("20000000000800000000000000000000000000000000002"), "index too high"],
    [hex("2ffffffffff7fffffffffffffff000000000007fffffff2"), "date too large"],
    [hex("23bb2cc3d800000000000000000000000000000000000002"), "unknown version"],
    [hex("23bb2cc3d80000000000000000000000000000000000002"), "date too large"],
    [hex("13bb2cc3d80000000000000000000000"), "date too large"],
    [hex("ffffffffffffffffffffffffffffffff"), "date too large"],
  ])("%s is refused: %s", (text, failure) => {
    expect(parseSequenceNumber(text)).toEqual({ failure });
  });
});
