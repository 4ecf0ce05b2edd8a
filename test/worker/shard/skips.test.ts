// The list of segments that readers may pass over: it is a part of the shard's row, so it is bounded.
import { expect, test } from "vitest";
import type { SkippedSegment } from "../../../worker/core/types.ts";
import { skippedSegmentsMax } from "../../../worker/limits.ts";
import { addSkipped } from "../../../worker/shard/skips.ts";

function skipped(segment: number): SkippedSegment {
  return { segment, index: segment, count: 1 };
}

const full = Array.from({ length: skippedSegmentsMax }, (_, i) => skipped(i));

test("takes as many as fit the row, and refuses one more by name", () => {
  const last = skipped(skippedSegmentsMax);
  expect(addSkipped(full.slice(1), last, 0)).toEqual([...full.slice(1), last]);
  const limit = skippedSegmentsMax;
  expect(() => addSkipped(full, last, 0)).toThrow(
    expect.objectContaining({ code: "tooManySkipped", detail: { limit } }),
  );
});

test("has each segment once, and drops those that the shard has deleted", () => {
  expect(addSkipped(full, skipped(3), 0)).toHaveLength(skippedSegmentsMax);
  const last = skipped(skippedSegmentsMax);
  expect(addSkipped(full, last, 500)).toEqual([...full.slice(500), last]);
});
