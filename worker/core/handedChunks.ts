// Chunks on their way from a Worker to a shard whose object is in the same isolate. A call would copy them three
// times; here they change hands as they are, and the call names them by a number. Who hands chunks over does not
// touch them any more, unless the shard has not taken them. A request may end before its call has arrived, so
// what nobody takes is dropped after a while; then the shard does not find it, and is sent a copy.
import { handedBytesMax, handedMsMax } from "../limits.ts";

interface Handed {
  uid: string;
  chunks: readonly Uint8Array[];
  bytes: number;
  sinceMs: number;
}

/** By number, oldest first. */
const handed = new Map<number, Handed>();
let handedBytes = 0;
let lastNumber = 0;

/** The number by which the shard finds the chunks; undefined if too much waits already. */
export function handChunks(
  uid: string,
  chunks: readonly Uint8Array[],
  nowMs: number,
): number | undefined {
  for (const [number, { sinceMs }] of handed) {
    if (nowMs - sinceMs < handedMsMax && nowMs >= sinceMs) break;
    takeBack(number);
  }
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  if (handedBytes + bytes > handedBytesMax) return undefined;
  lastNumber += 1;
  handed.set(lastNumber, { uid, chunks, bytes, sinceMs: nowMs });
  handedBytes += bytes;
  return lastNumber;
}

/** The chunks, once, if they are for this shard. */
export function takeHanded(uid: string, number: number): readonly Uint8Array[] | undefined {
  const found = handed.get(number);
  if (found?.uid !== uid) return undefined;
  takeBack(number);
  return found.chunks;
}

/** After the call, whatever became of it. */
export function takeBack(number: number): void {
  handedBytes -= handed.get(number)?.bytes ?? 0;
  handed.delete(number);
}
