// The server as a whole, while the page is open: requests, errors, durations, bytes, rows.
import { readMetrics } from "../api/metrics.ts";
import { usePoll } from "../app/poll.ts";
import { formatBytes, formatRate } from "../ui/format.ts";
import { Failure } from "../ui/parts.tsx";
import { Chart } from "./Chart.tsx";
import { durationAt, type MetricTotals } from "./metricTotals.ts";

const sampleMs = 2000;
const samplesMax = 900;

/** They outlive the page. */
let samples: MetricTotals[] = [];

async function sample(signal: AbortSignal): Promise<readonly MetricTotals[]> {
  const totals = await readMetrics(signal);
  const before = samples.at(-1);
  // The counters begin anew when the server does.
  if (before !== undefined && totals.requests < before.requests) samples = [];
  samples = [...samples.slice(-samplesMax), totals];
  return samples;
}

export function ServerPage() {
  const { value = [], error } = usePoll("metrics", sample, sampleMs);
  const steps = value.slice(1).map((to, i) => ({ from: value[i] ?? to, to }));
  const times = steps.map(({ to }) => to.timeMs / 1000);
  const rate = (name: "requests" | "errors" | "bytesIn" | "bytesOut" | "records" | "rows") =>
    steps.map(({ from, to }) => ((to[name] - from[name]) * 1000) / (to.timeMs - from.timeMs));
  const durations = (share: number) =>
    steps.map(({ from, to }) => (durationAt(share, from, to) ?? 0) * 1000);
  const charts = [
    ["Requests, a second", rate("requests"), formatRate],
    ["Errors, a second", rate("errors"), formatRate],
    ["Duration that half of the requests keep", durations(0.5), formatMs],
    ["Duration that 95 % of the requests keep", durations(0.95), formatMs],
    ["Records committed, a second", rate("records"), formatRate],
    ["Rows written, a second", rate("rows"), formatRate],
    ["Bytes in, a second", rate("bytesIn"), formatBytes],
    ["Bytes out, a second", rate("bytesOut"), formatBytes],
  ] as const;
  return (
    <>
      <div class="bar">
        <h1>Server</h1>
        <span class="muted">
          The counters of <code>/metrics</code>, while this page is open.
        </span>
      </div>
      <Failure error={error} />
      {steps.length < 2 && error === undefined && <p class="muted">Measuring…</p>}
      {steps.length >= 2 && (
        <div class="cards">
          {charts.map(([title, values, format]) => (
            <Chart
              key={title}
              title={title}
              label={title}
              times={times}
              lines={[{ name: "", values }]}
              format={format}
              isWhole={format === formatBytes}
            />
          ))}
        </div>
      )}
    </>
  );
}

/** The slowest bucket has no bound. */
function formatMs(ms: number): string {
  return Number.isFinite(ms) ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : "longer";
}
