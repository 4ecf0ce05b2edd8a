// How Workers, shards and the catalog call each other. An expected failure travels as a value, not as an
// exception: it is no fault of the object, and costs nothing. `unwrap` turns it back on the caller's side.
import type { QuotaKind } from "./types.ts";
import type { TagChange } from "./control.ts";
import type { Tags } from "./control.ts";
import type { ReshardOrder } from "./control.ts";
import type { AccountTotals } from "./control.ts";
import type { ConsumerKey } from "./control.ts";
import type { StreamChange } from "./control.ts";
import type { Commitment } from "./control.ts";
import {
  isStreamError,
  StreamError,
  type StreamErrorCode,
  type StreamErrorDetail,
} from "../errors.ts";
import type {
  AppendReceipt,
  ConsumerDescription,
  Distribution,
  HashCut,
  ReadReply,
  ReadRequest,
  Scope,
  SeekReply,
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
  /** Makes the shard exist. Doing it again changes nothing. */
  open(shard: ShardSettings): Promise<void>;
  /**
   * Appends chunks in order, once all are durable. Fails with `shardClosed` for ever after `close`, and with
   * `corrupt` or `tooLarge` for all of them when one is no chunk that a Worker packs.
   */
  append(chunks: Uint8Array[]): Promise<Reply<AppendReply>>;
  /** Commits what it has, and takes no more. Doing it again changes nothing. */
  close(): Promise<Reply<ShardEnd>>;
  /** Records of the newest generation; of older ones, where they are. */
  read(request: ReadRequest): Promise<Reply<ReadReply>>;
  view(): Promise<Reply<ShardView>>;
  /** A sealed segment that is not in R2 alone; null when it is not here, or readers may pass over it. */
  segment(segment: number): Promise<Reply<SegmentReply>>;
  /**
   * Lets readers pass over a segment of which no sound copy is left. The tail's number stands for the first
   * such one of those that the tail is sealed into. Doing it again changes nothing.
   */
  skip(segment: number): Promise<Reply<{ skipped: SkippedSegment }>>;
  /** Changes how long records are kept. */
  retain(retentionHours: number): Promise<Reply<{ retained: true }>>;
  stats(): Promise<Reply<ShardStats>>;
  seek(request: SeekRequest): Promise<Reply<SeekReply>>;
  /** Lets the consumer read at the tip, in the place of whoever did. Fails with `subscriptionTaken`. */
  subscribe(consumer: string): Promise<Reply<{ subscription: SubscriptionApi }>>;
  /** Counts a call where limits are kept: see shard/shardQuota.ts. Fails with `overloaded`. */
  admit(kind: QuotaKind): Promise<Reply<{ admitted: true }>>;
  /** Counts the payload bytes of a page where limits are kept. */
  spend(bytes: number): Promise<void>;
  /** Removes every byte. Doing it again changes nothing. */
  destroy(): Promise<void>;
}

export interface SegmentReply {
  body: Uint8Array | null;
  /** Set when readers may pass over it. */
  skipped?: SkippedSegment;
}

export interface AppendReply {
  /** One for each chunk; where records were refused, for as much as was taken. */
  receipts: AppendReceipt[];
  /** Records at the end that the shard's quota had no room for. */
  refused: number;
}

export interface NextRequest extends ReadRequest {
  timeoutMs: number;
}

export interface NextReply extends ReadReply {
  /** False once somebody else reads as the consumer. */
  held: boolean;
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

/** A stream without what makes its description long. */
export type StreamHead = Omit<StreamDescription, "shards">;

/** What lists say of a stream. Consumers and policies, which may be large, are not in it. */
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
  /** When the stream was made, or the first in the directory. */
  createdMs: number;
  /** Undefined for a directory. */
  stream?: {
    retentionHours: number;
    /** Of all that ever were. */
    shardCount: number;
  };
}

export interface StreamDirectory {
  entries: StreamEntry[];
  /** Path after which to go on; undefined at the end. */
  next: string | undefined;
}

/** What tags and policies hang on: a stream, or one of its consumers. */
export interface ResourceKey {
  stream: string;
  consumer?: ConsumerKey;
}

export interface CatalogApi {
  createStream(scope: Scope, spec: StreamSpec): Promise<Reply<StreamDescription>>;
  /** The key that cursors of this scope are signed with comes along: one call warms an isolate. */
  describeStream(name: string): Promise<Reply<{ stream: StreamDescription; cursorKey: string }>>;
  /**
   * Streams whose names begin with a path; without one, those whose names are no paths. A page may end before
   * the limit and not be the last, but has a stream then.
   */
  listStreams(after: string, limit: number, path?: string): Promise<StreamPage>;
  /**
   * What is directly in a directory, in the order of paths, after one; without a path, the streams whose names
   * are none. A stream that is being deleted is not there. A page may be empty and not the last.
   */
  listDirectory(path: string | undefined, after: string, limit: number): Promise<StreamDirectory>;
  /** Refuses a stream with consumers, unless told to remove them too. */
  deleteStream(name: string, withConsumers?: boolean): Promise<Reply<{ deleted: true }>>;
  /** Gives the stream's attributes new values; what they were, and what they are now. */
  changeStream(
    name: string,
    change: StreamChange,
  ): Promise<Reply<{ before: StreamHead; after: StreamHead }>>;
  /** Begins to split or merge shards: see catalog/reshardPlan.ts. The stream as it is until that is done. */
  reshardStream(name: string, order: ReshardOrder): Promise<Reply<{ stream: StreamDescription }>>;
  /** The stream, once nothing of it is being split or merged. */
  settledStream(name: string): Promise<Reply<{ stream: StreamDescription }>>;
  /** `max`: how many the stream may have; when left out, what Kinesis says (limits.ts). */
  registerConsumer(
    name: string,
    consumer: string,
    tags?: Tags,
    max?: number,
  ): Promise<Reply<ConsumerDescription>>;
  deregisterConsumer(name: string, consumer: ConsumerKey): Promise<Reply<{ deregistered: true }>>;
  readTags(resource: ResourceKey): Promise<Reply<{ tags: Tags }>>;
  changeTags(resource: ResourceKey, change: TagChange): Promise<Reply<{ changed: true }>>;
  /** Attaches a policy to the resource, or takes it away. */
  changePolicy(resource: ResourceKey, policy: string | null): Promise<Reply<{ changed: true }>>;
  account(): Promise<{ totals: AccountTotals; commitment?: Commitment }>;
  commitAccount(wanted: boolean): Promise<{ commitment?: Commitment }>;
  /** Whether one more call of this kind fits into what a second allows. */
  takePermit(kind: string, perSecond: number): Promise<boolean>;
  /** The key that the scope's cursors are signed with; made when there is none. */
  cursorKey(): Promise<string>;
  /** The same, if it was made: without one no cursor can be good. */
  findCursorKey(): Promise<{ key?: string }>;
  /** Takes `count` turns of the stream's round robin; returns the first. Survives restarts. */
  takeTurns(name: string, count: number): Promise<number>;
}

/** Runs `work`; a StreamError becomes a value, anything else is thrown on. */
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
