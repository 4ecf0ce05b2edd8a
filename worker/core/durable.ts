// What a stream of the Durable Streams protocol has beside its records: a content type, a time to
// live, its place in a tree of forks, and the guards of its appends. Plain data that Workers, the
// catalog and the shard exchange. docs/DIALECTS.md says what it means.
import { flag, listOf, number, object, optional, text, whole } from "./document.ts";

/** What the catalog stores of a stream that this dialect has created. */
export interface DurableAttributes {
  /** As the creator sent it, with parameters. */
  contentType: string;
  /** Seconds without a read or a write after which the stream expires. */
  ttlSeconds?: number;
  /** When it expires, as the creator sent it. */
  expiresAt?: string;
  fork?: ForkOrigin;
  /** Set for a stream that was deleted while forks need its records. */
  isDeleted?: boolean;
  /** Set until the stream is used for the first time: it has no shard yet. */
  unopened?: UnopenedShard;
}

/** What the shard of a stream will begin with. */
export interface UnopenedShard {
  /** Chunks in base64. */
  first: string[];
  /** When they arrived. */
  arrivalMs: number;
}

/** Where a fork has branched off, as its creator asked for it. */
export interface ForkOrigin {
  /** Name and uid of the source stream, and the uid of its shard. */
  name: string;
  uid: string;
  shard: string;
  /** Index of the first record that is not inherited, before the sub-offset is added. */
  index: number;
  subOffset: number;
  /** Shards that hold the inherited records, oldest first. */
  ancestors: Ancestor[];
}

/** Records before `endIndex`, from where the ancestor before it ends, are in this shard. */
export interface Ancestor {
  uid: string;
  endIndex: number;
  /** The segment with the last of these records. */
  endSegment: number;
}

/** What the shard of such a stream stores about it. */
export interface ShardLife {
  account: string;
  region: string;
  /** Name and uid of the stream. */
  stream: string;
  streamUid: string;
  /** Content type without parameters, in lower case. */
  mediaType: string;
  ttlMs?: number;
  expiresMs?: number;
  /** The last use, if there is a time to live. On disk it lags: see shard/lifetime.ts. */
  touchedMs?: number;
  /** Records are kept for ever, whatever the stream's retention says. */
  keepsAll?: boolean;
  ancestors?: Ancestor[];
  /** The shard that this one was forked from. */
  source?: string;
  /** True once the catalog has been seen to know the stream. */
  isKnown?: boolean;
  /** Deleted, but forks need its records. */
  isDeleted?: boolean;
  /** True once a record was put that this dialect has not checked. */
  isMixed?: boolean;
}

/** An append of an idempotent producer. */
export interface ProducerMark {
  id: string;
  epoch: number;
  seq: number;
}

/** What must hold for an append, and what it does besides. */
export interface WriteGuard {
  /** Of the data; a stream with another type refuses it. Undefined if there is no data. */
  mediaType?: string | undefined;
  producer?: ProducerMark | undefined;
  /** Must be greater than that of the last append that had one, compared by bytes. */
  seq?: string | undefined;
  /** Closes the stream with this append. */
  close?: boolean;
  /** Nothing is written: only the guard is checked. */
  isDry?: boolean;
}

export type WriteVerdict =
  /** Written; with `isDry`, it would have been. */
  | { kind: "stored" }
  /** The append is stored already; this is the last one that is stored of the producer. */
  | { kind: "duplicate"; mark: ProducerMark }
  | { kind: "closed" }
  | { kind: "otherType" }
  | { kind: "staleEpoch"; epoch: number }
  | { kind: "epochNotFromStart" }
  | { kind: "gap"; expected: number }
  | { kind: "staleSeq" }
  | { kind: "deleted" };

/** A position: the index of the next record, and the segment of the record before it. */
export interface Position {
  index: number;
  segment: number;
}

export interface WriteReply {
  verdict: WriteVerdict;
  /** After the append; the end of the stream if nothing was written. */
  next: Position;
  isClosed: boolean;
  /** True if a writer closed it; another closed shard was split or merged. */
  isFinal: boolean;
}

/** The state of a stream, as of now. */
export interface DurableState {
  next: Position;
  isClosed: boolean;
  /** True if a writer closed it; another closed shard was split or merged. */
  isFinal: boolean;
  isDeleted: boolean;
}

/** A new stream and its first records. */
export interface DurableSpec {
  name: string;
  contentType: string;
  ttlSeconds?: number | undefined;
  expiresAt?: string | undefined;
  shardCount: number;
  first: Uint8Array[];
  isClosed: boolean;
  fork?: ForkRequest | undefined;
}

export interface ForkRequest {
  name: string;
  uid: string;
  shard: string;
  /** Undefined for the end of the source. */
  index: number | undefined;
  /** Records after `index` that are inherited too. */
  recordsAfter: number;
  subOffset: number;
}

export interface ForkReply {
  ancestors: Ancestor[];
}

const ancestor = object<Ancestor>({ uid: text, endIndex: whole, endSegment: whole });

export const markShape = object<ProducerMark>({ id: text, epoch: whole, seq: whole });

export const durableShape = object<DurableAttributes>({
  contentType: text,
  ttlSeconds: optional(whole),
  expiresAt: optional(text),
  fork: optional(
    object<ForkOrigin>({
      name: text,
      uid: text,
      shard: text,
      index: whole,
      subOffset: whole,
      ancestors: listOf(ancestor),
    }),
  ),
  isDeleted: optional(flag),
  unopened: optional(object<UnopenedShard>({ first: listOf(text), arrivalMs: number })),
});

export const shardLifeShape = object<ShardLife>({
  account: text,
  region: text,
  stream: text,
  streamUid: text,
  mediaType: text,
  ttlMs: optional(number),
  expiresMs: optional(number),
  touchedMs: optional(number),
  keepsAll: optional(flag),
  ancestors: optional(listOf(ancestor)),
  source: optional(text),
  isKnown: optional(flag),
  isDeleted: optional(flag),
  isMixed: optional(flag),
});

/** What appends of one commit change about its writers. */
export interface WritersChange {
  /** Id, epoch, sequence number and time of use of each producer. */
  producers: ProducerRow[];
  seq?: string;
}

export type ProducerRow = [id: string, epoch: number, seq: number, usedMs: number];
