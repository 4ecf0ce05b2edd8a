// Puts a page's reply together: what stands before the records, the records as the engine prints
// them run by run, and what stands after. Every dialect's page has this shape; they differ in the
// printing alone. A page is printed when there is room to send it. One that fits what the engine prints at
// once is sent as that. A larger one is measured first and then printed while it is sent, part by
// part, so that a reply of 10 MB never exists as a whole and still says its length.
import { crc32 } from "node:zlib";
import type { RecordPrinter } from "../engine/engine.ts";
import { collect, type TextParts } from "../engine/printer.ts";
import { pageBufferBytesMax, recordTextBytes } from "../limits.ts";
import { type Outgoing, send } from "./reply.ts";
import { readHeader } from "../engine/chunk.ts";
import type { Run } from "../stream/reader.ts";

type Bytes = Uint8Array<ArrayBuffer>;

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

  /** With a CRC-32 of its text in a header, a page that is printed while it is sent is printed twice. */
  respond(init?: ResponseInit, checksumHeader?: string): Promise<Response> {
    return send(this.memoryBytes, () => this.make(checksumHeader), init);
  }

  /** The whole text, in memory of its own. */
  bytes(): Bytes {
    return collect(this.print());
  }

  /** Memory that sending takes at most: its text, or its chunks and a part of the text. */
  private get memoryBytes(): number {
    const textBytes = this.textBytesLikely;
    if (textBytes <= pageBufferBytesMax) return textBytes;
    return pageBufferBytesMax + this.runs.reduce((bytes, { chunk }) => bytes + chunk.length, 0);
  }

  /** No measure, but near it: keys that have to be escaped are longer. */
  private get textBytesLikely(): number {
    return this.runs.reduce((bytes, { chunk, from, to }) => {
      const share = (to - from) / readHeader(chunk).count;
      return bytes + (chunk.length * share * 4) / 3 + (to - from) * recordTextBytes;
    }, this.head.length + this.foot.length);
  }

  private make(checksumHeader: string | undefined): Outgoing {
    const { head, runs, foot } = this;
    const sumOf = (text: Iterable<Uint8Array>): Record<string, string> =>
      checksumHeader === undefined ? {} : { [checksumHeader]: String(checksumOf(text)) };
    const isLarge = this.textBytesLikely > pageBufferBytesMax;
    const text = isLarge ? undefined : this.printAtOnce();
    if (text !== undefined) {
      const headers = sumOf([text]);
      return { length: text.length, parts: lend(text), headers, memoryBytes: text.length };
    }
    const length = this.printer.measure(head, runs, foot);
    return { length, parts: this.printParts(), headers: sumOf(this.print()) };
  }

  /** The text, or undefined when it is more than one part. */
  private printAtOnce(): Bytes | undefined {
    let text: Bytes | undefined;
    for (const part of this.print()) {
      if (text !== undefined) return undefined;
      text = new Uint8Array(part);
    }
    return text;
  }

  private *printParts(): TextParts {
    for (const part of this.print()) yield* lend(new Uint8Array(part));
  }

  private print(): TextParts {
    return this.printer.print(this.head, this.runs, this.foot);
  }
}

/** CRC-32 of all parts together. */
function checksumOf(parts: Iterable<Uint8Array>): number {
  let sum = 0;
  for (const part of parts) sum = crc32(part, sum);
  return sum;
}

/** A text in memory of its own, which is free as soon as the next one is asked for: no collection frees it. */
function* lend(text: Bytes): TextParts {
  try {
    yield text;
  } finally {
    text.buffer.transfer(0);
  }
}
