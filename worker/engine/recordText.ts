// The text of a page of records: a text before the records, the records as the engine prints them run
// by run, and a text after. Every dialect's page has this form. A page that fits the engine's output
// window is printed at once. A larger one is measured first and then printed part by part while it is
// sent, so that a reply of 10 MB never exists as a whole and still has its length in the head.
import { crc32 } from "node:zlib";
import { pageBufferBytesMax, recordTextBytes, recordTextBytesMin } from "../limits.ts";
import { readHeader } from "./chunk.ts";
import type { PageSlot } from "./pageSlots.ts";
import {
  collect,
  type PageText,
  type RecordPrinter,
  type RecordRun,
  type TextParts,
} from "./printer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A text to send: its exact length, and its parts, which are requested as the client takes them. */
export interface Outgoing {
  length: number;
  parts: Iterable<Uint8Array>;
  /** Headers that depend on the bytes. */
  headers?: Record<string, string>;
  /** Memory while it is sent, if that is less than what was reserved. */
  memoryBytes?: number;
  /** The slot of the engine's memory that has the parts, if one has. */
  slot?: PageSlot;
}

export class RecordText {
  readonly head: Uint8Array;
  readonly runs: readonly RecordRun[];
  readonly printer: RecordPrinter;
  readonly foot: Uint8Array;

  constructor(
    head: Uint8Array,
    runs: readonly RecordRun[],
    printer: RecordPrinter,
    foot: Uint8Array,
  ) {
    this.head = head;
    this.runs = runs;
    this.printer = printer;
    this.foot = foot;
  }

  /** The whole text, in its own memory. */
  bytes(): Bytes {
    return collect(this.print());
  }

  /** Upper bound of the memory for sending: the text, or the chunks and a part of the text. */
  get memoryBytes(): number {
    const textBytes = this.bytesLikely;
    if (textBytes <= pageBufferBytesMax) return textBytes;
    return pageBufferBytesMax + this.runs.reduce((bytes, { chunk }) => bytes + chunk.length, 0);
  }

  /** An estimate of the text's length: keys that must be escaped are longer. */
  get bytesLikely(): number {
    return this.estimateBytes(recordTextBytes);
  }

  /** The text has at least so many bytes. */
  get bytesMin(): number {
    return this.estimateBytes(recordTextBytesMin);
  }

  /** The text, ready to send. `mayUseSlot`: it is sent in one piece, so that it may be in a slot of the engine. */
  make(checksumHeader: string | undefined, mayUseSlot: boolean): Outgoing {
    const { head, runs, foot } = this;
    const sumOf = (text: Iterable<Uint8Array>): Record<string, string> =>
      checksumHeader === undefined ? {} : { [checksumHeader]: String(checksumOf(text)) };
    const page = mayUseSlot ? this.printInSlot() : undefined;
    if (page !== undefined) {
      const { text, slot } = page;
      const { length } = text;
      return { length, parts: [text], headers: sumOf([text]), memoryBytes: length, slot };
    }
    const isLarge = this.bytesLikely > pageBufferBytesMax;
    const text = isLarge ? undefined : this.printAtOnce();
    if (text !== undefined) {
      const headers = sumOf([text]);
      return { length: text.length, parts: lend(text), headers, memoryBytes: text.length };
    }
    const length = this.printer.measure(head, runs, foot);
    return { length, parts: this.printParts(), headers: sumOf(this.print()) };
  }

  /** Each part is in the engine's memory, and invalid after the engine's next call. */
  print(): TextParts {
    return this.printer.print(this.head, this.runs, this.foot);
  }

  /** Each record adds so many bytes to its key and data. */
  private estimateBytes(recordBytes: number): number {
    return this.runs.reduce((bytes, { chunk, from, to }) => {
      const share = (to - from) / readHeader(chunk).count;
      return bytes + (chunk.length * share * 4) / 3 + (to - from) * recordBytes;
    }, this.head.length + this.foot.length);
  }

  /** The text in a slot of the engine, if one is free and long enough. */
  private printInSlot(): PageText | undefined {
    const { head, runs, printer, foot } = this;
    return printer.fitsPage(this.bytesMin) ? printer.printPage(head, runs, foot) : undefined;
  }

  /** The text, or undefined if it is more than one part. */
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
}

/** CRC-32 of all parts. */
function checksumOf(parts: Iterable<Uint8Array>): number {
  let sum = 0;
  for (const part of parts) sum = crc32(part, sum);
  return sum;
}

/**
 * Yields a text in its own memory and frees that memory when the next part is requested, without
 * waiting for a garbage collection.
 */
function* lend(text: Bytes): TextParts {
  try {
    yield text;
  } finally {
    text.buffer.transfer(0);
  }
}
