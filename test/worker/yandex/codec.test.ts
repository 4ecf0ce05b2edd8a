// Bodies of the Yandex face, byte for byte: CBOR as nlohmann::json's to_cbor writes it, which YDB uses,
// and JSON with bytes in base64.

import { describe, expect, test } from "vitest";
import { codecOf, defaultCodec } from "../../../worker/yandex/codec.ts";

const cbor = codecOf("application/x-amz-cbor-1.1") ?? defaultCodec;
const json = codecOf("application/x-amz-json-1.1") ?? defaultCodec;

const hex = (value: object) => Buffer.from(cbor.encode(value)).toString("hex");

describe("CBOR", () => {
  test.each<[unknown, string]>([
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [255, "18ff"],
    [256, "190100"],
    [65_535, "19ffff"],
    [65_536, "1a00010000"],
    [4_294_967_295, "1affffffff"],
    [4_294_967_296, "1b0000000100000000"],
    [2 ** 52, "1b0010000000000000"],
    [-1, "20"],
    [-24, "37"],
    [-25, "3818"],
    [-256, "38ff"],
    [-257, "390100"],
    [1.5, "fa3fc00000"],
    [1_795_298_113.049, "fb41dac084d04322d1"],
    [true, "f5"],
    [false, "f4"],
    [null, "f6"],
    ["", "60"],
    ["é", "62c3a9"],
    ["x".repeat(23), `77${"78".repeat(23)}`],
    ["x".repeat(24), `7818${"78".repeat(24)}`],
    ["x".repeat(256), `790100${"78".repeat(256)}`],
    [new Uint8Array([0, 255]), "4200ff"],
    [[], "80"],
    [[1, [2]], "82018102"],
    [{}, "a0"],
  ])("%j is %s", (value, expected) => {
    const whole = { a: value };
    expect(hex(whole)).toBe(`a16161${expected}`);
    expect(cbor.decode(cbor.encode(whole))).toEqual(whole);
  });

  test("members are sorted, and those that are undefined left out", () => {
    expect(hex({ b: 1, a: 2, c: undefined })).toBe("a2616102616201");
  });

  test.each(["", "a1", "ff", "a161610000", "5f", "8201"])("%j is not well formed", (text) => {
    expect(() => cbor.decode(Buffer.from(text, "hex"))).toThrow();
  });
});

describe("JSON", () => {
  test("bytes in base64, wherever they are", () => {
    const value = { Records: [{ Data: new Uint8Array([0, 1, 127, 255]) }] };
    expect(Buffer.from(json.encode(value)).toString()).toBe('{"Records":[{"Data":"AAF//w=="}]}');
  });

  test("broken UTF-8 is refused, not repaired", () => {
    expect(() => json.decode(Buffer.from('{"a":"\xff"}', "latin1"))).toThrow();
  });
});

test.each([
  ["application/json", json],
  ["APPLICATION/JSON ; charset=utf-8", json],
  ["application/x-amz-json-1.0", json],
  ["application/cbor", cbor],
  ["application/bson", undefined],
  ["", undefined],
  [null, undefined],
])("content type %j", (type, codec) => {
  expect(codecOf(type)).toBe(codec);
});
