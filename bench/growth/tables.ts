// What bench/growth/growth.ts measured as tables: for each axis the requests with the sizes beside one another, and what
// is measured once. The last column says how many times as much the largest size costs as the smallest.

import { formatNumber, formatRatio, type Table } from "../report/textTable.ts";
import type { GrowthBench, GrowthRow, GrowthState } from "./growth.ts";
import type { Axis } from "./loads.ts";

const titles: Record<Axis, string> = {
  segments: "A shard with so many segments of 16 records, all but the log in the bucket",
  shards: "A stream with so many shards",
  streams: "An account with so many streams of Durable Streams beside the one that is used",
};

export function growthTables({ rows, states }: GrowthBench): Table[] {
  return (Object.keys(titles) as Axis[]).flatMap((axis) => {
    const own = rows.filter(({ group }) => group === axis);
    const sizes = states.filter((state) => state.axis === axis);
    return own.length === 0 ? [] : [axisTable(axis, own, sizes)];
  });
}

function axisTable(axis: Axis, rows: readonly GrowthRow[], states: readonly GrowthState[]): Table {
  const sizes = states.map(({ size }) => size);
  const names = [...new Set(rows.map(({ title }) => title))];
  const columns = sizes.flatMap((size) => [`${size}: p50 ms`, "cpu ms"]);
  return {
    title: `${titles[axis]}; times: processor time of the largest by that of the smallest`,
    columns: ["request", "conns", ...columns, "times"],
    rows: [
      ...names.map((title) =>
        requestRow(
          rows.filter((row) => row.title === title),
          sizes,
        ),
      ),
      stateRow("start, ms", states, ({ startMs }) => startMs),
      stateRow("memory after the start, MB", states, ({ startMegabytes }) => startMegabytes),
      stateRow("memory at the end, MB", states, ({ endMegabytes }) => endMegabytes),
    ],
  };
}

/** A floor has one figure, which is shown once. */
function requestRow(rows: readonly GrowthRow[], sizes: readonly number[]): string[] {
  const [any] = rows;
  const ordered = sizes.map((size, i) =>
    rows.find((row) => (row.size ?? (i === 0 ? size : -1)) === size),
  );
  const cells = ordered.flatMap((row) =>
    row === undefined ? ["", ""] : [formatNumber(row.p50Ms), formatNumber(row.serverCpuMs)],
  );
  const isFloor = any?.size === undefined;
  const times = formatRatio(ordered.at(-1)?.serverCpuMs, ordered[0]?.serverCpuMs);
  return [any?.title ?? "", String(any?.connections), ...cells, isFloor ? "" : times];
}

function stateRow(
  title: string,
  states: readonly GrowthState[],
  of: (state: GrowthState) => number | undefined,
): string[] {
  const cells = states.flatMap((state) => ["", formatNumber(of(state))]);
  return [title, "", ...cells, formatRatio(of(states.at(-1)!), of(states[0]!))];
}
