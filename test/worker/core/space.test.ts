// The gauge of the disk: what it lets in between two answers, however many ask at once.
import { describe, expect, test } from "vitest";
import type { Runtime } from "../../../worker/core/bindings.ts";
import { addsData, askSpace, SpaceGauge, takeSpace } from "../../../worker/core/space.ts";

const kilobyte = 1024;
const megabyte = 1024 * 1024;

/** A write of a megabyte takes four, and four times the 64 KiB of the smallest. */
const write = new Request("http://localhost/", {
  method: "POST",
  headers: { "content-length": `${megabyte}` },
});
const writeBytes = 4 * megabyte + 4 * 64 * kilobyte;

function openDisk(spareBytes: number) {
  const disk = { spareBytes, asked: 0 };
  const SPACE = {
    async fetch() {
      disk.asked++;
      return Response.json({ spareBytes: disk.spareBytes });
    },
  };
  const waiting: Promise<unknown>[] = [];
  const runtime = { env: { SPACE }, waitUntil: (work: Promise<unknown>) => waiting.push(work) };
  return { disk, waiting, runtime: runtime as unknown as Runtime };
}

test("without a disk in view everything is let in", async () => {
  const { runtime } = openDisk(0);
  const gauge = new SpaceGauge();
  expect(await gauge.begin(write, { ...runtime, env: {} } as Runtime, 0)).toBe(0);
});

test("a burst cannot outrun the answer: what is being written is taken from it", async () => {
  const { disk, runtime } = openDisk(3 * writeBytes + 1);
  const gauge = new SpaceGauge();
  const begun = await Promise.all(Array.from({ length: 8 }, () => gauge.begin(write, runtime, 0)));
  expect(begun.filter((bytes) => bytes !== undefined)).toEqual([
    writeBytes,
    writeBytes,
    writeBytes,
  ]);
  disk.spareBytes = 2 * writeBytes + 1;
  gauge.end(writeBytes);
  expect(await gauge.begin(write, runtime, 10)).toBeUndefined();
  gauge.end(writeBytes);
  expect(await gauge.begin(write, runtime, 20)).toBe(writeBytes);
});

test("a full disk refuses, and takes writes again as soon as it has room", async () => {
  const { disk, runtime } = openDisk(0);
  const gauge = new SpaceGauge();
  expect(await gauge.begin(write, runtime, 0)).toBeUndefined();
  disk.spareBytes = 100 * megabyte;
  expect(await gauge.begin(write, runtime, 1)).toBe(writeBytes);
});

test("a fresh answer is used, an older one is asked for beside the write, an old one before it", async () => {
  const { disk, waiting, runtime } = openDisk(1000 * megabyte);
  const gauge = new SpaceGauge();
  await gauge.begin(write, runtime, 0);
  await gauge.begin(write, runtime, 99);
  expect([disk.asked, waiting.length]).toEqual([1, 0]);
  await gauge.begin(write, runtime, 100);
  expect([disk.asked, waiting.length]).toEqual([2, 1]);
  await Promise.all(waiting);
  disk.spareBytes = 0;
  expect(await gauge.begin(write, runtime, 1100)).toBeUndefined();
});

test("with much room an answer is used for longer", async () => {
  const { disk, waiting, runtime } = openDisk(1e12);
  const gauge = new SpaceGauge();
  await gauge.begin(write, runtime, 0);
  await gauge.begin(write, runtime, 499);
  expect([disk.asked, waiting.length]).toEqual([1, 0]);
  await gauge.begin(write, runtime, 500);
  expect([disk.asked, waiting.length]).toEqual([2, 1]);
});

test("what the shards move is taken from the last answer that anybody got", async () => {
  const { disk, runtime } = openDisk(3 * megabyte);
  const space = (runtime.env as { SPACE: Parameters<typeof takeSpace>[0] }).SPACE;
  await askSpace(space);
  expect(await takeSpace(space, megabyte)).toBe(true);
  expect(await takeSpace(space, megabyte)).toBe(true);
  expect(disk.asked).toBe(1);
  // Not enough is left of that answer, so the disk is asked.
  disk.spareBytes = megabyte;
  expect(await takeSpace(space, 2 * megabyte)).toBe(false);
  expect(disk.asked).toBe(2);
});

test("a question that fails is asked once more; without an answer writes are refused, not failed", async () => {
  const { disk, waiting, runtime } = openDisk(1000 * megabyte);
  const gauge = new SpaceGauge();
  let failures = 1;
  const fetch = async () => {
    if (failures-- > 0) throw new Error("Network connection lost.");
    return Response.json({ spareBytes: disk.spareBytes });
  };
  const flaky = { ...runtime, env: { SPACE: { fetch } } } as unknown as Runtime;
  expect(await gauge.begin(write, flaky, 0)).toBe(writeBytes);
  failures = 2;
  expect(await gauge.begin(write, flaky, 5000)).toBeUndefined();
  expect(await gauge.begin(write, flaky, 5001)).toBe(writeBytes);
  failures = 2;
  expect(await gauge.begin(write, flaky, 5101)).toBe(writeBytes);
  await Promise.all(waiting);
  expect(await gauge.begin(write, flaky, 5102)).toBe(writeBytes);
});

test("a request that is cut off while it asks holds up no other", async () => {
  const { disk, runtime } = openDisk(1000 * megabyte);
  const gauge = new SpaceGauge();
  const silent = { env: { SPACE: { fetch: () => new Promise<Response>(() => {}) } } };
  void gauge.begin(write, { ...runtime, ...silent } as unknown as Runtime, 0);
  expect(await gauge.begin(write, runtime, 0)).toBe(writeBytes);
  await gauge.begin(write, { ...runtime, ...silent } as unknown as Runtime, 100);
  expect(await gauge.begin(write, runtime, 200)).toBe(writeBytes);
  expect(disk.asked).toBe(2);
});

describe("what adds data", () => {
  test.each([
    "PutRecord",
    "PutRecords",
    "CreateStream",
    "SplitShard",
    "RegisterStreamConsumer",
    "Nonsense",
  ])("%s does", (name) => {
    expect(adds("POST", { "x-amz-target": `Kinesis_20131202.${name}` })).toBe(true);
  });

  test.each(["GetRecords", "ListShards", "DescribeStream", "SubscribeToShard", "DeleteStream"])(
    "%s does not",
    (name) => {
      expect(adds("POST", { "x-amz-target": `kinesisApi.${name}` })).toBe(false);
      expect(adds("PUT", { "x-v3io-function": name })).toBe(false);
    },
  );

  test("by verb, where no function is named: PUT and POST", () => {
    const verbs = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"];
    expect(verbs.filter((verb) => adds(verb))).toEqual(["PUT", "POST"]);
  });
});

function adds(method: string, headers: Record<string, string> = {}): boolean {
  return addsData(new Request("http://localhost/a", { method, headers }));
}
