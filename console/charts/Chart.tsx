// A chart over time, of one line or of several with their names below; the canvas is uPlot's.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { formatClock } from "../ui/format.ts";

const height = 200;

export interface ChartLine {
  /** Empty for the only line of a chart. */
  name: string;
  values: readonly (number | null)[];
}

/** Between ticks: 1, 2, 5, 10, … */
const wholeSteps = Array.from({ length: 16 }, (_, i) =>
  [1, 2, 5].map((step) => step * 10 ** i),
).flat();

/** Of the style sheet; `.legend .line-0` and so on have the same. */
const colorNames = ["--accent", "--line-1", "--line-2", "--line-3", "--line-4"] as const;

export function Chart(props: {
  title: string;
  label: string;
  /** Seconds since 1970. */
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number) => string;
  /** True if what is between whole numbers has no tick. */
  isWhole?: boolean;
}) {
  const { title, label, times, lines, format, isWhole = false } = props;
  const data = (): uPlot.AlignedData => [[...times], ...lines.map(({ values }) => [...values])];
  const names = lines.map(({ name }) => name).join("\n");
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const isDark = useDarkness();
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const rule = colorOf(element, "--rule");
    const ruled = { stroke: rule, width: 1 };
    const axis = { stroke: colorOf(element, "--muted"), grid: ruled, ticks: ruled };
    const drawn = lines.map((_, i) => ({
      stroke: colorOf(element, colorNames[i % colorNames.length] ?? "--accent"),
      width: 1.5,
      points: { show: false },
    }));
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { y: false },
        legend: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(max, 1)] } },
        axes: [
          { ...axis, size: 30, space: 80, values: (_, ticks) => ticks.map(clockOf) },
          {
            ...axis,
            size: 70,
            ...(isWhole && { incrs: wholeSteps }),
            values: (_, ticks) => ticks.map(format),
          },
        ],
        series: [{}, ...drawn],
      },
      data(),
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
  }, [isDark, names]);
  useEffect(() => plot.current?.setData(data()), [times.at(-1), times.length]);
  const now = lines.map(({ name, values }) => ({ name, text: textOf(values.at(-1), format) }));
  return (
    <section class="card">
      <h2>{title}</h2>
      <div
        ref={place}
        role="img"
        aria-label={`${label}: ${now.map(({ name, text }) => `${lines.length > 1 ? `${name} ` : ""}${text}`).join(", ")} now`}
      />
      {lines.some(({ name }) => name !== "") && (
        <ul class="legend">
          {now.map(({ name, text }, i) => (
            <li key={name}>
              <i class={`line-${i % colorNames.length}`} />
              {name} <span class="muted">{text}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function clockOf(seconds: number): string {
  return formatClock(seconds * 1000);
}

function textOf(value: number | null | undefined, format: (value: number) => string): string {
  return typeof value === "number" ? format(value) : "–";
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
