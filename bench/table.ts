// Prints a table of text (words to the left, numbers to the right) and the numbers in it, each
// with about three digits; what was not measured is a dash.

export function printTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const columns = headings.map((heading, i) => {
    const cells = rows.map((row) => row[i] ?? "");
    const width = Math.max(heading.length, ...cells.map((cell) => cell.length));
    return { width, isText: cells.some((cell) => /^[a-z]/i.test(cell)) };
  });
  const print = (line: readonly string[]): void => {
    const cells = columns.map(({ width, isText }, i) =>
      isText ? (line[i] ?? "").padEnd(width) : (line[i] ?? "").padStart(width),
    );
    console.log(cells.join("  ").trimEnd());
  };
  print(headings);
  print(columns.map(({ width }) => "─".repeat(width)));
  for (const row of rows) print(row);
}

export function formatNumber(value = NaN): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function formatRatio(value = NaN, base = NaN): string {
  return formatNumber(value / base);
}

export function formatBytes(bytes: number): string {
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

/** The widest of some spreads, in percent. */
export function formatSpread(spreads: readonly number[]): string {
  return `±${Math.round(Math.max(...spreads) * 100)}%`;
}
