// Header compression: the examples of RFC 7541, appendix C, and what is no block.
import { describe, expect, test } from "vitest";
import { CompressionFault, HeaderReader } from "../../local/http2/headerReader.ts";
import { printHeaders } from "../../local/http2/headerPrinter.ts";
import { decodeHuffman } from "../../local/http2/huffman.ts";

const listBytesMax = 4096;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

function readAs(reader: HeaderReader, block: Buffer): string[] | undefined {
  return reader.read(block)?.map(({ name, value }) => `${name}: ${value}`);
}

const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const second = [...first, "cache-control: no-cache"];
const third = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];

test.each([
  [
    "C.3, without Huffman code",
    [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
  ],
  [
    "C.4, with Huffman code",
    [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
  ],
])("three requests of a connection: %s", (_what, blocks) => {
  const reader = new HeaderReader(listBytesMax);
  expect(blocks.map((block) => readAs(reader, hex(block)))).toEqual([first, second, third]);
});

describe("literals", () => {
  test.each([
    [
      "C.2.1",
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      "custom-key: custom-header",
    ],
    ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path"],
    ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret"],
    ["C.2.4", "82", ":method: GET"],
  ])("%s", (_what, block, field) => {
    expect(readAs(new HeaderReader(listBytesMax), hex(block))).toEqual([field]);
  });
});

test("fields leave the table when it is full, smaller, or too small for them", () => {
  const long = "v".repeat(2000);
  const reader = new HeaderReader(1 << 20);
  reader.read(Buffer.concat([add("a", long), add("b", long)]));
  expect(readAs(reader, hex("be bf"))).toEqual([`b: ${long}`, `a: ${long}`]);
  reader.read(add("c", long));
  expect(readAs(reader, hex("be bf"))).toEqual([`c: ${long}`, `b: ${long}`]);
  expect(() => reader.read(hex("c0"))).toThrow(CompressionFault);
  reader.read(add("d", "v".repeat(5000)));
  expect(() => reader.read(hex("be"))).toThrow(CompressionFault);
  reader.read(add("e", long));
  reader.read(hex("3f c9 07"));
  expect(() => reader.read(hex("be"))).toThrow(CompressionFault);
});

test("a list that is too large is read, and the table is right afterwards", () => {
  const reader = new HeaderReader(100);
  expect(reader.read(hex("4001 61 01 62 be be be be"))).toBeUndefined();
  expect(readAs(reader, hex("be"))).toEqual(["a: b"]);
});

test.each([
  ["an index of 0", "80"],
  ["a number without end", "ff ff ff ff ff ff ff"],
  ["a string that is not there", "00 01"],
  ["a size after a field", "82 20"],
  ["a padding of zeros", "00 81 00 00"],
  ["a padding of eight ones", "00 82 1f ff 00"],
  ["the end of a string in it", "00 84 ff ff ff ff 00"],
])("%s is a fault", (_what, block) => {
  expect(() => new HeaderReader(listBytesMax).read(hex(block))).toThrow(CompressionFault);
});

test("codes of every length are read", () => {
  // "0" is 00000, "a" 00011 and "&" 11111000 in appendix B; the longest codes have thirty bits.
  expect(decodeHuffman(hex("07"), 0, 1)).toBe("0");
  expect(decodeHuffman(hex("1f"), 0, 1)).toBe("a");
  expect(decodeHuffman(hex("f8"), 0, 1)).toBe("&");
  expect(decodeHuffman(hex("fffffff3"), 0, 4)).toBe("\n");
  expect(decodeHuffman(hex("fffffff7"), 0, 4)).toBe("\r");
});

test.each([
  [
    200,
    ["content-type", "a/b", "x-long", "v".repeat(300), "set-cookie", "a=1", "set-cookie", "b=2"],
  ],
  [418, []],
  [100, []],
])("what is printed is read: %i", (status, list) => {
  const block = Buffer.from(printHeaders(status, list), "latin1");
  const fields = new HeaderReader(listBytesMax)
    .read(block)
    ?.flatMap(({ name, value }) => [name, value]);
  expect(fields).toEqual([":status", String(status), ...list]);
});

/** A field that enters the table; its value has 127 bytes or more. */
function add(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x40, name.length]),
    Buffer.from(name),
    Buffer.from([0x7f, ...lengthBytes(value.length - 127)]),
    Buffer.from(value),
  ]);
}

/** A number above its prefix (RFC 7541, section 5.1). */
function lengthBytes(rest: number): number[] {
  return rest < 128 ? [rest] : [(rest % 128) | 128, ...lengthBytes(Math.floor(rest / 128))];
}
