// What `GET /metrics` counts since the server was started.
import { type MetricTotals, totalsOf } from "../charts/metricTotals.ts";
import { send } from "./request.ts";

/** Throws ApiError. */
export async function readMetrics(signal: AbortSignal): Promise<MetricTotals> {
  return totalsOf(await send({ method: "GET", path: "/metrics", signal }), Date.now());
}
