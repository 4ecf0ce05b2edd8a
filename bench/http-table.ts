// Prints what bench/http.ts measured: a table for each group of loads.

import type { HttpBench } from "./http.ts";
import type { Summary } from "./load.ts";
import { formatBytes, formatNumber, formatRatio, formatSpread, printTable } from "./table.ts";

const groups = {
  read: "pages; shard/page: what the Worker asks of the shard for a page",
  poll: "polls at the tip of a shard",
  write: "writes, each acknowledged when durable; rows/req: SQLite rows that Cloudflare would bill",
  "fan-out":
    "consumers of one shard; of one that grows, latency is from sending a record to having it",
  shards: "streams of 1, 4 and 16 shards",
} as Record<string, string>;

const headings = "load|record|conns|req/s|rec/s|MB/s|p50 ms|p99 ms|cpu ms|spread";

export function printHttp({ rows, hash }: HttpBench): void {
  for (const [group, text] of Object.entries(groups)) {
    console.log(`\n${text}\n`);
    const members = rows.filter((row) => row.group === group);
    const extra = extraHeading(group);
    printTable([...headings.split("|"), ...extra], members.map(formatRow));
  }
  const busiest = Math.max(...rows.map(({ ownLoad }) => ownLoad));
  console.log(`\ncpu ms: of the server, for one request`);
  console.log(`making the load took at most ${Math.round(busiest * 100)}% of a core`);
  console.log(`results ${hash}`);
}

function extraHeading(group: string): string[] {
  if (group === "read") return ["shard/page"];
  return group === "write" || group === "shards" ? ["rows/req"] : [];
}

function formatRow(row: Summary): string[] {
  return [
    row.title,
    formatBytes(row.recordBytes),
    String(row.connections),
    formatNumber(row.requestsPerSecond),
    formatNumber(row.recordsPerSecond),
    formatNumber(row.megabytesPerSecond),
    formatNumber(row.p50Ms),
    formatNumber(row.p99Ms),
    formatNumber(row.serverCpuMs),
    formatSpread([row.spread]),
    formatRatio(askedOf(row), row.exchanges),
  ];
}

/** Of the shard: rows written, or pages and views asked for. */
function askedOf({ observed }: Summary): number {
  const { rows, shardPages = NaN, viewRequests = NaN } = observed;
  return rows ?? shardPages + viewRequests;
}
