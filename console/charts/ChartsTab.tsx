// What arrives, how much is stored, and what readers and queues have still to do, while the page is open.
import type { StreamActivity } from "../streams/activity.ts";
import { backlogsOf, type Line } from "../app/backlogs.ts";
import { formatBytes, formatCount, formatRate, formatSpan } from "../ui/format.ts";
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
  return (
    <div class="cards">
      {rates.length < 2 && (
        <p class="muted wide">
          {activity.stats?.length === 0
            ? "What arrives is told to keys that may do millrace:GetStats."
            : "Measuring…"}
        </p>
      )}
      {rates.length >= 2 && (
        <>
          <Chart
            title="Records in, a second"
            label={`records a second into ${stream}`}
            times={times}
            lines={[{ name: "", values: rates.map(({ recordsPerSecond }) => recordsPerSecond) }]}
            format={formatRate}
          />
          <Chart
            title="Bytes stored, a second"
            label={`bytes a second stored in ${stream}`}
            times={times}
            lines={[{ name: "", values: rates.map(({ bytesPerSecond }) => bytesPerSecond) }]}
            format={formatBytes}
            isWhole
          />
          <BacklogCharts stream={stream} />
        </>
      )}
      {history}
    </div>
  );
}

/** Lines of readers and queues that were there while the page was open. */
function BacklogCharts({ stream }: { stream: string }) {
  const backlogs = backlogsOf(stream);
  const times = backlogs.times.map((ms) => ms / 1000);
  const charts: readonly [title: string, lines: Line[], format: (value: number) => string][] = [
    ["Readers behind, records", backlogs.records, formatCount],
    ["Readers behind, time", backlogs.ages, formatSpan],
    ["Records left in queues", backlogs.queues, formatCount],
  ];
  return (
    <>
      {charts
        .filter(([, lines]) => lines.length > 0)
        .map(([title, lines, format]) => (
          <Chart
            key={title}
            title={title}
            label={`${title}, of ${stream}`}
            times={times}
            lines={lines}
            format={format}
            isWhole={format === formatCount}
          />
        ))}
      {backlogs.records.length === 0 && (
        <section class="card">
          <h2>Readers behind</h2>
          <p class="muted">
            Nobody has read this stream while the page was open. Whoever does is shown here: how
            many records and how much time it is behind.
          </p>
        </section>
      )}
    </>
  );
}
