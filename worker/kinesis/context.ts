// What an action gets besides its input, and what it returns.
import type { Backend } from "../stream/backend.ts";
import type { FailureLog } from "../core/failureLog.ts";
import type { ReplyBody } from "./envelope.ts";
import type { Selection } from "../scan/selection.ts";
import type { Scope } from "../core/types.ts";
import type { BodyCodec } from "./codec.ts";
import type { StreamAddress } from "./names.ts";

export interface ActionContext {
  backend: Backend;
  /** Account and region of the caller's credentials. */
  scope: Scope;
  /** The name of the operation, to which tokens of its pages are bound. */
  operation: string;
  codec: BodyCodec;
  nowMs: number;
  /** The records that the caller wants, if it does not want all. Throws `invalidCondition`. */
  selection(): Selection | undefined;
  failures: FailureLog;
  /**
   * Throws AccessDeniedException unless the caller may do this to the stream, which only a token of
   * the input names. The permission for what the input itself names is checked before the action.
   */
  permit(stream: StreamAddress): Promise<void>;
  /** The same for another action, which this one needs besides. */
  permitAlso(action: string, stream: StreamAddress): Promise<void>;
}

/** A body that an action printed itself. */
export class PrintedBody {
  readonly body: ReplyBody;
  /** Set if it differs from the content type of the request. */
  readonly contentType: string | undefined;
  /** Further headers of the reply. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(body: ReplyBody, contentType?: string, headers: Record<string, string> = {}) {
    this.body = body;
    this.contentType = contentType;
    this.headers = headers;
  }
}

/** A value for the codec, a printed body, or nothing: an empty body. */
export type ActionReply = object | PrintedBody | undefined;
