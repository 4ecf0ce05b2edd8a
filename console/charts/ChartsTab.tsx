// What arrives and how much is stored, while the page is open.
import type { StreamActivity } from "../streams/activity.ts";
import { formatBytes, formatRate } from "../ui/format.ts";
import { Chart } from "./Chart.tsx";

export function ChartsTab({ stream, activity }: { stream: string; activity: StreamActivity }) {
  const { rates } = activity;
  const times = rates.map(({ timeMs }) => timeMs / 1000);
  if (rates.length < 2) return <p class="muted">Measuring…</p>;
  return (
    <div class="cards">
      <Chart
        title="Records in, a second"
        label={`records a second into ${stream}`}
        times={times}
        values={rates.map(({ recordsPerSecond }) => recordsPerSecond)}
        format={formatRate}
      />
      <Chart
        title="Bytes stored, a second"
        label={`bytes a second stored in ${stream}`}
        times={times}
        values={rates.map(({ bytesPerSecond }) => bytesPerSecond)}
        format={formatBytes}
      />
    </div>
  );
}
