// Builds the reply of a page: the text before the records, the records as the engine prints them
// run by run, and the text after. Every dialect's page has this form. A page is printed when there
// is memory to send it. A page that fits the engine's output window is printed at once. A larger
// one is measured first and then printed part by part while it is sent, so that a reply of 10 MB
// never exists as a whole and still has its length in the head.
import { crc32 } from "node:zlib";
import type { RecordPrinter } from "../engine/engine.ts";
import { collect, type PageText, type TextParts } from "../engine/printer.ts";
import {
  pageBufferBytesMax,
  recordTextBytes,
  recordTextBytesMin,
  replyBytesMin,
} from "../limits.ts";
import { isSentWhole, type Outgoing, respond, send } from "./reply.ts";
import { readHeader } from "../engine/chunk.ts";
import type { RecordRun } from "../engine/printer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A reply of records that is printed when it is sent, and not before. */
export class RecordPage {
  private readonly head: Uint8Array;
  private readonly runs: readonly RecordRun[];
  private readonly printer: RecordPrinter;
  private readonly foot: Uint8Array;

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

  /**
   * Adds a CRC-32 of the text as a header; a page that is printed while it is sent is printed twice
   * for it.
   */
  respond(init?: ResponseInit, checksumHeader?: string): Promise<Response> {
    const small = checksumHeader === undefined ? this.printSmall() : undefined;
    if (small !== undefined) return respond(small, init);
    return send(this.memoryBytes, () => this.make(checksumHeader), init);
  }

  /** The whole text, in its own memory. */
  bytes(): Bytes {
    return collect(this.print());
  }

  /** Upper bound of the memory for sending: the text, or the chunks and a part of the text. */
  private get memoryBytes(): number {
    const textBytes = this.textBytesLikely;
    if (textBytes <= pageBufferBytesMax) return textBytes;
    return pageBufferBytesMax + this.runs.reduce((bytes, { chunk }) => bytes + chunk.length, 0);
  }

  /** An estimate of the text's length: keys that must be escaped are longer. */
  private get textBytesLikely(): number {
    return this.estimateBytes(recordTextBytes);
  }

  /** Each record adds so many bytes to its key and data. */
  private estimateBytes(recordBytes: number): number {
    return this.runs.reduce((bytes, { chunk, from, to }) => {
      const share = (to - from) / readHeader(chunk).count;
      return bytes + (chunk.length * share * 4) / 3 + (to - from) * recordBytes;
    }, this.head.length + this.foot.length);
  }

  private make(checksumHeader: string | undefined): Outgoing {
    const { head, runs, foot } = this;
    const sumOf = (text: Iterable<Uint8Array>): Record<string, string> =>
      checksumHeader === undefined ? {} : { [checksumHeader]: String(checksumOf(text)) };
    const page = this.printInSlot();
    if (page !== undefined) {
      const { text, slot } = page;
      const { length } = text;
      return { length, parts: [text], headers: sumOf([text]), memoryBytes: length, slot };
    }
    const isLarge = this.textBytesLikely > pageBufferBytesMax;
    const text = isLarge ? undefined : this.printAtOnce();
    if (text !== undefined) {
      const headers = sumOf([text]);
      return { length: text.length, parts: lend(text), headers, memoryBytes: text.length };
    }
    const length = this.printer.measure(head, runs, foot);
    return { length, parts: this.printParts(), headers: sumOf(this.print()) };
  }

  /** The text of a small reply, in the engine's memory: polls at the tip are the most frequent pages. */
  private printSmall(): Uint8Array | undefined {
    if (this.textBytesLikely >= replyBytesMin) return undefined;
    const [text, more] = this.print();
    const isSmall = more === undefined && text !== undefined && text.length < replyBytesMin;
    return isSmall ? text : undefined;
  }

  /** The text in a slot of the engine, if it is sent in one large piece and a slot is free. */
  private printInSlot(): PageText | undefined {
    const { head, runs, printer, foot } = this;
    const bytesMin = this.estimateBytes(recordTextBytesMin);
    if (!isSentWhole(bytesMin) || !printer.fitsPage(bytesMin)) return undefined;
    return printer.printPage(head, runs, foot);
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

  private print(): TextParts {
    return this.printer.print(this.head, this.runs, this.foot);
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
