// A chart over time; the canvas is uPlot's.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

const height = 200;

export function Chart(props: {
  title: string;
  label: string;
  times: readonly number[];
  values: readonly number[];
  format: (value: number) => string;
}) {
  const { title, label, times, values, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const [ink, line, rule] = ["--muted", "--accent", "--rule"].map((name) =>
      style.getPropertyValue(name).trim(),
    );
    const axis = { stroke: ink ?? "", grid: { stroke: rule ?? "" }, ticks: { stroke: rule ?? "" } };
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { y: false },
        legend: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(max, 1)] } },
        axes: [axis, { ...axis, size: 70, values: (_, ticks) => ticks.map(format) }],
        series: [{}, { stroke: line ?? "", width: 1.5, fill: `${line}22` }],
      },
      [[...times], [...values]],
      element,
    );
    plot.current = chart;
    const observer = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([[...times], [...values]]), [times.at(-1), times.length]);
  const last = values.at(-1);
  return (
    <section class="card">
      <h2>{title}</h2>
      <div
        ref={place}
        role="img"
        aria-label={`${label}: ${last === undefined ? "" : format(last)} now`}
      />
    </section>
  );
}
