import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { MacKey } from "../../../worker/auth/macKey.ts";
import { verifyToken, signToken } from "../../../worker/auth/token.ts";
import { Random } from "../../engine/random.ts";

const purpose = "iterator/a/";

function tokenOf(i: number, bytes = 2) {
  return { issuedMs: 1000 + i, content: new Random(i).bytes(bytes) };
}

test("a token is good for the purpose and the key that it was made with", () => {
  const text = signToken("key", purpose, tokenOf(7));
  expect(verifyToken("key", purpose, text)).toMatchObject({ issuedMs: 1007 });
  expect(verifyToken("key", "iterator/b/", text)).toBeUndefined();
  expect(verifyToken("key", "iterator/a", text)).toBeUndefined();
  expect(verifyToken("other", purpose, text)).toBeUndefined();
  expect(verifyToken(undefined, purpose, text)).toBeUndefined();
});

test("a token has the documented form, whatever its size", () => {
  for (const [size, length] of [
    [0, 152],
    [120, 152],
    [121, 168],
    [600, 632],
    [5000, 5032],
  ] as const) {
    const token = tokenOf(size, size);
    const bytes = Buffer.from(signToken("key", purpose, token), "base64");
    expect(bytes.length).toBe(length);
    expect(bytes.subarray(0, 8).toString("hex")).toBe("0000000000000001");
    expect(bytes.readDoubleLE(8)).toBe(token.issuedMs);
    expect(bytes.subarray(16, 16 + size).equals(token.content)).toBe(true);
    expect(bytes.subarray(16 + size, -16).every((byte: number) => byte === 0)).toBe(true);
    const mac = createHmac("sha256", "key").update(purpose).update(bytes.subarray(0, -16)).digest();
    expect(bytes.subarray(-16)).toEqual(mac.subarray(0, 16));
    const verified = verifyToken("key", purpose, bytes.toString("base64"));
    expect(verified?.content.subarray(0, size)).toEqual(token.content);
  }
});

test("every bit of a token counts, and so does how it is written", () => {
  const text = signToken("key", purpose, tokenOf(1));
  const bytes = Buffer.from(text, "base64");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(verifyToken("key", purpose, changed.toString("base64"))).toBeUndefined();
  }
  const others = [
    `${text}A`,
    `${text}=`,
    ` ${text}`,
    text.slice(0, -4),
    `é${text}`,
    "",
    "no token",
  ];
  for (const other of others) expect(verifyToken("key", purpose, other)).toBeUndefined();
});

test("what a token says stays as it is when others are made and verified", () => {
  const first = verifyToken("key", purpose, signToken("key", purpose, tokenOf(1)));
  const again = verifyToken("key", purpose, signToken("key", purpose, tokenOf(1)));
  for (let i = 2; i < 50; i++) verifyToken("key", purpose, signToken("key", purpose, tokenOf(i)));
  expect(first).toEqual(again);
});

test("a MAC is HMAC-SHA256, for keys and messages of every length", () => {
  const random = new Random(5);
  for (let length = 0; length < 300; length++) {
    const text = Buffer.from(random.bytes(length % 140)).toString("latin1");
    const message = random.bytes(length);
    const expected = createHmac("sha256", text).update(message).digest();
    expect(Buffer.from(new MacKey(text).of(message))).toEqual(expected);
  }
});
