// The caller's permissions for the page that is shown.
import { type Action, readPermissions } from "../api/permissions.ts";
import { usePoll } from "./poll.ts";

/** Until the answer is there, everything is offered. */
export function usePermissions(stream?: string): (action: Action) => boolean {
  const ask = (signal: AbortSignal) => readPermissions(stream, signal);
  const { value } = usePoll(`permissions/${stream ?? ""}`, ask, 30_000);
  return (action) => value?.has(action) ?? true;
}
