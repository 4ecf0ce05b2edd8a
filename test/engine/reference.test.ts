// The oracle itself: it refuses every byte that the format does not allow, by name; what it
// reads it writes back; and its codecs agree with the vectors of those who defined them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeLocation, encodeLocation } from "../reference/location.ts";
import { mergeChunks, sliceChunk } from "../reference/operations.ts";
import { packChunk, packRecords, stampBytes } from "../reference/pack.ts";
import { ChunkRefused, parseChunk, parseUnstamped } from "../reference/parse.ts";
import type { ModelChunk, ModelRecord } from "../reference/record.ts";
import { base64, hashKeys, sequenceNumber } from "../reference/render.ts";
import { fuzz } from "./fuzz.ts";
import { sampleChunk } from "./samples.ts";

const HEADER_CRC_AT = 52;
const BODY_AT = 56;

// Stride 4; ends 0 and 2, keys 0 and 2, infos 0 and 2, times 0 and 7, each one byte wide.
const sample = makeChunk([
  { timeMs: 1000, key: "a", info: "", data: "xyz" },
  { timeMs: 1007, key: "bcd", info: "hi", data: "v" },
]);
const sampleBytes = packChunk(sample);

describe("reference: refuses by name", () => {
  const [ENDS, KEYS, INFOS, TIMES, PAYLOAD] = [BODY_AT, 58, 60, 62, 64];
  test.each([
    ["short header", (bytes: Uint8Array) => bytes.subarray(0, 55)],
    ["short body", (bytes: Uint8Array) => bytes.subarray(0, -1)],
    ["bytes after the chunk", (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(0)])],
    ["bad magic", poke(0, 0x6d)],
    ["unknown version", poke(4, 2)],
    ["bad end width", poke(5, 5)],
    ["bad key width", poke(6, 3)],
    ["bad info width", poke(7, 2)],
    ["bad time width", poke(8, 5)],
    ["reserved bytes in use", poke(9, 1)],
    ["reserved bytes in use", poke(10, 1)],
    ["reserved bytes in use", poke(11, 1)],
    ["reserved bytes in use", poke(43, 1)],
    ["no records", poke(12, 0)],
    ["first index out of range", poke(22, 4)],
    ["time out of range", poke(30, 0x20)],
    ["bad header checksum", poke(16, 9, "unsealed")],
    ["bad body checksum", poke(PAYLOAD, 9, "unsealed")],
    ["a record ends after the payload", poke(ENDS, 200)],
    ["a record is shorter than its key and client info", poke(KEYS, 4)],
    ["a record is shorter than its key and client info", poke(INFOS, 9)],
    ["the records do not fill the payload", poke(ENDS + 1, 1)],
    ["the first arrival is not the chunk's time", poke(TIMES, 1)],
    ["a key is not UTF-8", poke(PAYLOAD, 0xff)],
    ["key minimum too low", poke(KEYS, 1)],
    ["info minimum too low", poke(INFOS, 1)],
  ] as const)("%s", (complaint, spoil) => {
    expect(() => parseChunk(spoil(sampleBytes))).toThrow(new ChunkRefused(complaint));
  });

  test("arrival times go back", () => {
    const records = [0, 9, 7].map((ms) => ({ timeMs: ms, key: "k", info: "", data: "" }));
    const bytes = packChunk(makeChunk([records[0]!, records[2]!, records[1]!]));
    const [first, last] = [bytes.indexOf(7, BODY_AT), bytes.indexOf(9, BODY_AT)];
    const swapped = poke(first, 9)(poke(last, 7)(bytes));
    expect(() => parseChunk(swapped)).toThrow(new ChunkRefused("arrival times go back"));
    expect(() => packChunk(makeChunk(records))).toThrow("arrival times go back");
  });

  test("a stride below the smallest record", () => {
    const bytes = Buffer.from(sampleBytes);
    const stride = bytes.readUInt32LE(36);
    bytes.writeUInt32LE(stride - 1, 36);
    bytes[ENDS]! += 1; // stride × 1
    bytes[ENDS + 1]! += 2; // stride × 2
    const complaint = "the stride is not the smallest record";
    expect(() => parseChunk(seal(bytes))).toThrow(new ChunkRefused(complaint));
  });

  test.each([
    ["end", 5],
    ["key", 6],
    ["info", 7],
    ["time", 8],
  ])("%s width too wide", (column, widthAt) => {
    const bytes = packChunk(makeChunk([{ timeMs: 5, key: "k", info: "", data: "v" }]));
    const wider = Buffer.concat([
      bytes.subarray(0, BODY_AT),
      Buffer.of(0),
      bytes.subarray(BODY_AT),
    ]);
    wider[widthAt] = 1;
    expect(() => parseChunk(seal(wider))).toThrow(new ChunkRefused(`${column} width too wide`));
  });

  test("a stamp where none may be, and none where one must be", () => {
    const unstamped = packRecords(sample.records);
    expect(parseUnstamped(unstamped).map(({ timeMs }) => timeMs)).toEqual([0, 0]);
    expect(() => parseChunk(unstamped)).toThrow(new ChunkRefused("bad header checksum"));
    expect(() => parseUnstamped(sampleBytes)).toThrow(new ChunkRefused("already stamped"));
  });

  test("any single changed bit", () => {
    for (let bit = 0; bit < sampleBytes.length * 8; bit++)
      expect(() => parseChunk(flip(sampleBytes, bit))).toThrow(ChunkRefused);
  });

  fuzz("bits changed under good checksums are refused or are another chunk", (random) => {
    const bytes = packChunk(sampleChunk(random));
    // All but the count's upper bytes: billions of empty records are a chunk, too.
    const at = random.pick([random.below(13), random.between(16, bytes.length - 1)]);
    const spoiled = seal(flip(bytes, at * 8 + random.below(8)));
    let chunk: ModelChunk;
    try {
      chunk = parseChunk(spoiled);
    } catch (error) {
      expect(error).toBeInstanceOf(ChunkRefused);
      return;
    }
    expect(Buffer.compare(packChunk(chunk), spoiled)).toBe(0);
  });
});

describe("reference: chunks", () => {
  fuzz("what is written reads back", (random) => {
    const chunk = sampleChunk(random);
    expect(Buffer.compare(packChunk(parseChunk(packChunk(chunk))), packChunk(chunk))).toBe(0);
  });

  // The engine never sees four-byte ends: a chunk beyond its window holds one record.
  test.each([
    [0, 0],
    [1, 1],
    [255, 1],
    [256, 2],
    [65_535, 2],
    [65_536, 3],
    [2 ** 24 - 1, 3],
    [2 ** 24, 4],
  ])("a last end of %d takes %d bytes", (excess, width) => {
    const data = ["", "x".repeat(excess)];
    const records = data.map((data) => ({ timeMs: 0, key: "", info: "", data }));
    expect(packChunk(makeChunk(records))[5]).toBe(width);
  });

  test("stamping is packing with a stamp", () => {
    const { firstIndex, timeOrdinal } = sample;
    const records = sample.records.map((record) => ({ ...record, timeMs: 1000 }));
    const stamped = stampBytes(packRecords(records), { firstIndex, timeMs: 1000, timeOrdinal });
    expect(stamped).toEqual(packChunk({ ...sample, records }));
  });

  test("merging refuses chunks that do not follow one another", () => {
    const [first, second] = [sliceChunk(sampleBytes, 0, 1), sliceChunk(sampleBytes, 1, 2)];
    expect(mergeChunks([first, second])).toEqual(sampleBytes);
    expect(() => mergeChunks([second, first])).toThrow("indexes do not follow one another");
    const restamp = { firstIndex: sample.firstIndex + 1, timeMs: 1007, timeOrdinal: 3 };
    const complaint = "arrival ordinals do not follow one another";
    expect(() => mergeChunks([first, stampBytes(second, restamp)])).toThrow(complaint);
  });
});

describe("reference: codecs", () => {
  // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
  test("crc-32 is the format's", () => expect(crc32("123456789")).toBe(0xcbf43926));

  test.each(readVectors())("sequence number of the $source", (vector) => {
    const shard = { createdMs: vector.createdMs, index: vector.shardIndex };
    expect(sequenceNumber(vector.index, vector.timeMs, shard)).toBe(vector.number);
  });

  test("md5 agrees with RFC 1321, appendix A.5", () => {
    const keys = ["", "abc"].map((key) => new TextEncoder().encode(key));
    const digests = "d41d8cd98f00b204e9800998ecf8427e900150983cd24fb0d6963f7d28e17f72";
    expect(Buffer.from(hashKeys(keys)).toString("hex")).toBe(digests);
  });

  test("base64 agrees with RFC 4648, section 10", () => {
    const texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map((text) =>
      Buffer.from(text),
    );
    const encoded = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
    expect(texts.map(base64)).toEqual(encoded);
  });

  test("a location of another length, kind or range is none", () => {
    const good = encodeLocation(5, 2 ** 50 - 1);
    expect(decodeLocation(good)).toEqual({ segment: 5, index: 2 ** 50 - 1 });
    expect(decodeLocation(good.subarray(0, 15))).toBeUndefined();
    expect(decodeLocation(Buffer.concat([good, Buffer.of(0)]))).toBeUndefined();
    expect(decodeLocation(encodeLocation(5, 2 ** 50))).toBeUndefined();
    for (const [at, value] of [
      [0, 2],
      [0, 0],
      [1, 1],
      [3, 1],
      [15, 128],
    ] as const)
      expect(decodeLocation(Object.assign(good.slice(), { [at]: value }))).toBeUndefined();
  });
});

interface TextRecord {
  timeMs: number;
  key: string;
  info: string;
  data: string;
}

function makeChunk(records: readonly TextRecord[]): ModelChunk {
  const models: ModelRecord[] = records.map(({ timeMs, key, info, data }) => ({
    timeMs,
    key: encode(key),
    info: encode(info),
    data: encode(data),
  }));
  return { firstIndex: 12, timeOrdinal: 0, records: models };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Changes one byte, and both checksums with it unless told to leave them. */
function poke(at: number, value: number, checksums: "sealed" | "unsealed" = "sealed") {
  return (bytes: Uint8Array): Uint8Array => {
    const changed = bytes.slice();
    changed[at] = value;
    return checksums === "sealed" ? seal(changed) : changed;
  };
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

/** Makes both checksums good again. */
function seal(bytes: Uint8Array): Uint8Array {
  const sealed = Buffer.from(bytes);
  sealed.writeUInt32LE(crc32(sealed.subarray(BODY_AT)), 48);
  sealed.writeUInt32LE(crc32(sealed.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  return new Uint8Array(sealed);
}

interface SequenceVector {
  source: string;
  number: string;
  createdMs: number;
  shardIndex: number;
  index: number;
  timeMs: number;
}

function readVectors(): SequenceVector[] {
  const path = join(import.meta.dirname, "../vectors/sequence-numbers.json");
  const vectors: SequenceVector[] = JSON.parse(readFileSync(path, "utf8"));
  return vectors;
}
