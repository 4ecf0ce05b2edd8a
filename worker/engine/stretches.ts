// Which records of a chunk were encrypted, by when they arrived: a range in stretches that are printed
// each in its own way. The engine finds where they begin; most streams have one stretch, all the range.
import type { EngineExports } from "./exports.ts";

/** Arrival times from the first on and, where there is one, before the second. */
export interface TimeSpan {
  fromMs: number;
  toMs?: number;
}

/** Records of a chunk that were all encrypted, or none of them. */
export interface Stretch {
  from: number;
  to: number;
  isEncrypted: 0 | 1;
}

/** Records `from` to `to` in stretches. */
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

/** How many of records `from` to `to` were encrypted. */
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
