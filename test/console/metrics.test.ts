import { describe, expect, it } from "vitest";
import { durationAt, totalsOf } from "../../console/charts/metricTotals.ts";

function metrics(fast: number, slow: number): string {
  return [
    "# HELP millrace_requests_total Requests that were answered.",
    `millrace_requests_total{dialect="kinesis",operation="PutRecord",status="200"} ${fast}`,
    `millrace_requests_total{dialect="v3io",operation="GetRecords",status="200"} ${slow}`,
    "millrace_request_body_bytes_total 1e3",
    bucket("PutRecord", "0.01", fast),
    bucket("PutRecord", "1", fast),
    bucket("PutRecord", "+Inf", fast),
    bucket("GetRecords", "0.01", 0),
    bucket("GetRecords", "1", slow),
    bucket("GetRecords", "+Inf", slow),
  ].join("\n");
}

function bucket(operation: string, le: string, count: number): string {
  const labels = `dialect="kinesis",operation="${operation}",le="${le}"`;
  return `millrace_request_duration_seconds_bucket{${labels}} ${count}`;
}

describe("metrics", () => {
  it("counters are added up over dialects and operations", () => {
    const { requests, bytesIn, errors } = totalsOf(metrics(3, 4), 0);
    expect({ requests, bytesIn, errors }).toEqual({ requests: 7, bytesIn: 1000, errors: 0 });
  });

  it("a share of the requests between two samples kept the bound of its bucket", () => {
    const [from, to] = [totalsOf(metrics(100, 0), 0), totalsOf(metrics(190, 10), 1)];
    expect(durationAt(0.9, from, to)).toBe(0.01);
    expect(durationAt(0.95, from, to)).toBe(1);
    expect(durationAt(0.5, to, to)).toBeUndefined();
  });
});
