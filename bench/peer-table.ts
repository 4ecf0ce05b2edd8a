// Prints what bench/peers.ts measured: for each contest who did what, and how many times as much
// Millrace does; then what each of them promises.

import type { PeersBench } from "./peers.ts";
import type { PeerRow } from "./results.ts";
import { formatNumber, formatSpread, printTable } from "./table.ts";

const headings =
  "contest|conns|who|req/s|rec/s|MB/s|p50 ms|p99 ms|cpu ms|spread|millrace does, times";

export function printPeers({ rows, durability, versions, missing, hash }: PeersBench): void {
  console.log(
    "\n1 KiB records, data on disk, interleaved rounds; cpu ms: of the server, a request\n",
  );
  printTable(
    headings.split("|"),
    rows.map((row) => formatRow(row, ratioOf(row, rows))),
  );
  console.log("\nan acknowledged write is\n");
  for (const [name, text] of Object.entries(durability))
    console.log(`  ${name} ${versions[name]}: ${text}`);
  for (const [name, how] of Object.entries(missing)) console.log(`  ${name}: not here (${how})`);
  const busiest = Math.max(...rows.map(({ ownLoad }) => ownLoad));
  console.log(`\nmaking the load took at most ${Math.round(busiest * 100)}% of a core`);
  console.log(`results ${hash}`);
}

/** Records of Millrace for one of the row's subject, in the same contest; of polls, requests. */
export function ratioOf(row: PeerRow, rows: readonly PeerRow[]): number {
  const ours = rows.find(({ group, subject }) => group === row.group && subject === "millrace");
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
    formatSpread([row.spread]),
    row.subject === "millrace" ? "" : formatNumber(ratio),
  ];
}
