// CBOR: what is read, what is refused, and the bytes that are written.
import { array, assert, integer, jsonValue, property, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { encodeCbor } from "../../../worker/kinesis/cbor.ts";
import { jsonCodec, Timestamp } from "../../../worker/kinesis/codec.ts";
import { bytes } from "./cbor-text.ts";

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString("hex");
}

describe("reading", () => {
  test.each<[string, unknown]>([
    ["00", 0],
    ["17", 23],
    ["18 18", 24],
    ["18 00", 0],
    ["19 01 00", 256],
    ["1a ff ff ff ff", 4_294_967_295],
    ["1b 00 00 01 8b cf e5 68 00", 1_700_000_000_000],
    ["1b 00 1f ff ff ff ff ff fe", Number.MAX_SAFE_INTEGER - 1],
    ["1b 00 20 00 00 00 00 00 00", 2n ** 53n],
    ["1b ff ff ff ff ff ff ff ff", 2n ** 64n - 1n],
    ["20", -1],
    ["38 63", -100],
    ["3b ff ff ff ff ff ff ff ff", -(2n ** 64n)],
    ["f4", false],
    ["f5", true],
    ["f6", null],
    ["f7", null],
    ["f9 3c 00", 1],
    ["f9 c0 00", -2],
    ["f9 7b ff", 65_504],
    ["f9 00 01", 2 ** -24],
    ["f9 04 00", 2 ** -14],
    ["f9 7c 00", Infinity],
    ["f9 fc 00", -Infinity],
    ["f9 7e 00", NaN],
    ["fa 47 c3 50 00", 100_000],
    ["fb 3f f1 99 99 99 99 99 9a", 1.1],
    ["60", ""],
    ["63 'abc'", "abc"],
    ["62 c3 a4", "ä"],
    ["63 ef bb bf", "\u{feff}"],
    [
      "78 29 'a text of more than thirty-two characters'",
      "a text of more than thirty-two characters",
    ],
    ["7f ff", ""],
    ["7f 62 'ab' 61 'c' 60 ff", "abc"],
    ["40", new Uint8Array()],
    ["43 01 02 03", new Uint8Array([1, 2, 3])],
    ["5f ff", new Uint8Array()],
    ["5f 42 01 02 41 03 ff", new Uint8Array([1, 2, 3])],
    ["80", []],
    ["82 01 82 02 03", [1, [2, 3]]],
    ["9f 01 9f ff ff", [1, []]],
    ["a0", {}],
    ["bf ff", {}],
    ["a2 61 'a' 01 61 'b' 81 f6", { a: 1, b: [null] }],
    ["bf 61 'a' bf 61 'b' f5 ff ff", { a: { b: true } }],
    ["a2 61 'a' 01 61 'a' 02", { a: 2 }],
    ["a1 7f 61 'a' 61 'b' ff 01", { ab: 1 }],
    ["c1 1b 00 00 01 8b cf e5 68 00", 1_700_000_000_000],
    ["c0 63 'now'", "now"],
    ["d9 d9 f7 a0", {}],
    ["c2 41 01", new Uint8Array([1])],
  ])("%s", (text, value) => {
    const decoded = decodeCbor(bytes(text));
    if (value instanceof Uint8Array) expect(hex(decoded as Uint8Array)).toBe(hex(value));
    else expect(decoded).toEqual(value);
  });

  test("a key called __proto__ is a key", () => {
    const decoded = decodeCbor(bytes("a1 69 '__proto__' a1 61 'x' 01")) as object;
    expect(Object.keys(decoded)).toEqual(["__proto__"]);
    expect("x" in decoded).toBe(false);
  });

  test("64 levels are read, 65 are not", () => {
    expect(() => decodeCbor(nested(64))).not.toThrow();
    expect(() => decodeCbor(nested(65))).toThrow("cbor nested too deeply");
    expect(() => decodeCbor(nested(1_000_000))).toThrow("cbor nested too deeply");
    expect(() => decodeCbor(nested(1_000_000, 0xc1))).toThrow("cbor nested too deeply");
  });
});

describe("refusing", () => {
  test.each([
    ["nothing", "", "short"],
    ["an argument cut short", "19 01", "short"],
    ["text cut short", "63 'ab'", "short"],
    ["bytes cut short", "5a 00 00 00 02 00", "short"],
    ["a float cut short", "fb 00 00", "short"],
    ["a list cut short", "82 00", "short"],
    ["a list without an end", "9f 00", "short"],
    ["a map without its last value", "bf 61 'a' ff", "simple value 31"],
    ["a map without an end", "bf 61 'a' 00", "short"],
    ["a list said to be longer than the body", "9a ff ff ff ff", "short"],
    ["a map said to be longer than the body", "bb ff ff ff ff ff ff ff ff", "short"],
    ["text said to be longer than the body", "7b 00 20 00 00 00 00 00 00", "short"],
    ["something after the end", "a0 00", "trailing bytes"],
    ["an end that ends nothing", "ff", "simple value 31"],
    ["a key that is a number", "a1 00 00", "a key that is no text"],
    ["a key that is bytes", "a1 41 00 00", "a key that is no text"],
    ["bytes among text", "7f 41 00 ff", "a chunk of another type"],
    ["text without length among text", "7f 7f ff ff", "additional information 31"],
    ["an integer without length", "1f", "additional information 31"],
    ["a tag without length", "df", "additional information 31"],
    ["reserved lengths", "1c", "additional information 28"],
    ["a simple value of two bytes", "f8 ff", "simple value 24"],
    ["an unassigned simple value", "e0", "simple value 0"],
  ])("%s: %s", (_, text, what) => {
    expect(() => decodeCbor(bytes(text))).toThrow(`cbor ${what}`);
  });

  test.each([
    "61 ff",
    "62 c3 28",
    "63 ed a0 80",
    "7f 61 c3 61 a4 ff",
    `78 21 ff ${"00".repeat(32)}`,
  ])("broken UTF-8: %s", (text) => {
    expect(() => decodeCbor(bytes(text))).toThrow();
  });

  test("every body that is cut short", () => {
    const body = bytes("bf 61 'a' 9f 19 01 00 43 00 01 02 fb 00 00 00 00 00 00 00 00 ff ff");
    for (let length = 0; length < body.length; length++) {
      expect(() => decodeCbor(body.subarray(0, length))).toThrow(/^cbor /);
    }
  });
});

describe("writing", () => {
  test.each<[unknown, string]>([
    [0, "00"],
    [23, "17"],
    [24, "18 18"],
    [255, "18 ff"],
    [256, "19 01 00"],
    [65_535, "19 ff ff"],
    [65_536, "1a 00 01 00 00"],
    [4_294_967_295, "1a ff ff ff ff"],
    [4_294_967_296, "1b 00 00 00 01 00 00 00 00"],
    [-1, "20"],
    [-257, "39 01 00"],
    [1.1, "fb 3f f1 99 99 99 99 99 9a"],
    [true, "f5"],
    [false, "f4"],
    [null, "f6"],
    ["", "60"],
    ["ä", "62 c3 a4"],
    [new Uint8Array([1, 2]), "42 01 02"],
    [[], "9f ff"],
    [[1, "a"], "9f 01 61 'a' ff"],
    [{}, "bf ff"],
    [{ a: 1, b: undefined, c: { d: [] } }, "bf 61 'a' 01 61 'c' bf 61 'd' 9f ff ff ff"],
    [new Timestamp(1_700_000_000_123), "c1 1b 00 00 01 8b cf e5 68 7b"],
  ])("%j", (value, text) => {
    expect(hex(encodeCbor(value))).toBe(hex(bytes(text)));
  });

  test("more than the writer begins with", () => {
    const value = {
      texts: Array.from({ length: 1000 }, (_, i) => `${i}`),
      data: new Uint8Array(5000),
    };
    const decoded = decodeCbor(encodeCbor(value)) as typeof value;
    expect(decoded.texts).toEqual(value.texts);
    expect(decoded.data.length).toBe(5000);
  });

  test("a time is whole milliseconds under tag 1 here and seconds in JSON", () => {
    const value = { at: new Timestamp(1_459_799_926_480) };
    expect(decodeCbor(encodeCbor(value))).toEqual({ at: 1_459_799_926_480 });
    expect(Buffer.from(jsonCodec.encode(value)).toString()).toBe('{"at":1459799926.48}');
  });

  test.each([1n, undefined, Symbol("x")])("nothing that no reply holds: %s", (value) => {
    expect(() => encodeCbor([value])).toThrow(TypeError);
  });
});

describe("fuzz", () => {
  test("what is written is read back as it was", () => {
    assert(
      property(jsonValue({ noUnicodeString: false }), (value) => {
        expect(decodeCbor(encodeCbor(value))).toEqual(jsonOf(value));
      }),
    );
  });

  test("bytes are read or refused, and nothing else becomes of them", () => {
    const firstBytes = array(integer({ min: 0, max: 255 }), { maxLength: 40 });
    assert(property(firstBytes, (body) => expectReadOrRefused(Uint8Array.from(body))));
    assert(property(uint8Array({ maxLength: 2000 }), expectReadOrRefused));
  });
});

/** Minus zero has no sign in JSON, nor in an integer. */
function jsonOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function expectReadOrRefused(body: Uint8Array): void {
  try {
    decodeCbor(body);
  } catch (error) {
    expect(String(error)).toMatch(/^Error: cbor |^TypeError.*encod/);
  }
}

/** A zero in so many lists, one in another, or behind as many first bytes of another kind. */
function nested(levels: number, first = 0x81): Uint8Array {
  const body = new Uint8Array(levels + 1).fill(first);
  body[levels] = 0;
  return body;
}
