// A shard of made-up segments for the benchmark of filters: see index.ts.

import { encodeFilters } from "../../worker/core/keyFilter.ts";
import type { Runtime } from "../../worker/core/bindings.ts";
import { bindChunk, readHeader, stampChunk } from "../../worker/engine/chunk.ts";
import { compileSelection } from "../../worker/scan/selection.ts";
import { keyFilterOf } from "../../worker/shard/keyIndexer.ts";
import { ShardScan } from "../../worker/stream/shardScan.ts";
import { makeOrder, packOrders } from "./orders.ts";

export interface IndexRow {
  segments: number;
  filters: boolean;
  found: number;
  fetched: number;
  milliseconds: number;
}

const perSegment = 1000;
const perGeneration = 8;
const found = 100;
const key = "the one customer";

/** Scans a history of so many segments for the key; its filters are made before the clock starts. */
export async function scanMadeUp(segments: number, filters: boolean): Promise<IndexRow> {
  const orders = Array.from({ length: perSegment }, (_, i) => makeOrder(i));
  const common = packOrders(orders);
  const rare = packOrders(orders.with(500, { key, data: makeOrder(500).data }));
  const isRare = (segment: number) => segment % Math.floor(segments / found) === 0;
  const [commonFilter, rareFilter] = [keyFilterOf(common), keyFilterOf(rare)];
  // What an isolate keeps of a shard is not to be there in the next run.
  const uid = `2-${crypto.randomUUID().replaceAll("-", "")}-0`;
  let fetched = 0;
  const view = {
    nextIndex: segments * perSegment,
    tailIndex: segments * perSegment,
    firstIndex: 0,
    firstSegment: 0,
    segment: segments,
    tieredSegment: segments,
    lastTimeMs: Date.now(),
    retentionMs: 1e15,
    floorMs: 0,
  };
  const shard = {
    view: async () => view,
    filters: async (segment: number) => {
      const first = segment - (segment % perGeneration);
      const count = filters ? Math.max(Math.min(128, (segments - first) / perGeneration), 0) : 0;
      return {
        generations: Array.from({ length: count }, (_, g) => {
          const firstSegment = first + g * perGeneration;
          const numbers = Array.from({ length: perGeneration }, (__, i) => firstSegment + i);
          return {
            firstSegment,
            firstIndex: firstSegment * perSegment,
            counts: numbers.map(() => perSegment),
            filters: encodeFilters(numbers.map((n) => (isRare(n) ? rareFilter : commonFilter))),
          };
        }),
      };
    },
  };
  const fetch = async (url: string) => {
    fetched++;
    const segment = Number(url.split("/").at(-1));
    const body = new Uint8Array(isRare(segment) ? rare : common);
    const firstIndex = segment * perSegment;
    stampChunk(body, { firstIndex, timeMs: readHeader(body).timeMs, timeOrdinal: 0 });
    bindChunk(body, uid);
    return new Response(body);
  };
  const runtime = {
    env: { SHARD: { getByName: () => shard } },
    segments: { fetch },
    waitUntil: () => {},
  } as unknown as Runtime;
  const selection = compileSelection({ keys: [key] });
  const startMs = performance.now();
  const scan = new ShardScan(
    runtime,
    uid,
    { segment: 0, index: 0 },
    { selection, trimmed: "skip" },
  );
  let records = 0;
  while (scan.at.index < view.nextIndex) {
    records += (await scan.step({ recordsMax: 1000, bytesMax: 1e7 })).taken.records;
  }
  const milliseconds = performance.now() - startMs;
  return { segments, filters, found: records, fetched, milliseconds };
}
