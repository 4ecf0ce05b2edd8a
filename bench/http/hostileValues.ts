// Values of hostile requests (hostileRequests.ts): numbers that are huge, negative or invalid, long lists and texts, members
// of another type, too deeply nested or unknown, and bodies that are broken. No count in them would justify a long
// processing time.

import { encodeCbor } from "../../worker/kinesis/cbor.ts";
import type { Random } from "../../test/engine/random.ts";
import { v3ioMembers } from "../../test/worker/v3io/members.ts";

/** The stream that hostile requests may do anything to. */
export const targetStream = "hostile";

const numbers: readonly unknown[] = [
  0,
  1,
  2,
  3,
  -1,
  -0,
  1.5,
  0.1,
  5e-324,
  24,
  25,
  8761,
  10_001,
  4097,
  100_001,
  1_000_000,
  50_000_000,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  2 ** 64,
  1e21,
  1e308,
  -1e308,
];

/** JSON numbers that doubles cannot represent, inserted where a text marks them. */
const rawNumbers = ["1e999", "-1e999", "9".repeat(400), `1${"0".repeat(5000)}`, "0.0000001e-9999"];

const texts: readonly string[] = [
  "",
  "0",
  "a",
  targetStream,
  `/Root/${targetStream}`,
  "shardId-000000000000",
  "shardId-7",
  "shard-000000",
  "shardId-999999999999999999",
  "TRIM_HORIZON",
  "LATEST",
  "AT_SEQUENCE_NUMBER",
  "AT_TIMESTAMP",
  "EARLIEST",
  "SEQUENCE",
  "TIME",
  "PROVISIONED",
  "ON_DEMAND",
  "arn:aws:kinesis:us-east-1:000000000000:stream/hostile",
  "arn:aws:kinesis:us-east-1:000000000000:stream/hostile/consumer/c:1",
  "arn:aws:kinesis",
  "not base64!",
  "A",
  "AAAA",
  "AQAAAAAAAAAAAAAAAAAAAA==",
  "AQAAAP////////////////8=",
  "////",
  "340282366920938463463374607431768211455",
  "340282366920938463463374607431768211456",
  "49680440964476033767863765814080494040550126310645563394",
  "a == 1",
  "a = a + 1; remove b",
  "a[1e9] = 1",
  "not(exists(a))",
  "((((a",
  "9:9",
  "\u0000",
  "\ud800",
  "語\u{1f600}",
  "__proto__",
  "constructor",
  "{}",
  "[]",
  "null",
];

const longTexts: readonly (() => string)[] = [
  () => "9".repeat(100_000),
  () => "x".repeat(300),
  () => "x".repeat(70_000),
  () => "/".repeat(50_000),
  () => ",".repeat(50_000),
  () => "%".repeat(20_000),
  () => "(".repeat(5000),
  () => "a=a+a;".repeat(3000),
  () => `${"1".repeat(50_000)}x`,
  () => "arn:aws:kinesis:kinesis:".repeat(80),
  () => "\u0000".repeat(10_000),
  () => "*".repeat(20_000),
];

export const recordMembers = [
  "Data",
  "ClientInfo",
  "PartitionKey",
  "ShardId",
  "ExplicitHashKey",
  "N",
  "S",
  "B",
  "BOOL",
  "TS",
];

export function anyValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
    case 1:
      return numberOf(random);
    case 2:
    case 3:
    case 4:
      return textOf(random);
    case 5:
      return random.pick([null, true, false]);
    case 6:
      return listOf(random, () => anyValue(random, depth - 1));
    default:
      return membersOf(random, random.chance(0.5) ? recordMembers : v3ioMembers, depth);
  }
}

export function membersOf(random: Random, members: readonly string[], depth: number): object {
  const value: Record<string, unknown> = {};
  for (let i = random.below(5); i > 0; i--)
    value[random.pick(members)] = anyValue(random, depth - 1);
  return value;
}

/** Mostly a few elements; rarely more than any operation accepts, all of them equal. */
export function listOf<T>(random: Random, makeItem: () => T): T[] {
  if (random.chance(0.985)) return Array.from({ length: random.below(4) }, makeItem);
  const item = makeItem();
  if (printJson(item).length > 2000) return [item];
  const length = random.pick([501, 1001, 10_001, 120_000]);
  return Array.from({ length }, () => item);
}

export function numberOf(random: Random): unknown {
  if (random.chance(0.05)) return rawMark + random.below(rawNumbers.length);
  return random.pick(numbers);
}

export function textOf(random: Random): string {
  return random.chance(0.04) ? random.pick(longTexts)() : random.pick(texts);
}

/** A placeholder for a number that only JSON text can contain. */
const rawMark = "\u0001number";

export function encode(random: Random, input: unknown, type: string): Uint8Array {
  if (type.includes("cbor")) return encodeCbor(input);
  const body = Buffer.from(printJson(input));
  // Half a body, or one with bytes that are no UTF-8.
  if (random.chance(0.01)) return body.subarray(0, random.below(body.length + 1));
  if (random.chance(0.01) && body.length > 0) body[random.below(body.length)] = 0xff;
  return body;
}

/** Numbers that only JSON text can contain are written out. */
function printJson(input: unknown): string {
  const text = JSON.stringify(input) ?? "";
  return text.replaceAll(/"\\u0001number(\d)"/g, (_, at: string) => rawNumbers[Number(at)] ?? "0");
}

export function brokenBody(random: Random): Uint8Array {
  const repeat = (before: string, unit: string, after = "") =>
    Buffer.from(before + unit.repeat(random.pick([10, 5000, 200_000])) + after);
  switch (random.below(12)) {
    case 0:
      return random.bytes(random.below(2000));
    case 1:
      return Buffer.from(
        random.pick(["", "null", "[]", "5", '"a"', "{", '{"a":', "{}garbage", "\ufeff{}", " "]),
      );
    case 2:
      return repeat("", "[");
    case 3:
      return repeat("", '{"a":');
    case 4:
      return repeat('{"Records":[', "{},", "{}]}");
    case 5:
      return repeat('{"Limit":', "9", "}");
    case 6:
      return repeat('{"StreamName":"', "\\u0000", '"}');
    case 7:
      return repeat("{", '"a":1,', '"a":2}');
    case 8:
      // CBOR that claims more bytes or items than exist.
      return Uint8Array.of(random.pick([0x5b, 0x7b, 0x9b, 0xbb]), ...random.bytes(8), 0x60);
    case 9:
      return Buffer.concat([
        Uint8Array.of(0xbf, 0x67, ...Buffer.from("Records"), 0x9f),
        Buffer.alloc(random.pick([10, 200_000]), 0xa0),
        Uint8Array.of(0xff, 0xff),
      ]);
    case 10:
      return new Uint8Array(random.pick([10, 100, 100_000])).fill(
        random.pick([0x81, 0xc1, 0xd8, 0xa1, 0x9f, 0x5f, 0x60]),
      );
    default:
      // CBOR numbers: not one, infinite, of 64 bits, negative.
      return Uint8Array.of(0xa1, 0x65, ...Buffer.from("Limit"), ...random.pick(cborNumbers));
  }
}

const cborNumbers: readonly (readonly number[])[] = [
  [0xf9, 0x7e, 0x00],
  [0xf9, 0x7c, 0x00],
  [0xfb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0],
  [0x1b, 255, 255, 255, 255, 255, 255, 255, 255],
  [0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
  [0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0],
];
