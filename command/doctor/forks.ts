/**
 * Checks forks of Durable Streams: the records that a fork inherits are in the shards of its ancestors, so each of
 * these is there, says so, and has the records.
 */
import type { KnownShards } from "./catalog.ts";
import { type Database, textOf } from "./database.ts";
import type { Findings } from "./findings.ts";

/** What a shard says that a fork depends on. */
export interface Source {
  file: string;
  /** Shards of the forks of this one. */
  forks: readonly string[];
  /** Behind its last record. */
  endIndex: number;
}

/** By the uid of the shard. */
export type Sources = Map<string, Source>;

/** The shards of the forks that a shard knows. */
export function forksIn(database: Database): string[] {
  if (!database.tables.has("fork")) return [];
  return [...database.rows("SELECT uid FROM fork")].map((row) => textOf(row, "uid"));
}

export function checkForks(known: KnownShards, sources: Sources, findings: Findings): void {
  for (const [uid, { stream, shard, file }] of known) {
    const { fork, unopened } = stream.durable ?? {};
    // Shards that a fork got later have nothing of the source.
    if (fork === undefined || shard.index !== 0) continue;
    const place = `stream ${stream.name}`;
    for (const { uid: ancestor, endIndex } of fork.ancestors) {
      const source = sources.get(ancestor);
      const where = `its records before index ${endIndex} are in shard ${ancestor}, which`;
      if (source === undefined) findings.problem(file, place, `${where} has no database`);
      else if (source.endIndex < endIndex) {
        findings.problem(source.file, place, `${where} ends at index ${source.endIndex}`);
      }
    }
    const source = sources.get(fork.shard);
    if (source === undefined || source.forks.includes(uid) || unopened !== undefined) continue;
    findings.problem(source.file, place, `shard ${fork.shard} does not keep its records for it`);
  }
  for (const [uid, { file, forks }] of sources) {
    for (const fork of forks.filter((each) => !known.has(each))) {
      findings.note(file, `shard ${uid}`, `it keeps its records for ${fork}, which no stream has`);
    }
  }
}
