// The interfaces by which Workers, shards and the catalog call each other. An expected failure
// crosses a call as a value and not as an exception, because the platform logs exceptions as faults
// of the object. `unwrap` turns the value into an exception on the caller's side.
import type {
  AccountTotals,
  Commitment,
  ConsumerKey,
  ReshardOrder,
  StreamChange,
  TagChange,
  Tags,
} from "./control.ts";
import type {
  QueueChange,
  QueueDescription,
  QueueFilter,
  QueuePage,
  QueuePlace,
  QueueSpec,
} from "./queueTypes.ts";
import {
  isStreamError,
  StreamError,
  type StreamErrorCode,
  type StreamErrorDetail,
} from "../errors.ts";
import type {
  DurableSpec,
  DurableState,
  ForkReply,
  Position,
  WriteGuard,
  WriteReply,
} from "./durable.ts";
import type { KeptBody } from "../engine/chunk.ts";
import type {
  AppendReceipt,
  ConsumerDescription,
  Distribution,
  HashCut,
  QuotaKind,
  ReadReply,
  ReadRequest,
  Scope,
  SeekReply,
  SegmentFilters,
  SeekRequest,
  ShardEnd,
  ShardSettings,
  ShardStats,
  ShardView,
  SkippedSegment,
  StreamDescription,
  StreamMode,
  YandexAttributes,
} from "./types.ts";

export interface Failure {
  failed: StreamErrorCode;
  detail: StreamErrorDetail;
}

export type Reply<T> = T | Failure;

export interface ShardApi {
  /** Creates the shard. Repeating the call changes nothing. */
  open(shard: ShardSettings): Promise<void>;
  /**
   * Creates the shard of a stream of Durable Streams with what it begins with. Repeating the call
   * changes nothing. The shard is removed again if its stream does not come to exist.
   */
  begin(shard: ShardSettings, contents: FirstContents): Promise<Reply<Beginning>>;
  /**
   * Appends chunks in one piece if the guard's conditions hold, and changes the state of the
   * writers with the same row: see shard/guardedAppends.ts. With a token, an append that was made
   * before is not made again: it was stored.
   */
  write(chunks: Uint8Array[], guard: WriteGuard, token?: AppendToken): Promise<Reply<WriteReply>>;
  /**
   * The state of the stream; `touch` renews its time to live. `next` is the end, or the place with
   * that index. Fails with `shardNotFound`.
   */
  look(touch: boolean, index?: number): Promise<Reply<DurableState>>;
  /**
   * Records from an index on, as soon as there are any; none if the time is over or the shard has
   * ended. Fails with `tooManyWaiting`.
   */
  readNext(request: NextRequest): Promise<Reply<ReadReply>>;
  /**
   * Notes a fork, which inherits the records before an index; before the end if there is no index.
   * What it inherits is sealed. Fails with `locationNotFound`, `streamExists` if this one is
   * deleted.
   */
  fork(uid: string, index: number | undefined, more: number): Promise<Reply<ForkReply>>;
  /** Forgets a fork. True if this stream was deleted and nothing needs it any more. */
  releaseFork(uid: string): Promise<Reply<{ isFree: boolean }>>;
  /** Marks the stream as deleted if it has forks, or if another of its shards has; ends the waits. */
  retire(isKept?: boolean): Promise<Reply<{ isKept: boolean }>>;
  /**
   * Appends chunks in order; resolves when all are durable. After `close` it always fails with
   * `shardClosed`. If one chunk is not in the form that a Worker packs, all fail with `corrupt` or
   * `tooLarge`. With a token, an append that was made before is not made again: its receipts are
   * returned.
   */
  append(chunks: Uint8Array[], token?: AppendToken): Promise<Reply<AppendReply>>;
  /** Several appends in one call, each accepted or refused by itself; they share a commit. */
  appendEach(offers: Offer[]): Promise<AppendOutcome[]>;
  /** As `appendEach`, for chunks that were handed over, in the order of the offers. Null if they are not there. */
  appendEachHanded(number: number, offers: HandedOffer[]): Promise<AppendOutcome[] | null>;
  /** As `append`, for chunks that were handed over (core/handedChunks.ts). Null if they are not there. */
  appendHanded(number: number): Promise<Reply<AppendReply> | null>;
  /**
   * As `append`, for a chunk whose body the front keeps. Null if the shard needs the body itself; nothing was
   * done then.
   */
  appendKept(chunk: KeptChunk): Promise<Reply<AppendReply> | null>;
  /**
   * Commits the pending appends and closes the shard for ever. Repeating the call changes nothing.
   */
  close(): Promise<Reply<ShardEnd>>;
  /** Records of the newest generation. For older records, the location of their segment. */
  read(request: ReadRequest): Promise<Reply<ReadReply>>;
  view(): Promise<Reply<ShardView>>;
  /**
   * A sealed segment. `body` is null if only R2 has it, or if it is damaged and readers may pass
   * over it.
   */
  segment(segment: number): Promise<Reply<SegmentReply>>;
  /**
   * Filters of keys from the generation of a segment on: as many as one reply should have. None if
   * the segment's generation is not closed.
   */
  filters(segment: number): Promise<Reply<{ generations: SegmentFilters[] }>>;
  /**
   * Lets readers pass over a segment of which no intact copy exists. With the number of the tail,
   * the tail is sealed and the first damaged segment of it is taken. Repeating the call changes
   * nothing.
   */
  skip(segment: number): Promise<Reply<{ skipped: SkippedSegment }>>;
  /** Changes how long records are kept. */
  retain(retentionHours: number): Promise<Reply<{ retained: true }>>;
  stats(): Promise<Reply<ShardStats>>;
  seek(request: SeekRequest): Promise<Reply<SeekReply>>;
  /**
   * Subscribes the consumer; a new subscription replaces an old one. Fails with
   * `subscriptionTaken`.
   */
  subscribe(consumer: string): Promise<Reply<{ subscription: SubscriptionApi }>>;
  /**
   * The view, as soon as there is a record at `index`, the shard has closed, or the time is over.
   */
  watch(request: { index: number; timeoutMs: number }): Promise<Reply<ShardView>>;
  /** Counts a call where limits are kept: see shard/shardQuota.ts. Fails with `overloaded`. */
  admit(kind: QuotaKind): Promise<Reply<{ admitted: true }>>;
  /** Counts the payload bytes of a page where limits are kept. */
  spend(bytes: number): Promise<void>;
  /** Deletes all data of the shard. Repeating the call changes nothing. */
  destroy(): Promise<void>;
}

export interface FirstContents {
  chunks: Uint8Array[];
  /** When they arrived; now, if it is not given. */
  arrivalMs?: number;
  isClosed: boolean;
}

export interface Beginning {
  next: Position;
}

export interface SegmentReply {
  body: Uint8Array | null;
  /** Set when readers may pass over it. */
  skipped?: SkippedSegment;
}

/** Names an append that may be made twice: see core/moving.ts. */
export interface AppendToken {
  id: string;
  /** False for the first call. */
  isRepeated: boolean;
}

export interface AppendReply {
  /** One for each chunk; fewer if records were refused. */
  receipts: AppendReceipt[];
  /** Number of records at the end that exceeded the shard's quota. */
  refused: number;
}

/** A chunk whose body the front of the local server keeps (engine/putManifest.ts). */
export interface KeptChunk extends KeptBody {
  /** Its header, not stamped. */
  head: Uint8Array;
}

/** One of several appends: as `write` takes it if it has a guard, else as `append` does. */
export interface Offer {
  chunks: Uint8Array[];
  guard?: WriteGuard | undefined;
}

/** The same, with the number of its chunks instead of them. */
export interface HandedOffer {
  count: number;
  guard?: WriteGuard | undefined;
}

/** What became of it. */
export type AppendOutcome = { reply: OfferReply } | { error: Error };

export type OfferReply = Reply<AppendReply> | Reply<WriteReply>;

export interface NextRequest extends ReadRequest {
  timeoutMs: number;
}

export interface NextReply extends ReadReply {
  /** False when another reader has taken over the consumer. */
  held: boolean;
  /** True if the session is to be ended, and another one begun: see leaving.ts. */
  isLeaving: boolean;
}

/** See shard/tipSession.ts. */
export interface SubscriptionApi extends Rpc.RpcTargetBranded {
  next(request: NextRequest): Promise<Reply<NextReply>>;
  isHeld(): Promise<boolean>;
}

export interface StreamSpec {
  name: string;
  shardCount: number;
  mode: StreamMode;
  retentionHours: number;
  tags?: Tags;
  recordBytesMax?: number;
  distribution?: Distribution;
  warmThroughputMiBps?: number;
  cut?: HashCut;
  yandex?: YandexAttributes;
}

/** A stream without its shards, which make the description long. */
export type StreamHead = Omit<StreamDescription, "shards">;

/** A stream as listings show it. Consumers and policies, which may be large, are left out. */
export type StreamSummary = Pick<
  StreamDescription,
  "account" | "region" | "name" | "status" | "mode" | "createdMs"
>;

export interface StreamPage {
  streams: StreamSummary[];
  more: boolean;
}

/** A stream in a directory of streams, or a directory in it; the path of either ends in a slash. */
export interface StreamEntry {
  path: string;
  /** When the stream was created, or the first stream of the directory. */
  createdMs: number;
  /** Undefined for a directory. */
  stream?: {
    retentionHours: number;
    /** All shards that ever existed. */
    shardCount: number;
  };
}

export interface StreamDirectory {
  entries: StreamEntry[];
  /** The path after which to continue; undefined at the end. */
  next: string | undefined;
}

export interface DurableCreation {
  /** Undefined until its shard is opened, which happens when the catalog is asked about it. */
  stream?: StreamDescription;
  /** Uid of its first shard, in which `next` is. */
  shard: string;
  next: Position;
}

/** A stream, or one of its consumers. */
export interface StreamKey {
  stream: string;
  consumer?: ConsumerKey;
  queue?: never;
}

/** What tags and policies belong to; a queue by its id. */
export type ResourceKey = StreamKey | { queue: string; stream?: never };

export interface CatalogApi {
  createStream(scope: Scope, spec: StreamSpec): Promise<Reply<StreamDescription>>;
  /**
   * Creates a stream of Durable Streams, with its first records. Fails with `streamExists`,
   * `streamNotFound` for the source of a fork, `locationNotFound` for a place to fork at.
   */
  createDurable(scope: Scope, spec: DurableSpec): Promise<Reply<DurableCreation>>;
  /**
   * Also returns the key that cursors of this scope are signed with, so that one call fills the
   * caches of an isolate.
   */
  describeStream(name: string): Promise<Reply<{ stream: StreamDescription; cursorKey: string }>>;
  /**
   * Streams whose names begin with a path; without `path`, the streams whose names are not paths. A
   * page may have fewer streams than the limit and not be the last, but has at least one then.
   */
  listStreams(after: string, limit: number, path?: string): Promise<Reply<StreamPage>>;
  /**
   * The entries directly in a directory, in the order of paths, after a path; without `path`, the
   * streams whose names are not paths. Streams that are being deleted are left out. A page may be
   * empty and not the last.
   */
  listDirectory(
    path: string | undefined,
    after: string,
    limit: number,
  ): Promise<Reply<StreamDirectory>>;
  /** Refuses a stream with consumers, unless `withConsumers`. */
  deleteStream(
    name: string,
    withConsumers?: boolean,
    uid?: string,
  ): Promise<Reply<{ deleted: true }>>;
  /** Sets attributes of the stream; returns the stream before and after. */
  changeStream(
    name: string,
    change: StreamChange,
  ): Promise<Reply<{ before: StreamHead; after: StreamHead }>>;
  /**
   * Begins to split or merge shards: see catalog/reshardPlan.ts. Returns the stream as it is until
   * that is done.
   */
  reshardStream(name: string, order: ReshardOrder): Promise<Reply<{ stream: StreamDescription }>>;
  /** Resolves with the stream when no shard of it is being split or merged. */
  settledStream(name: string): Promise<Reply<{ stream: StreamDescription }>>;
  /**
   * `max`: how many consumers the stream may have; the default is the limit of Kinesis (limits.ts).
   */
  registerConsumer(
    name: string,
    consumer: string,
    tags?: Tags,
    max?: number,
  ): Promise<Reply<ConsumerDescription>>;
  deregisterConsumer(name: string, consumer: ConsumerKey): Promise<Reply<{ deregistered: true }>>;
  /** Queues and consumers of a stream count together. */
  createQueue(spec: QueueSpec): Promise<Reply<{ queue: QueueDescription }>>;
  describeQueue(id: string): Promise<Reply<{ queue: QueueDescription }>>;
  listQueues(
    after: QueuePlace | undefined,
    limit: number,
    filter?: readonly QueueFilter[],
  ): Promise<QueuePage>;
  /** Returns the queue with its new attributes, which is UPDATING. */
  updateQueue(id: string, change: QueueChange): Promise<Reply<{ queue: QueueDescription }>>;
  deleteQueue(id: string): Promise<Reply<{ deleted: true }>>;
  countQueues(stream: string): Promise<number>;
  readTags(resource: ResourceKey): Promise<Reply<{ tags: Tags }>>;
  changeTags(resource: ResourceKey, change: TagChange): Promise<Reply<{ changed: true }>>;
  /** Attaches a policy to the resource; null removes it. */
  changePolicy(resource: ResourceKey, policy: string | null): Promise<Reply<{ changed: true }>>;
  account(): Promise<Reply<{ totals: AccountTotals; commitment?: Commitment }>>;
  commitAccount(wanted: boolean): Promise<Reply<{ commitment?: Commitment }>>;
  /** True if the rate allows one more call of this kind in this second. */
  takePermit(kind: string, perSecond: number): Promise<boolean>;
  /** The key that signs the scope's cursors; created if there is none. */
  cursorKey(): Promise<string>;
  /** The same key if it exists; without a key no cursor can be valid. */
  findCursorKey(): Promise<{ key?: string }>;
  /**
   * Advances the stream's round robin by `count`; returns the first position. The position survives
   * restarts.
   */
  takeTurns(name: string, count: number): Promise<number>;
}

/** Runs `work`. A StreamError becomes a value; other errors are thrown. */
export async function asReply<T>(work: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return await work();
  } catch (error) {
    if (isStreamError(error)) return { failed: error.code, detail: error.detail };
    throw error;
  }
}

/** The reply's value, or its failure thrown as a StreamError. */
export function unwrap<R extends object>(reply: R): Exclude<R, Failure> {
  if ("failed" in reply) {
    const { failed, detail } = reply as unknown as Failure;
    throw new StreamError(failed, detail);
  }
  return reply as Exclude<R, Failure>;
}
