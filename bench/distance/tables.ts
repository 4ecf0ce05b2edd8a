// What bench/distance/distance.ts measured as tables: history, the tip, puts; a row for each distance.

import { type Counts, sumOf } from "./counts.ts";
import type { DistanceRow } from "./tally.ts";
import { formatNumber, formatRounds, type Table } from "../report/textTable.ts";

export function distanceTables(rows: readonly DistanceRow[]): Table[] {
  const group = (name: DistanceRow["group"]) => rows.filter(({ group }) => group === name);
  return [
    {
      title: "History, one reader, pages of up to 1000 records of 1 KiB",
      columns: [...common, "MB/s", "shard/MB", "catalog", "bucket/MB", "shard was asked for"],
      rows: group("history").map((row) =>
        formatRow(row, [
          formatNumber(megabytes(row) / (row.busyMs / 1000) || NaN),
          formatShare(sumOf(row.counts, "shard"), megabytes(row)),
          String(sumOf(row.counts, "catalog")),
          formatShare(sumOf(row.counts, "bucket"), megabytes(row)),
          formatCounts(row.counts),
        ]),
      ),
    },
    {
      title: "The tip; delivery is from sending a record, beside the shard, to having it",
      columns: [...common, "records", "delivery p50", "p99", "shard/req", "shard was asked for"],
      rows: group("tail").map((row) =>
        formatRow(row, [
          String(row.records),
          formatNumber(row.deliveryP50Ms),
          formatNumber(row.deliveryP99Ms),
          formatShare(sumOf(row.counts, "shard"), row.exchanges),
          formatCounts(row.counts),
        ]),
      ),
    },
    {
      title: "Puts, one after the other",
      columns: [...common, "shard/req", "catalog"],
      rows: group("put").map((row) =>
        formatRow(row, [
          formatShare(sumOf(row.counts, "shard"), row.exchanges),
          String(sumOf(row.counts, "catalog")),
        ]),
      ),
    },
  ];
}

const common = ["what", "round trip", "rounds", "count", "p50 ms", "p90", "p99"];

/** The columns that all tables have, and the table's own. */
function formatRow(row: DistanceRow, own: readonly string[]): string[] {
  const { title, roundTripMs, rounds, exchanges, p50Ms, p90Ms, p99Ms } = row;
  const first = [title, `${roundTripMs} ms`, formatRounds(rounds), String(exchanges)];
  return first.concat(formatNumber(p50Ms), formatNumber(p90Ms), formatNumber(p99Ms), own);
}

function megabytes({ dataBytes }: DistanceRow): number {
  return dataBytes / 1e6;
}

/** A share of nothing is not shown. */
function formatShare(count: number, of: number): string {
  if (of === 0) return "–";
  return count === 0 ? "0" : (count / of).toFixed(3);
}

/** `read 3, view 1` */
function formatCounts(counts: Counts): string {
  const own = Object.entries(counts).filter(([name]) => name.startsWith("shard."));
  if (own.length === 0) return "nothing";
  return own.map(([name, value]) => `${name.slice("shard.".length)} ${value}`).join(", ");
}
