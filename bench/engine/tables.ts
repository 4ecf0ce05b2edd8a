// The engine's figures as tables: its batch operations by size of record, and its lookups.

import type { EngineBench, EngineRow } from "../report/results.ts";
import {
  formatBytes,
  formatNumber,
  formatRatio,
  formatRounds,
  formatSpread,
  type Table,
} from "../report/textTable.ts";

/** What no request calls yet, and is marked. Their exports are in assembly/lookup.ts. */
const uncalled = /^(?:walk|scan|by index among \d+)$/;

export function engineTables({ batches, finds }: EngineBench): Table[] {
  return [
    {
      title:
        "Engine, release build: GB/s of record data in place and with the copies in and out; " +
        "Mrec/s: millions of records a second; x: times plain TypeScript; memcpy/: of its speed; " +
        "*: no request calls it",
      columns:
        "operation|record|in place|Mrec/s|plain|x|memcpy/|copies|Mrec/s|plain|x|spread|rounds".split(
          "|",
        ),
      rows: batches.map(formatBatch),
    },
    {
      title: "Engine, lookups: nanoseconds a call; *: no request calls it",
      columns: "find|in place|plain|x|copies|spread|rounds".split("|"),
      rows: finds.map(formatFind),
    },
  ];
}

function formatBatch(row: EngineRow): string[] {
  const { title, recordBytes, recordCount, dataBytes } = row;
  const speed = (ns?: number): string => formatNumber(dataBytes / (ns ?? NaN));
  const rate = (ns?: number): string => formatNumber((recordCount / (ns ?? NaN)) * 1000);
  return [
    marked(title),
    formatBytes(recordBytes),
    speed(row.inPlaceNs),
    rate(row.inPlaceNs),
    speed(row.plainNs),
    formatRatio(row.plainNs, row.inPlaceNs),
    formatRatio(row.memcpyNs, row.inPlaceNs),
    speed(row.copiesNs),
    rate(row.copiesNs),
    speed(row.plainCopiesNs),
    formatRatio(row.plainCopiesNs, row.copiesNs),
    formatSpread(row.spread, row.rounds),
    formatRounds(row.rounds),
  ];
}

function formatFind({ title, inPlaceNs, plainNs, copiesNs, spread, rounds }: EngineRow): string[] {
  return [
    marked(title),
    formatNumber(inPlaceNs),
    formatNumber(plainNs),
    formatRatio(plainNs, inPlaceNs),
    formatNumber(copiesNs),
    formatSpread(spread, rounds),
    formatRounds(rounds),
  ];
}

function marked(title: string): string {
  return uncalled.test(title) ? `${title} *` : title;
}
