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
  /** Retention has removed the record at that place, or it was never issued. */
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

/** An expected failure of the core. Crosses RPC as its message; see `revive`. */
export class StreamError extends Error {
  readonly code: StreamErrorCode;
  readonly detail: StreamErrorDetail;

  constructor(code: StreamErrorCode, detail: StreamErrorDetail = {}) {
    super(`${PREFIX}${JSON.stringify({ code, detail })}`);
    this.name = "StreamError";
    this.code = code;
    this.detail = detail;
  }
}

const PREFIX = "millrace ";

/** The StreamError that another object threw, from what RPC kept of it; other errors as they are. */
export function revive(error: unknown): unknown {
  if (error instanceof StreamError || !(error instanceof Error)) return error;
  const at = error.message.indexOf(PREFIX);
  if (at < 0) return error;
  try {
    const { code, detail } = JSON.parse(error.message.slice(at + PREFIX.length)) as StreamError;
    return new StreamError(code, detail);
  } catch {
    return error;
  }
}
