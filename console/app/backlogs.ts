// What readers and queues of a stream have still to do, as sampled while the page is open: a line for each of
// them over the same times, with null where it was not there.
import type { QueueStats, ReaderLag } from "../api/stats.ts";

export interface Line {
  name: string;
  values: (number | null)[];
}

export interface Backlogs {
  /** In milliseconds. */
  times: number[];
  /** Milliseconds by which each reader is behind, in the shard where it is furthest behind. */
  ages: Line[];
  /** Records that each reader has still to read, in all shards. */
  records: Line[];
  /** Records that each queue has not handed out, or will hand out again. */
  queues: Line[];
}

const samplesMax = 900;

/** They outlive the pages that fill them. */
const known = new Map<string, Backlogs>();

export function backlogsOf(stream: string): Backlogs {
  let found = known.get(stream);
  if (found === undefined) known.set(stream, (found = newBacklogs()));
  return found;
}

export function addBacklog(
  stream: string,
  timeMs: number,
  readers: readonly ReaderLag[],
  queues: readonly QueueStats[],
): void {
  const { times, ages, records, queues: depths } = backlogsOf(stream);
  if (timeMs <= (times.at(-1) ?? 0)) return;
  const age = new Map<string, number>();
  const left = new Map<string, number>();
  for (const reader of readers) {
    const name = nameOf(reader);
    age.set(name, Math.max(age.get(name) ?? 0, reader.behindMs));
    left.set(name, (left.get(name) ?? 0) + reader.behindRecords);
  }
  const depth = new Map(
    queues.map(({ name, undelivered, waiting }) => [name, undelivered + waiting]),
  );
  for (const [lines, now] of [
    [ages, age],
    [records, left],
    [depths, depth],
  ] as const) {
    extend(lines, now, times.length);
  }
  times.push(timeMs);
  if (times.length <= samplesMax) return;
  times.shift();
  for (const line of [...ages, ...records, ...depths]) line.values.shift();
}

/** A reader as the page names it. */
export function nameOf({ dialect, consumer }: Pick<ReaderLag, "dialect" | "consumer">): string {
  return consumer ?? `${dialect} readers`;
}

function extend(lines: Line[], now: ReadonlyMap<string, number>, length: number): void {
  for (const name of now.keys()) {
    if (lines.some((line) => line.name === name)) continue;
    lines.push({ name, values: Array.from({ length }, () => null) });
  }
  for (const line of lines) line.values.push(now.get(line.name) ?? null);
}

function newBacklogs(): Backlogs {
  return { times: [], ages: [], records: [], queues: [] };
}
