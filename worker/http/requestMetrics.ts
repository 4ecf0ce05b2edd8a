// Counts requests and their time, by dialect and operation, in memory. A request costs two look-ups
// and four additions. With Workers Analytics Engine bound, it is also written there as a data point.
// Names of operations and errors come from tables of the program, so that a client cannot make up
// new series. The clock of a deployed Worker stands still while it computes, so a time there is
// what the request has waited for.
import type { Env } from "../core/bindings.ts";
import type { AccessRequest } from "../stream/backend.ts";

/** Upper bounds in milliseconds; the last bucket has none. */
export const bucketBoundsMs = [
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
] as const;

/** A request that was answered. */
export interface AnsweredRequest {
  /** The dialect, or who else answered. */
  readonly dialect: string;
  readonly deed: AccessRequest;
  readonly status: number;
}

export interface Series {
  readonly dialect: string;
  readonly operation: string;
  /** Requests by status, and by the name of their error. */
  readonly statuses: Map<number, number>;
  readonly errors: Map<string, number>;
  /** Requests in each bucket alone. */
  readonly buckets: number[];
  sumMs: number;
}

export class RequestMetrics {
  private readonly byDialect = new Map<string, Map<string, Series>>();

  note({ dialect, deed, status }: AnsweredRequest, ms: number, analytics: Env["ANALYTICS"]): void {
    const { operation = "unknown", stream = "", error } = deed;
    const series = this.byDialect.get(dialect)?.get(operation) ?? this.begin(dialect, operation);
    series.statuses.set(status, (series.statuses.get(status) ?? 0) + 1);
    if (error !== undefined) series.errors.set(error, (series.errors.get(error) ?? 0) + 1);
    let bucket = 0;
    while (bucket < bucketBoundsMs.length && ms > (bucketBoundsMs[bucket] ?? 0)) bucket++;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.sumMs += ms;
    analytics?.writeDataPoint({
      indexes: [`${dialect}:${operation}`],
      blobs: [dialect, operation, stream, String(status), error ?? ""],
      doubles: [ms],
    });
  }

  *series(): Iterable<Series> {
    for (const operations of this.byDialect.values()) yield* operations.values();
  }

  private begin(dialect: string, operation: string): Series {
    const buckets = Array.from({ length: bucketBoundsMs.length + 1 }, () => 0);
    const counts = { statuses: new Map<number, number>(), errors: new Map<string, number>() };
    const series: Series = { dialect, operation, ...counts, buckets, sumMs: 0 };
    const operations = this.byDialect.get(dialect) ?? new Map<string, Series>();
    this.byDialect.set(dialect, operations.set(operation, series));
    return series;
  }
}

/** The isolate's. */
export const requestMetrics = new RequestMetrics();
