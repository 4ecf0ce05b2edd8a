// Finding and measuring records from the metadata columns, in plain TypeScript.

import { endOf, firstAtDelta, type PlainChunk, readEntry } from "./chunk.ts";

export function locateRecord(chunk: PlainChunk, i: number): number {
  return chunk.payloadAt + endOf(chunk, i - 1);
}

export function findTime(chunk: PlainChunk, timeMs: number, ordinal: number): number {
  if (timeMs < chunk.timeMs) return 0;
  const delta = timeMs - chunk.timeMs;
  const low = firstAtDelta(chunk, delta);
  const before = delta === 0 ? chunk.timeOrdinal : 0;
  if (ordinal <= before) return low;
  return Math.min(low + ordinal - before, firstAtDelta(chunk, delta + 1));
}

export function walk(chunk: PlainChunk, from: number, to: number, rows: Uint32Array): void {
  const { bytes, stride, keyMin, infoMin, payloadAt } = chunk;
  const { endWidth, keyWidth, infoWidth, timeWidth, endsAt, keysAt, infosAt, timesAt } = chunk;
  let start = endOf(chunk, from - 1);
  let at = 0;
  for (let i = from; i < to; i++) {
    const end = stride * (i + 1) + readEntry(bytes, endsAt + i * endWidth, endWidth);
    const keyBytes = keyMin + readEntry(bytes, keysAt + i * keyWidth, keyWidth);
    const infoBytes = infoMin + readEntry(bytes, infosAt + i * infoWidth, infoWidth);
    rows[at] = payloadAt + start;
    rows[at + 1] = keyBytes;
    rows[at + 2] = infoBytes;
    rows[at + 3] = end - start - keyBytes - infoBytes;
    rows[at + 4] = readEntry(bytes, timesAt + i * timeWidth, timeWidth);
    at += 5;
    start = end;
  }
}

export function scan(chunk: PlainChunk, from: number, to: number): number[] {
  const { bytes, stride, keyMin, infoMin } = chunk;
  const { endWidth, keyWidth, infoWidth, endsAt, keysAt, infosAt } = chunk;
  const first = endOf(chunk, from - 1);
  let start = first;
  let keys = 0;
  let infos = 0;
  let groups = 0;
  for (let i = from; i < to; i++) {
    const end = stride * (i + 1) + readEntry(bytes, endsAt + i * endWidth, endWidth);
    const keyBytes = keyMin + readEntry(bytes, keysAt + i * keyWidth, keyWidth);
    const infoBytes = infoMin + readEntry(bytes, infosAt + i * infoWidth, infoWidth);
    keys += keyBytes;
    infos += infoBytes;
    groups += Math.trunc((end - start - keyBytes - infoBytes + 2) / 3);
    start = end;
  }
  return [keys, infos, start - first - keys - infos, groups * 4];
}
