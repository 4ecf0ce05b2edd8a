import { expect, test } from "vitest";
import { openToken, sealToken } from "../../../worker/auth/token.ts";

/** As many as an isolate remembers of its own making. */
const rememberedMax = 4096;

function open(text: string) {
  return openToken("key", "page/", text);
}

function tokenOf(i: number) {
  return { issuedMs: 1000 + i, content: Uint8Array.of(i & 255, i >> 8) };
}

test("a token is good for the purpose and the key that it was made with", () => {
  const text = sealToken("key", "iterator/a/", tokenOf(7));
  expect(openToken("key", "iterator/a/", text)).toMatchObject({ issuedMs: 1007 });
  expect(openToken("key", "iterator/b/", text)).toBeUndefined();
  expect(openToken("other", "iterator/a/", text)).toBeUndefined();
  expect(openToken(undefined, "iterator/a/", text)).toBeUndefined();
});

test("tokens of the isolate's own making are remembered, and the oldest is forgotten for one more", () => {
  const first = sealToken("key", "page/", tokenOf(0));
  const remembered = open(first);
  expect(open(first)).toBe(remembered);
  const others = Array.from({ length: rememberedMax }, (_, i) =>
    sealToken("key", "page/", tokenOf(i + 1)),
  );
  expect(open(first)).not.toBe(remembered);
  expect(open(first)).toEqual(remembered);
  expect(open(others[0]!)).toBe(open(others[0]!));
});
