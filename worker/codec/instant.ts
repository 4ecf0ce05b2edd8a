// Times of ISO 8601 that callers write. `Date.parse` takes the 30th of February for the 2nd of March.

/** Unix milliseconds of a text that begins with `2026-11-27`; NaN if it is no time, or its day does not exist. */
export function parseInstant(text: string): number {
  const day = text.slice(0, 10);
  const ms = Date.parse(`${day}T00:00Z`);
  const exists = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
  return exists ? Date.parse(text) : NaN;
}
