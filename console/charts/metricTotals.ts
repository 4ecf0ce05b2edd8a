// The totals of `/metrics`, added up over dialects and operations, and durations between two samples.

export interface MetricTotals {
  timeMs: number;
  requests: number;
  errors: number;
  bytesIn: number;
  bytesOut: number;
  records: number;
  rows: number;
  /** Requests that took at most so many seconds, by that bound, in order. */
  durations: Map<number, number>;
}

/** Reads the text format of Prometheus. */
export function totalsOf(text: string, timeMs: number): MetricTotals {
  const sums = new Map<string, number>();
  const durations = new Map<number, number>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
    if (name !== "millrace_request_duration_seconds_bucket") continue;
    const [, bound = ""] = /(?:^|,)le="([^"]+)"/.exec(labels) ?? [];
    const seconds = bound === "+Inf" ? Infinity : Number(bound);
    durations.set(seconds, (durations.get(seconds) ?? 0) + Number(value));
  }
  const sum = (name: string) => sums.get(`millrace_${name}`) ?? 0;
  return {
    timeMs,
    requests: sum("requests_total"),
    errors: sum("request_errors_total"),
    bytesIn: sum("request_body_bytes_total"),
    bytesOut: sum("response_body_bytes_total"),
    records: sum("records_total"),
    rows: sum("rows_written_total"),
    durations: new Map([...durations].sort(([a], [b]) => a - b)),
  };
}

/**
 * The duration in seconds that this share of the requests between two samples kept: the bound of
 * the bucket. Undefined without a request.
 */
export function durationAt(
  share: number,
  from: MetricTotals,
  to: MetricTotals,
): number | undefined {
  const total = (to.durations.get(Infinity) ?? 0) - (from.durations.get(Infinity) ?? 0);
  if (total <= 0) return undefined;
  for (const [bound, count] of to.durations) {
    if (count - (from.durations.get(bound) ?? 0) >= share * total) return bound;
  }
  return undefined;
}
