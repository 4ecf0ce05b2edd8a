// Scans of history in the bucket: its segments are read once each and ahead, past the isolate's cache, into buffers that
// are used again, and what the bucket does not have as it should be is read from elsewhere.

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { bodies } from "../../../worker/core/bodyCache.ts";
import type { SegmentBucket } from "../../../worker/core/segmentBucket.ts";
import { scanner } from "../../../worker/engine/scannerInstance.ts";
import { screenSegment } from "../../../worker/engine/screen.ts";
import { scanStepBytes } from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";
import { readCounters } from "../../../worker/stream/readCounters.ts";
import { selectPage } from "../../../worker/stream/selectedPage.ts";
import { ShardScan } from "../../../worker/stream/shardScan.ts";
import type { ScanStep } from "../../../worker/stream/taking.ts";
import { append, openShard, record, type ShardStub, textOf } from "../../support/shards.ts";
import {
  faultyBucket,
  forgetBodies,
  objectsOf,
  runtimeWith,
  START,
  statsOf,
  storedOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";

afterEach(tidyUp);

/** Records of 5 KB: JSON that tells their number, and what they have been put as. */
const text = (n: number) =>
  JSON.stringify({ n, third: n % 3 === 0, text: String(n).padStart(4, "0").repeat(1200) });

/** Segments of half a megabyte in the bucket, and one of 3 MB among them. */
async function fill(shard: ShardStub, segments: number): Promise<number> {
  let n = 0;
  for (let segment = 0; segment < segments; segment++) {
    const count = segment === 3 ? 1 : 120;
    const records = Array.from({ length: count }, () => record(text(n++)));
    if (segment === 3) records[0] = record(new Uint8Array(3_000_000).fill(0x20));
    await append(shard, ...records);
  }
  await untilTiered(shard);
  return n;
}

const thirds = compileSelection({ where: '{"data":{"third":[true]}}' })!;

/** The numbers of the records that a scan takes, read after its last step. */
async function scanAll(
  shard: ShardStub,
  bindings: Env,
  bytesMax = 1_048_576,
  selection = thirds,
): Promise<number[]> {
  const uid = shard.name ?? "";
  const scan = new ShardScan(runtimeWith(bindings), uid, START, {
    selection,
    trimmed: "skip",
  });
  const steps: ScanStep[] = [];
  for (;;) {
    const step = await scan.step({ recordsMax: Infinity, bytesMax });
    steps.push(step);
    if (step.next.index >= step.view.nextIndex) break;
    scan.readAhead(step);
    await scheduler.wait(0);
  }
  return steps.flatMap((step) => storedOf(uid, step).map(textOf).map(numberOf));
}

/** The number of a record whose bytes are those that were put; -1 for any other. */
function numberOf(found: string): number {
  const { n } = JSON.parse(found) as { n: number };
  return found === text(n) ? n : -1;
}

/** What the scan is to take of so many records; the long one is no JSON. */
function expected(count: number): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n);
  return numbers.filter((n) => n % 3 === 0 && n !== 360);
}

describe("a scan of history in the bucket", () => {
  test("reads each segment once, and leaves the isolate's cache as it is", async () => {
    const shard = await openShard();
    const count = await fill(shard, 18);
    forgetBodies();
    const [requests, cached] = [readCounters.segmentRequests, bodies.bytes];
    const got: string[] = [];
    const watched = { ...env, SEGMENTS: watch(got) };
    expect(await scanAll(shard, watched)).toEqual(expected(count));
    const { segments } = await statsOf(shard);
    expect(readCounters.segmentRequests - requests).toBe(segments.count);
    expect(got).toHaveLength(segments.count);
    expect(new Set(got).size).toBe(segments.count);
    expect(bodies.bytes).toBe(cached);
  });

  test("gives records that stay as they are while later segments are read", async () => {
    const shard = await openShard();
    const count = await fill(shard, 18);
    forgetBodies();
    const limits = { recordsMax: 10_000, bytesMax: 10_485_760 };
    const uid = shard.name ?? "";
    const page = await selectPage(runtimeWith(env), uid, START, limits, "skip", thirds);
    expect(page.next.index).toBe(count);
    expect(storedOf(uid, page).map(textOf).map(numberOf)).toEqual(expected(count));
  });

  test("loads the next segments while it has not been asked for them", async () => {
    const shard = await openShard();
    await fill(shard, 18);
    forgetBodies();
    const got: string[] = [];
    const runtime = runtimeWith({ ...env, SEGMENTS: watch(got) });
    const scan = new ShardScan(runtime, shard.name ?? "", START, {
      selection: thirds,
      trimmed: "skip",
    });
    const step = await scan.step({ recordsMax: Infinity, bytesMax: Infinity });
    const before = got.length;
    scan.readAhead(step);
    scan.readAhead(step);
    expect(before).toBeGreaterThan(0);
    await expect.poll(() => got.length).toBeGreaterThan(before);
    expect(got.length).toBeLessThanOrEqual(before + 6);
    expect(new Set(got).size).toBe(got.length);
  });

  test("looks at no more in a step than it may", async () => {
    const shard = await openShard();
    const records = await fill(shard, 18);
    // The tail is read in such steps too.
    await append(shard, ...Array.from({ length: 60 }, () => record(text(0))));
    const selection = compileSelection({ where: '{"data":{"text":[{"prefix":"none"}]}}' })!;
    const scan = new ShardScan(runtimeWith(env), shard.name ?? "", START, {
      selection,
      trimmed: "skip",
    });
    let scanned = 0;
    for (let at = 0; at < records + 60; at = scan.at.index) {
      const step = await scan.step({ recordsMax: Infinity, bytesMax: Infinity });
      scanned += step.scanned.records;
      expect(step.scanned.records).toBeGreaterThan(0);
      // A record that alone has more is looked at as a whole.
      if (step.scanned.records > 1) expect(step.scanned.bytes).toBeLessThanOrEqual(scanStepBytes);
    }
    expect(scanned).toBe(records + 60);
  });

  test("reads no segment that the bucket says has none of the records", async () => {
    const shard = await openShard();
    const count = await fill(shard, 18);
    forgetBodies();
    const numbers = [...(await objectsOf(shard)).keys()].toSorted((a, b) => a - b);
    // One that is damaged is read, and found so: here its address still has it.
    const damaged = numbers.at(-2)!;
    const key = `segments/${shard.name}/${damaged}`;
    const bytes = new Uint8Array(await (await env.SEGMENTS!.get(key))!.arrayBuffer());
    bytes[bytes.length - 1]! ^= 1;
    const rare = compileSelection({ where: `{"data":{"n":[${count - 700},3]}}` })!;
    const read = async (screen: SegmentBucket["screen"]) => {
      forgetBodies();
      const got: string[] = [];
      const get = async (each: string) => {
        got.push(each);
        return each === key ? new Response(bytes) : await env.SEGMENTS!.get(each);
      };
      const bucket: SegmentBucket = faultyBucket({ get: get as unknown as R2Bucket["get"] });
      if (screen !== undefined) bucket.screen = screen;
      const found = await scanAll(shard, { ...env, SEGMENTS: bucket }, 1_048_576, rare);
      return { found, got: got.map((each) => Number(each.split("/").at(-1))) };
    };
    const scanned = await read(undefined);
    expect(scanned.found).toEqual([3, count - 700]);
    const asked: string[] = [];
    const screened = await read(async (keys, uid, program) => {
      asked.push(...keys);
      return Promise.all(
        keys.map(async (each) => {
          if (each === key) return screenSegment(scanner(), program, bytes, uid);
          const object = await env.SEGMENTS!.get(each);
          const chunk = new Uint8Array(await object!.arrayBuffer());
          return screenSegment(scanner(), program, chunk, uid);
        }),
      );
    });
    expect(screened.found).toEqual(scanned.found);
    expect(screened.got).toContain(damaged);
    // Those of the first step, the one with the record, the damaged one and its like.
    expect(screened.got.length).toBeLessThan(numbers.length / 2);
    expect(new Set(asked).size).toBe(asked.length);
    // A bucket that fails to say, or says nothing, changes nothing.
    const failing = await read(() => Promise.reject(new Error("the bucket is away")));
    expect(failing.found).toEqual(scanned.found);
    const silent = await read(async () => []);
    expect(silent.found).toEqual(scanned.found);
  });

  test("passes over a bucket that fails, and bytes of it that are damaged", async () => {
    const shard = await openShard();
    const count = await fill(shard, 18);
    const [first, second] = [...(await objectsOf(shard)).keys()].toSorted((a, b) => a - b);
    for (const fault of ["fails", "damages", "has lost"]) {
      forgetBodies();
      let left = 2;
      const faulty = faultyBucket({
        get: (async (key: string) => {
          const number = Number(key.split("/").at(-1));
          if (left === 0 || (number !== first && number !== second)) return env.SEGMENTS!.get(key);
          left--;
          if (fault === "fails") throw new Error("the bucket is away");
          return fault === "has lost" ? null : new Response(new Uint8Array(600));
        }) as unknown as R2Bucket["get"],
      });
      expect(await scanAll(shard, { ...env, SEGMENTS: faulty })).toEqual(expected(count));
      expect(left).toBe(0);
    }
  });

  test("ends with the place of a segment of which no intact copy is left", async () => {
    const shard = await openShard();
    await fill(shard, 18);
    forgetBodies();
    const number = [...(await objectsOf(shard)).keys()].toSorted((a, b) => a - b)[1]!;
    await env.SEGMENTS!.put(`segments/${shard.name}/${number}`, new Uint8Array(600));
    await expect(scanAll(shard, env)).rejects.toMatchObject({
      code: "corrupt",
      detail: { segment: number },
    });
  });
});

/** The real bucket, which notes what is got from it. */
function watch(got: string[]): R2Bucket {
  const get = (key: string) => {
    got.push(key);
    return env.SEGMENTS!.get(key);
  };
  return faultyBucket({ get: get });
}
