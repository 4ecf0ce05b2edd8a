/** Checks the appends that a shard of a cluster would know again: each has its place among the records. */
import { isPlainObject } from "../../worker/codec/plainObject.ts";
import { type Database, textOf, wholeOf } from "./database.ts";
import type { Findings } from "./findings.ts";

/** `endIndex` is behind the shard's last record. */
export function checkAppends(
  database: Database,
  place: string,
  endIndex: number,
  findings: Findings,
): void {
  if (!database.tables.has("appends")) return;
  for (const row of database.rows("SELECT commit_number, tokens FROM appends")) {
    const what = faultOf(textOf(row, "tokens"), endIndex);
    const at = `${place}, appends of commit ${wholeOf(row, "commit_number")}`;
    if (what !== undefined) findings.problem(database.file, at, what);
  }
}

function faultOf(text: string, endIndex: number): string | undefined {
  const appends = parsed(text);
  if (!Array.isArray(appends)) return "they are no list";
  for (const append of appends as unknown[]) {
    const { token, receipts } = isPlainObject(append) ? append : {};
    if (typeof token !== "string" || !Array.isArray(receipts)) return "one is no append";
    for (const receipt of receipts as unknown[]) {
      const { firstIndex, timeMs } = isPlainObject(receipt) ? receipt : {};
      if (!isWhole(firstIndex) || !isWhole(timeMs)) return "one has a receipt that is none";
      if (firstIndex >= endIndex) {
        return `one is at index ${firstIndex}, and the shard's records end at ${endIndex}`;
      }
    }
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
