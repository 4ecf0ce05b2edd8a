// The loads of bench/growth/growth.ts on one server: small requests of each kind, at places that are spread over all there
// is. Each load of the three sizes of an axis does the same work; only what lies around it grows.

import {
  KinesisClient,
  makeMessage,
  makeRequest,
  makeSinglePut,
  shardId,
} from "../http/kinesis.ts";
import { openWorkers, pageLoad, sendLoad } from "../http/kinesisLoads.ts";
import type { Load } from "../tools/load.ts";
import type { Address } from "../tools/wire.ts";
import { rareKey, segmentMs, segmentRecords, streamName } from "./fill.ts";

export type Axis = "segments" | "shards" | "streams";

/** A server that is filled. */
export interface Point {
  axis: Axis;
  size: number;
  address: Address;
  pids: readonly number[];
}

export const stream = "orders";
export const recordBytes = 1024;
/** Places that are asked for in turn. */
const spreadPlaces = 8;
/** Enough for puts to the same shard to share commits would say nothing about their number. */
const connections = { read: 4, put: 1 };

export async function listGrowthLoads(point: Point): Promise<Load[]> {
  const { axis, size, address } = point;
  const client = await KinesisClient.open(address);
  const { StreamDescriptionSummary: summary } = await client.call("DescribeStreamSummary", {
    StreamName: stream,
  });
  const createdMs = Math.round(
    (summary as { StreamCreationTimestamp: number }).StreamCreationTimestamp * 1000,
  );
  const label = (title: string, count: number) => ({
    id: `${axis} ${size} ${title}`,
    group: axis,
    title,
    recordBytes,
    connections: count,
  });
  /** Shard and time of a place. */
  const placeOf = (part: number): { ShardId: string; timeMs: number } =>
    axis === "segments"
      ? { ShardId: shardId(0), timeMs: segmentMs(createdMs, Math.floor(size * part)) }
      : { ShardId: shardId(axis === "shards" ? Math.floor(size * part) : 0), timeMs: createdMs };
  const seekOf = (part: number) => {
    const { ShardId, timeMs } = placeOf(part);
    const at = { ShardIteratorType: "AT_TIMESTAMP", Timestamp: timeMs / 1000 };
    return { StreamName: stream, ShardId, ...at };
  };
  const parts = Array.from({ length: spreadPlaces }, (_, i) => (i + 0.5) / spreadPlaces);
  const seeks = parts.map((part) => makeRequest(address, "GetShardIterator", seekOf(part)));
  const [pages, polls]: [Buffer[], Buffer[]] = [[], []];
  for (const part of parts) {
    const { ShardIterator } = await client.call("GetShardIterator", seekOf(part));
    pages.push(makeRequest(address, "GetRecords", { ShardIterator, Limit: segmentRecords }));
    const { ShardId } = placeOf(part);
    const latest = { StreamName: stream, ShardId, ShardIteratorType: "LATEST" };
    const tip = await client.call("GetShardIterator", latest);
    polls.push(makeRequest(address, "GetRecords", { ...tip, Limit: segmentRecords }));
  }
  client.close();
  const page = { records: segmentRecords, dataBytes: segmentRecords * recordBytes };
  const none = { records: 0, dataBytes: 0 };
  // Keys of the workload are spread over all shards.
  const puts = Array.from({ length: 64 }, (_, i) => makeSinglePut(address, stream, recordBytes, i));
  const loads = [
    pageLoad(
      address,
      label("page", connections.read),
      pages.map((request) => Object.assign({ request }, page)),
    ),
    sendLoad(address, label("poll, nothing new", connections.read), polls, none),
    sendLoad(address, label("put a record", connections.put), puts, {
      records: 1,
      dataBytes: recordBytes,
    }),
    sendLoad(address, label("seek by time", connections.read), seeks, none),
    scanLoad(address, label("scan by key", 1)),
    ...(axis === "shards" ? shardLoads(address, label) : []),
    ...(axis === "streams" ? streamLoads(address, size, label) : []),
  ];
  for (const load of loads) load.pids = point.pids;
  return loads;
}

type MakeLabel = (title: string, count: number) => Omit<Load, "open">;

function shardLoads(address: Address, label: MakeLabel): Load[] {
  const list = makeRequest(address, "ListShards", { StreamName: stream, MaxResults: 100 });
  return [sendLoad(address, label("list 100 shards", 1), [list], { records: 0, dataBytes: 0 })];
}

function streamLoads(address: Address, size: number, label: MakeLabel): Load[] {
  const none = { records: 0, dataBytes: 0 };
  const describe = makeRequest(address, "DescribeStreamSummary", { StreamName: stream });
  const middle = streamName(Math.floor(size / 2));
  const list = makeRequest(address, "ListStreams", {
    Limit: 100,
    ExclusiveStartStreamName: middle,
  });
  return [
    sendLoad(address, label("describe a stream", connections.read), [describe], none),
    sendLoad(address, label("list 100 streams", 1), [list], none),
    madeUpLoad(address, label("create a small stream", connections.read), (name) =>
      makeMessage(
        address,
        `/v1/stream/${name}`,
        { "content-type": "text/plain" },
        Buffer.from("a"),
        "PUT",
      ),
    ),
    madeUpLoad(address, label("create a stream", 1), (StreamName) =>
      makeRequest(address, "CreateStream", { StreamName, ShardCount: 1 }),
    ),
  ];
}

/** Requests for names that are new each time. */
function madeUpLoad(
  address: Address,
  label: Omit<Load, "open">,
  make: (name: string) => Buffer,
): Load {
  let made = 0;
  return {
    ...label,
    open: () =>
      openWorkers(address, label.connections, (connection) => async () => {
        const { status, body } = await connection.exchange(
          make(`new-${made++}-${label.connections}`),
          200,
        );
        if (status >= 300) throw new Error(`${label.title}: ${status} ${body.toString()}`);
        return { records: 0, dataBytes: 0 };
      }),
  };
}

/** A reply of unknown length, which the load generator's own connections do not read. */
function scanLoad({ host, port }: Address, label: Omit<Load, "open">): Load {
  const query = new URLSearchParams({ stream, key: rareKey });
  const url = `http://${host}:${port}/_millrace/scan?${query.toString()}`;
  const scan = async () => {
    const reply = await fetch(url);
    const text = await reply.text();
    const last = text.trimEnd().split("\n").at(-1) ?? "";
    const { found } = JSON.parse(last) as { found: number };
    if (!reply.ok || found !== 1) throw new Error(`scan: ${reply.status} ${last}`);
    return { records: 1, dataBytes: recordBytes };
  };
  return { ...label, open: async () => ({ workers: [scan], close: async () => {} }) };
}
