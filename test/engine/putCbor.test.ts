// Reading PutRecords bodies in CBOR: what the engine takes means the same to the general reader,
// whatever was done to the bytes; what clients send it takes; the rest it leaves alone.

import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { decodeCbor } from "../../worker/codec/cborReader.ts";
import { builds } from "./builds.ts";
import { fuzz } from "./fuzz.ts";
import { bodyKind, damage, type Put, type PutRecord, readBody, samplePut } from "./put-bodies.ts";
import type { Random } from "./random.ts";

const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const kinesis = bodyKind("kinesis", "cbor");
/** Heads, breaks and characters of names. */
const meaning = Buffer.from("001840586078809fa0bfff4461", "hex");

describe.each(builds)("PutRecords bodies in CBOR, $name build", ({ engine }) => {
  fuzz("what clients send is taken, and means what it says", (random) => {
    const put = samplePut(random, kinesis);
    expect(readBody(engine, writePut(random, put), kinesis)).toEqual(put);
  });

  fuzz("what is taken of a damaged body means the same to the general reader", (random) => {
    const damaged = damage(random, writePut(random, samplePut(random, kinesis)), meaning);
    const put = readBody(engine, damaged, kinesis);
    if (put !== undefined) expect(put).toEqual(readByDecoding(damaged));
  });

  const data = ["Data", bytes("a")] as [string, Buffer];
  const key = ["PartitionKey", text("k")] as [string, Buffer];
  const records = ["Records", list(map(data, key))] as [string, Buffer];
  const withRecord = (...members: [string, Buffer][]): Buffer =>
    map(["Records", list(map(...members))]);
  test.each([
    ["nothing", Buffer.of()],
    ["an empty map", Buffer.of(0xa0)],
    ["a list", Buffer.of(0x80)],
    ["no records", map(["Records", list()])],
    ["a member that it does not know", map(records, ["StreamId", text("x")])],
    ["the same name twice", map(["StreamName", text("a")], ["StreamName", text("b")], records)],
    ["records twice", map(records, records)],
    ["more after the end", Buffer.concat([map(records), Buffer.of(0)])],
    ["a key that is not ASCII", withRecord(data, ["PartitionKey", text("ü")])],
    [
      "a long key that is not ASCII",
      withRecord(data, ["PartitionKey", text(`ü${"k".repeat(30)}`)]),
    ],
    ["an empty key", withRecord(data, ["PartitionKey", text("")])],
    ["a key of 257 bytes", withRecord(data, ["PartitionKey", text("k".repeat(257))])],
    ["a record without a key", withRecord(data)],
    ["a record without data", withRecord(key)],
    ["data twice", withRecord(data, data, key)],
    ["a key twice", withRecord(data, key, key)],
    ["data that is a text", withRecord(["Data", text("a")], key)],
    ["a key that is bytes", withRecord(data, ["PartitionKey", bytes("k")])],
    ["client info", withRecord(data, key, ["ClientInfo", bytes("a")])],
    ["an explicit hash key", withRecord(data, key, ["ExplicitHashKey", text("1")])],
    ["data in pieces", withRecord(["Data", Buffer.of(0x5f, 0x41, 1, 0xff)], key)],
    [
      "a text under a tag",
      map(records, ["StreamName", Buffer.concat([Buffer.of(0xc1), text("a")])]),
    ],
    ["501 records", map(["Records", list(...Array.from({ length: 501 }, () => map(data, key)))])],
    ["a length of 2^32 - 1", Buffer.of(0xba, 0xff, 0xff, 0xff, 0xff)],
    [
      "data whose length passes 2^32",
      withRecord(["Data", Buffer.of(0x5a, 255, 255, 255, 240)], key),
    ],
    [
      "a key whose length passes 2^32",
      withRecord(data, ["PartitionKey", Buffer.of(0x7a, 255, 255, 255, 240)]),
    ],
    ["a name whose length passes 2^32", Buffer.of(0xa1, 0x7a, 255, 255, 255, 240)],
    ["a length of eight bytes", Buffer.of(0xbb, 0, 0, 0, 0, 0, 0, 0, 1)],
  ])("%s is left to the general reader", (_, body) => {
    expect(readBody(engine, body, kinesis)).toBeUndefined();
  });

  test("a body that is cut off anywhere is left to the general reader", () => {
    const body = map(["StreamName", text("s")], ["Records", list(map(data, key), map(key, data))]);
    expect(readBody(engine, body, kinesis)?.records.length).toBe(2);
    for (let end = 0; end < body.length; end++) {
      expect(readBody(engine, body.subarray(0, end), kinesis)).toBeUndefined();
    }
  });

  test("as much as the window holds, and not a byte more", () => {
    const room = engine.packBytesMax - 1;
    const most = withRecord(["Data", alloc(room)], key);
    expect(readBody(engine, most, kinesis)?.records.length).toBe(1);
    expect(readBody(engine, withRecord(["Data", alloc(room + 1)], key), kinesis)).toBeUndefined();
  });
});

/** Throws on what is no such body. */
function readByDecoding(body: Uint8Array): Put {
  const input = decodeCbor(body) as {
    StreamName?: string;
    StreamARN?: string;
    Records: { Data: Uint8Array; PartitionKey: string }[];
  };
  const records = input.Records.map(({ Data, PartitionKey }): PutRecord => {
    const data = Buffer.from(Data).toString("base64");
    return { key: PartitionKey, info: "", data, shard: undefined };
  });
  return { streamName: input.StreamName, streamArn: input.StreamARN, records };
}

/** The members in any order, with lengths of any width, told before or by a break. */
function writePut(random: Random, { streamName, streamArn, records }: Put): Uint8Array {
  const width = (): number => random.pick([0, 0, 1, 2, 4]);
  const string = (major: number, content: Buffer): Buffer =>
    Buffer.concat([head(major, content.length, width()), content]);
  const name = (value: string): Buffer => string(TEXT, Buffer.from(value));
  const group = (major: number, length: number, items: Buffer[]): Buffer =>
    random.chance(0.5)
      ? Buffer.concat([Buffer.of((major << 5) + 31), ...items, Buffer.of(0xff)])
      : Buffer.concat([head(major, length, width()), ...items]);
  const members = (entries: [string, Buffer][]): Buffer => {
    const shuffled = entries.toSorted(() => random.word() - 2 ** 31);
    return group(
      MAP,
      entries.length,
      shuffled.flatMap(([key, value]) => [name(key), value]),
    );
  };
  const rows = records.map(({ key, data }) =>
    members([
      ["Data", string(BYTES, Buffer.from(data, "base64"))],
      ["PartitionKey", name(key)],
    ]),
  );
  const entries: [string, Buffer][] = [["Records", group(ARRAY, rows.length, rows)]];
  if (streamName !== undefined) entries.push(["StreamName", name(streamName)]);
  if (streamArn !== undefined) entries.push(["StreamARN", name(streamArn)]);
  return members(entries);
}

/** A head whose length takes at least `width` bytes of its own. */
function head(major: number, length: number, width = 0): Buffer {
  const first = major << 5;
  if (width === 0 && length < 24) return Buffer.of(first + length);
  if (width <= 1 && length < 2 ** 8) return Buffer.of(first + 24, length);
  if (width <= 2 && length < 2 ** 16) return Buffer.of(first + 25, length >> 8, length & 255);
  const bytes = Buffer.alloc(5, first + 26);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function text(value: string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([head(TEXT, content.length), content]);
}

function bytes(value: string): Buffer {
  return Buffer.concat([head(BYTES, value.length), Buffer.from(value)]);
}

function alloc(size: number): Buffer {
  return Buffer.concat([head(BYTES, size), Buffer.alloc(size, 7)]);
}

function list(...items: Buffer[]): Buffer {
  return Buffer.concat([head(ARRAY, items.length), ...items]);
}

function map(...entries: [string, Buffer][]): Buffer {
  const items = entries.flatMap(([name, value]) => [text(name), value]);
  return Buffer.concat([head(MAP, entries.length), ...items]);
}
