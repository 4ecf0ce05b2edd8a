/** Checks an object store: attributes, times, and paths of its items. */
import { decodeAttributes } from "../../worker/items/attributesDocument.ts";
import { bytesOf, type Database, textOf, wholeOf } from "./database.ts";
import type { Findings } from "./findings.ts";

const nanosecondsEnd = 1_000_000_000;

export function checkItems(database: Database, findings: Findings): void {
  const { file, tables } = database;
  if (!tables.has("item")) return;
  for (const row of database.rows("SELECT * FROM item")) {
    const path = textOf(row, "path");
    const place = `item ${path}`;
    findings.counts.items++;
    const attributes = findings.attempt(file, place, () =>
      decodeAttributes(textOf(row, "attributes"), path),
    );
    const isDirectory = path.endsWith("/");
    const isEmpty = bytesOf(row, "body").length === 0 && (attributes?.size ?? 0) === 0;
    if (isDirectory && !isEmpty) findings.problem(file, place, "a directory with contents");
    for (const prefix of ["", "born_"]) {
      const [seconds, nanoseconds] = ["seconds", "nanoseconds"].map((name) =>
        wholeOf(row, prefix + name),
      );
      const isTime = Number(seconds) >= 0 && Number(nanoseconds) >= 0;
      if (!isTime || Number(nanoseconds) >= nanosecondsEnd) {
        findings.problem(file, place, "its time is none");
      }
    }
  }
}
