// The one error class of the core. A code says what happened; each dialect has a table from code
// to its own name, status and text. Details are what such a text may need, never prose.

export type StreamErrorCode =
  /** No stream of that name, or it is being deleted. */
  | "streamNotFound"
  /** A stream of that name exists. */
  | "streamExists"
  /** The stream is not in a state that allows the operation. */
  | "streamNotActive"
  /** No such shard, or it went with its stream. */
  | "shardNotFound"
  /** The stream's mode does not have what was asked for. */
  | "wrongMode"
  /** A retention that was to be longer is shorter, or the other way round. */
  | "retentionNotLonger"
  | "retentionNotShorter"
  /** The account is not committed to a minimum of throughput. */
  | "notCommitted"
  /** More shards, or streams, than the account may have. */
  | "tooManyShards"
  /** The stream has more shards already, and none can be taken away. */
  | "tooFewShards"
  | "tooManyStreams"
  | "tooManyTags"
  | "tooManyConsumers"
  | "consumerNotFound"
  | "consumerExists"
  | "consumerNotActive"
  /** The stream has consumers, and was to be deleted only without. */
  | "consumersRegistered"
  | "policyNotFound"
  /** The shard takes no more records; its children do. */
  | "shardClosed"
  /** The hash key that was to begin a new shard is not within the old one. */
  | "hashOutOfRange"
  /** Shards that were to be merged do not lie side by side. */
  | "shardsNotAdjacent"
  /** Someone else has just subscribed to the shard as the same consumer. */
  | "subscriptionTaken"
  /** More at once than may wait for a shard's next record. */
  | "tooManyWaiting"
  /** Retention has removed the record at that place, or it was never there. */
  | "locationNotFound"
  /** The shard has too much to write already; try again. */
  | "overloaded"
  /** The commit failed; nothing of it was kept. */
  | "commitFailed"
  /** Stored bytes fail their check. */
  | "corrupt"
  /** An operator has let readers pass over the segment, which cannot be read. */
  | "segmentSkipped"
  /** The segment was to be passed over, and can be read. */
  | "segmentSound"
  | "segmentNotFound"
  | "tooManySkipped"
  /** An operator's request lacks what it needs. */
  | "invalidQuery"
  /** A bound of the store would be passed: record, chunk, message or object too large. */
  | "tooLarge"
  /** No such object beside the streams. */
  | "itemNotFound"
  /** The object exists, and was to be made. */
  | "itemExists"
  /** The condition of a write does not hold; nothing was written. */
  | "conditionFalse"
  /** The expression of an update cannot be computed on this object; nothing was written. */
  | "expressionFailed";

export type StreamErrorDetail = Readonly<Record<string, string | number>>;

/** An expected failure of the core. */
export class StreamError extends Error {
  readonly code: StreamErrorCode;
  readonly detail: StreamErrorDetail;

  constructor(code: StreamErrorCode, detail: StreamErrorDetail = {}) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.name = "StreamError";
    this.code = code;
    this.detail = detail;
  }
}

/** Says which bytes are damaged, for the reader's operator. The wording is our own. */
export function damageText({ shard, segment, what }: StreamErrorDetail): string {
  const place = segment === undefined ? `shard ${shard}` : `shard ${shard}, segment ${segment}`;
  const way = "An operator can let readers pass over it: see docs/RECOVERY.md.";
  return `Stored bytes are damaged: ${place}: ${what}. ${way}`;
}
