// What the isolate has done since it was started, beside what is counted for each operation
// (http/requestMetrics.ts). For operators: nothing is decided by these numbers. On the local server
// one isolate has all objects; on Cloudflare an object may be in another isolate than the Worker.

export const tally = {
  /** Small calls that came to the Worker by the WebSocket of the front (http/gathered.ts). */
  gatheredRequests: 0,
  /** Calls of shards by memory (nearShards.ts). */
  nearCalls: 0,
  receivedBytes: 0,
  sentBytes: 0,
  commits: 0,
  failedCommits: 0,
  records: 0,
  recordBytes: 0,
  rowsWritten: 0,
  segmentsSealed: 0,
  /** Those whose bytes the front of the local server has written. */
  segmentsStaged: 0,
  segmentsMoved: 0,
  generationsFreed: 0,
  /** Of CloudWatch, which are counted and dropped: aws/metricData.ts. */
  metricData: 0,
};
