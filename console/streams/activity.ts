// What arrives in a stream now, what it has stored, and who is behind, from samples of its shards' statistics: a call
// each time. The description of the stream is asked for seldom, and when the samples show that it has changed.
import { useRef } from "preact/hooks";
import { describeStream, type StreamDescription } from "../api/kinesis.ts";
import { type QueueStats, type ReaderLag, readStats, type ShardStats } from "../api/stats.ts";
import { ApiError } from "../api/request.ts";
import { addBacklog } from "../app/backlogs.ts";
import { usePoll } from "../app/poll.ts";
import { addSample, type RatePoint, ratesOf } from "../app/rates.ts";

export interface StreamActivity {
  rates: RatePoint[];
  stats: ShardStats[] | undefined;
  readers: ReaderLag[];
  queues: QueueStats[];
  summary: StreamDescription | undefined;
  storedBytes: number | undefined;
  lastArrivalMs: number | undefined;
  error: Error | undefined;
  refresh: () => void;
}

export interface Asking {
  /** False while the stream is made or deleted: it has no statistics. */
  isThere: boolean;
  /** False for what nobody sees: it asks nothing. */
  isShown: boolean;
  intervalMs: number;
}

/** How often a page about one stream asks. */
const sampleMs = 2000;

/** How long a description is used that nothing speaks against. */
const descriptionMs = 20_000;

interface Described {
  summary: StreamDescription;
  askedMs: number;
  /** Shards there were then; undefined for those who may not see statistics. */
  shards: number | undefined;
}

export function useStreamActivity(stream: string, asking: Partial<Asking> = {}): StreamActivity {
  const { isThere = true, isShown = true, intervalMs = sampleMs } = asking;
  const described = useRef<Described>(undefined);
  const ask = async (signal: AbortSignal) => {
    if (!isThere) return undefined;
    const stats = await readStats(stream, signal)
      .catch(unlessForbidden(stream))
      .catch((error: unknown) => {
        // What comes after a failure may be a stream that was made anew.
        described.current = undefined;
        throw error;
      });
    const shards = stats?.shards.length;
    if (isOld(described.current, stream, shards)) {
      const summary = await describeStream(stream);
      described.current = { summary, askedMs: Date.now(), shards };
    }
    const summary = described.current?.summary;
    if (stats === undefined) return { summary, stats: [], readers: [], queues: [] };
    const { readers = [], queues = [] } = stats;
    addSample(stream, { timeMs: Date.now(), ...totalsOf(stats.shards) });
    addBacklog(stream, Date.now(), readers, queues);
    return { summary, stats: stats.shards, readers, queues };
  };
  const key = `${stream}/${isThere}`;
  const { value, error, refresh } = usePoll(key, ask, intervalMs, isShown);
  const arrivals = value?.stats.flatMap(({ last }) => (last === null ? [] : [last.arrivalMs]));
  return {
    rates: ratesOf(stream),
    stats: value?.stats,
    readers: value?.readers ?? [],
    queues: value?.queues ?? [],
    summary: value?.summary,
    storedBytes: value && value.stats.length > 0 ? sum(value.stats.map(storedBytesOf)) : undefined,
    lastArrivalMs: arrivals && arrivals.length > 0 ? Math.max(...arrivals) : undefined,
    error,
    refresh: () => {
      described.current = undefined;
      refresh();
    },
  };
}

function isOld(known: Described | undefined, stream: string, shards: number | undefined): boolean {
  return (
    known === undefined ||
    known.summary.StreamName !== stream ||
    known.summary.StreamStatus !== "ACTIVE" ||
    known.shards !== shards ||
    Date.now() - known.askedMs > descriptionMs
  );
}

/** Whoever may not see statistics sees the rest. That there is no such stream is said in words by its description. */
function unlessForbidden(stream: string): (error: unknown) => Promise<undefined> {
  return async (error) => {
    if (error instanceof ApiError && error.name === "AccessDeniedException") return undefined;
    if (error instanceof ApiError && error.status === 404) await describeStream(stream);
    throw error;
  };
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
