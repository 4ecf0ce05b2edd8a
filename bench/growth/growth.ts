// What the same request costs with little and with much around it: segments in a shard, shards of a stream, streams of an
// account. The servers of an axis run side by side and take turns; with them, what the platform asks for by
// itself. Whatever is not flat, or nearly so, is a fault to look for.
//
//   npm run bench -- growth [--quick]
//   npx node bench/growth/growth.ts --axis segments [--quick] [--data DIR]

import { startMillrace } from "../http/http.ts";
import { KinesisClient, makeMessage } from "../http/kinesis.ts";
import { readFlags } from "../tools/flags.ts";
import { HttpConnection } from "../tools/wire.ts";
import { startFloors } from "../tools/floors.ts";
import { type Effort, type Load, measureLoads, type Summary } from "../tools/load.ts";
import { readMegabytes } from "../tools/memory.ts";
import { makeDataFolder } from "../tools/process.ts";
import type { Progress } from "../tools/progress.ts";
import { makeRecord } from "../tools/workload.ts";
import { printTable } from "../report/textTable.ts";
import { fillSegments, fillStreams, rareKey, segmentRecords } from "./fill.ts";
import { type Axis, listGrowthLoads, type Point, recordBytes, stream } from "./loads.ts";
import { growthTables } from "./tables.ts";

export interface GrowthRow extends Summary {
  /** Undefined for a floor, which nothing lies around. */
  size?: number;
}

/** What is measured once for a size. */
export interface GrowthState {
  axis: Axis;
  size: number;
  /** From the start of the program until it takes requests. */
  startMs: number;
  /** Of workerd, when it has started, and after all loads. */
  startMegabytes?: number | undefined;
  endMegabytes?: number | undefined;
}

export interface GrowthBench {
  rows: GrowthRow[];
  states: GrowthState[];
}

export interface GrowthOptions {
  quick: boolean;
  dataParent?: string;
  axes?: readonly Axis[];
}

const sizes: Record<Axis, readonly number[]> = {
  segments: [1, 100, 10_000],
  shards: [1, 100, 1000],
  streams: [10, 1000, 100_000],
};
const quickSizes: Record<Axis, readonly number[]> = {
  segments: [1, 20],
  shards: [1, 4],
  streams: [10, 50],
};
export const axes = Object.keys(sizes) as Axis[];

const fullEffort: Effort = { warmMs: 60, roundMs: 240, rounds: 5, totalMsMax: 90_000 };
const quickEffort: Effort = { warmMs: 0, roundMs: 0, rounds: 1, totalMsMax: 20_000 };
/** Of a put that fills. */
const putRecords = 500;
const putBytesMax = 4 << 20;
const template = "template";

export async function benchGrowth(
  options: GrowthOptions,
  progress: Progress,
): Promise<GrowthBench> {
  const bench: GrowthBench = { rows: [], states: [] };
  for (const axis of options.axes ?? axes) {
    const { rows, states } = await benchAxis(axis, options, progress);
    bench.rows.push(...rows);
    bench.states.push(...states);
  }
  return bench;
}

async function benchAxis(
  axis: Axis,
  { quick, dataParent }: GrowthOptions,
  progress: Progress,
): Promise<GrowthBench> {
  await using stack = new AsyncDisposableStack();
  const points: { point: Point; state: GrowthState; workerd: number[] }[] = [];
  for (const size of (quick ? quickSizes : sizes)[axis]) {
    progress(`growth: filling ${size} ${axis}`);
    const folder = stack.use(makeDataFolder(dataParent));
    await fill(folder.path, axis, size);
    const startMs = performance.now();
    const server = stack.use(await startMillrace(folder.path, "direct"));
    const workerd = server.pids.slice(-1);
    const state = {
      axis,
      size,
      startMs: performance.now() - startMs,
      startMegabytes: readMegabytes(workerd),
    };
    points.push({
      point: { axis, size, address: server.address, pids: server.pids },
      state,
      workerd,
    });
  }
  const floors = stack.use(await startFloors(dataParent));
  const loads: Load[] = [
    floors.load("worker", axis, 4),
    floors.load("object", axis, 4),
    floors.load("row", axis, 1),
  ];
  const sizeOf = new Map<string, number>();
  const lists: Load[][] = [];
  for (const { point } of points) {
    const own = await listGrowthLoads(point);
    for (const { id } of own) sizeOf.set(id, point.size);
    lists.push(own);
  }
  // Load by load, so that the sizes that are compared follow one another.
  const [first = []] = lists;
  for (const i of first.keys()) for (const own of lists) loads.push(own[i]!);
  const summaries = await measureLoads(loads, quick ? quickEffort : fullEffort, (what, part) =>
    progress(`growth: ${Math.round(part * 100)}% ${what}`),
  );
  const rows = summaries.map((row): GrowthRow => {
    const size = sizeOf.get(row.id);
    return size === undefined ? row : Object.assign(row, { size });
  });
  const states = points.map(({ state, workerd }) =>
    Object.assign(state, { endMegabytes: readMegabytes(workerd) }),
  );
  return { rows, states };
}

/** Leaves a data folder with so much in it, and no server. */
export async function fill(folder: string, axis: Axis, size: number): Promise<void> {
  {
    await using server = await startMillrace(folder, "direct");
    const client = await KinesisClient.open(server.address);
    const shards = axis === "shards" ? size : 1;
    await client.createStream(stream, shards);
    if (axis !== "segments") await fillShards(client, shards);
    client.close();
    if (axis === "streams") {
      const connection = await HttpConnection.open(server.address);
      const headers = { "content-type": "text/plain" };
      const path = `/v1/stream/${template}`;
      const put = makeMessage(server.address, path, headers, Buffer.from("hello"), "PUT");
      const { status } = await connection.exchange(put);
      connection.close();
      if (status !== 201) throw new Error(`a stream was not created: ${status}`);
    }
  }
  if (axis === "segments") fillSegments(folder, size);
  if (axis === "streams") fillStreams(folder, template, size);
}

/** A page of records in each shard, and the record that is scanned for in one. */
async function fillShards(client: KinesisClient, shards: number): Promise<void> {
  const width = (1n << 128n) / BigInt(shards);
  const records = Array.from({ length: segmentRecords }, (_, i) =>
    Buffer.from(makeRecord(i, recordBytes).data).toString("base64"),
  );
  const all = Array.from({ length: shards * segmentRecords }, (_, i) => ({
    Data: records[i % segmentRecords]!,
    PartitionKey: `sensor-${i % 1000}`,
    ExplicitHashKey: String(width * BigInt(Math.floor(i / segmentRecords)) + 1n),
  }));
  const perPut = Math.min(putRecords, Math.floor(putBytesMax / recordBytes));
  for (let at = 0; at < all.length; at += perPut) {
    await putAll(client, all.slice(at, at + perPut));
  }
  await putAll(client, [{ Data: records[0]!, PartitionKey: rareKey }]);
}

async function putAll(client: KinesisClient, Records: readonly object[]): Promise<void> {
  const { FailedRecordCount } = await client.call("PutRecords", { StreamName: stream, Records });
  if (FailedRecordCount !== 0) throw new Error(`${String(FailedRecordCount)} records were not put`);
}

if (import.meta.main) {
  const flags = readFlags("bench/growth/growth.ts", {
    axis: { form: "NAME", words: axes, what: `what grows: ${axes.join(", ")}; all without it` },
    quick: { isSwitch: true, what: "everything once with small data: no figure means anything" },
    data: { form: "PATH", what: "folder for the servers' data, on a disk" },
  });
  const wanted = axes.filter((axis) => flags.axis === undefined || flags.axis === axis);
  const options = { quick: flags.quick, axes: wanted };
  const where = flags.data === undefined ? {} : { dataParent: flags.data };
  const bench = await benchGrowth({ ...options, ...where }, () => {});
  growthTables(bench).forEach(printTable);
}
