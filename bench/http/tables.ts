// What bench/http/http.ts measured as tables: one for each group of loads.

import type { Summary } from "../tools/load.ts";
import {
  formatBytes,
  formatNumber,
  formatRatio,
  formatRounds,
  formatSpread,
  type Table,
} from "../report/textTable.ts";

/** Titles of the groups, and what the server's counters say in each. */
const groups = [
  {
    group: "read",
    title: "Pages; shard/page: what the Worker asks of the shard for a page",
    extra: ["shard/page"],
  },
  { group: "poll", title: "Polls at the tip of a shard", extra: [] },
  {
    group: "write",
    title:
      "Writes, each acknowledged when durable; rows/req: SQLite rows that Cloudflare would bill",
    extra: ["rows/req"],
  },
  {
    group: "front",
    title: "What the local server's front costs: the same over each way to workerd",
    extra: [],
  },
  {
    group: "fan-out",
    title: "Consumers of one shard; where it grows, latency is from sending a record to having it",
    extra: [],
  },
  { group: "shards", title: "Streams of 1, 4 and 16 shards", extra: ["rows/req"] },
];

const columns = "load|record|conns|req/s|rec/s|MB/s|p50 ms|p99 ms|cpu ms|spread|rounds";

export function httpTables(rows: readonly Summary[]): Table[] {
  return groups.map(({ group, title, extra }) => ({
    title,
    columns: [...columns.split("|"), ...extra],
    rows: rows
      .filter((row) => row.group === group)
      .map((row) => formatRow(row).concat(extra.length > 0 ? formatCounter(row) : [])),
  }));
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
    formatSpread(row.spread, row.rounds),
    formatRounds(row.rounds),
  ];
}

/** Of the shard, for one request: rows written, or pages and views asked for. */
function formatCounter({ observed, exchanges }: Summary): string {
  const { rows, shardPages = NaN, viewRequests = NaN } = observed;
  return formatRatio(rows ?? shardPages + viewRequests, exchanges);
}
