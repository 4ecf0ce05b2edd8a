// Compares long byte strings: fast when they agree, and short of words when they do not. A diff
// of ten million numbers helps nobody, the first difference and its neighbourhood does.

import { expect } from "vitest";

export function expectBytes(actual: Uint8Array, expected: Uint8Array | string): void {
  const wanted = typeof expected === "string" ? Buffer.from(expected) : expected;
  if (Buffer.compare(actual, wanted) === 0) return;
  expect.fail(describeDifference(actual, wanted));
}

function describeDifference(actual: Uint8Array, expected: Uint8Array): string {
  const shorter = Math.min(actual.length, expected.length);
  let at = 0;
  while (at < shorter && actual[at] === expected[at]) at += 1;
  const near = (bytes: Uint8Array): string => {
    const window = Buffer.from(bytes.subarray(Math.max(0, at - 16), at + 16));
    return `${window.toString("hex")}  ${JSON.stringify(window.toString("latin1"))}`;
  };
  return [
    `bytes differ at ${at} (lengths ${actual.length} and ${expected.length}); there and before:`,
    `  actual   ${near(actual)}`,
    `  expected ${near(expected)}`,
  ].join("\n");
}
