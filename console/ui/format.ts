// Numbers, sizes and times as the console shows them.

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Longer texts take a browser seconds to lay out. */
const shownTextMax = 200_000;

/** The beginning of a long text, and how much there is more. */
export function cutText(text: string, max = shownTextMax): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max)}\n… ${formatCount(text.length - max)} characters more; copy has all`;
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en");
}

export function formatRate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : formatCount(perSecond);
}

/** The time of day with milliseconds, and the day if it is not today. */
export function formatTime(ms: number, nowMs = Date.now()): string {
  const time = new Date(ms);
  const day = time.toDateString() === new Date(nowMs).toDateString() ? "" : `${isoDay(time)} `;
  return `${day}${formatClock(ms)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** The time of day to the second. */
export function formatClock(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB", { hour12: false });
}

export function formatAge(ms: number, nowMs = Date.now()): string {
  const seconds = Math.max(0, (nowMs - ms) / 1000);
  if (seconds < 2) return "now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

export function formatSpan(ms: number): string {
  const seconds = ms / 1000;
  if (seconds === 0) return "0 s";
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

function isoDay(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
