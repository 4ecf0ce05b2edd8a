// GET /metrics: what the isolate that answers has served and done, in the text format of Prometheus.
// With ?stream=NAME also that stream (streamMetrics.ts). docs/METRICS.md explains each.
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
import { streamStats } from "./stats.ts";
import { writeStream } from "./streamMetrics.ts";

/** Throws `streamNotFound`, `shardNotFound`. */
export async function serveMetrics(
  backend: Backend,
  stream: NamedResource | undefined,
): Promise<Response> {
  const found = stream && (await streamStats(backend, stream));
  const disk = await backend.diskSpace();
  const cluster = await backend.cluster();
  const sentBytes = tally.sentBytes + (await backend.frontBytes());
  const page = new Exposition();
  page.gauge("millrace_info", "The version of the server.", [[{ version }, 1]]);
  writeRequests(page);
  writeWork(page, sentBytes);
  writeReading(page);
  if (disk !== undefined) {
    page.gauge(
      "millrace_disk_spare_bytes",
      "Bytes that may be written; 0 when writes are refused.",
      [[{}, disk.spareBytes]],
    );
  }
  if (cluster !== undefined) {
    page.gauge("millrace_cluster_bucket_there", "0 while the bucket does not answer.", [
      [{}, cluster.isBucketThere ? 1 : 0],
    ]);
    page.counter("millrace_cluster_bucket_losses", "How often the bucket stopped answering.", [
      [{}, cluster.losses],
    ]);
  }
  if (found !== undefined) writeStream(page, found);
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

function writeWork(page: Exposition, sentBytes: number): void {
  const counters: [name: string, help: string, value: number][] = [
    ["request_body_bytes", "Bytes of the bodies of requests.", tally.receivedBytes],
    ["response_body_bytes", "Bytes of the bodies of replies.", sentBytes],
    ["commits", "Commits of shards.", tally.commits],
    ["failed_commits", "Commits that failed; their producers got an error.", tally.failedCommits],
    ["records", "Records that were committed.", tally.records],
    ["record_bytes", "Packed bytes of the records that were committed.", tally.recordBytes],
    [
      "rows_written",
      "Rows that shards wrote to SQLite, which Cloudflare bills.",
      tally.rowsWritten,
    ],
    [
      "gathered_requests",
      "Calls that came to the Worker by the WebSocket of the front.",
      tally.gatheredRequests,
    ],
    [
      "near_calls",
      "Calls of shards that went by memory, in the isolate of Worker and shard.",
      tally.nearCalls,
    ],
    ["segments_sealed", "Segments that were sealed.", tally.segmentsSealed],
    ["segments_staged", "Segments that the front of the local server wrote.", tally.segmentsStaged],
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
  const { historyPages, shardPages, nextDoorPages } = readCounters;
  const { damagedPages, segmentRequests, viewRequests } = readCounters;
  page.counter("millrace_pages", "Pages of records, by where they came from.", [
    [{ from: "history" }, historyPages],
    [{ from: "shard" }, shardPages],
    [{ from: "next-door" }, nextDoorPages],
  ]);
  page.counter("millrace_ordered_pages", "Pages that the front of the local server printed.", [
    [{}, readCounters.orderedPages],
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
