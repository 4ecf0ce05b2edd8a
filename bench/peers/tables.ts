// What bench/peers/peers.ts measured as a table: for each contest who did what, and how many times as much
// Millrace does; and in words what each of them promises.

import type { PeerRow, PeersBench } from "../report/results.ts";
import { formatNumber, formatRounds, formatSpread, type Table } from "../report/textTable.ts";

/** Whom the others are compared with. */
const ourNames: ReadonlySet<string> = new Set(["millrace", "millrace in memory"]);

const columns =
  "contest|conns|who|req/s|rec/s|MB/s|p50 ms|p99 ms|cpu ms|spread|rounds|millrace does, times";

export function peersTable(rows: readonly PeerRow[]): Table {
  return {
    title:
      "Millrace and its peers: records of 1 KiB, data on disk where nothing else is said, interleaved rounds",
    columns: columns.split("|"),
    rows: rows.map((row) => formatRow(row, ratioOf(row, rows))),
  };
}

/** One line for each: what an acknowledged write is. */
export function listPromises({ durability, versions, missing }: PeersBench): string[] {
  const present = Object.entries(durability).map(
    ([name, promise]) => `${name} ${versions[name]}: an acknowledged write is ${promise}`,
  );
  const absent = Object.entries(missing).map(([name, how]) => `${name}: not here (${how})`);
  return [...present, ...absent];
}

/** Records of Millrace for one of the row's subject, in the same contest; of polls, requests. */
export function ratioOf(row: PeerRow, rows: readonly PeerRow[]): number {
  const ours = rows.find(({ group, subject }) => group === row.group && ourNames.has(subject));
  if (ours === undefined) return NaN;
  return row.recordsPerSecond > 0
    ? ours.recordsPerSecond / row.recordsPerSecond
    : ours.requestsPerSecond / row.requestsPerSecond;
}

function formatRow(row: PeerRow, ratio: number): string[] {
  return [
    row.title,
    String(row.connections),
    row.subject,
    formatNumber(row.requestsPerSecond),
    formatNumber(row.recordsPerSecond),
    formatNumber(row.megabytesPerSecond),
    formatNumber(row.p50Ms),
    formatNumber(row.p99Ms),
    formatNumber(row.serverCpuMs),
    formatSpread(row.spread, row.rounds),
    formatRounds(row.rounds),
    ourNames.has(row.subject) ? "" : formatNumber(ratio),
  ];
}
