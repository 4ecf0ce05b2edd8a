import { gzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { base64Bytes, fromBase64, toBase64 } from "../../console/records/decode/base64.ts";
import { ExactNumber, printExactly } from "../../console/records/decode/exactJson.ts";
import { decodeViews, readText, type View } from "../../console/records/decode/views.ts";

const labelsOf = async (bytes: Uint8Array) =>
  (await decodeViews(new Uint8Array(bytes))).map(({ label }) => label);

describe("decoding", () => {
  it.each([
    ["JSON", Buffer.from('{"a":1}'), ["JSON", "text", "hex"]],
    ["text", Buffer.from("héllo\n"), ["text", "hex"]],
    ["a number is text", Buffer.from("17"), ["text", "hex"]],
    ["nothing", Buffer.alloc(0), ["text", "hex"]],
    ["gzip", gzipSync("plain"), ["gzip: text", "gzip: hex", "hex"]],
    ["broken gzip", gzipSync("plain").subarray(0, 12), ["hex"]],
    ["CBOR", Buffer.from([0xa1, 0x61, 0x78, 0x01]), ["CBOR", "hex"]],
    ["CBOR cut short", Buffer.from([0xa2, 0x61, 0x78, 0x01]), ["hex"]],
    ["bytes", Buffer.from([0, 1, 255]), ["hex"]],
  ])("%s", async (_, bytes, labels) => {
    expect(await labelsOf(bytes)).toEqual(labels);
  });

  it("numbers of JSON stay as they were written", async () => {
    const text = '{"id":12345678901234567890,"small":17,"huge":1e999}';
    const [view] = await decodeViews(new Uint8Array(Buffer.from(text)));
    const { value } = view as Extract<View, { kind: "json" }>;
    const [id, huge] = ["12345678901234567890", "1e999"].map((each) => new ExactNumber(each));
    expect(value).toEqual({ id, small: 17, huge });
    expect(printExactly(value, toBase64)).toBeUndefined();
  });

  it("a byte order mark is a character of the text", () => {
    expect(readText(new Uint8Array(Buffer.from("\ufeffa")))).toBe("\ufeffa");
  });

  it("values of CBOR that JSON does not have are printed", () => {
    const value = { id: 2n ** 64n - 1n, bytes: Uint8Array.of(1, 2) };
    expect(printExactly(value, toBase64)).toBe(
      '{\n  "id": "18446744073709551615",\n  "bytes": "AQI="\n}',
    );
  });

  it("base64 goes there and back for every length around a part", () => {
    for (const length of [0, 1, 2, 3, 0x7fff, 0x8000, 0x8001]) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(text)).toEqual(bytes);
      expect(base64Bytes(text)).toBe(length);
    }
  });

  it("a KPL aggregate is taken apart", async () => {
    const [view] = await decodeViews(aggregateOf(message));
    const records = view?.kind === "aggregate" ? view.records : undefined;
    expect(records).toEqual([
      { partitionKey: "k1", explicitHashKey: undefined, data: Uint8Array.of(1, 2) },
      { partitionKey: "k2", explicitHashKey: "9", data: Uint8Array.of() },
    ]);
  });

  it("an aggregate with a wrong digest, or with a message that is cut, is bytes", async () => {
    const bytes = aggregateOf(message);
    bytes[6]! ^= 1;
    expect(await labelsOf(bytes)).toEqual(["hex"]);
    expect(await labelsOf(aggregateOf(message.slice(0, -3)))).toEqual(["hex"]);
  });
});

/** Keys "k1" and "k2", hash key "9", two records (aggregation-format.md). */
const message = [
  [0x0a, 2, 0x6b, 0x31],
  [0x0a, 2, 0x6b, 0x32],
  [0x12, 1, 0x39],
  [0x1a, 6, 0x08, 0, 0x1a, 2, 1, 2],
  [0x1a, 6, 0x08, 1, 0x10, 0, 0x1a, 0],
].flat();

function aggregateOf(message: readonly number[]): Uint8Array<ArrayBuffer> {
  const digest = createHash("md5").update(Uint8Array.from(message)).digest();
  return Uint8Array.from([0xf3, 0x89, 0x9a, 0xc2, ...message, ...digest]);
}
