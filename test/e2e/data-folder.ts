// The data folder of a local server, looked into from outside while the server runs: streams in the
// catalog, shards that have rows, segments that are objects in R2. For tests that aim at a moment of the
// store's life, and for those that must see that nothing is left behind.

import { type Dirent, existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { errorCode } from "../../local/failure.ts";
import type { ShardStats } from "../../worker/core/types.ts";
import type { Server } from "./server.ts";
import { patience } from "../support/patience.ts";

/** Keys of all objects in R2, in order. A put that is on its way has a file with a dot before its name. */
export function listObjects(data: string): string[] {
  const bucket = join(data, "bucket");
  return listFiles(bucket)
    .map((file) => relative(bucket, file))
    .toSorted();
}

/** All files below a folder, which may go while it is looked into. */
function listFiles(folder: string): string[] {
  return readFolder(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}

function readFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** The state of each stream, in all accounts. */
export function listStates(data: string): string[] {
  const catalogs = databasesIn(data, "do", "millrace-Catalog");
  return catalogs.flatMap((file) =>
    query(file, "SELECT json_extract(description, '$.status') FROM stream"),
  );
}

/** Uids of the shards that have any rows, or as much as a table. */
export function listStoredShards(data: string): string[] {
  const shards = shardFiles(data);
  return shards.flatMap((file) => {
    const tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'";
    const names = query(file, tables);
    if (names.length > 0 && !names.includes("shard")) return [`only ${names.join(", ")}`];
    return names.length === 0
      ? []
      : query(file, "SELECT json_extract(description, '$.uid') FROM shard");
  });
}

/** Chunks in the tail of each shard, by its uid. */
export function countTails(data: string): Map<string, number> {
  const tails = new Map<string, number>();
  for (const file of shardFiles(data)) {
    const [uid = ""] = query(file, "SELECT json_extract(description, '$.uid') FROM shard");
    const [generation] = query(file, "SELECT generation FROM shard");
    const log = `log_${generation}`;
    const sealed = `SELECT coalesce(max(id + count * 8), 0) FROM ${log} WHERE segment IS NOT NULL`;
    const count = `SELECT count(*) FROM ${log} WHERE segment IS NULL AND id >= (${sealed})`;
    tails.set(uid, Number(query(file, count)[0] ?? 0));
  }
  return tails;
}

/** How many shards have rows, to be asked while some are being emptied: what has none is one page. */
export function countFilledShards(data: string): number {
  const files = shardFiles(data);
  return files.filter((file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 4096)
    .length;
}

/**
 * What has become of every generation that is not its shard's newest, in the shards that were made
 * last, so many of them: the fewer, the sooner a change is seen.
 */
export function listGenerations(data: string, shardCount = Infinity): string[] {
  const shards = shardFiles(data).toSorted((a, b) => bornMs(b) - bornMs(a));
  return shards
    .slice(0, shardCount)
    .flatMap((file) => query(file, "SELECT iif(tiered, 'freed', 'closed') FROM generation"));
}

/** Looks again and again, without a pause that a moment could slip through. */
export async function untilSeen(
  what: string | (() => string),
  look: () => boolean | Promise<boolean>,
  timeoutMs = patience.timeout,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await look())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`never seen: ${typeof what === "string" ? what : what()}`);
    }
    await setImmediate();
  }
}

/** What each shard of a stream has stored and done. */
export async function statsOf({ endpoint }: Server, stream: string): Promise<ShardStats[]> {
  const reply = await fetch(`${endpoint}/_millrace/stats?stream=${stream}`);
  const { shards }: { shards: ShardStats[] } = await reply.json();
  return shards;
}

function bornMs(file: string): number {
  return statSync(file).birthtimeMs;
}

/** The database of each shard. */
export function shardFiles(data: string): string[] {
  return databasesIn(data, "do", "millrace-Shard");
}

/** The databases of a class of objects. */
function databasesIn(data: string, ...path: string[]): string[] {
  const folder = join(data, ...path);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  return names.map((name) => join(folder, name));
}

/** The first column of what a query finds; nothing while its table is not there. */
function query(file: string, sql: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 1000 });
  try {
    const rows = database.prepare(sql).all();
    return rows.map((row) => String(Object.values(row)[0]));
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("no such table")) return [];
    throw error;
  } finally {
    database.close();
  }
}
