// Counts the bytes that wait for a commit, over all shards of an isolate, because they share its
// memory. If an object is killed, its reservation remains until the next object of that shard
// resets it.
import { StreamError } from "../errors.ts";
import { isolatePendingBytesMax } from "../limits.ts";

const shares = new Map<string, number>();
let totalBytes = 0;

/** Throws `overloaded` if the isolate holds too much already. */
export function reservePending(uid: string, bytes: number): void {
  if (totalBytes + bytes > isolatePendingBytesMax) throw new StreamError("overloaded");
  setShare(uid, (shares.get(uid) ?? 0) + bytes);
}

export function releasePending(uid: string, bytes: number): void {
  setShare(uid, Math.max((shares.get(uid) ?? 0) - bytes, 0));
}

export function resetPending(uid: string): void {
  setShare(uid, 0);
}

export function pendingTotalBytes(): number {
  return totalBytes;
}

function setShare(uid: string, bytes: number): void {
  totalBytes += bytes - (shares.get(uid) ?? 0);
  if (bytes === 0) shares.delete(uid);
  else shares.set(uid, bytes);
}
