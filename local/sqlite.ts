/**
 * Node's own SQLite. It is loaded when it is first used, for two reasons: Node 22 prints a warning when it is
 * loaded, and Node 22.12 does not have it without a flag (package/main.ts passes it).
 */
import type { DatabaseSync } from "node:sqlite";
import { Failure } from "./failure.ts";

type Sqlite = typeof import("node:sqlite");

let loaded: Sqlite | undefined;

/** Throws an Error if it is no database, and a Failure if this Node has no SQLite. */
export function openDatabase(path: string): DatabaseSync {
  loaded ??= load();
  return new loaded.DatabaseSync(path);
}

function load(): Sqlite {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    const sqlite = process.getBuiltinModule("node:sqlite") as Sqlite | undefined;
    if (sqlite !== undefined) return sqlite;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new Failure(
    `Node ${process.versions.node} has SQLite only with --experimental-sqlite: pass this flag, or use 22.13 or later`,
  );
}
