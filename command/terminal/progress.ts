/**
 * How far a long command is: one line on stderr that is written over, and only if stderr is a
 * terminal. What a command prints on stdout is never mixed with it when stdout goes elsewhere.
 */

const intervalMs = 200;

export class Progress {
  private readonly isShown: boolean;
  private readonly startMs = performance.now();
  private shownMs = -Infinity;

  constructor(isWanted = true) {
    this.isShown = isWanted && process.stderr.isTTY;
  }

  get seconds(): number {
    return (performance.now() - this.startMs) / 1000;
  }

  /** Shows a line that `describe` makes, at most five times a second. */
  show(describe: () => string): void {
    if (!this.isShown || performance.now() - this.shownMs < intervalMs) return;
    this.shownMs = performance.now();
    process.stderr.write(`\r\u001b[K${describe().slice(0, (process.stderr.columns || 80) - 1)}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.isShown && this.shownMs > 0) process.stderr.write("\r\u001b[K");
  }
}

/** `12,345 records, 3.4 MB, 5,100 records/s`; the rate is of `ownRecords`, those of this run. */
export function describeCount(
  records: number,
  bytes: number,
  seconds: number,
  ownRecords = records,
): string {
  const noun = records === 1 ? "record" : "records";
  const rate = seconds > 0.2 ? `, ${formatCount(Math.round(ownRecords / seconds))} records/s` : "";
  return `${formatCount(records)} ${noun}, ${formatBytes(bytes)}${rate}`;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Bytes in units of 1000, with three digits. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
