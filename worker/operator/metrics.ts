// GET /metrics: what the isolate that answers has served and done, in the text format of Prometheus.
// With ?stream=NAME also what each shard of that stream has stored. docs/METRICS.md explains each.
import { bodies } from "../core/bodyCache.ts";
import { tally } from "../core/tally.ts";
import { version } from "../core/version.ts";
import { bucketBoundsMs, requestMetrics } from "../http/requestMetrics.ts";
import { respond } from "../http/reply.ts";
import { utf8 } from "../codec/bytes.ts";
import { pendingTotalBytes } from "../shard/pendingBudget.ts";
import type { Backend } from "../stream/backend.ts";
import type { NamedResource } from "../stream/permission.ts";
import { readCounters } from "../stream/readCounters.ts";
import { contentType, Exposition, type Labels, type Sample } from "./exposition.ts";
import { type IndexedStats, shardStats } from "./stats.ts";

/** Throws `streamNotFound`, `shardNotFound`. */
export async function serveMetrics(
  backend: Backend,
  stream: NamedResource | undefined,
): Promise<Response> {
  const shards = stream === undefined ? [] : await shardStats(backend, stream);
  const disk = await backend.diskSpace();
  const page = new Exposition();
  page.gauge("millrace_info", "The version of the server.", [[{ version }, 1]]);
  writeRequests(page);
  writeWork(page);
  writeReading(page);
  if (disk !== undefined) {
    page.gauge(
      "millrace_disk_spare_bytes",
      "Bytes that may be written; 0 when writes are refused.",
      [[{}, disk.spareBytes]],
    );
  }
  if (stream !== undefined) writeShards(page, stream.name, shards);
  const headers = { "content-type": contentType, "cache-control": "no-store" };
  return respond(utf8(page.toString()), { headers });
}

function writeRequests(page: Exposition): void {
  const all = [...requestMetrics.series()].map((series) => {
    const { dialect, operation, statuses, errors, buckets, sumMs } = series;
    return { labels: { dialect, operation }, statuses, errors, buckets, sumMs };
  });
  page.counter(
    "millrace_requests",
    "Requests that were answered, by status.",
    expand(all, "status"),
  );
  page.counter(
    "millrace_request_errors",
    "Errors, by their name in the dialect.",
    expand(all, "error"),
  );
  page.histogram(
    "millrace_request_duration_seconds",
    "Time from the head of a request to the head of its reply.",
    bucketBoundsMs.map((ms) => ms / 1000),
    all.map(({ labels, buckets, sumMs }) => ({ labels, buckets, sum: sumMs / 1000 })),
  );
}

interface Counted {
  labels: Labels;
  statuses: Map<number, number>;
  errors: Map<string, number>;
}

function* expand(all: readonly Counted[], by: "status" | "error"): Iterable<Sample> {
  for (const { labels, statuses, errors } of all) {
    const counts: Map<number | string, number> = by === "status" ? statuses : errors;
    for (const [key, count] of counts) yield [{ ...labels, [by]: key }, count];
  }
}

function writeWork(page: Exposition): void {
  const counters: [name: string, help: string, value: number][] = [
    ["request_body_bytes", "Bytes of the bodies of requests.", tally.receivedBytes],
    ["response_body_bytes", "Bytes of the bodies of replies.", tally.sentBytes],
    ["commits", "Commits of shards.", tally.commits],
    ["failed_commits", "Commits that failed; their producers got an error.", tally.failedCommits],
    ["records", "Records that were committed.", tally.records],
    ["record_bytes", "Packed bytes of the records that were committed.", tally.recordBytes],
    [
      "rows_written",
      "Rows that shards wrote to SQLite, which Cloudflare bills.",
      tally.rowsWritten,
    ],
    ["segments_sealed", "Segments that were sealed.", tally.segmentsSealed],
    ["segments_moved", "Segments that were moved to the bucket.", tally.segmentsMoved],
    [
      "generations_freed",
      "Generations whose rows were dropped after the move.",
      tally.generationsFreed,
    ],
    [
      "cloudwatch_data",
      "Metric data of CloudWatch that were received and dropped.",
      tally.metricData,
    ],
  ];
  for (const [name, help, value] of counters) page.counter(`millrace_${name}`, help, [[{}, value]]);
  page.gauge("millrace_pending_bytes", "Bytes that wait for their commit.", [
    [{}, pendingTotalBytes()],
  ]);
}

function writeReading(page: Exposition): void {
  const { historyPages, shardPages, damagedPages, segmentRequests, viewRequests } = readCounters;
  page.counter("millrace_pages", "Pages of records, by where they came from.", [
    [{ from: "history" }, historyPages],
    [{ from: "shard" }, shardPages],
  ]);
  page.counter("millrace_damaged_pages", "Pages that were refused: their bytes are damaged.", [
    [{}, damagedPages],
  ]);
  page.counter("millrace_segment_requests", "Segments that were fetched for pages.", [
    [{}, segmentRequests],
  ]);
  page.counter("millrace_view_requests", "Questions to shards for their view.", [
    [{}, viewRequests],
  ]);
  page.counter("millrace_cache_requests", "Chunks and segments looked up in memory.", [
    [{ result: "hit" }, bodies.hits],
    [{ result: "miss" }, bodies.misses],
  ]);
  page.gauge("millrace_cache_bytes", "Chunks and segments in memory.", [[{}, bodies.bytes]]);
}

function writeShards(page: Exposition, stream: string, shards: readonly IndexedStats[]): void {
  const each = (valueOf: (stats: IndexedStats) => number): Sample[] =>
    shards.map((stats) => [{ stream, shard: stats.index }, valueOf(stats)]);
  const gauges: [name: string, help: string, valueOf: (stats: IndexedStats) => number][] = [
    ["records", "Records within retention.", ({ records }) => records],
    ["next_index", "Records that the shard has ever got.", ({ nextIndex }) => nextIndex],
    ["tail_bytes", "Bytes that are not sealed yet.", ({ tail }) => tail.bytes],
    ["segments", "Sealed segments.", ({ segments }) => segments.count],
    ["segments_damaged", "Bodies that failed their check.", ({ segments }) => segments.damaged],
    [
      "segments_skipped",
      "Segments that readers may pass over.",
      ({ segments }) => segments.skipped,
    ],
    [
      "database_bytes",
      "Size of the shard's SQLite database.",
      ({ databaseBytes }) => databaseBytes,
    ],
    ["pending_bytes", "Bytes that wait for their commit.", ({ pendingBytes }) => pendingBytes],
    ["waiting", "Readers that wait for the next record.", ({ waiting }) => waiting],
  ];
  for (const [name, help, valueOf] of gauges)
    page.gauge(`millrace_shard_${name}`, help, each(valueOf));
  page.gauge(
    "millrace_shard_segment_bytes",
    "Bytes of sealed segments, by where they are stored.",
    shards.flatMap(({ index: shard, segments }): Sample[] => [
      [{ stream, shard, place: "sqlite" }, segments.sqliteBytes],
      [{ stream, shard, place: "bucket" }, segments.r2Bytes],
    ]),
  );
  const counters: [name: string, help: string, valueOf: (stats: IndexedStats) => number][] = [
    ["commits", "Commits since the shard's object was started.", ({ commits }) => commits],
    ["failed_commits", "Commits that failed, the same.", ({ failedCommits }) => failedCommits],
    ["rows_written", "Rows written, the same.", ({ rowsWritten }) => rowsWritten],
    ["reads", "Pages that the object served, the same.", ({ reads }) => reads],
    [
      "segment_reads",
      "Segments that the object served, the same.",
      ({ segmentReads }) => segmentReads,
    ],
  ];
  for (const [name, help, valueOf] of counters) {
    page.counter(`millrace_shard_${name}`, help, each(valueOf));
  }
}
