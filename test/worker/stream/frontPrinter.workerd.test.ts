// What the Worker lets the front print: segments that were printed twice, of which the front has a copy.
// The other end is the store of the local server's front. What an order stands for is the page that the
// Worker would have printed, in every format.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { PageStore } from "../../../local/pageStore.ts";
import { stampChunk, writeBodyChecksum } from "../../../worker/engine/chunk.ts";
import { engine } from "../../../worker/engine/instance.ts";
import { pageOrderHeader, type PageOrder } from "../../../worker/engine/pageOrder.ts";
import type { RecordPrinter, RecordRun } from "../../../worker/engine/printer.ts";
import { noonMs, setClock } from "../../support/clock.ts";
import { batchOf } from "../../../worker/engine/recordBatch.ts";
import { RecordText } from "../../../worker/engine/recordText.ts";
import { RecordPage } from "../../../worker/http/recordPage.ts";
import { frontBytesMax, frontKeepMs } from "../../../worker/limits.ts";
import {
  type FrontPrinter,
  askFrontBytes,
  frontPrinterOf,
} from "../../../worker/stream/frontPrinter.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The front, as far as the Worker sees it. */
class Front {
  readonly store = new PageStore(() => engine);
  /** Copies that were offered, and that could not be taken. */
  copies = 0;
  failing = false;

  async fetch(url: string, init?: RequestInit): Promise<Response> {
    const body = Buffer.from(await new Response(init?.body).arrayBuffer());
    if (body.length > 0) this.copies++;
    if (this.failing) throw new Error("the front is away");
    const answer = this.store.serve({ path: new URL(url).pathname.slice(1), body });
    return new Response(answer.body, { status: answer.status });
  }
}

let front: Front;
let printer: FrontPrinter;
let startMs = noonMs;
/** Segments of one test are no other test's. */
let firstOfTest = 0;
const work: Promise<unknown>[] = [];

beforeEach(() => {
  front = new Front();
  firstOfTest += 1_000_000;
  printer = printerFor(front);
  // All tests share the memory of one isolate: nothing of a test before is in use any more.
  setClock((startMs += 600_000));
  vi.spyOn(console, "warn").mockImplementation(() => {});
});

afterEach(async () => {
  await settle();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a segment", () => {
  test("is printed here twice, then copied, and then printed by the front", async () => {
    const run = segment(0);
    expect(await printedBy([run])).toBe("worker");
    expect(front.copies).toBe(0);
    expect(await printedBy([run])).toBe("worker");
    expect(front.copies).toBe(1);
    expect(await printedBy([run])).toBe("front");
    expect(await printedBy([run])).toBe("front");
    expect(front.copies).toBe(1);
  });

  test("is copied when as many records were printed as it has twice", async () => {
    const { chunk, to } = segment(0);
    const parts = Array.from({ length: 8 }, (_, i) => {
      const at = (i % 4) * (to / 4);
      return { chunk, from: at, to: at + to / 4, uid: "shard", segment: 1 };
    });
    for (const part of parts) {
      expect(front.copies).toBe(0);
      expect(await printedBy([part])).toBe("worker");
    }
    expect(front.copies).toBe(1);
    for (const part of parts) expect(await printedBy([part])).toBe("front");
  });

  test("of a page is not enough: the front prints what it has whole", async () => {
    const [known, unknown] = [segment(0), segment(1000)];
    for (let i = 0; i < 3; i++) await printedBy([known]);
    expect(await printedBy([known, unknown])).toBe("worker");
    expect(await printedBy([unknown, known])).toBe("worker");
    expect(await printedBy([known, unknown])).toBe("front");
  });

  test("that was loaded anew is the same one, and another one with the same place is not", async () => {
    const run = segment(0);
    const again = () => ({ ...run, chunk: run.chunk.slice() });
    for (let i = 0; i < 2; i++) expect(await printedBy([again()])).toBe("worker");
    expect(await printedBy([again()])).toBe("front");
    const { chunk } = again();
    chunk[chunk.length - 1]! ^= 1;
    writeBodyChecksum(chunk);
    expect(await printedBy([{ ...run, chunk }])).toBe("worker");
    expect(await printedBy([{ ...again(), uid: "another" }])).toBe("worker");
    expect(await printedBy([again()])).toBe("front");
    expect(front.copies).toBe(1);
  });

  test("that is not sealed is never copied", async () => {
    const { chunk, to } = segment(0);
    for (let i = 0; i < 10; i++) {
      expect(await printedBy([{ chunk, from: 0, to }])).toBe("worker");
    }
    expect(front.copies).toBe(0);
  });

  test("is printed here where no front has passed the request on", () => {
    const runtime = { waitUntil() {} };
    const bindings = { FRONT: front } as unknown as Env;
    expect(frontPrinterOf({ env: bindings, ...runtime })).toBeUndefined();
    expect(
      frontPrinterOf({ env: { BY_FRONT: true } as unknown as Env, ...runtime }),
    ).toBeUndefined();
  });
});

test("an order stands for the page, in every format, with all that is around its records", async () => {
  const shard = { createdMs: Date.UTC(2026, 10, 1), index: 7, createdAhead: true };
  const encrypted = [{ fromMs: 300, toMs: 600 }, { fromMs: 900 }];
  const formats: Record<string, RecordPrinter> = {
    kinesisJson: engine.kinesisJson(shard, encrypted),
    kinesisCbor: engine.kinesisCbor(shard, encrypted),
    v3ioJson: engine.v3ioJson(),
    yandexJson: engine.yandexJson(),
    yandexCbor: engine.yandexCbor(),
  };
  const runs = [segment(0), segment(1000)];
  const [head, foot] = [Uint8Array.of(0, 255, 34, 92), encoder.encode("]}\u{1f30a}")];
  for (const [name, format] of Object.entries(formats)) {
    for (const sum of [undefined, "x-sum"]) {
      const page = new RecordPage(head, runs, format, foot);
      for (let i = 0; i < 3; i++) await (await answerOf(page, sum)).arrayBuffer();
      const reply = await answerOf(page, sum);
      expect(reply.headers.get(pageOrderHeader), name).toBe("1");
      const order = await reply.json<PageOrder>();
      expect(order.format.name).toBe(name);
      expect(order.checksumHeader).toBe(sum);
      expect(Buffer.from(textOf(order).bytes()).equals(page.bytes()), name).toBe(true);
    }
  }
});

describe("the front", () => {
  test("keeps no more than its bound, and what was used last", async () => {
    const segments = Array.from({ length: 60 }, (_, i) => segment(i * 1000));
    for (const run of segments) {
      for (let i = 0; i < 2; i++) await printedBy([run]);
      // The one before the last one is in use the whole time.
      expect(await printedBy([run])).toBe("front");
      expect(await printedBy([segments[0]!])).toBe("front");
      expect(bytesHeld()).toBeLessThanOrEqual(frontBytesMax);
      vi.setSystemTime(Date.now() + frontKeepMs + 1);
    }
    const [first, second] = segments;
    expect(await printedBy([first!])).toBe("front");
    expect(await printedBy([second!])).toBe("worker");
    // And it may come back.
    await printedBy([second!]);
    expect(await printedBy([second!])).toBe("front");
  });

  test("forgets nothing that was ordered just now", async () => {
    const segments = Array.from({ length: 60 }, (_, i) => segment(i * 1000));
    const orders: Response[] = [];
    for (const run of segments) {
      for (let i = 0; i < 2; i++) await printedBy([run]);
      const reply = await answerOf(pageOf([run]));
      if (reply.headers.has(pageOrderHeader)) orders.push(reply);
      else await reply.arrayBuffer();
    }
    expect(orders.length).toBeGreaterThan(30);
    expect(orders.length).toBeLessThan(60);
    for (const reply of orders)
      expect(textOf(await reply.json()).bytes().length).toBeGreaterThan(0);
  });

  test("that takes nothing is tried again, and its pages are printed here", async () => {
    front.failing = true;
    const run = segment(0);
    for (let i = 0; i < 4; i++) expect(await printedBy([run])).toBe("worker");
    expect(front.copies).toBe(2);
    front.failing = false;
    for (let i = 0; i < 2; i++) expect(await printedBy([run])).toBe("worker");
    expect(await printedBy([run])).toBe("front");
  });

  test("has nothing of another isolate", async () => {
    const run = segment(0);
    for (let i = 0; i < 3; i++) await printedBy([run]);
    const order: PageOrder = await (await answerOf(pageOf([run]))).json();
    const [number] = order.runs[0]!;
    front.store.serve({ path: `another-life/${number + 1}/`, body: Buffer.from("x") });
    expect(front.store.bytes).toBe(1);
    front.store.serve({ path: `another-life/${number}/`, body: Buffer.from("x") });
    expect(() => textOf(order)).toThrow("no copy");
  });

  test("tells how many bytes it has printed", async () => {
    front.store.sentBytes = 123;
    expect(await askFrontBytes({ FRONT: front })).toBe(123);
    expect(await askFrontBytes({})).toBe(0);
  });
});

function printerFor(itsFront: Front): FrontPrinter {
  const bindings = { FRONT: itsFront, BY_FRONT: true } as unknown as Env;
  return frontPrinterOf({ env: bindings, waitUntil: (promise) => void work.push(promise) })!;
}

async function settle(): Promise<void> {
  await Promise.all(work.splice(0));
}

async function answerOf(page: RecordPage, checksumHeader?: string): Promise<Response> {
  const sum = checksumHeader === undefined ? {} : { checksumHeader };
  const reply = await page.respond({ init: { headers: { "x-id": "7" } }, ...sum, front: printer });
  expect(reply.headers.get("x-id")).toBe("7");
  await settle();
  return reply;
}

/** Who prints it; the page itself is checked. */
async function printedBy(runs: readonly RecordRun[]): Promise<"worker" | "front"> {
  const page = pageOf(runs);
  const reply = await answerOf(page);
  const expected = decoder.decode(page.bytes());
  if (!reply.headers.has(pageOrderHeader)) {
    expect((await reply.text()) === expected).toBe(true);
    return "worker";
  }
  const text = textOf(await reply.json());
  expect(decoder.decode(text.bytes()) === expected).toBe(true);
  return "front";
}

function textOf({ life, format, head, runs, foot }: PageOrder): RecordText {
  return new RecordText(
    Buffer.from(head, "base64"),
    runs.map(([number, from, to]) => ({ chunk: front.store.use(life, number).chunk, from, to })),
    engine.printer(format),
    Buffer.from(foot, "base64"),
  );
}

function bytesHeld(): number {
  return front.store.bytes;
}

function pageOf(runs: readonly RecordRun[]): RecordPage {
  return new RecordPage(encoder.encode("["), runs, engine.v3ioJson(), encoder.encode("]"));
}

/** A whole segment of a megabyte, whose records no other one has. */
function segment(first: number): RecordRun {
  const firstIndex = firstOfTest + first;
  const records = Array.from({ length: 1000 }, (_, i) => ({
    key: encoder.encode(`"key ${firstIndex + i}"`),
    info: new Uint8Array(0),
    data: encoder.encode(`${firstIndex + i} `.padEnd(1000, "data ")),
  }));
  const chunk = engine.pack(batchOf(records));
  stampChunk(chunk, { firstIndex, timeMs: first, timeOrdinal: 0 });
  return { chunk, from: 0, to: records.length, uid: "shard", segment: first / 1000 };
}
