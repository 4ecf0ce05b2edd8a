// GET /metrics?stream=NAME: what each shard of a stream has stored, how far behind its readers are, and how much its
// queues have still to do.
import type { Exposition, Sample } from "./exposition.ts";
import type { IndexedReader, IndexedStats, QueueTotals, StreamStats } from "./stats.ts";

export function writeStream(
  page: Exposition,
  { name, shards, readers, queues }: StreamStats,
): void {
  writeShards(page, name, shards);
  writeReaders(page, name, readers);
  writeQueues(page, name, queues);
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

function writeReaders(page: Exposition, stream: string, readers: readonly IndexedReader[]): void {
  const each = (valueOf: (reader: IndexedReader) => number): Sample[] =>
    readers.map((reader) => {
      const { shard, dialect, consumer } = reader;
      return [{ stream, shard, dialect, ...(consumer && { consumer }) }, valueOf(reader)];
    });
  page.gauge(
    "millrace_reader_behind_seconds",
    "Age of the last record that a reader got; 0 if it got the newest one. The furthest behind in the last minute.",
    each(({ behindMs }) => behindMs / 1000),
  );
  page.gauge(
    "millrace_reader_behind_records",
    "Records that a reader has still to read, the same.",
    each(({ behindRecords }) => behindRecords),
  );
}

function writeQueues(page: Exposition, stream: string, queues: readonly QueueTotals[]): void {
  page.gauge(
    "millrace_queue_records",
    "Records of a queue that are not acknowledged, by their state.",
    queues.flatMap(({ name: queue, undelivered, waiting, inFlight, dead }): Sample[] => [
      [{ stream, queue, state: "undelivered" }, undelivered],
      [{ stream, queue, state: "waiting" }, waiting],
      [{ stream, queue, state: "in-flight" }, inFlight],
      [{ stream, queue, state: "dead" }, dead],
    ]),
  );
}
