// The text format of Prometheus, and the buckets of the histogram.

import { expect, test } from "vitest";
import { RequestMetrics } from "../../../worker/http/requestMetrics.ts";
import { Exposition } from "../../../worker/operator/exposition.ts";

test("counters, gauges and histograms, with their labels escaped", () => {
  const page = new Exposition();
  page.counter("a", "What it is.", [
    [{}, 3],
    [{ name: 'q"\\\n' }, 0],
  ]);
  page.gauge("b", "Now.", [[{ x: 1, y: "z" }, 2.5]]);
  page.histogram("c", "Time.", [0.1, 1], [{ labels: { op: "d" }, buckets: [2, 0, 1], sum: 4.2 }]);
  expect(String(page)).toBe(
    [
      "# HELP a_total What it is.",
      "# TYPE a_total counter",
      "a_total 3",
      'a_total{name="q\\"\\\\\\n"} 0',
      "# HELP b Now.",
      "# TYPE b gauge",
      'b{x="1",y="z"} 2.5',
      "# HELP c Time.",
      "# TYPE c histogram",
      'c_bucket{op="d",le="0.1"} 2',
      'c_bucket{op="d",le="1"} 2',
      'c_bucket{op="d",le="+Inf"} 3',
      'c_sum{op="d"} 4.2',
      'c_count{op="d"} 3',
      "",
    ].join("\n"),
  );
});

test("a request is in the first bucket whose bound it does not exceed", () => {
  const metrics = new RequestMetrics();
  for (const ms of [0, 1, 1.5, 2, 10_000, 10_001]) {
    const deed = { operation: "GetRecords", ...(ms > 1 && { error: "Slow" }) };
    metrics.note({ dialect: "kinesis", deed, status: ms > 1 ? 500 : 200 }, ms, undefined);
  }
  metrics.note({ dialect: "v3io", deed: {}, status: 404 }, 3, undefined);
  const [first, second] = [...metrics.series()];
  expect(first).toMatchObject({ dialect: "kinesis", operation: "GetRecords", sumMs: 20_005.5 });
  expect(first?.buckets).toEqual([2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  expect(first?.statuses).toEqual(
    new Map([
      [200, 2],
      [500, 4],
    ]),
  );
  expect(first?.errors).toEqual(new Map([["Slow", 4]]));
  expect(second).toMatchObject({ dialect: "v3io", operation: "unknown" });
});

test("with Analytics Engine bound, each request is a data point", () => {
  const points: unknown[] = [];
  const analytics = { writeDataPoint: (point: unknown) => void points.push(point) };
  const deed = { operation: "PutRecord", stream: "orders", error: "ValidationException" };
  new RequestMetrics().note({ dialect: "kinesis", deed, status: 400 }, 7, analytics);
  expect(points).toEqual([
    {
      indexes: ["kinesis:PutRecord"],
      blobs: ["kinesis", "PutRecord", "orders", "400", "ValidationException"],
      doubles: [7],
    },
  ]);
});
