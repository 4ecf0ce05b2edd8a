import { expect, test } from "vitest";
import { verifyToken, signToken } from "../../../worker/auth/token.ts";

/** As many as an isolate remembers of its own making. */
const rememberedMax = 4096;

function open(text: string) {
  return verifyToken("key", "page/", text);
}

function tokenOf(i: number) {
  return { issuedMs: 1000 + i, content: Uint8Array.of(i & 255, i >> 8) };
}

test("a token is good for the purpose and the key that it was made with", () => {
  const text = signToken("key", "iterator/a/", tokenOf(7));
  expect(verifyToken("key", "iterator/a/", text)).toMatchObject({ issuedMs: 1007 });
  expect(verifyToken("key", "iterator/b/", text)).toBeUndefined();
  expect(verifyToken("other", "iterator/a/", text)).toBeUndefined();
  expect(verifyToken(undefined, "iterator/a/", text)).toBeUndefined();
});

test("tokens of the isolate's own making are remembered, and the oldest is forgotten for one more", () => {
  const first = signToken("key", "page/", tokenOf(0));
  const remembered = open(first);
  expect(open(first)).toBe(remembered);
  const others = Array.from({ length: rememberedMax }, (_, i) =>
    signToken("key", "page/", tokenOf(i + 1)),
  );
  expect(open(first)).not.toBe(remembered);
  expect(open(first)).toEqual(remembered);
  expect(open(others[0]!)).toBe(open(others[0]!));
});
