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
  /** The shard takes no more records; its children do. */
  | "shardClosed"
  /** Retention has removed the record at that place, or it was never there. */
  | "locationNotFound"
  /** The shard has too much to write already; try again. */
  | "overloaded"
  /** The commit failed; nothing of it was kept. */
  | "commitFailed"
  /** Stored bytes fail their check. */
  | "corrupt"
  /** A bound of the store would be passed: record, chunk or message too large. */
  | "tooLarge";

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
