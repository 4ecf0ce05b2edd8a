// The engine's codecs for bytes that are no chunk: base64, MD5 of many keys, locations.

import { describe, expect, test } from "vitest";
import { decodeLocation, encodeLocation } from "../reference/location.ts";
import { base64, hashKeys } from "../reference/render.ts";
import { builds } from "./builds.ts";
import { expectBytes } from "./expect-bytes.ts";
import { Random } from "./random.ts";

describe.each(builds)("codecs, $name build", ({ engine }) => {
  test("base64: every length to 200, from every address", () => {
    const bytes = new Random(2).bytes(216);
    for (let length = 0; length <= 200; length++) {
      const data = bytes.subarray(length % 16, (length % 16) + length);
      expectBytes(engine.encodeBase64(data), base64(data));
    }
  });

  test("base64: lengths about the window, and ten megabytes", () => {
    const bytes = new Random(3).bytes(10 * 2 ** 20);
    for (const delta of [-3, -2, -1, 0, 1, 2, 3]) {
      const data = bytes.subarray(0, engine.windowBytes + delta);
      expectBytes(engine.encodeBase64(data), base64(data));
    }
    expectBytes(engine.encodeBase64(bytes), base64(bytes));
  });

  test("md5: keys of every length to 200, about each block's end, in one call", () => {
    const random = new Random(4);
    const keys = Array.from({ length: 201 }, (_, length) => random.bytes(length));
    expectBytes(engine.hashKeys(keys), hashKeys(keys));
    expectBytes(engine.hashKeys(keys.toReversed()), hashKeys(keys.toReversed()));
    for (const key of keys) expectBytes(engine.hashKeys([key]), hashKeys([key]));
  });

  test("md5: no keys, one key of a megabyte, more keys than one table holds", () => {
    const random = new Random(5);
    expect(engine.hashKeys([]).length).toBe(0);
    const large = random.bytes(2 ** 20);
    expectBytes(engine.hashKeys([large]), hashKeys([large]));
    const many = Array.from({ length: 50_000 }, (_, i) => random.bytes(i % 70));
    expectBytes(engine.hashKeys(many), hashKeys(many));
  });

  test("md5: keys that together exceed the window, and one that alone does", () => {
    const random = new Random(6);
    const keys = Array.from({ length: 3 }, () => random.bytes(2 ** 20));
    expectBytes(engine.hashKeys(keys), hashKeys(keys));
    expect(() => engine.hashKeys([new Uint8Array(engine.windowBytes + 1)])).toThrow(RangeError);
  });

  test.each([
    [0, 0],
    [1, 1],
    [255, 256],
    [2 ** 31 - 1, 2 ** 32 - 1],
    [2 ** 31, 2 ** 32],
    [2 ** 32 - 1, 2 ** 50 - 1],
  ])("location: segment %d, index %d", (segment, index) => {
    const bytes = encodeLocation(segment, index);
    expectBytes(engine.encodeLocation({ segment, index }), bytes);
    expect(engine.decodeLocation(bytes)).toEqual({ segment, index });
  });

  test("location: another length, kind or range is none", () => {
    const good = encodeLocation(5, 2 ** 50 - 1);
    const wrong = [
      new Uint8Array(0),
      good.subarray(0, 15),
      Buffer.concat([good, Buffer.of(0)]),
      new Uint8Array(16),
      encodeLocation(5, 2 ** 50),
      encodeLocation(5, 2 ** 53),
      new Uint8Array(16).fill(255),
      ...[0, 1, 2, 3].map((at) => Object.assign(good.slice(), { [at]: 2 })),
      ...[14, 15].map((at) => Object.assign(good.slice(), { [at]: 255 })),
    ];
    for (const bytes of wrong) {
      expect(decodeLocation(bytes)).toBeUndefined();
      expect(engine.decodeLocation(bytes)).toBeUndefined();
    }
  });
});
