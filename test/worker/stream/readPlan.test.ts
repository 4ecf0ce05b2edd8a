// What the read planner decides, by itself: a table of claims about one small shard, then the
// rules that hold for every shard, location and limit.

import { horizonOf } from "../../../worker/core/horizon.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pageSegmentsMax, segmentBytes, segmentFetchesMax } from "../../../worker/limits.ts";
import {
  type PageLimits,
  planMore,
  planRead,
  type ReadPlan,
} from "../../../worker/stream/readPlan.ts";
import type { Location, ShardView } from "../../../worker/core/types.ts";

/** Ten records in each of the segments 2 to 9, from record 20 on; a tail of five. */
const view: ShardView = {
  nextIndex: 105,
  lastTimeMs: 0,
  firstIndex: 20,
  firstSegment: 2,
  segment: 10,
  tieredSegment: 4,
  tailIndex: 100,
  retentionMs: 86_400_000,
  floorMs: 0,
};

const page: PageLimits = { recordsMax: 10_000, bytesMax: 10_485_760 };
const one: PageLimits = { recordsMax: 1, bytesMax: page.bytesMax };
const small: PageLimits = { recordsMax: 10_000, bytesMax: 1 };

const at = (segment: number, index: number): Location => ({ segment, index });
const tail = (index: number): ReadPlan => ({ from: "tail", index });
const history = (index: number, endIndex: number, ...segments: number[]): ReadPlan => ({
  from: "segments",
  index,
  endIndex,
  segments,
});

describe("the plan", () => {
  test.each<[string, Location, PageLimits, ReadPlan]>([
    ["the first kept record", at(2, 20), one, history(20, 21, 2)],
    ["a record within a segment", at(5, 57), one, history(57, 58, 5)],
    ["the last record of a segment", at(5, 59), one, history(59, 60, 5)],
    ["the last sealed record", at(9, 99), one, history(99, 100, 9)],
    ["a page of many segments", at(2, 20), page, history(20, 100, 2, 3, 4, 5, 6, 7)],
    ["a page to the end of history", at(7, 75), page, history(75, 100, 7, 8, 9)],
    [
      "as many segments as records may touch",
      at(2, 25),
      { ...page, recordsMax: 25 },
      history(25, 50, 2, 3, 4, 5),
    ],
    ["one segment when bytes allow no more", at(2, 20), small, history(20, 100, 2)],
    [
      "a byte more than a segment",
      at(2, 20),
      { ...page, bytesMax: segmentBytes + 1 },
      history(20, 100, 2, 3),
    ],
    ["the first record of the tail", at(10, 100), page, tail(100)],
    ["the record that comes next", at(10, 105), page, tail(105)],
    ["a record that is not written yet", at(10, 1000), page, tail(1000)],
    ["a tail record that was sealed since", at(9, 95), page, history(95, 100, 9)],
    ["a trimmed record: the oldest kept", at(0, 3), one, history(20, 21, 2)],
    ["a trimmed record, whatever its hint", at(9, 3), one, history(20, 21, 2)],
    ["a hint before what is kept", at(0, 57), one, history(57, 58, 2)],
    ["a hint beyond what is sealed", at(4_294_967_295, 57), one, history(57, 58, 9)],
  ])("%s", (_, location, limits, plan) => {
    expect(planRead(location, limits, view)).toEqual(plan);
  });

  test("an empty shard has only a tail", () => {
    const empty = {
      ...view,
      nextIndex: 0,
      firstIndex: 0,
      firstSegment: 0,
      segment: 0,
      tailIndex: 0,
    };
    expect(planRead(at(0, 0), page, empty)).toEqual(tail(0));
    expect(planRead(at(3, 7), page, empty)).toEqual(tail(7));
  });

  test("a shard whose every record has expired has only a tail", () => {
    const expired = { ...view, firstIndex: 100, firstSegment: 10, nextIndex: 100 };
    expect(planRead(at(0, 0), page, expired)).toEqual(tail(100));
    expect(planRead(at(10, 100), page, expired)).toEqual(tail(100));
  });

  test("segments of one record each are still fetched by the handful", () => {
    const sparse = { ...view, firstIndex: 0, firstSegment: 0, segment: 1000, tailIndex: 1000 };
    expect(planRead(at(0, 0), page, sparse)).toEqual(history(0, 1000, 0, 1, 2, 3, 4, 5));
  });
});

describe("segments to go on with", () => {
  const read = { segment: 4, segmentsRead: 2, recordsRead: 20, bytesRead: 2000, left: page };

  test.each<[string, Parameters<typeof planMore>[0], number[]]>([
    ["as many as are fetched at once", read, [4, 5, 6, 7, 8, 9]],
    ["no more than are sealed", { ...read, segment: 8 }, [8, 9]],
    ["no more than the records need", { ...read, left: { ...page, recordsMax: 11 } }, [4, 5]],
    ["no more than the bytes allow", { ...read, left: { ...page, bytesMax: 2001 } }, [4, 5, 6]],
    ["none when the page has its records", { ...read, left: { ...page, recordsMax: 0 } }, []],
    ["none when the page has its bytes", { ...read, left: { ...page, bytesMax: 0 } }, []],
    ["none behind the sealed ones", { ...read, segment: 10 }, []],
    ["none when the page has enough of them", { ...read, segmentsRead: pageSegmentsMax }, []],
    ["the last that it may have", { ...read, segmentsRead: pageSegmentsMax - 1 }, [4]],
  ])("%s", (_, progress, segments) => {
    expect(planMore(progress, view)).toEqual(segments);
  });
});

describe("the horizon", () => {
  test("moves with the clock", () => {
    const keeping = { ...view, retentionMs: 1000 };
    expect(horizonOf(keeping, 5000)).toBe(4000);
    expect(horizonOf(keeping, 5001)).toBe(4001);
  });

  test("is never before what has expired once", () => {
    const longer = { ...view, retentionMs: 4000, floorMs: 3000 };
    expect(horizonOf(longer, 5000)).toBe(3000);
    expect(horizonOf(longer, 8000)).toBe(4000);
  });
});

/** A shard as its segments' record counts; the first ones are no longer kept. */
interface Layout {
  counts: number[];
  trimmed: number;
  tailCount: number;
}

const layouts: fc.Arbitrary<Layout> = fc
  .array(fc.integer({ min: 1, max: 2000 }), { maxLength: 30 })
  .chain((counts) =>
    fc.record({
      counts: fc.constant(counts),
      trimmed: fc.nat(counts.length),
      tailCount: fc.nat(100),
    }),
  );

const limits: fc.Arbitrary<PageLimits> = fc.record({
  recordsMax: fc.integer({ min: 1, max: 10_000 }),
  bytesMax: fc.integer({ min: 0, max: 10_485_760 }),
});

/** Any 32-bit segment and a record within, before or behind the shard. */
const locations = fc.record({ segment: fc.nat(2 ** 32 - 1), index: fc.nat(70_000) });

describe("for every shard, location and limit", () => {
  test("segments are consecutive, sealed, kept, and no more than are fetched at once", () => {
    holds((layout, location, limits) => {
      const view = viewOf(layout);
      const plan = planRead(location, limits, view);
      if (plan.from === "tail") return;
      const [first = -1] = plan.segments;
      expect(plan.segments).toEqual(plan.segments.map((_, i) => first + i));
      expect(first).toBeGreaterThanOrEqual(view.firstSegment);
      expect(plan.segments.at(-1)).toBeLessThan(view.segment);
      expect(plan.segments.length).toBeGreaterThanOrEqual(1);
      expect(plan.segments.length).toBeLessThanOrEqual(segmentFetchesMax);
    });
  });

  test("records below the tail are history, the others the tail's", () => {
    holds((layout, location, limits) => {
      const view = viewOf(layout);
      const plan = planRead(location, limits, view);
      expect(plan.index).toBe(Math.max(location.index, view.firstIndex));
      expect(plan.from).toBe(plan.index < view.tailIndex ? "segments" : "tail");
      if (plan.from === "tail") return;
      expect(plan.endIndex).toBeGreaterThan(plan.index);
      expect(plan.endIndex).toBeLessThanOrEqual(view.tailIndex);
      expect(plan.endIndex - plan.index).toBeLessThanOrEqual(limits.recordsMax);
    });
  });

  test("a location that the shard gave names the segment that is read first", () => {
    holds((layout, { index }, limits) => {
      const plan = planRead({ segment: segmentOf(layout, index), index }, limits, viewOf(layout));
      if (plan.from === "tail") return;
      expect(plan.segments[0]).toBe(segmentOf(layout, plan.index));
    });
  });

  test("at most the one after its last is fetched for a page, when segments are alike", () => {
    holds(({ counts, ...rest }, { index }, limits) => {
      const layout = { counts: counts.map(() => 100), ...rest };
      const plan = planRead({ segment: segmentOf(layout, index), index }, limits, viewOf(layout));
      if (plan.from === "tail") return;
      const last = segmentOf(layout, plan.endIndex - 1);
      expect(plan.segments.at(-1)).toBeLessThanOrEqual(last + 1);
      expect(plan.segments.length).toBeLessThanOrEqual(
        Math.ceil(limits.bytesMax / segmentBytes) + 1,
      );
    });
  });

  test("pages that follow one another in full reach the tail", () => {
    holds((layout, _, limits) => {
      const view = viewOf(layout);
      let location = { segment: view.firstSegment, index: view.firstIndex };
      for (let pages = 0; ; pages++) {
        expect(pages).toBeLessThanOrEqual(view.tailIndex - view.firstIndex);
        const plan = planRead(location, limits, view);
        if (plan.from === "tail") return;
        const last = plan.segments.at(-1) ?? 0;
        const index = Math.min(plan.endIndex, endOf(layout, last));
        expect(index).toBeGreaterThan(location.index);
        location = { segment: segmentOf(layout, index), index };
      }
    });
  });
});

function holds(claim: (layout: Layout, location: Location, limits: PageLimits) => void): void {
  fc.assert(fc.property(layouts, locations, limits, claim), { numRuns: 500 });
}

function viewOf(layout: Layout): ShardView {
  const tailIndex = endOf(layout, layout.counts.length - 1);
  return Object.freeze({
    ...view,
    firstIndex: endOf(layout, layout.trimmed - 1),
    firstSegment: layout.trimmed,
    segment: layout.counts.length,
    tailIndex,
    nextIndex: tailIndex + layout.tailCount,
  });
}

/** Index after the last record of a segment. */
function endOf({ counts }: Layout, segment: number): number {
  return counts.slice(0, segment + 1).reduce((sum, count) => sum + count, 0);
}

/** The segment that holds a record; the number that the tail will have for the others. */
function segmentOf(layout: Layout, index: number): number {
  const found = layout.counts.findIndex((_, segment) => endOf(layout, segment) > index);
  return found < 0 ? layout.counts.length : found;
}
