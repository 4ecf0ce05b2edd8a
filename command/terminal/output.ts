/**
 * What a command prints on stdout. A reader that goes away, such as `head`, ends the program
 * without a message. `print` resolves when the text has been handed to the operating system, so
 * that a command can note what it has delivered.
 */

import { errorCode } from "../../local/failure.ts";

let isWatched = false;

/** Writes bytes or text as they are. */
export async function write(content: string | Uint8Array): Promise<void> {
  endWithReader();
  await new Promise<void>((done) => {
    process.stdout.write(content, () => done());
  });
}

/** Writes a line. */
export async function print(line: string): Promise<void> {
  await write(`${line}\n`);
}

export async function printJson(value: unknown): Promise<void> {
  await print(JSON.stringify(value));
}

/** Columns as wide as their widest cell, separated by two blanks; no blanks at the ends of lines. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

/**
 * Ends the program when nobody reads its output any more, with exit code 0 and without a message, as
 * `cat FILE | head` does. Any other failure of stdout, such as a full disk, ends it with a line.
 */
function endWithReader(): void {
  if (isWatched) return;
  isWatched = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    console.error(`millrace: stdout cannot be written (${errorCode(error)})`);
    process.exit(1);
  });
}
