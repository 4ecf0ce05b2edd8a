// Puts a page's reply together: what stands before the records, the records as the engine prints
// them run by run, and what stands after. Every dialect's page has this shape; they differ in the
// printing alone. A small page is one buffer, into which the engine's output is copied once. A large one is
// measured first and then printed while it is sent, a run at a time, so that a reply of 10 MB never
// exists as a whole and still says its length.
import type { Sink } from "./engine.ts";
import { pageBufferBytesMax } from "./limits.ts";
import { readHeader } from "./stream/chunk.ts";
import type { Run } from "./stream/reader.ts";

/** How a dialect prints records; `measure` is the exact length of what `print` gives. */
export interface RecordPrinter {
  measure(chunk: Uint8Array, from: number, to: number): number;
  print(chunk: Uint8Array, from: number, to: number, sink: Sink): void;
  /** What stands between two records. */
  separator: Uint8Array;
}

export type PageBody = Uint8Array | ReadableStream<Uint8Array>;

/** Text of a record beside its data and key, in any dialect: enough for a first guess. */
const recordTextBytes = 170;

export function renderPage(
  head: Uint8Array,
  runs: readonly Run[],
  printer: RecordPrinter,
  foot: Uint8Array,
): PageBody {
  const storedBytes = runs.reduce((bytes, run) => bytes + runBytes(run), 0);
  if (storedBytes > pageBufferBytesMax) return streamPage(head, runs, printer, foot);
  const page = new PageBuffer(head.length + foot.length + guessBytes(runs));
  page.append(head);
  for (const [i, run] of runs.entries()) {
    if (i > 0) page.append(printer.separator);
    printer.print(run.chunk, run.from, run.to, (part) => page.append(part));
  }
  page.append(foot);
  return page.take();
}

function streamPage(
  head: Uint8Array,
  runs: readonly Run[],
  printer: RecordPrinter,
  foot: Uint8Array,
): ReadableStream<Uint8Array> {
  let length = head.length + foot.length + printer.separator.length * (runs.length - 1);
  for (const { chunk, from, to } of runs) length += printer.measure(chunk, from, to);
  const { readable, writable } = new FixedLengthStream(length);
  // A reader that goes away ends the printing; nobody is left to be told.
  sendPage(writable, head, runs, printer, foot).catch(() => {});
  return readable;
}

async function sendPage(
  to: WritableStream<Uint8Array>,
  head: Uint8Array,
  runs: readonly Run[],
  printer: RecordPrinter,
  foot: Uint8Array,
): Promise<void> {
  const writer = to.getWriter();
  let before = head;
  for (const run of runs) {
    const piece = new PageBuffer(before.length + guessBytes([run]));
    piece.append(before);
    printer.print(run.chunk, run.from, run.to, (part) => piece.append(part));
    await writer.write(piece.take());
    before = printer.separator;
  }
  await writer.write(foot);
  await writer.close();
}

/** A run's text is about this long; a wrong guess costs a copy. */
function guessBytes(runs: readonly Run[]): number {
  return runs.reduce(
    (bytes, run) => bytes + runBytes(run) * 1.4 + (run.to - run.from) * recordTextBytes,
    0,
  );
}

/** The run's share of its chunk. */
function runBytes({ chunk, from, to }: Run): number {
  return chunk.length * ((to - from) / readHeader(chunk).count);
}

/** Bytes appended one after the other. Memory that is never reached is never touched. */
class PageBuffer {
  private buffer: Uint8Array;
  private length = 0;

  constructor(capacity: number) {
    this.buffer = new Uint8Array(Math.ceil(capacity));
  }

  append(part: Uint8Array): void {
    const end = this.length + part.length;
    if (end > this.buffer.length) {
      const larger = new Uint8Array(end * 2);
      larger.set(this.take());
      this.buffer = larger;
    }
    this.buffer.set(part, this.length);
    this.length = end;
  }

  take(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}
