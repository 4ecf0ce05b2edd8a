// Lets the front of the local server print pages. A page goes through the kernel twice, from workerd
// to the front and from there to the client, and workerd has one thread. So a segment whose records
// have been printed twice is copied to the front, once. From then on the Worker answers a page of it
// with an order (engine/pageOrder.ts), and the front prints and sends the page. What has to be known
// or decided, such as permissions, positions and limits, stays with the Worker.
//
// The Worker decides what the front holds: it names each copy by a number that is never used again in
// the life of this isolate, and says which copies the front may forget. A segment that this isolate has loaded
// anew is known by its shard, its number and its header, whose checksums cover all of its bytes. A copy that was ordered a
// short time ago is not forgotten, because the order may be on its way.
import { Buffer } from "node:buffer";
import type { Env, WriteRuntime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import { isOver } from "../core/clock.ts";
import { CHUNK_HEADER_BYTES, readHeader } from "../engine/chunk.ts";
import { orderOf } from "../engine/pageOrder.ts";
import type { RecordRun } from "../engine/printer.ts";
import type { RecordText } from "../engine/recordText.ts";
import { frontBytesMax, frontCountsMax, frontKeepMs, frontPageBytesMin } from "../limits.ts";
import { readCounters } from "./readCounters.ts";

/** A segment that the front has, or is getting. */
interface Copy {
  number: number;
  key: string;
  bytes: number;
  isThere: boolean;
  usedMs: number;
}

/** How often the records of a segment are printed here before it is copied. */
const printsMin = 2;

/** By key, the one that was used longest ago first. */
const copies = new Map<string, Copy>();
/** The key of each segment in memory. */
const keys = new WeakMap<Uint8Array, string>();
/** Records of a segment that were printed here; the segment whose count was made longest ago is removed first. */
const printed = new BoundedMap<number>(frontCountsMax);
/** Numbers that the front may forget, and does not know of yet. */
const forgotten: number[] = [];
let heldBytes = 0;
let lastNumber = 0;
let life = "";

export class FrontPrinter {
  private readonly front: Pick<Fetcher, "fetch">;
  private readonly runtime: WriteRuntime;

  constructor(front: Pick<Fetcher, "fetch">, runtime: WriteRuntime) {
    this.front = front;
    this.runtime = runtime;
  }

  /** The order for a text, as JSON; undefined if the text is small, or the front lacks one of its chunks. */
  order(text: RecordText, checksumHeader?: string): string | undefined {
    if (text.bytesLikely < frontPageBytesMin) return undefined;
    const nowMs = Date.now();
    const numbers: number[] = [];
    for (const run of text.runs) {
      const copy = copies.get(keyOf(run) ?? "");
      if (copy?.isThere === true) numbers.push(use(copy, nowMs));
    }
    if (numbers.length < text.runs.length) {
      this.consider(text, nowMs);
      return undefined;
    }
    readCounters.orderedPages++;
    return JSON.stringify(orderOf(text, life, numbers, checksumHeader));
  }

  /** Counts what is printed here, and copies what is printed often. */
  private consider({ runs }: RecordText, nowMs: number): void {
    for (const run of runs) {
      const { chunk, from, to } = run;
      const key = keyOf(run);
      if (key === undefined || copies.has(key)) continue;
      const records = (printed.get(key) ?? 0) + to - from;
      printed.set(key, records);
      if (records < printsMin * readHeader(chunk).count) continue;
      printed.delete(key);
      if (makeRoom(chunk.length, nowMs)) this.runtime.waitUntil(this.copy(key, chunk, nowMs));
    }
  }

  private async copy(key: string, chunk: Uint8Array, nowMs: number): Promise<void> {
    life ||= crypto.randomUUID();
    const copy = { number: ++lastNumber, key, bytes: chunk.length, isThere: false, usedMs: nowMs };
    copies.set(key, copy);
    heldBytes += copy.bytes;
    const forgets = forgotten.splice(0);
    try {
      const reply = await this.front.fetch(
        `http://front/${life}/${copy.number}/${forgets.join(",")}`,
        { method: "POST", body: streamOf(chunk) },
      );
      if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
      copy.isThere = true;
    } catch (error) {
      // The page is printed here then. Another copy is tried when it was printed as often again.
      console.warn("the front took no copy of a segment", error);
      forgotten.push(...forgets);
      forget(copy);
    }
  }
}

/** Of a request that has come through the front. */
export function frontPrinterOf(runtime: WriteRuntime): FrontPrinter | undefined {
  const { FRONT: front, BY_FRONT: isByFront } = runtime.env;
  return isByFront === true && front !== undefined ? new FrontPrinter(front, runtime) : undefined;
}

/** Bytes of bodies that the front has printed. */
export async function askFrontBytes({ FRONT: front }: Pick<Env, "FRONT">): Promise<number> {
  if (front === undefined) return 0;
  const reply = await front.fetch("http://front/sent");
  const { sentBytes } = await reply.json<FrontAnswer>();
  return sentBytes;
}

export interface FrontAnswer {
  /** Bytes of the pages that it has printed in the life of its process. */
  sentBytes: number;
}

function use(copy: Copy, nowMs: number): number {
  copy.usedMs = nowMs;
  copies.delete(copy.key);
  copies.set(copy.key, copy);
  return copy.number;
}

/** Undefined for what is not sealed: it may still change its place in memory. */
function keyOf({ chunk, uid, segment }: RecordRun): string | undefined {
  if (uid === undefined || segment === undefined) return undefined;
  const known = keys.get(chunk);
  if (known !== undefined) return known;
  const header = Buffer.from(chunk.subarray(0, CHUNK_HEADER_BYTES)).toString("latin1");
  const key = `${uid}/${segment}/${header}`;
  keys.set(chunk, key);
  return key;
}

/** Forgets copies until there is room; false if those that are left were used just now. */
function makeRoom(bytes: number, nowMs: number): boolean {
  if (bytes > frontBytesMax) return false;
  for (const copy of copies.values()) {
    if (heldBytes + bytes <= frontBytesMax) return true;
    if (!copy.isThere || !isOver(copy.usedMs, frontKeepMs, nowMs)) return false;
    forget(copy);
  }
  return true;
}

function forget(copy: Copy): void {
  copies.delete(copy.key);
  heldBytes -= copy.bytes;
  forgotten.push(copy.number);
}

/** A body that leaves no copy to the garbage collector, as one of bytes does. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
