// The error class of the core. A code tells what happened, and each code has its own type of
// detail: data for the wording of a dialect, never prose. Each dialect has a table with an answer
// to every code, so that a new code does not compile until every dialect has one.

/** The detail of each code. */
export interface StreamErrorDetails {
  /**
   * No stream of that name, or it is being deleted, or it was deleted and is kept for its forks.
   */
  streamNotFound: { stream: string; isKept?: true };
  /** A stream of that name exists. */
  streamExists: { stream: string };
  /** The stream is not in a state that allows the operation. */
  streamNotActive: { stream: string; status: string };
  /** No shard with this index or uid, or it was deleted with its stream. */
  shardNotFound: { stream?: string; shard?: number; uid?: string };
  /** The request is not available in the stream's mode. */
  wrongMode: { stream: string; mode: string };
  /**
   * A retention that should increase is shorter than now, or one that should decrease is longer.
   */
  retentionNotLonger: { stream: string; hours: number; existingHours: number };
  retentionNotShorter: { stream: string; hours: number; existingHours: number };
  /** The account is not committed to a minimum of throughput. */
  notCommitted: Nothing;
  /** More shards than the stream or its account may have; `current` is what the account has. */
  tooManyShards: { limit: number } | { limit: number; current: number; additional: number };
  /** The stream already has more shards, and shards cannot be removed. */
  tooFewShards: { stream: string; current: number; to: number };
  /**
   * More streams or consumers than allowed, or more than may be created at once: `creating` are.
   */
  tooManyStreams: { limit: number; creating?: number };
  tooManyTags: { limit: number };
  tooManyConsumers: { limit: number; creating?: number };
  consumerNotFound: { stream: string; consumer: string };
  consumerExists: { stream: string; consumer: string };
  consumerNotActive: { stream: string; consumer: string; createdSeconds: number };
  /** The stream has consumers, and the request deletes only a stream without consumers. */
  consumersRegistered: { stream: string };
  /** By its id or its name. */
  queueNotFound: { queue: string };
  /** A queue of that name exists. */
  queueExists: { queue: string };
  /** The queue is not in a state that allows the operation. */
  queueNotActive: { queue: string; status: string };
  /** More queues and consumers than the stream may have, or queues that are created or deleted now. */
  tooManyQueues: { limit: number; changing?: number };
  /** The stream has queues, which must be deleted before. */
  queuesExist: { stream: string };
  policyNotFound: Nothing;
  /**
   * The shard is closed; its children accept records. Named by its index, or in the shard itself by
   * its uid.
   */
  shardClosed: { stream: string; shard: number } | { uid: string };
  /** Its writer has closed the stream (Durable Streams), and nothing continues its shard. */
  streamClosed: { stream?: string };
  /** Every use of the stream prolongs its life (Durable Streams), so it has one shard, which counts them. */
  streamExpires: { stream: string };
  /** The hash key for the new shard is not within the range of the old one. */
  hashOutOfRange: { stream: string; shard: number };
  /** The shards to be merged are not adjacent. */
  shardsNotAdjacent: { stream: string; shard: number; adjacent: number };
  /** Someone else has just subscribed to the shard as the same consumer. */
  subscriptionTaken: Nothing;
  /** Too many readers wait for the shard's next record. */
  tooManyWaiting: Nothing;
  /** The record at that place has expired, or never existed. */
  locationNotFound: { shard?: string; segment?: number };
  /** The shard has too many pending writes; the client should retry. */
  overloaded: Nothing;
  /**
   * The object did not answer: it moves to another instance. What was asked may have been done, or
   * not; the client should retry.
   */
  unreachable: Nothing;
  /** The commit failed; nothing of it was stored. */
  commitFailed: { what: string };
  /** Stored data fails a check. */
  corrupt: Damage;
  /** An operator has let readers pass over the segment, which cannot be read. */
  segmentSkipped: { shard: string; segment: number; index: number; count: number };
  /** The operator asked to pass over the segment, but it can be read. */
  segmentSound: { shard: string; segment: number };
  segmentNotFound: { shard: string; segment: number };
  tooManySkipped: { limit: number };
  /** An operator's request lacks a parameter. */
  invalidQuery: { wanted: string };
  /** A pattern of records says nothing that can be asked: the character, from 1, and the path to it. */
  invalidCondition: { at: number; path: string; what: string };
  /**
   * A bound of the store would be exceeded: bytes of a record, row or chunk, or records of a chunk.
   */
  tooLarge: { bytesMax: number; bytes?: number } | { recordsMax: number; records: number };
  /** No such object beside the streams. */
  itemNotFound: { path: string };
  /** The object exists, and the request creates only a new one. */
  itemExists: Nothing;
  /** The condition of a write does not hold; nothing was written. */
  conditionFalse: Nothing;
  /** The expression of an update cannot be computed on this object; nothing was written. */
  expressionFailed: { what: string };
}

type Nothing = { nothing?: never };

/** Where stored data is damaged, as far as that is known, and what is wrong with it. */
export interface Damage {
  what: string;
  /** By its uid. */
  shard?: string;
  segment?: number;
  index?: number;
  stream?: string;
  /** By the uid of what the tags hang on. */
  tags?: string;
  /** By the path below its container. */
  item?: string;
  /** By the name of its object, or by its id. */
  queue?: string;
}

export type StreamErrorCode = keyof StreamErrorDetails;

export type StreamErrorDetail<Code extends StreamErrorCode = StreamErrorCode> = Readonly<
  StreamErrorDetails[Code]
>;

/** The detail, which may be left out if all its members are optional. */
type DetailOf<Code extends StreamErrorCode> =
  Partial<StreamErrorDetails[Code]> extends StreamErrorDetails[Code]
    ? [detail?: StreamErrorDetail<Code>]
    : [detail: StreamErrorDetail<Code>];

/** An expected failure of the core. */
export class StreamError<Code extends StreamErrorCode = StreamErrorCode> extends Error {
  readonly code: Code;
  readonly detail: StreamErrorDetail<Code>;

  constructor(code: Code, ...[detail = {} as StreamErrorDetail<Code>]: DetailOf<Code>) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.name = "StreamError";
    this.code = code;
    this.detail = detail;
  }
}

export function isStreamError(error: unknown): error is StreamError {
  return error instanceof StreamError;
}

/** True if a thrown value is a StreamError with one of these codes. */
export function isCode<Code extends StreamErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is StreamError<Code> {
  return isStreamError(error) && codes.some((code) => code === error.code);
}

/** Throws `corrupt`, with the place, unless the condition holds. */
export function invariant(
  holds: boolean,
  what: string,
  place: Omit<Damage, "what">,
): asserts holds {
  if (!holds) throw new StreamError("corrupt", { ...place, what });
}

/** Describes the damage for the operator. The wording is our own. */
export function damageText({ what, shard, segment, stream, tags, item, queue }: Damage): string {
  const places = Object.entries({ shard, segment, stream, tags, item, queue })
    .filter(([, name]) => name !== undefined)
    .map(([kind, name]) => `${kind} ${name}`);
  const canBeSkipped = shard !== undefined && segment !== undefined;
  const way = canBeSkipped ? "An operator can let readers pass over it: see" : "See";
  const damage = [places.join(", "), what].filter((part) => part !== "").join(": ");
  return `Stored bytes are damaged: ${damage}. ${way} docs/RECOVERY.md.`;
}

/** Describes a mistake in a pattern for its writer. The wording is our own. */
export function conditionText({ at, path, what }: StreamErrorDetail<"invalidCondition">): string {
  const place = path === "" ? "" : ` (${path})`;
  return `The pattern of records is invalid at character ${at}${place}: ${what}.`;
}
