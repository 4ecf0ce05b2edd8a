/** Delivers pages to stdout in a format: what is wanted of them, taken apart, up to a number. */
import { type Format, formatRecord } from "../record/print.ts";
import { type StreamRecord, takeApart } from "../record/record.ts";
import { write } from "../terminal/output.ts";
import type { Selection } from "./flags.ts";
import type { Deliver, Taken } from "./walk.ts";

export interface PrintOptions {
  format: Format;
  /** Prints aggregates of the KPL as they are. */
  keepAggregates: boolean;
}

/** Resolves a page when all of it that is wanted has been handed to the operating system. */
export function printPages(selection: Selection, options: PrintOptions): Deliver {
  let left = selection.limit;
  return async ({ records }): Promise<Taken> => {
    const parts: (string | Uint8Array)[] = [];
    let count = 0;
    for (const record of records) {
      const wanted = partsOf(record, options).filter(selection.matches);
      const printed = wanted.slice(0, left);
      for (const part of printed) parts.push(formatRecord(part, options.format));
      left -= printed.length;
      if (printed.length < wanted.length) break;
      count++;
      if (left === 0) break;
    }
    if (parts.length > 0) await write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    return { count, isEnough: left === 0 };
  };
}

function partsOf(record: StreamRecord, { keepAggregates }: PrintOptions): StreamRecord[] {
  return keepAggregates ? [record] : takeApart(record);
}
