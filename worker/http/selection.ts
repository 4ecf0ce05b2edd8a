// How a request that is not of our making says which records it wants, and how the reply tells what was looked at:
// in headers, which every client of a dialect can add and read.
import type { Page } from "../stream/reader.ts";

/** A pattern of docs/SCAN.md. */
export const filterHeader = "x-millrace-filter";

const scannedHeader = "x-millrace-scanned";

/** The headers of a reply of selected records: "records=1000 bytes=1048576"; none for a page of all. */
export function scannedHeaders({ scanned }: Page): Record<string, string> {
  if (scanned === undefined) return {};
  return { [scannedHeader]: `records=${scanned.records} bytes=${scanned.bytes}` };
}
