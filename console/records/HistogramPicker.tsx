// How many records arrived when, as bars; a bar is a time to begin with.
import { useState } from "preact/hooks";
import { readHistogram, type Stretch } from "../api/scan.ts";
import { usePoll } from "../app/poll.ts";
import { formatCount, formatTime } from "../ui/format.ts";
import { Failure } from "../ui/parts.tsx";

interface Span {
  label: string;
  by: Stretch;
  stretchMs: number;
  bars: number;
  /** How often it is asked for. The server reads all records of the span for an answer. */
  everyMs: number;
}

const minuteMs = 60_000;

const spans: readonly Span[] = [
  { label: "last minute", by: "second", stretchMs: 1000, bars: 60, everyMs: 5000 },
  { label: "last hour", by: "minute", stretchMs: minuteMs, bars: 60, everyMs: 5000 },
  { label: "last day", by: "hour", stretchMs: 60 * minuteMs, bars: 24, everyMs: minuteMs },
  { label: "last month", by: "day", stretchMs: 1440 * minuteMs, bars: 31, everyMs: 10 * minuteMs },
];

export function HistogramPicker({ stream, pick }: { stream: string; pick: (ms: number) => void }) {
  const [at, choose] = useState(1);
  const span = spans[at] ?? spans[0];
  if (span === undefined) return null;
  return (
    <div>
      <div class="tabs small" role="group" aria-label="span">
        {spans.map(({ label }, i) => (
          <button type="button" key={label} aria-pressed={i === at} onClick={() => choose(i)}>
            {label}
          </button>
        ))}
      </div>
      <Bars key={span.label} stream={stream} span={span} pick={pick} />
    </div>
  );
}

function Bars(props: { stream: string; span: Span; pick: (ms: number) => void }) {
  const { stream, span } = props;
  const { by, stretchMs, bars, everyMs } = span;
  const firstMs = () => (Math.floor(Date.now() / stretchMs) - bars + 1) * stretchMs;
  const ask = async (signal: AbortSignal) => {
    const fromMs = firstMs();
    return { fromMs, points: await readHistogram(stream, by, fromMs, signal) };
  };
  const { value, error } = usePoll(`${stream}/histogram/${by}`, ask, everyMs);
  if (value === undefined) return <Failure error={error} />;
  const counts = new Map(value.points.map(({ timeMs, count }) => [timeMs, count]));
  const most = Math.max(1, ...counts.values());
  return (
    <div class="histogram" role="group" aria-label={`records by ${by}`}>
      {Array.from({ length: bars }, (_, i) => {
        const timeMs = value.fromMs + i * stretchMs;
        const count = counts.get(timeMs) ?? 0;
        const text = `${formatTime(timeMs).slice(0, -4)}: ${formatCount(count)} ${count === 1 ? "record" : "records"}`;
        return (
          <button
            type="button"
            key={timeMs}
            disabled={count === 0}
            title={text}
            aria-label={text}
            onClick={() => props.pick(timeMs)}
          >
            <span style={{ height: `${(count / most) * 100}%` }} />
          </button>
        );
      })}
    </div>
  );
}
