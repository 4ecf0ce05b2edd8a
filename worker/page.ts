// Puts a page's reply together: what stands before the records, the records as the engine prints
// them run by run, and what stands after. Every dialect's page has this shape; they differ in the
// printing alone. A small page is printed into memory that every small page uses, right before it is
// sent. A large one is measured first and then printed while it is sent, a run at a time, so that a
// reply of 10 MB never exists as a whole and still says its length.
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

/** Text of a record beside its data and key, in any dialect: enough for a first guess. */
const recordTextBytes = 170;

/** A reply of records that is printed when it is sent, and not before. */
export class RecordPage {
  private readonly head: Uint8Array;
  private readonly runs: readonly Run[];
  private readonly printer: RecordPrinter;
  private readonly foot: Uint8Array;

  constructor(head: Uint8Array, runs: readonly Run[], printer: RecordPrinter, foot: Uint8Array) {
    this.head = head;
    this.runs = runs;
    this.printer = printer;
    this.foot = foot;
  }

  /** A Response copies the bytes it is given, so the next page may be printed over them. */
  respond(init?: ResponseInit): Response {
    return new Response(this.isSmall() ? this.print() : this.stream(), init);
  }

  /** The whole text, in memory of its own. */
  async bytes(): Promise<Uint8Array> {
    if (this.isSmall()) return this.print().slice();
    return new Uint8Array(await new Response(this.stream()).arrayBuffer());
  }

  private isSmall(): boolean {
    return this.runs.reduce((bytes, run) => bytes + runBytes(run), 0) <= pageBufferBytesMax;
  }

  /** The text, until the next page is printed. */
  private print(): Uint8Array {
    const { head, runs, printer, foot } = this;
    desk.clear(head.length + foot.length + guessBytes(runs));
    desk.append(head);
    for (const [i, { chunk, from, to }] of runs.entries()) {
      if (i > 0) desk.append(printer.separator);
      printer.print(chunk, from, to, appendToDesk);
    }
    desk.append(foot);
    return desk.text();
  }

  private stream(): ReadableStream<Uint8Array> {
    const { head, runs, printer, foot } = this;
    let length = head.length + foot.length + printer.separator.length * (runs.length - 1);
    for (const { chunk, from, to } of runs) length += printer.measure(chunk, from, to);
    const { readable, writable } = new FixedLengthStream(length);
    // A reader that goes away ends the printing; nobody is left to be told.
    this.send(writable).catch(() => {});
    return readable;
  }

  private async send(to: WritableStream<Uint8Array>): Promise<void> {
    const writer = to.getWriter();
    let before = this.head;
    for (const run of this.runs) {
      const piece = new PageBuffer();
      piece.clear(before.length + guessBytes([run]));
      piece.append(before);
      this.printer.print(run.chunk, run.from, run.to, (part) => piece.append(part));
      await writer.write(piece.text());
      before = this.printer.separator;
    }
    await writer.write(this.foot);
    await writer.close();
  }
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
  private buffer = new Uint8Array(0);
  private length = 0;

  /** Begins anew, with room for so many bytes. */
  clear(capacity: number): void {
    this.length = 0;
    if (capacity > this.buffer.length) this.buffer = new Uint8Array(Math.ceil(capacity));
  }

  append(part: Uint8Array): void {
    const end = this.length + part.length;
    if (end > this.buffer.length) {
      const larger = new Uint8Array(end * 2);
      larger.set(this.text());
      this.buffer = larger;
    }
    this.buffer.set(part, this.length);
    this.length = end;
  }

  text(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}

/** The isolate's, for one small page after the other: fresh memory would cost more than the printing. */
const desk = new PageBuffer();

function appendToDesk(part: Uint8Array): void {
  desk.append(part);
}
