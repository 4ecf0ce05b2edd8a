// What arrives in a stream now, and what it has stored, from samples of its shards' statistics.
import { describeStream, type StreamDescription } from "../api/kinesis.ts";
import { type QueueStats, readStats, type ShardStats } from "../api/stats.ts";
import { ApiError } from "../api/request.ts";
import { usePoll } from "../app/poll.ts";
import { addSample, type RatePoint, ratesOf } from "../app/rates.ts";

export interface StreamActivity {
  rates: RatePoint[];
  stats: ShardStats[] | undefined;
  queues: QueueStats[];
  summary: StreamDescription | undefined;
  storedBytes: number | undefined;
  lastArrivalMs: number | undefined;
  error: Error | undefined;
  refresh: () => void;
}

const sampleMs = 2000;

export function useStreamActivity(stream: string, isThere = true): StreamActivity {
  const ask = async (signal: AbortSignal) => {
    if (!isThere) return undefined;
    const [summary, stats] = await Promise.all([
      describeStream(stream),
      readStats(stream, signal).catch(unlessForbidden),
    ]);
    if (stats === undefined) return { summary, stats: [], queues: [] };
    addSample(stream, { timeMs: Date.now(), ...totalsOf(stats.shards) });
    return { summary, stats: stats.shards, queues: stats.queues ?? [] };
  };
  const { value, error, refresh } = usePoll(`${stream}/${isThere}`, ask, sampleMs);
  const arrivals = value?.stats.flatMap(({ last }) => (last === null ? [] : [last.arrivalMs]));
  return {
    rates: ratesOf(stream),
    stats: value?.stats,
    queues: value?.queues ?? [],
    summary: value?.summary,
    storedBytes: value && value.stats.length > 0 ? sum(value.stats.map(storedBytesOf)) : undefined,
    lastArrivalMs: arrivals && arrivals.length > 0 ? Math.max(...arrivals) : undefined,
    error,
    refresh,
  };
}

/** Whoever may not see statistics sees the rest. */
function unlessForbidden(error: unknown): undefined {
  if (error instanceof ApiError && error.name === "AccessDeniedException") return undefined;
  throw error;
}

export function storedBytesOf({ tail, segments }: ShardStats): number {
  return tail.bytes + segments.sqliteBytes + segments.r2Bytes;
}

/** Counted since the shards were made, so that what expires is no loss. */
function totalsOf(stats: readonly ShardStats[]): { records: number; bytes: number } {
  return {
    records: sum(stats.map((shard) => shard.nextIndex)),
    bytes: sum(stats.map(storedBytesOf)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
