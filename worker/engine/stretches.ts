// Divides a range of records into stretches by encryption, which depends on the arrival time. Each
// stretch is printed in its own way. The engine finds where they begin; in most streams one stretch
// is the whole range.
import type { EngineExports } from "./exports.ts";

/** Arrival times from the first on, and before the second if there is one. */
export interface TimeSpan {
  fromMs: number;
  toMs?: number;
}

/** Records of a chunk that are all encrypted, or all not. */
export interface Stretch {
  from: number;
  to: number;
  isEncrypted: 0 | 1;
}

/** Divides records `from` to `to` into stretches. */
export function stretchesOf(
  raw: EngineExports,
  chunk: number,
  from: number,
  to: number,
  encrypted: readonly TimeSpan[],
): Stretch[] {
  const stretches: Stretch[] = [];
  let next = from;
  for (const { fromMs, toMs } of encrypted) {
    const start = Math.max(raw.findTime(chunk, BigInt(fromMs), 0), next);
    const end = toMs === undefined ? to : Math.min(raw.findTime(chunk, BigInt(toMs), 0), to);
    if (start >= end) continue;
    if (start > next) stretches.push({ from: next, to: start, isEncrypted: 0 });
    stretches.push({ from: start, to: end, isEncrypted: 1 });
    next = end;
  }
  if (next < to) stretches.push({ from: next, to, isEncrypted: 0 });
  return stretches;
}

/** How many of the records `from` to `to` are encrypted. */
export function encryptedCount(
  raw: EngineExports,
  chunk: number,
  from: number,
  to: number,
  encrypted: readonly TimeSpan[],
): number {
  if (encrypted.length === 0) return 0;
  const stretches = stretchesOf(raw, chunk, from, to, encrypted);
  return stretches.reduce((count, { from: start, to: end, isEncrypted }) => {
    return count + (end - start) * isEncrypted;
  }, 0);
}

/** Prints one stretch after the other, until one does not fit. */
export function renderStretches(
  raw: EngineExports,
  stretches: readonly Stretch[],
  at: number,
  render: (stretch: Stretch, at: number) => number,
): number {
  let end = at;
  for (const stretch of stretches) {
    end = render(stretch, end);
    const stopped = new DataView(raw.memory.buffer).getUint32(raw.RESULT.value as number, true);
    if (stopped !== stretch.to) break;
  }
  return end;
}
