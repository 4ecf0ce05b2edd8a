/** Checks a catalog: its documents, and that the shards of each stream share out all hash keys. */
import { commitmentDocument } from "../../worker/catalog/account.ts";
import { queueDocument } from "../../worker/catalog/queueDocument.ts";
import { streamDocument } from "../../worker/catalog/streamDocument.ts";
import { tagsDocument } from "../../worker/catalog/tags.ts";
import { chunksOf } from "../../worker/catalog/unopened.ts";
import type { ShardDescription, StreamDescription } from "../../worker/core/types.ts";
import { type Database, textOf } from "./database.ts";
import type { Findings } from "./findings.ts";

/** A shard that a stream has, and the stream. */
export interface KnownShard {
  stream: StreamDescription;
  shard: ShardDescription;
  file: string;
}

/** By uid. */
export type KnownShards = Map<string, KnownShard>;

const hashCount = 1n << 128n;

/** Adds the shards of its streams to `known`. */
export function checkCatalog(database: Database, known: KnownShards, findings: Findings): void {
  const { file, tables } = database;
  const uids = new Set<string>();
  if (tables.has("stream")) {
    for (const row of database.rows("SELECT name, description FROM stream ORDER BY name")) {
      const name = textOf(row, "name");
      const place = `stream ${name}`;
      const stream = findings.attempt(file, place, () =>
        streamDocument.decode(textOf(row, "description"), { stream: name }),
      );
      if (stream === undefined) continue;
      findings.counts.streams++;
      if (stream.name !== name) findings.problem(file, place, `its document says ${stream.name}`);
      for (const uid of [stream.uid, ...stream.consumers.map((each) => each.uid)]) uids.add(uid);
      checkShards(stream, file, findings);
      const unopened = stream.durable?.unopened;
      if (unopened !== undefined) findings.attempt(file, place, () => chunksOf(unopened, name));
      for (const shard of stream.shards) known.set(shard.uid, { stream, shard, file });
      // Shards that a change has made before it was carried out.
      for (const shard of stream.resharding?.made ?? []) {
        if (!known.has(shard.uid)) known.set(shard.uid, { stream, shard, file });
      }
    }
  }
  if (tables.has("queue")) {
    for (const row of database.rows("SELECT id, name, description FROM queue")) {
      uids.add(textOf(row, "id"));
      findings.attempt(file, `queue ${textOf(row, "name")}`, () =>
        queueDocument.decode(textOf(row, "description"), {}),
      );
    }
  }
  if (tables.has("tags")) checkTags(database, uids, findings);
  if (tables.has("account")) checkCommitment(database, findings);
}

/** Invariant 10: the ranges of the open shards cover all keys without gap or overlap. */
function checkShards(stream: StreamDescription, file: string, findings: Findings): void {
  const place = `stream ${stream.name}`;
  const { shards } = stream;
  const indexes = shards.map(({ index }) => index);
  if (new Set(indexes).size < indexes.length) {
    findings.problem(file, place, "it has a shard index twice");
  }
  const highest = Math.max(-1, ...indexes);
  for (const { index, parents = [] } of shards) {
    if (parents.some((parent) => parent >= index || parent > highest)) {
      findings.problem(file, `${place}, shard ${index}`, "a parent is not older than the shard");
    }
  }
  if (stream.status !== "ACTIVE" || stream.resharding !== undefined) return;
  const open = shards.filter(({ closedMs }) => closedMs === undefined);
  const ranges = open.map(rangeOf).toSorted((a, b) => (a.first < b.first ? -1 : 1));
  let next = 0n;
  for (const { index, first, last } of ranges) {
    const at = `${place}, shard ${index}`;
    if (first > next) findings.problem(file, at, `no open shard has the hash keys before it`);
    if (first < next) findings.problem(file, at, `its hash keys are another open shard's too`);
    if (last < first) findings.problem(file, at, "its range of hash keys is empty");
    next = last + 1n;
  }
  if (ranges.length > 0 && next !== hashCount) {
    findings.problem(file, place, "no open shard has the last hash keys");
  }
  if (ranges.length === 0) findings.problem(file, place, "it has no open shard");
}

function rangeOf({ index, hashStart, hashEnd }: ShardDescription) {
  return { index, first: hashOf(hashStart), last: hashOf(hashEnd) };
}

/** Below all hash keys for a text that is none. */
function hashOf(text: string): bigint {
  return /^[0-9a-f]{32}$/.test(text) ? BigInt(`0x${text}`) : -1n;
}

function checkTags(database: Database, uids: ReadonlySet<string>, findings: Findings): void {
  const { file } = database;
  for (const row of database.rows("SELECT resource, tags FROM tags")) {
    const resource = textOf(row, "resource");
    const place = `tags of ${resource}`;
    findings.attempt(file, place, () =>
      tagsDocument.decode(textOf(row, "tags"), { tags: resource }),
    );
    if (!uids.has(resource)) findings.note(file, place, "no stream, consumer or queue has this id");
  }
}

function checkCommitment(database: Database, findings: Findings): void {
  for (const row of database.rows("SELECT commitment FROM account")) {
    findings.attempt(database.file, "commitment", () =>
      commitmentDocument.decode(textOf(row, "commitment"), {}),
    );
  }
}
