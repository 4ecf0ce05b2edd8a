// What arrives and how much is stored, while the page is open.
import type { StreamActivity } from "../streams/activity.ts";
import { formatBytes, formatRate } from "../ui/format.ts";
import { go, streamPath } from "../app/route.ts";
import { HistogramPicker } from "../records/HistogramPicker.tsx";
import { Chart } from "./Chart.tsx";

export function ChartsTab({ stream, activity }: { stream: string; activity: StreamActivity }) {
  const { rates } = activity;
  const times = rates.map(({ timeMs }) => timeMs / 1000);
  const read = (ms: number) => go(`${streamPath(stream)}?from=${ms}`);
  const history = (
    <section class="card wide">
      <h2>Arrivals</h2>
      <p class="muted">Choose a bar to read the records from there.</p>
      <HistogramPicker stream={stream} pick={read} />
    </section>
  );
  if (rates.length < 2) {
    return (
      <div class="cards">
        <p class="muted wide">Measuring…</p>
        {history}
      </div>
    );
  }
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
      {history}
    </div>
  );
}
