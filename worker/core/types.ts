// The types of the core, as plain data: what crosses between Workers, shards and the catalog, and
// what the dialects print. Nothing here knows a dialect.

import type { DurableAttributes, ProducerMark, ShardLife } from "./durable.ts";
import type { Location, TimeSpan } from "../engine/engine.ts";

export type { Location } from "../engine/engine.ts";

/** The owner of a stream and its region. Streams of different scopes have nothing in common. */
export interface Scope {
  account: string;
  region: string;
}

export type StreamStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
export type StreamMode = "PROVISIONED" | "ON_DEMAND";

export interface ShardDescription {
  /** Unique per creation; the name of the Durable Object. */
  uid: string;
  /** Position in the list of all shards that the stream ever had. */
  index: number;
  createdMs: number;
  /** First and last hash key, 32 hexadecimal digits each. */
  hashStart: string;
  hashEnd: string;
  /** Indexes of the shards that it continues: one after a split, two after a merge. */
  parents?: number[];
  /**
   * Set if the creation may be ahead of the clock, and after the arrival of its first records.
   * Their sequence numbers then carry the second after the creation, so that none is below the
   * number that the shard starts with.
   */
  createdAhead?: boolean;
  /**
   * First millisecond of the shard if a split or merge made it: one after the end of its
   * predecessors.
   */
  openedMs?: number;
  /**
   * When it closed; an open shard has none. All shards that one change closes have the same time.
   */
  closedMs?: number;
  /** Index after its last record, once it is closed. */
  endIndex?: number;
  /** Time in its ending sequence number: a second before the creation of its successors. */
  endMs?: number;
}

/** How a shard ended. */
export type ShardEnd = Required<Pick<ShardDescription, "closedMs" | "endIndex">>;

/** What a shard stores about itself. */
export interface ShardSettings extends ShardDescription {
  retentionHours: number;
  /** Records that arrived before this have expired, and stay so however the retention changes. */
  floorMs?: number;
  /** No record of the shard arrives earlier than this. */
  earliestMs?: number;
  /** Segments that readers pass over: see shard/skips.ts. */
  skipped?: SkippedSegment[];
  /** Set while the shard is being deleted; nobody can use it any more. */
  destroyed?: boolean;
  /** Set if the stream was created through Durable Streams. */
  life?: ShardLife;
  /** True once a writer has closed the stream: no other shard continues it. */
  isFinal?: boolean;
  /** The producer's append that closed it, if a producer did. */
  closer?: ProducerMark;
}

export interface StreamDescription extends Scope {
  name: string;
  /** Unique per creation. */
  uid: string;
  status: StreamStatus;
  /** When the status ends by itself: set once the work behind it is done. See lifecycle.ts. */
  settlesMs?: number;
  /** How long the status lasts in all, once it ends by itself. */
  settlingMs?: number;
  mode: StreamMode;
  createdMs: number;
  retentionHours: number;
  /** How the hash keys were divided into equal shares; the Kinesis way if undefined. */
  cut?: HashCut;
  /** Attributes that only Yandex Data Streams has. */
  yandex?: YandexAttributes;
  /** Set while some shards may not know `retentionHours` yet. */
  retaining?: boolean;
  /** Data and partition key of one record. */
  recordBytesMax: number;
  /** Records are spread by their keys, or by the service's own choice. */
  distribution: Distribution;
  warmThroughputMiBps?: number;
  /** Stored and reported; Cloudflare encrypts stored data with its own keys. */
  kmsKeyId?: string;
  /** When it had such a key: see encryption.ts. */
  encryptions?: TimeSpan[];
  /** Names of the enabled shard-level metrics. */
  metrics: string[];
  /** The resource policy, as JSON text. */
  policy?: string;
  /** Registered consumers, by name. */
  consumers: ConsumerDescription[];
  shards: ShardDescription[];
  /** Set while shards are being split or merged. */
  resharding?: Resharding;
  /** When the number of shards was changed as a whole, in the last day. */
  recountsMs?: number[];
  /** Set if the stream was created through Durable Streams. */
  durable?: DurableAttributes;
}

/**
 * A change of a stream's shards, written down before it is carried out. See catalog/reshardPlan.ts.
 */
export interface Resharding {
  /** Shards that it makes. One that it also replaces is made closed, and never has a record. */
  made: ShardDescription[];
  /** Shards that it closes. */
  closing: Required<Pick<ShardDescription, "index" | "endMs">>[];
  /** New hash ranges of all open shards, if the keys are divided again. */
  recut?: Pick<ShardDescription, "index" | "hashStart" | "hashEnd">[];
  /** They close no earlier than this. */
  notBeforeMs: number;
  /** How far ahead that was when the change was begun. */
  waitMs?: number;
}

/**
 * Equal shares of the number of keys, or of the last key; the latter are sometimes one key
 * narrower.
 */
export type HashCut = "byCount" | "byLast";

/** Stored and reported. */
export interface YandexAttributes {
  writeQuotaKbPerSec: number;
  storageLimitMb?: number;
  partitioning?: PartitioningAttributes;
}

export interface PartitioningAttributes {
  minActive: number;
  maxActive: number;
  strategy: string;
  stabilizationSeconds: number;
  upPercent: number;
  downPercent: number;
}

export type Distribution = "USER_PARTITION_KEY" | "AUTO";

export type ConsumerStatus = "CREATING" | "ACTIVE" | "DELETING";

/** A registered consumer, which has its own throughput. */
export interface ConsumerDescription {
  name: string;
  /** Unique per registration. */
  uid: string;
  status: ConsumerStatus;
  /** When the status ends by itself. */
  settlesMs?: number;
  /** How long it lasts in all. */
  settlingMs?: number;
  createdMs: number;
  policy?: string;
}

/** A segment that cannot be read, and the records that it had. */
export interface SkippedSegment {
  segment: number;
  index: number;
  count: number;
  /** Of several segments, 1 if absent: where the row that lists them is missing, their bounds are too. */
  segments?: number;
}

/** Everything about a shard that changes, as one small value. */
export interface ShardView {
  /** Index that the next record will get. */
  nextIndex: number;
  /** Arrival time of the newest record, or the creation of the shard if there is none. */
  lastTimeMs: number;
  /** First record of the oldest segment that has a record within retention. */
  firstIndex: number;
  /** Number of that segment; the tail's when no sealed segment is kept. */
  firstSegment: number;
  /** Number that the tail will have as a segment; all below are sealed. */
  segment: number;
  /** Segments below this one are in R2. */
  tieredSegment: number;
  /** First record of the tail. */
  tailIndex: number;
  /** When the shard closed; undefined while it is open. Then `nextIndex` is the end of it. */
  closedMs?: number | undefined;
  retentionMs: number;
  /** Records that arrived before it are not kept, whatever retention says. */
  floorMs: number;
  /** True if a writer has closed the stream, so that no other shard continues this one. */
  isFinal?: boolean;
  /** True if the stream was deleted and is kept for its forks. */
  isDeleted?: boolean;
  /** True if records may be there that Durable Streams has not checked. */
  isMixed?: boolean;
}

/** The keys that consecutive segments may hold: see core/keyFilter.ts. */
export interface SegmentFilters {
  firstSegment: number;
  firstIndex: number;
  /** Records of each segment. */
  counts: number[];
  /** The filters as they are stored; null if there are none. */
  filters: Uint8Array | null;
}

/** Stamp of an appended chunk: its records have consecutive indexes and share the arrival time. */
export interface AppendReceipt {
  firstIndex: number;
  timeMs: number;
}

export interface ReadRequest {
  index: number;
  recordsMax: number;
  /** Payload bytes; one record is returned even if it alone has more. */
  bytesMax: number;
}

export interface ReadReply {
  /** Chunks with exactly the records read, in order. */
  chunks: Uint8Array[];
  /**
   * Where to continue. If there are no chunks and this is before the end of the shard, the record
   * is in the named segment, which readers get by the segment's own address.
   */
  next: Location;
  /** Number of the segment that has, or will have, the record before `next`. */
  lastSegment: number;
  view: ShardView;
}

/** `index` beyond the newest record is refused; `time` without a match is the end of the shard. */
export type SeekRequest =
  | { kind: "earliest" }
  | { kind: "latest" }
  | { kind: "index"; index: number }
  | { kind: "time"; timeMs: number; ordinal: number };

/** A record's index and its arrival in milliseconds; for the oldest, that of its segment's first. */
export interface StoredPlace {
  index: number;
  arrivalMs: number;
}

/** Counters of one shard since its object was started, and what it has stored. */
export interface ShardStats {
  shard: string;
  records: number;
  /** The index of the next record: how many records the shard has ever got. */
  nextIndex: number;
  /** The oldest record within retention and the newest; null without one. */
  first: StoredPlace | null;
  last: StoredPlace | null;
  tail: { chunks: number; bytes: number };
  segments: {
    count: number;
    sqliteBytes: number;
    r2Bytes: number;
    damaged: number;
    skipped: number;
  };
  databaseBytes: number;
  pendingBytes: number;
  rowsWritten: number;
  commits: number;
  failedCommits: number;
  /** Reads and segments that this object served. */
  reads: number;
  segmentReads: number;
  /** Subscriptions that wait for the next record. */
  waiting: number;
}

export interface SeekReply {
  location: Location;
  view: ShardView;
}

/** Calls that a shard counts where the service's limits are kept. */
export type QuotaKind = "read" | "iterator";
