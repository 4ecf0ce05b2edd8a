// Rendering records as the dialects' JSON, claim by claim, on both builds: member order, escapes
// at every place of a vector, base64 at every alignment, decimals that carry, and text that is
// exactly as long as measured. The fuzz in fuzz.test.ts covers the combinations.

import { describe, expect, test } from "vitest";
import type { EngineProbe } from "../support/engineProbe.ts";
import { packChunk } from "../reference/pack.ts";
import type { ModelChunk, ModelRecord } from "../reference/record.ts";
import {
  renderKinesisCbor,
  renderKinesisJson,
  renderV3ioJson,
  renderYandexCbor,
  renderYandexJson,
  sequenceNumber,
  type ModelShard,
} from "../reference/render.ts";
import { builds } from "./builds.ts";
import { type Carry, indexCarries, secondCarries } from "./carries.ts";
import { expectBytes } from "./expect-bytes.ts";
import { Random } from "./random.ts";
import { SHARD_INDEX_EDGES } from "./samples.ts";

const SHARD: ModelShard = { createdMs: 1_542_776_258_000, index: 6 };
const TIME_MS = 1_545_084_650_987;

describe.each(builds)("render, $name build", ({ engine }) => {
  test("Kinesis: the members, in order, without blanks", () => {
    const record = makeRecord({ key: "1", data: "Hello, this is a test." });
    const bytes = packChunk({ firstIndex: 1_734_642_199, timeOrdinal: 0, records: [record] });
    // The number and the arrival of the Kinesis event in the AWS Lambda developer guide.
    expect(text(engine.renderKinesisJson(bytes, 0, 1, SHARD))).toBe(
      '{"Data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","PartitionKey":"1",' +
        '"ApproximateArrivalTimestamp":1545084650.987,' +
        '"SequenceNumber":"49590338271490256608559692538361571095921575989136588898"}',
    );
  });

  test("Kinesis: no key, no member; client info is never shown", () => {
    const record = makeRecord({ info: "secret", timeMs: 1_459_799_926_480 });
    const bytes = packChunk({ firstIndex: 0, timeOrdinal: 0, records: [record] });
    const number = sequenceNumber(0, record.timeMs, SHARD);
    expect(text(engine.renderKinesisJson(bytes, 0, 1, SHARD))).toBe(
      `{"Data":"","ApproximateArrivalTimestamp":1459799926.480,"SequenceNumber":"${number}"}`,
    );
  });

  test("Kinesis CBOR: the members, in order; no key, no member", () => {
    const records = [makeRecord({ key: "1", data: "hi" }), makeRecord({ info: "secret" })];
    const bytes = packChunk({ firstIndex: 1_734_642_199, timeOrdinal: 0, records });
    const printed = Buffer.from(engine.renderKinesisCbor(bytes, 0, 2, SHARD)).toString("latin1");
    expect(printed).toBe(
      `\xbf\x64Data\x42hi\x6cPartitionKey\x611` +
        cborRest("49590338271490256608559692538361571095921575989136588898") +
        `\xbf\x64Data\x40${cborRest(sequenceNumber(1_734_642_200, TIME_MS, SHARD))}`,
    );
  });

  test.each([0, 1, 23, 24, 255, 256, 65_535, 65_536, 1_000_000])(
    "Kinesis CBOR: the shortest head before data of %d bytes and keys about as long",
    (dataBytes) => {
      const data = new Random(9).bytes(dataBytes);
      const records = [0, 1].map((more) =>
        Object.assign(makeRecord({ key: "k".repeat(Math.min(dataBytes, 1023) + more) }), { data }),
      );
      expectSameText(engine, { firstIndex: 3, timeOrdinal: 0, records });
    },
  );

  test("v3io: the members, in order, without blanks", () => {
    const records = [
      makeRecord({ key: "k", info: "i", data: "d", timeMs: 1_485_685_671_160 }),
      makeRecord({ timeMs: 1_485_685_671_160 }),
      makeRecord({ timeMs: 1_485_685_672_000 }),
    ];
    const bytes = packChunk({ firstIndex: 41, timeOrdinal: 3, records });
    expect(text(engine.renderV3ioJson(bytes, 0, 3))).toBe(
      '{"ArrivalTimeSec":1485685671,"ArrivalTimeNSec":160000003,"SequenceNumber":42,' +
        '"ClientInfo":"aQ==","PartitionKey":"k","Data":"ZA=="},' +
        '{"ArrivalTimeSec":1485685671,"ArrivalTimeNSec":160000004,"SequenceNumber":43,"Data":""},' +
        '{"ArrivalTimeSec":1485685672,"ArrivalTimeNSec":0,"SequenceNumber":44,"Data":""}',
    );
  });

  test("Yandex: the members, in order, with an empty key; fractions end in no zero", () => {
    const records = [
      makeRecord({ key: "k", data: "d", timeMs: 1_485_685_671_160 }),
      makeRecord({ info: "i", timeMs: 1_485_685_672_000 }),
    ];
    const bytes = packChunk({ firstIndex: 41, timeOrdinal: 0, records });
    expect(text(engine.yandexJson().render(bytes, 0, 2))).toBe(
      '{"ApproximateArrivalTimestamp":1485685671.16,"Codec":0,"Data":"ZA==",' +
        '"EncryptionType":"NONE","PartitionKey":"k","SequenceNumber":"41"},' +
        '{"ApproximateArrivalTimestamp":1485685672,"Codec":0,"Data":"",' +
        '"EncryptionType":"NONE","PartitionKey":"","SequenceNumber":"42"}',
    );
  });

  test.each([0, 500, 750, 1500, 23_000, 24_000, 255_500, 256_000, 65_536_000, 2 ** 32 * 1000])(
    "Yandex: an arrival at %d ms as the shortest number",
    (timeMs) => {
      const records = [0, 1, 125, 999].map((more) => makeRecord({ timeMs: timeMs + more }));
      expectSameText(engine, { firstIndex: 0, timeOrdinal: 0, records });
    },
  );

  test("data of 0 to 100 bytes behind keys of 1 to 16: base64 at every alignment", () => {
    const random = new Random(1);
    for (let lead = 1; lead <= 16; lead++) {
      const records = Array.from({ length: 101 }, (_, dataBytes) => ({
        ...makeRecord({ key: "k".repeat(lead), info: "i".repeat(dataBytes % 3) }),
        data: random.bytes(dataBytes),
      }));
      expectSameText(engine, { firstIndex: 0, timeOrdinal: 0, records });
    }
  });

  test("data whose base64 uses all 64 characters in every lane", () => {
    const every = Uint8Array.from({ length: 3 * 4096 }, (_, i) => {
      const value = Math.floor(i / 3);
      const group = (value << 12) | ((value * 67) & 0xfff);
      return (group >> (16 - 8 * (i % 3))) & 0xff;
    });
    const bytes = [0, 1, 2].map((skip) => every.subarray(skip));
    const plain = [0x00, 0xff, 0x55, 0xaa].map((byte) => new Uint8Array(100).fill(byte));
    const records = [...bytes, ...plain].map((data) => Object.assign(makeRecord({}), { data }));
    expectSameText(engine, { firstIndex: 0, timeOrdinal: 0, records });
  });

  test.each([...Array(128).keys(), 0x80, 0x7ff, 0x800, 0x2028, 0x2029, 0xfeff, 0x10000, 0x1f600])(
    "the character %d alone, doubled, and at every place of a key",
    (code) => {
      const character = String.fromCodePoint(code);
      const keys = [character, character.repeat(2), character.repeat(64)];
      for (let place = 0; place < 36; place++)
        keys.push(`${"a".repeat(place)}${character}${"b".repeat(35 - place)}`);
      const records = keys.map((key) => makeRecord({ key, data: key }));
      expectSameText(engine, { firstIndex: 0, timeOrdinal: 0, records });
    },
  );

  test("keys of 256 characters of one to four bytes, and of escapes alone", () => {
    const keys = ["a", "é", "語", "😀", '"', "\\", "\n", "\u0000"].map((one) => one.repeat(256));
    const records = keys.map((key) => makeRecord({ key, data: "x" }));
    expectSameText(engine, { firstIndex: 0, timeOrdinal: 0, records });
  });

  test.each([
    [0, "0.000"],
    [7, "0.007"],
    [999, "0.999"],
    [1000, "1.000"],
    [9_999, "9.999"],
    [10_000, "10.000"],
    [99_999_999_999, "99999999.999"],
    [999_999_999_999, "999999999.999"],
    [1_000_000_000_000, "1000000000.000"],
    [1_459_799_926_480, "1459799926.480"],
    [4_294_967_295_999, "4294967295.999"],
    [4_294_967_296_000, "4294967296.000"],
    [9_999_999_999_999, "9999999999.999"],
    [10_000_000_000_000, "10000000000.000"],
    [16_025_174_999_999, "16025174999.999"],
  ])("an arrival at %d ms prints as %s", (timeMs, seconds) => {
    const records = [makeRecord({ timeMs })];
    const bytes = packChunk({ firstIndex: 0, timeOrdinal: 0, records });
    const printed = text(engine.renderKinesisJson(bytes, 0, 1, SHARD));
    expect(printed).toContain(`"ApproximateArrivalTimestamp":${seconds},`);
    expectSameText(engine, { firstIndex: 0, timeOrdinal: 0, records });
  });

  test("arrivals that cross a second, a minute and a ten-digit second", () => {
    for (const firstMs of [998, 59_998, 999_999_999_998, 9_999_999_999_998]) {
      const records = [0, 1, 2, 2, 3, 1002, 1003].map((ms) => makeRecord({ timeMs: firstMs + ms }));
      expectSameText(engine, { firstIndex: 5, timeOrdinal: 9, records });
    }
  });

  test.each([0, 1, 8, 9, 10, 98, 99, 100, 998, 999, 9_999, 99_999, 999_990])(
    "v3io nanoseconds count on from arrival ordinal %d",
    (timeOrdinal) => {
      const records = Array.from({ length: 9 }, (_, i) =>
        makeRecord({ timeMs: TIME_MS + (i >> 3) }),
      );
      expectSameText(engine, { firstIndex: 0, timeOrdinal, records });
    },
  );

  test.each([
    0, 1, 8, 9, 98, 99, 999_999_998, 4_294_967_293, 4_294_967_295, 4_294_967_296, 9_999_999_998,
    99_999_999_999_997, 999_999_999_999_997, 1_125_899_906_842_620, 1_125_899_906_842_623,
  ])("indexes from %d", (firstIndex) => {
    const records = Array.from({ length: 5 }, () => makeRecord({}));
    expectSameText(engine, { firstIndex, timeOrdinal: 0, records });
  });

  test.each(SHARD_INDEX_EDGES)("shard index %d, whenever the shard was made", (index) => {
    const records = [makeRecord({}), makeRecord({})];
    for (const createdMs of [0, 999, 1000, TIME_MS, 4_294_967_296_000, 16_025_174_999_000])
      expectSameText(engine, { firstIndex: 77, timeOrdinal: 0, records }, { createdMs, index });
  });

  test.each(indexCarries())("the next index rolls $digits decimal digits over", (carry) => {
    const { index, timeMs, shard } = carry;
    expectCarry(carry, { index: index + 1, timeMs });
    const records = Array.from({ length: 6 }, () => makeRecord({ timeMs }));
    for (const before of [0, 1, 2, 3, 4])
      expectSameText(engine, { firstIndex: index - before, timeOrdinal: 0, records }, shard);
  });

  test.each(secondCarries())("the next second rolls $digits digits over at $index", (carry) => {
    const { index, timeMs, shard } = carry;
    expectCarry(carry, { index, timeMs: timeMs + 1 });
    const records = [0, 1, 1, 1001].map((ms) => makeRecord({ timeMs: timeMs + ms }));
    for (const before of [0, 1, 2])
      expectSameText(engine, { firstIndex: index - before, timeOrdinal: 0, records }, shard);
  });

  test("every range of a chunk, and ranges join with a comma", () => {
    const records = Array.from({ length: 9 }, (_, i) =>
      makeRecord({ key: "k".repeat(i % 3), data: "d".repeat(i), timeMs: TIME_MS + (i >> 2) }),
    );
    const bytes = packChunk({ firstIndex: 100, timeOrdinal: 2, records });
    for (let from = 0; from < 9; from++)
      for (let to = from + 1; to <= 9; to++) {
        const kinesis = renderKinesisJson(bytes, from, to, SHARD);
        expectBytes(engine.renderKinesisJson(bytes, from, to, SHARD), kinesis);
        expectBytes(engine.renderV3ioJson(bytes, from, to), renderV3ioJson(bytes, from, to));
      }
    const halves = [
      engine.renderKinesisJson(bytes, 0, 4, SHARD),
      engine.renderKinesisJson(bytes, 4, 9, SHARD),
    ];
    expect(halves.map(text).join(",")).toBe(text(engine.renderKinesisJson(bytes, 0, 9, SHARD)));
  });

  test.each([
    [0, 0],
    [1, 0],
    [-1, 1],
    [0, 2],
  ])("records %d to %d of 1 are refused", (from, to) => {
    const bytes = packChunk({ firstIndex: 0, timeOrdinal: 0, records: [makeRecord({})] });
    expect(() => engine.renderKinesisJson(bytes, from, to, SHARD)).toThrow(RangeError);
    expect(() => engine.measureKinesisJson(bytes, from, to)).toThrow(RangeError);
    expect(() => engine.renderKinesisCbor(bytes, from, to, SHARD)).toThrow(RangeError);
    expect(() => engine.measureKinesisCbor(bytes, from, to)).toThrow(RangeError);
    expect(() => engine.renderV3ioJson(bytes, from, to)).toThrow(RangeError);
    expect(() => engine.measureV3ioJson(bytes, from, to)).toThrow(RangeError);
  });
});

interface Parts {
  key?: string;
  info?: string;
  data?: string;
  timeMs?: number;
}

function makeRecord({ key = "", info = "", data = "", timeMs = TIME_MS }: Parts): ModelRecord {
  const encoder = new TextEncoder();
  return {
    timeMs,
    key: encoder.encode(key),
    info: encoder.encode(info),
    data: encoder.encode(data),
  };
}

function expectSameText(engine: EngineProbe, chunk: ModelChunk, shard = SHARD): void {
  const bytes = packChunk(chunk);
  const to = chunk.records.length;
  const kinesis = engine.renderKinesisJson(bytes, 0, to, shard);
  expectBytes(kinesis, renderKinesisJson(bytes, 0, to, shard));
  expect(engine.measureKinesisJson(bytes, 0, to)).toBe(kinesis.length);
  const cbor = engine.renderKinesisCbor(bytes, 0, to, shard);
  expectBytes(cbor, renderKinesisCbor(bytes, 0, to, shard));
  expect(engine.measureKinesisCbor(bytes, 0, to)).toBe(cbor.length);
  const v3io = engine.renderV3ioJson(bytes, 0, to);
  expectBytes(v3io, renderV3ioJson(bytes, 0, to));
  expect(engine.measureV3ioJson(bytes, 0, to)).toBe(v3io.length);
  const yandex = engine.yandexJson().render(bytes, 0, to);
  expectBytes(yandex, renderYandexJson(bytes, 0, to));
  expect(engine.yandexJson().measureRecords(bytes, 0, to)).toBe(yandex.length);
  const yandexCbor = engine.yandexCbor().render(bytes, 0, to);
  expectBytes(yandexCbor, renderYandexCbor(bytes, 0, to));
  expect(engine.yandexCbor().measureRecords(bytes, 0, to)).toBe(yandexCbor.length);
}

/** The case is what it claims: the next number is the first beyond a round one. */
function expectCarry(carry: Carry, next: { index: number; timeMs: number }): void {
  const round = 10n ** BigInt(carry.digits);
  const before = BigInt(sequenceNumber(carry.index, carry.timeMs, carry.shard)) / round;
  const after = BigInt(sequenceNumber(next.index, next.timeMs, carry.shard)) / round;
  expect(after - before).toBe(1n);
}

/** What stands after the key in a record of TIME_MS. */
function cborRest(number: string): string {
  const time = "\x78\x1bApproximateArrivalTimestamp\xc1\x1b\0\0\x01\x67\xbe\x38\xc5\xeb";
  return `${time}\x6eSequenceNumber\x78\x38${number}\xff`;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
