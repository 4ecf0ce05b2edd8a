// Declares an operation in one place: its name, the action by which allow lists and policies permit it, and what it
// does. The actions are those of Kinesis, so that one allow list serves all dialects. operations.ts lists the
// declarations.
import type { Caller } from "../auth/caller.ts";
import type { Backend } from "../stream/backend.ts";
import type { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";

export interface Call {
  backend: Backend;
  scope: Scope;
  caller: Caller;
  request: Request;
  /** The stream's name in the catalog. */
  name: string;
  query: URLSearchParams;
  /** The address without the query, for Location. */
  address: string;
  /** True if the server has no access keys: everybody may read, and shared caches may keep replies. */
  isOpen: boolean;
  failures: FailureLog;
}

export interface Operation<Name extends string = string> {
  readonly name: Name;
  readonly action: string;
  readonly run: (call: Call) => Promise<Response>;
}

export function operation<const Name extends string>(
  declaration: Operation<Name>,
): Operation<Name> {
  return declaration;
}
