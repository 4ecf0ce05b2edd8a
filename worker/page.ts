// Puts a page's reply together: what stands before the records, the records as the engine prints
// them run by run, and what stands after. Every dialect's page has this shape; they differ in the
// printing alone. A small page is printed in the engine's memory and handed on from there, right
// when it is sent. A large one is measured first and then printed while it is sent, a run at a time,
// so that a reply of 10 MB never exists as a whole and still says its length.
import type { RecordPrinter } from "./engine.ts";
import { pageBufferBytesMax } from "./limits.ts";
import { readHeader } from "./stream/chunk.ts";
import type { Run } from "./stream/reader.ts";

const NOTHING = new Uint8Array(0);

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

  /** A Response copies the bytes it is given at once, so the engine may go on. */
  respond(init?: ResponseInit): Response {
    return new Response(this.print() ?? this.stream(), init);
  }

  /** The whole text, in memory of its own. */
  async bytes(): Promise<Uint8Array> {
    const text = this.print();
    if (text !== undefined) return text.slice();
    return new Uint8Array(await new Response(this.stream()).arrayBuffer());
  }

  /** The text where the engine has printed it, until its next call; undefined for a large page. */
  private print(): Uint8Array | undefined {
    const { head, runs, printer, foot } = this;
    const storedBytes = runs.reduce((bytes, run) => bytes + runBytes(run), 0);
    return storedBytes > pageBufferBytesMax ? undefined : printer.printPage(head, runs, foot);
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
      await Promise.all(this.printRun(before, run).map((part) => writer.write(part)));
      before = this.printer.separator;
    }
    await writer.write(this.foot);
    await writer.close();
  }

  /** What stands before a run and its records, in memory of its own. */
  private printRun(before: Uint8Array, run: Run): Uint8Array[] {
    const text = this.printer.printPage(before, [run], NOTHING);
    if (text !== undefined) return [text.slice()];
    const parts = [before];
    this.printer.print(run.chunk, run.from, run.to, (part) => parts.push(part.slice()));
    return parts;
  }
}

/** The run's share of its chunk. */
function runBytes({ chunk, from, to }: Run): number {
  return chunk.length * ((to - from) / readHeader(chunk).count);
}
