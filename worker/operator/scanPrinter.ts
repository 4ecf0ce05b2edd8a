// The lines of a scan's reply: records as GetRecords of Kinesis prints them, their data alone, or how many of them
// arrived when.
import { concatBytes, utf8 } from "../codec/bytes.ts";
import type { ShardDescription } from "../core/types.ts";
import { readHeader, timeMsAt } from "../engine/chunk.ts";
import type { TimeSpan } from "../engine/engine.ts";
import { recordData } from "../engine/memory.ts";
import { engine } from "../engine/instance.ts";
import { histogramBucketsMax } from "../limits.ts";
import type { RecordRun } from "../engine/printer.ts";
import { type ScanOutput, tooManyBuckets } from "./scanRequest.ts";

export interface StepPrinter {
  print(shard: ShardDescription, runs: readonly RecordRun[]): Iterable<Uint8Array>;
  /** Lines that can be printed only when everything was read. */
  end(): Iterable<Uint8Array>;
}

/** Records that arrived in `encrypted` say that they were. */
export function printerOf(output: ScanOutput, encrypted: readonly TimeSpan[]): StepPrinter {
  switch (output.kind) {
    case "records":
      return { print: (shard, runs) => printRecords(shard, runs, encrypted), end: nothing };
    case "data":
      return { print: printData, end: nothing };
    case "count":
      return { print: nothing, end: nothing };
    case "histogram":
      return new Histogram(output.stretchMs);
  }
}

function nothing(): Uint8Array[] {
  return [];
}

/** {"ShardId":"…", and the members of a record of Kinesis, a line each. */
function* printRecords(
  shard: ShardDescription,
  runs: readonly RecordRun[],
  encrypted: readonly TimeSpan[],
): Generator<Uint8Array, void, undefined> {
  const printer = engine.kinesisJson(shard, encrypted);
  const head = utf8(`{"ShardId":"shardId-${String(shard.index).padStart(12, "0")}",`);
  for (const { chunk, from, to } of runs) {
    const parts: Uint8Array[] = [];
    for (let i = from; i < to; i++) {
      parts.push(head, printer.render(chunk, i, i + 1).subarray(1), endOfLine);
    }
    yield concatBytes(parts);
  }
}

function* printData(
  _: ShardDescription,
  runs: readonly RecordRun[],
): Generator<Uint8Array, void, undefined> {
  for (const { chunk, from, to } of runs) {
    const parts: Uint8Array[] = [];
    for (let i = from; i < to; i++) parts.push(recordData(chunk, i), endOfLine);
    yield concatBytes(parts);
  }
}

const endOfLine = utf8("\n");

/** Counts by the time of arrival, in whole stretches since 1970. */
class Histogram implements StepPrinter {
  private readonly stretchMs: number;
  private readonly counts = new Map<number, number>();

  constructor(stretchMs: number) {
    this.stretchMs = stretchMs;
  }

  print(_: ShardDescription, runs: readonly RecordRun[]): Uint8Array[] {
    for (const { chunk, from, to } of runs) this.add(chunk, from, to);
    return [];
  }

  end(): Uint8Array[] {
    const sorted = [...this.counts].sort(([a], [b]) => a - b);
    const lines = sorted.map(([stretch, count]) => {
      const from = new Date(stretch * this.stretchMs).toISOString();
      return `${JSON.stringify({ from, count })}\n`;
    });
    return [utf8(lines.join(""))];
  }

  /** Arrivals do not decrease, so that whole stretches of a run are found by bisection. */
  private add(chunk: Uint8Array, from: number, to: number): void {
    const header = readHeader(chunk);
    for (let at = from; at < to;) {
      const stretch = Math.floor(timeMsAt(chunk, header, at) / this.stretchMs);
      const nextMs = (stretch + 1) * this.stretchMs;
      const isLast = timeMsAt(chunk, header, to - 1) < nextMs;
      const next = isLast ? to : engine.findTime(chunk, nextMs, 0);
      this.counts.set(stretch, (this.counts.get(stretch) ?? 0) + next - at);
      if (this.counts.size > histogramBucketsMax) throw tooManyBuckets();
      at = next;
    }
  }
}
