// The caller's permissions for the page that is shown.
import { type Action, readPermissions } from "../api/permissions.ts";
import { usePoll } from "./poll.ts";

/** Permissions change with the server's document of keys, which is seldom. */
const permissionsMs = 300_000;

/** Until the answer is there, everything is offered. */
export function usePermissions(stream?: string, isShown = true): (action: Action) => boolean {
  const ask = (signal: AbortSignal) => readPermissions(stream, signal);
  const { value } = usePoll(`permissions/${stream ?? ""}`, ask, permissionsMs, isShown);
  return (action) => value?.has(action) ?? true;
}
