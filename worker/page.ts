// Puts a page's reply together: what stands before the records, the records as the engine prints
// them run by run, and what stands after. Every dialect's page has this shape; they differ in the
// printing alone. A small page is one buffer. A large one is measured first and then printed while it is sent, a run at a
// time, so that a reply of 10 MB never exists as a whole and still says its length.
import { concatBytes } from "./bytes.ts";
import { pageBufferBytesMax } from "./limits.ts";
import type { Run } from "./stream/reader.ts";

/** How a dialect prints records; `measure` is the exact length of what `render` gives. */
export interface RecordPrinter {
  measure(chunk: Uint8Array, from: number, to: number): number;
  render(chunk: Uint8Array, from: number, to: number): Uint8Array;
  /** What stands between two records. */
  separator: Uint8Array;
}

export type PageBody = Uint8Array | ReadableStream<Uint8Array>;

export function renderPage(
  head: Uint8Array,
  runs: readonly Run[],
  printer: RecordPrinter,
  foot: Uint8Array,
): PageBody {
  const likelyBytes = runs.reduce((bytes, { chunk }) => bytes + chunk.length, 0);
  if (likelyBytes <= pageBufferBytesMax) return concatBytes([...pieces(head, runs, printer, foot)]);
  let length = head.length + foot.length;
  for (const { chunk, from, to } of runs) length += printer.measure(chunk, from, to);
  length += printer.separator.length * (runs.length - 1);
  const { readable, writable } = new FixedLengthStream(length);
  // A reader that goes away ends the printing; nobody is left to be told.
  send(pieces(head, runs, printer, foot), writable).catch(() => {});
  return readable;
}

function* pieces(
  head: Uint8Array,
  runs: readonly Run[],
  printer: RecordPrinter,
  foot: Uint8Array,
): Generator<Uint8Array> {
  yield head;
  for (const [i, { chunk, from, to }] of runs.entries()) {
    if (i > 0) yield printer.separator;
    yield printer.render(chunk, from, to);
  }
  yield foot;
}

async function send(parts: Iterable<Uint8Array>, to: WritableStream<Uint8Array>): Promise<void> {
  const writer = to.getWriter();
  for (const part of parts) {
    if (part.length > 0) await writer.write(part);
  }
  await writer.close();
}
