/** Times and durations of the command line. */
import { Failure } from "../../local/failure.ts";
import { parseInstant } from "../../worker/codec/instant.ts";

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Milliseconds since 1970. The text is an ISO 8601 time, seconds since 1970, or a duration before
 * `nowMs`, such as `10m` or `1h30m`. A time without an offset is local. Throws a Failure.
 */
export function parseTime(flag: string, text: string, nowMs: number): number {
  const agoMs = durationOf(text);
  if (agoMs !== undefined) return nowMs - agoMs;
  if (/^\d{9,11}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? parseInstant(text) : NaN;
  if (Number.isFinite(ms)) return ms;
  throw new Failure(
    `${flag} ${text} is not a time: pass one such as 2026-11-27T09:30:00Z, or 10m for ten minutes ago`,
    2,
  );
}

/** Milliseconds of `90s`, `10m`, `1h30m`. Throws a Failure. */
export function parseDuration(flag: string, text: string): number {
  const ms = durationOf(text);
  if (ms !== undefined) return ms;
  throw new Failure(`${flag} ${text} is not a duration: pass one such as 90s, 10m or 1h30m`, 2);
}

function durationOf(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(count) * unitMs[unit as keyof typeof unitMs];
  }
  return ms;
}
