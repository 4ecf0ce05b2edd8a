// What the Worker sends the front instead of a page whose chunks the front holds: what to print. The
// front of the local server reads it; its client gets the page (docs/decisions/0024).
import type { FormatOrder } from "./formats.ts";
import type { RecordText } from "./recordText.ts";

/** A reply with this header has a PageOrder as its body. The Worker alone sets it. */
export const pageOrderHeader = "x-millrace-page";

export interface PageOrder {
  /** The life of the isolate that gave the front the chunks. */
  life: string;
  format: FormatOrder;
  /** In base64. */
  head: string;
  foot: string;
  /** The number of the chunk, its first record, and the one after its last. */
  runs: [chunk: number, from: number, to: number][];
  /** The name of a header for the CRC-32 of the text. */
  checksumHeader?: string | undefined;
}

/** The order of a text whose chunks have these numbers. */
export function orderOf(
  { head, runs, printer, foot }: RecordText,
  life: string,
  numbers: readonly number[],
  checksumHeader: string | undefined,
): PageOrder {
  return {
    life,
    format: printer.order,
    head: Buffer.from(head).toString("base64"),
    foot: Buffer.from(foot).toString("base64"),
    runs: runs.map(({ from, to }, i) => [numbers[i] ?? 0, from, to]),
    checksumHeader,
  };
}
