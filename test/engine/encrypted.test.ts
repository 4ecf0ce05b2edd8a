// Records that were encrypted when they arrived say so in the Kinesis replies, others do not: by the
// spans of time in which they arrived, wherever these begin and end in a chunk, on both builds and
// against the reference, in one piece and in several.

import { describe, expect, test } from "vitest";
import type { Engine, TimeSpan } from "../../worker/engine/engine.ts";
import { packChunk } from "../reference/pack.ts";
import { renderKinesisCbor, renderKinesisJson } from "../reference/render.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { packByEngine } from "./pack-by-engine.ts";
import { Random } from "./random.ts";

const SHARD = { createdMs: 1_542_776_258_000, index: 6 };
const TIME_MS = 1_545_084_650_000;

/** Three records each at 0, 10, 20 and 30 ms. */
const chunk = packChunk({
  firstIndex: 7,
  timeOrdinal: 2,
  records: Array.from({ length: 12 }, (_, i) => makeRecord(i, Math.floor(i / 3) * 10, i)),
});

const spanCases: [string, TimeSpan[], string][] = [
  ["none", [], "............"],
  ["all time", [{ fromMs: 0 }], "############"],
  ["long ago", [{ fromMs: 0, toMs: TIME_MS }], "............"],
  ["the future", [{ fromMs: TIME_MS + 31 }], "............"],
  ["from the first on", [{ fromMs: TIME_MS }], "############"],
  ["from the second on", [{ fromMs: TIME_MS + 1 }], "...#########"],
  ["before the last", [{ fromMs: 5, toMs: TIME_MS + 30 }], "#########..."],
  ["the middle", [{ fromMs: TIME_MS + 10, toMs: TIME_MS + 21 }], "...######..."],
  ["nothing between two", [{ fromMs: TIME_MS + 11, toMs: TIME_MS + 20 }], "............"],
  ["no time at all", [{ fromMs: TIME_MS + 10, toMs: TIME_MS + 10 }], "............"],
  [
    "several",
    [
      { fromMs: 0, toMs: TIME_MS + 5 },
      { fromMs: TIME_MS + 15, toMs: TIME_MS + 25 },
      { fromMs: TIME_MS + 30 },
    ],
    "###...######",
  ],
];

describe.each(builds)("encrypted records, $name build", ({ engine }) => {
  test("say so behind all else, in JSON and in CBOR", () => {
    const json = Buffer.from(engine.kinesisJson(SHARD, [{ fromMs: 0 }]).render(chunk, 0, 1));
    expect(json.toString()).toMatch(/"SequenceNumber":"\d{56}","EncryptionType":"KMS"\}$/);
    const cbor = Buffer.from(engine.kinesisCbor(SHARD, [{ fromMs: 0 }]).render(chunk, 0, 1));
    expect(cbor.toString("latin1")).toMatch(/\x78\x38\d{56}\x6eEncryptionType\x63KMS\xff$/);
  });

  test.each(spanCases)("spans: %s", (_, spans, marks) => {
    const json = Buffer.from(engine.kinesisJson(SHARD, spans).render(chunk, 0, 12)).toString();
    const records = JSON.parse(`[${json}]`) as { EncryptionType?: string }[];
    expect(records.map((record) => (record.EncryptionType === "KMS" ? "#" : ".")).join("")).toBe(
      marks,
    );
    for (let from = 0; from < 12; from++) {
      for (let to = from + 1; to <= 12; to++) expectSameText(engine, chunk, from, to, spans);
    }
  });

  test("a full window of them comes in pieces, with a span that ends in the middle", () => {
    const count = 8000;
    const records = Array.from({ length: count }, (_, i) => makeRecord(i, i, 100));
    const full = packByEngine(engine, { firstIndex: 0, timeOrdinal: 0, records });
    const spans = [
      { fromMs: TIME_MS + 11, toMs: TIME_MS + count - 11 },
      { fromMs: TIME_MS + count - 1 },
    ];
    expectSameText(engine, full, 0, count, spans);
    expectSameText(engine, full, 11, count - 11, spans);
  });

  test("a record that goes around the engine", () => {
    const record = { ...makeRecord(0, 5, 0), data: new Random(1).bytes(3 * 2 ** 20) };
    const large = packByEngine(engine, { firstIndex: 0, timeOrdinal: 0, records: [record] });
    for (const fromMs of [TIME_MS + 5, TIME_MS + 6]) {
      expectSameText(engine, large, 0, 1, [{ fromMs }]);
    }
  });
});

function makeRecord(i: number, afterMs: number, dataBytes: number) {
  return {
    key: Buffer.from(i % 4 === 0 ? "" : `key-${i}`),
    info: new Uint8Array(),
    data: new Random(i).bytes(dataBytes),
    timeMs: TIME_MS + afterMs,
  };
}

function expectSameText(
  engine: Engine,
  bytes: Uint8Array,
  from: number,
  to: number,
  spans: readonly TimeSpan[],
): void {
  const json = engine.kinesisJson(SHARD, spans);
  const text = Buffer.from(renderKinesisJson(bytes, from, to, SHARD, spans));
  expectBytes(json.render(bytes, from, to), text);
  expect(json.measureRecords(bytes, from, to)).toBe(text.length);
  const cbor = engine.kinesisCbor(SHARD, spans);
  const items = renderKinesisCbor(bytes, from, to, SHARD, spans);
  expectBytes(cbor.render(bytes, from, to), items);
  expect(cbor.measureRecords(bytes, from, to)).toBe(items.length);
}
