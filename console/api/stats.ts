// What `GET /_millrace/stats?stream=NAME` says of the shards of a stream.
import { send } from "./request.ts";

export interface ShardStats {
  index: number;
  records: number;
  tail: { chunks: number; bytes: number };
  segments: { count: number; sqliteBytes: number; r2Bytes: number; damaged: number };
  /** The index of the next record: how many the shard has ever got. */
  nextIndex: number;
  /** Arrival of the oldest record that is kept, and of the newest; null if there is none. */
  first: { index: number; arrivalMs: number } | null;
  last: { index: number; arrivalMs: number } | null;
  rowsWritten: number;
  commits: number;
  failedCommits: number;
  reads: number;
}

export interface QueueStats {
  name: string;
  id: string;
  /** Records that no worker has got yet. */
  undelivered: number;
  /** Records that will be handed out again. */
  waiting: number;
  inFlight: number;
  dead: number;
}

/** How far behind a reader of a shard was in the last minute. */
export interface ReaderLag {
  shard: number;
  dialect: string;
  /** Of a registered consumer. */
  consumer?: string;
  behindMs: number;
  behindRecords: number;
}

export interface StreamStats {
  shards: ShardStats[];
  /** Those that read in the last minute. */
  readers?: ReaderLag[];
  queues?: QueueStats[];
}

/** Throws ApiError. */
export async function readStats(stream: string, signal?: AbortSignal): Promise<StreamStats> {
  const text = await send({
    method: "GET",
    path: "/_millrace/stats",
    query: [["stream", stream]],
    ...(signal && { signal }),
  });
  return JSON.parse(text) as StreamStats;
}
