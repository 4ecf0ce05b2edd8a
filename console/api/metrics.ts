// What `GET /metrics` counts since the server was started.
import { type MetricTotals, totalsOf } from "../charts/metricTotals.ts";
import { send } from "./request.ts";

/** Throws ApiError. */
export async function readMetrics(signal: AbortSignal): Promise<MetricTotals> {
  const response = await send({ method: "GET", path: "/metrics", signal });
  return totalsOf(await response.text(), Date.now());
}
