// The tables of the scan benchmark.

import { formatNumber, formatRatio, formatSpread, type Table } from "../report/textTable.ts";
import type { ScanBench } from "./scan.ts";

export function scanTables({ engine, files, history, polls, index }: ScanBench): Table[] {
  return [
    {
      title: "Scan in place: orders of 1 KiB as JSON, GB of data a second",
      columns: ["condition", "matches", "engine", "plain", "ratio", "spread"],
      rows: engine.map(({ title, matches, engine: own, plain, spread }) => [
        title,
        String(matches),
        formatNumber(own / 1e9),
        formatNumber(plain / 1e9),
        formatRatio(own, plain),
        formatSpread(spread, undefined),
      ]),
    },
    {
      title: "Scan of files: the same records as lines of JSON, one thread, GB a second",
      columns: ["condition", "program", "speed"],
      rows: files.map(({ title, program, speed }) => [
        title,
        program,
        typeof speed === "string" ? `needs ${speed}` : formatNumber(speed / 1e9),
      ]),
    },
    {
      title: "History over HTTP",
      columns: ["work", "records", "ms", "bytes sent"],
      rows: history.map(({ title, records, milliseconds, bytes }) => [
        title,
        String(records),
        formatNumber(milliseconds),
        String(bytes),
      ]),
    },
    {
      title: "Polls of another stream meanwhile, ms",
      columns: ["beside", "polls", "p50", "p99", "max"],
      rows: polls.map(({ beside, polls: count, p50, p99, max }) => [
        beside,
        String(count),
        formatNumber(p50),
        formatNumber(p99),
        formatNumber(max),
      ]),
    },
    {
      title:
        "One key's records in a history of segments of 1 MiB (made up, and served from memory)",
      columns: ["segments", "filters", "found", "fetched", "ms"],
      rows: index.map(({ segments, filters, found, fetched, milliseconds }) => [
        String(segments),
        filters ? "with" : "without",
        String(found),
        String(fetched),
        formatNumber(milliseconds),
      ]),
    },
  ];
}
