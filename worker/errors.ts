// The one error class of the core. A code says what happened, and has a detail of a shape of its own:
// what the text of a face may need, never prose. Each face has a table with an answer to every code, so
// that a new code does not compile until every face has decided.

/** What each code says beside its name. */
export interface StreamErrorDetails {
  /** No stream of that name, or it is being deleted. */
  streamNotFound: { stream: string };
  /** A stream of that name exists. */
  streamExists: { stream: string };
  /** The stream is not in a state that allows the operation. */
  streamNotActive: { stream: string; status: string };
  /** No such shard, by index or by uid, or it went with its stream. */
  shardNotFound: { stream?: string; shard?: number; uid?: string };
  /** The stream's mode does not have what was asked for. */
  wrongMode: { stream: string; mode: string };
  /** A retention that was to be longer is shorter, or the other way round. */
  retentionNotLonger: { stream: string; hours: number; existingHours: number };
  retentionNotShorter: { stream: string; hours: number; existingHours: number };
  /** The account is not committed to a minimum of throughput. */
  notCommitted: Nothing;
  /** More shards than the stream may have, or its account, which then has `current` ones. */
  tooManyShards: { limit: number } | { limit: number; current: number; additional: number };
  /** The stream has more shards already, and none can be taken away. */
  tooFewShards: { stream: string; current: number; to: number };
  /** More streams or consumers than there may be, or than may be created at once: `creating` are. */
  tooManyStreams: { limit: number; creating?: number };
  tooManyTags: { limit: number };
  tooManyConsumers: { limit: number; creating?: number };
  consumerNotFound: { stream: string; consumer: string };
  consumerExists: { stream: string; consumer: string };
  consumerNotActive: { stream: string; consumer: string; createdSeconds: number };
  /** The stream has consumers, and was to be deleted only without. */
  consumersRegistered: { stream: string };
  policyNotFound: Nothing;
  /** The shard takes no more records; its children do. Known by its index, or to itself by its uid. */
  shardClosed: { stream: string; shard: number } | { uid: string };
  /** The hash key that was to begin a new shard is not within the old one. */
  hashOutOfRange: { stream: string; shard: number };
  /** Shards that were to be merged do not lie side by side. */
  shardsNotAdjacent: { stream: string; shard: number; adjacent: number };
  /** Someone else has just subscribed to the shard as the same consumer. */
  subscriptionTaken: Nothing;
  /** More at once than may wait for a shard's next record. */
  tooManyWaiting: Nothing;
  /** Retention has removed the record at that place, or it was never there. */
  locationNotFound: { shard?: string; segment?: number };
  /** The shard has too much to write already; try again. */
  overloaded: Nothing;
  /** The commit failed; nothing of it was kept. */
  commitFailed: { what: string };
  /** What is stored fails a check. */
  corrupt: Damage;
  /** An operator has let readers pass over the segment, which cannot be read. */
  segmentSkipped: { shard: string; segment: number; index: number; count: number };
  /** The segment was to be passed over, and can be read. */
  segmentSound: { shard: string; segment: number };
  segmentNotFound: { shard: string; segment: number };
  tooManySkipped: { limit: number };
  /** An operator's request lacks what it needs. */
  invalidQuery: { wanted: string };
  /** A bound of the store would be passed: bytes of a record, row or chunk, or records of a chunk. */
  tooLarge: { bytesMax: number; bytes?: number } | { recordsMax: number; records: number };
  /** No such object beside the streams. */
  itemNotFound: { path: string };
  /** The object exists, and was to be made. */
  itemExists: Nothing;
  /** The condition of a write does not hold; nothing was written. */
  conditionFalse: Nothing;
  /** The expression of an update cannot be computed on this object; nothing was written. */
  expressionFailed: { what: string };
}

type Nothing = { nothing?: never };

/** Where something stored is wrong, as far as that is known, and what is wrong with it. */
export interface Damage {
  what: string;
  shard?: string;
  segment?: number;
  index?: number;
}

export type StreamErrorCode = keyof StreamErrorDetails;

export type StreamErrorDetail<Code extends StreamErrorCode = StreamErrorCode> = Readonly<
  StreamErrorDetails[Code]
>;

/** The detail, which may be left out where it has nothing that must be said. */
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

/** Whether something that was thrown is the core's failure of one of these codes. */
export function isCode<Code extends StreamErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is StreamError<Code> {
  return isStreamError(error) && codes.some((code) => code === error.code);
}

/** Says what is damaged, for the reader's operator. The wording is our own. */
export function damageText({ shard, segment, what }: Damage): string {
  const way = "An operator can let readers pass over it: see docs/RECOVERY.md.";
  const place = segment === undefined ? `shard ${shard}` : `shard ${shard}, segment ${segment}`;
  return `Stored bytes are damaged: ${place}: ${what}. ${way}`;
}
