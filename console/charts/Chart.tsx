// A chart over time; the canvas is uPlot's.
import { useEffect, useRef, useState } from "preact/hooks";
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
  const isDark = useDarkness();
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const rule = colorOf(element, "--rule");
    const line = colorOf(element, "--accent");
    const lines = { stroke: rule, width: 1 };
    const axis = { stroke: colorOf(element, "--muted"), grid: lines, ticks: lines };
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { y: false },
        legend: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(max, 1)] } },
        axes: [axis, { ...axis, size: 70, values: (_, ticks) => ticks.map(format) }],
        series: [{}, { stroke: line, width: 1.5, points: { show: false } }],
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
  }, [isDark]);
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

/** A color of the style sheet as a canvas takes it. */
function colorOf(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = before;
  return color;
}

/** True while the browser asks for dark pages. */
function useDarkness(): boolean {
  const [isDark, setDark] = useState(matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const note = () => setDark(query.matches);
    query.addEventListener("change", note);
    return () => query.removeEventListener("change", note);
  }, []);
  return isDark;
}
