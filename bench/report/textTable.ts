// Tables of text, for a terminal (words to the left, numbers to the right) and as Markdown; and the
// numbers in them, each with about three digits. What was not measured is a dash.

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

export function printTable({ title, columns, rows }: Table): void {
  const widths = columns.map((_, i) => {
    const cells = rows.map((row) => row[i] ?? "");
    const width = Math.max(columns[i]!.length, ...cells.map((cell) => cell.length));
    return { width, isText: cells.some(isWord) };
  });
  const print = (line: readonly string[]): void => {
    const cells = widths.map(({ width, isText }, i) =>
      isText ? (line[i] ?? "").padEnd(width) : (line[i] ?? "").padStart(width),
    );
    console.log(cells.join("  ").trimEnd());
  };
  console.log(`\n${title}\n`);
  print(columns);
  print(widths.map(({ width }) => "─".repeat(width)));
  for (const row of rows) print(row);
}

export function markdownTable({ title, columns, rows }: Table): string {
  const sides = columns.map((_, i) => (rows.some((row) => isWord(row[i] ?? "")) ? "---" : "--:"));
  const lines = [columns, sides, ...rows].map((row) => `| ${row.join(" | ")} |`);
  return `${title}\n\n${lines.join("\n")}\n`;
}

function isWord(cell: string): boolean {
  return /^[a-z`]|[a-z]{4}/i.test(cell);
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

/** One round has no spread. */
export function formatSpread(spread: number, rounds: number | undefined): string {
  return rounds === 1 ? "–" : `±${Math.round(spread * 100)}%`;
}

export function formatRounds(rounds: number | undefined): string {
  return rounds === undefined ? "–" : String(rounds);
}
