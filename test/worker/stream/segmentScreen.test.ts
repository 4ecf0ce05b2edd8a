// What a scan passes over by its bucket's word: whole segments that come next, no further than the scan goes, and none
// that has expired or is not where it is expected. Asked about several at once and ahead, and not for ever.

import { expect, test } from "vitest";
import type { Runtime } from "../../../worker/core/bindings.ts";
import type { SegmentBucket } from "../../../worker/core/segmentBucket.ts";
import type { ShardView } from "../../../worker/core/types.ts";
import type { ScreenedSegment } from "../../../worker/engine/screen.ts";
import { screenAhead, screenSegments, screenTrials } from "../../../worker/limits.ts";
import { SegmentScreen } from "../../../worker/stream/segmentScreen.ts";

const view: ShardView = {
  nextIndex: 2200,
  lastTimeMs: 0,
  firstIndex: 0,
  firstSegment: 0,
  segment: 220,
  tieredSegment: 200,
  tailIndex: 2200,
  retentionMs: Infinity,
  floorMs: 50,
};

/** A shard with ten records of ten bytes in each segment, and what its bucket was asked about. */
function screenOf(say: (segment: ScreenedSegment) => ScreenedSegment | undefined) {
  const asked: number[] = [];
  const screen: SegmentBucket["screen"] = async (keys) =>
    keys.map((key) => {
      const number = Number(key.split("/").at(-1));
      asked.push(number);
      const facts = { count: 10, payloadBytes: 100, timeMs: 100, isCandidate: false };
      return say({ ...facts, firstIndex: number * 10, lastTimeMs: 100 + number });
    });
  const runtime = { env: { SEGMENTS: { screen } }, waitUntil() {} } as unknown as Runtime;
  return { asked, screen: new SegmentScreen(runtime, "uid", new Uint8Array(8)) };
}

const numberOf = ({ firstIndex }: ScreenedSegment) => firstIndex / 10;

test("segments without such a record are passed over together, and the next ones asked about", async () => {
  const { screen, asked } = screenOf((segment) => segment);
  const last = screenSegments;
  expect(await screen.next({ segment: 0, index: 0 }, Infinity, view)).toEqual({
    passed: {
      next: { segment: last, index: last * 10 },
      scanned: { records: last * 10, bytes: last * 100 },
      lastTimeMs: 100 + last - 1,
    },
  });
  expect(asked).toHaveLength(screenSegments * (1 + screenAhead));
  await screen.next({ segment: last, index: last * 10 }, Infinity, view);
  expect(asked).toHaveLength(screenSegments * (2 + screenAhead));
  expect(new Set(asked).size).toBe(asked.length);
});

test("a scan that begins in the middle of a segment has looked at the rest of it", async () => {
  const { screen } = screenOf((segment) => segment);
  const { passed } = (await screen.next({ segment: 15, index: 153 }, Infinity, view)) as {
    passed: object;
  };
  expect(passed).toMatchObject({
    next: { segment: 16, index: 160 },
    scanned: { records: 7, bytes: 70 },
  });
});

test.each<[string, (segment: ScreenedSegment) => ScreenedSegment | undefined]>([
  ["may have such a record", (each) => ({ ...each, isCandidate: numberOf(each) === 5 })],
  ["is not sound", (each) => (numberOf(each) === 5 ? undefined : each)],
  ["has expired", (each) => (numberOf(each) === 5 ? { ...each, timeMs: 49 } : each)],
  ["begins elsewhere", (each) => (numberOf(each) === 5 ? { ...each, firstIndex: 51 } : each)],
  ["ended before", (each) => (numberOf(each) === 5 ? { ...each, firstIndex: 40 } : each)],
])("it stops before a segment that %s", async (_, say) => {
  const { screen } = screenOf(say);
  const { passed } = (await screen.next({ segment: 3, index: 30 }, Infinity, view)) as {
    passed: object;
  };
  expect(passed).toMatchObject({
    next: { segment: 5, index: 50 },
    scanned: { records: 20, bytes: 200 },
  });
});

test("a segment to read is told with its end; of one that is not sound nothing is said", async () => {
  const candidates = screenOf((each) => ({ ...each, isCandidate: true })).screen;
  expect(await candidates.next({ segment: 3, index: 33 }, Infinity, view)).toEqual({
    endIndex: 40,
  });
  const damaged = screenOf(() => undefined).screen;
  expect(await damaged.next({ segment: 3, index: 30 }, Infinity, view)).toBeUndefined();
});

test("it passes over nothing beyond the end of the scan, or that is not in the bucket", async () => {
  const { screen, asked } = screenOf((segment) => segment);
  expect(await screen.next({ segment: 0, index: 0 }, 25, view)).toMatchObject({
    passed: { next: { segment: 2, index: 20 } },
  });
  expect(await screen.next({ segment: 2, index: 20 }, 25, view)).toBeUndefined();
  expect(await screen.next({ segment: 198, index: 1980 }, Infinity, view)).toMatchObject({
    passed: { next: { segment: 200, index: 2000 } },
  });
  expect(await screen.next({ segment: 200, index: 2000 }, Infinity, view)).toBeUndefined();
  expect(Math.max(...asked)).toBe(199);
});

test.each<[string, number, boolean]>([
  ["half of the segments are", 2, false],
  ["one in three is", 3, true],
])("when %s to be read anyhow, it is useful no more or still", async (_, nth, isUseful) => {
  const { screen } = screenOf((each) => ({ ...each, isCandidate: numberOf(each) % nth === 0 }));
  expect(screen.isUseful).toBe(true);
  let at = { segment: 0, index: 0 };
  while (at.segment < screenTrials + 2) {
    const known = await screen.next(at, Infinity, view);
    if (known === undefined) throw new Error("nothing is known");
    at = "passed" in known ? known.passed.next : { segment: at.segment + 1, index: known.endIndex };
  }
  expect(screen.isUseful).toBe(isUseful);
});

test("without a bucket that looks at its segments itself it is of no use", () => {
  const runtime = { env: { SEGMENTS: {} }, waitUntil() {} } as unknown as Runtime;
  expect(new SegmentScreen(runtime, "uid", new Uint8Array(8)).isUseful).toBe(false);
});
