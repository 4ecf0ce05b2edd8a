/** Checks a whole data folder: catalogs, then shards, object stores and the bucket against them. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ShardSettings } from "../../worker/core/types.ts";
import { Bucket } from "./bucket.ts";
import { checkCatalog, type KnownShard, type KnownShards } from "./catalog.ts";
import { Database } from "./database.ts";
import { Findings } from "./findings.ts";
import { checkForks, forksIn, type Sources } from "./forks.ts";
import { checkItems } from "./items.ts";
import { checkQueue } from "./queue.ts";
import { checkShard } from "./shard.ts";

/** `show` is told each database before it is checked. */
export function checkFolder(folder: string, show: (what: string) => void): Findings {
  const findings = new Findings();
  const scratch = mkdtempSync(join(tmpdir(), "millrace-doctor-"));
  try {
    const known: KnownShards = new Map();
    const bucket = new Bucket(folder, findings);
    const found = new Map<string, string>();
    const sources: Sources = new Map();
    const each = (kind: string, check: (database: Database) => void): void => {
      for (const file of databasesOf(folder, kind)) {
        show(file);
        using database = Database.open(folder, file, scratch, findings);
        if (database !== undefined) check(database);
      }
    };
    each("Catalog", (database) => checkCatalog(database, known, findings));
    each("Shard", (database) => {
      const checked = checkShard(database, bucket, findings);
      if (checked === undefined) return;
      const { settings, endIndex } = checked;
      sources.set(settings.uid, { file: database.file, forks: forksIn(database), endIndex });
      checkKnown(database.file, settings, known.get(settings.uid), found, findings);
    });
    each("Items", (database) => checkItems(database, findings));
    each("ShardQueue", (database) => checkQueue(database, sources, findings));
    checkFound(known, found, findings);
    checkForks(known, sources, findings);
    for (const uid of bucket.uids.filter((uid) => !found.has(uid))) {
      const count = bucket.numbersOf(uid).length;
      const what = known.has(uid) ? `${count} segments` : `${count} segments of no stream`;
      findings.note(join("bucket", "segments", uid), `shard ${uid}`, what);
    }
    for (const uid of bucket.stagedUids.filter((uid) => !found.has(uid))) {
      const what = `${bucket.stagedIdsOf(uid).length} staged bodies of no shard`;
      findings.note(join("bucket", "staged", uid), `shard ${uid}`, what);
    }
    return findings;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What a shard says of itself is what its stream says of it. */
function checkKnown(
  file: string,
  settings: ShardSettings,
  known: KnownShard | undefined,
  found: Map<string, string>,
  findings: Findings,
): void {
  const { uid } = settings;
  const place = `shard ${uid}`;
  const other = found.get(uid);
  found.set(uid, file);
  if (other !== undefined) findings.problem(file, place, `${other} has this shard too`);
  if (known === undefined) {
    findings.note(file, place, "no stream has it: a deletion was not finished");
    return;
  }
  const { shard, stream } = known;
  const members = ["index", "hashStart", "hashEnd"] as const;
  const wrong = members.find((name) => settings[name] !== shard[name]);
  const isSettled = stream.status === "ACTIVE" && stream.resharding === undefined;
  if (isSettled && wrong !== undefined) {
    findings.problem(file, place, `its ${wrong} is not what stream ${stream.name} says`);
  }
  // What a writer of Durable Streams closes is known to the shard alone.
  const isToContinue = settings.isFinal !== true;
  const isOther = (settings.closedMs === undefined) !== (shard.closedMs === undefined);
  if (isSettled && isToContinue && isOther) {
    const state = settings.closedMs === undefined ? "open" : "closed";
    findings.problem(file, place, `it is ${state}, and stream ${stream.name} says it is not`);
  }
}

/** Every shard of a stream that was used has a database. */
function checkFound(known: KnownShards, found: Map<string, string>, findings: Findings): void {
  for (const [uid, { stream, shard, file }] of known) {
    const isUsed = ["ACTIVE", "UPDATING"].includes(stream.status);
    const isPlanned = stream.resharding?.made.some((each) => each.uid === uid) === true;
    const isUnopened = stream.durable?.unopened !== undefined;
    if (found.has(uid) || !isUsed || isPlanned || isUnopened) continue;
    findings.problem(file, `stream ${stream.name}, shard ${shard.index}`, `no database has ${uid}`);
  }
}

/** Databases of a class of objects, relative to the folder. */
function databasesOf(folder: string, kind: string): string[] {
  const path = join("do", `millrace-${kind}`);
  if (!existsSync(join(folder, path))) return [];
  return readdirSync(join(folder, path))
    .filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
    .toSorted()
    .map((name) => join(path, name));
}
