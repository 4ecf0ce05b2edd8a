// Data folders with much in them, for bench/growth/growth.ts. A server writes a small sample of what is wanted, and when it
// has stopped more of the same is written beside it: putting 10,000 segments or 100,000 streams through a server would
// take minutes, and is not what is measured. `millrace doctor` finds such a folder sound.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { packChunk } from "../../test/reference/pack.ts";
import { encodeFilters } from "../../worker/core/keyFilter.ts";
import { bindChunk } from "../../worker/engine/chunk.ts";
import { shardUid } from "../../worker/engine/shardUid.ts";
import { segmentsDocument } from "../../worker/shard/generations.ts";
import { keyFilterOf } from "../../worker/shard/keyIndexer.ts";
import { makeRecord } from "../tools/workload.ts";

export const segmentRecords = 16;
/** The one record with it is in the middle segment. */
export const rareKey = "the one customer";
/** As many as a generation of usual segments has. */
const generationSegments = 8;

/** When the records of a segment arrived, of a stream with that creation time. */
export function segmentMs(createdMs: number, segment: number): number {
  return createdMs + 10 + segment;
}

/** Gives the only shard of the folder, which is empty, so many segments in the bucket. */
export function fillSegments(folder: string, count: number): void {
  const [file = ""] = databasesOf(folder, "Shard");
  const database = new DatabaseSync(file);
  try {
    const row = database.prepare("SELECT description, first_index FROM shard").get();
    const shard = JSON.parse(String(row?.["description"])) as { uid: string; createdMs: number };
    // A shard is said to be older than its stream: worker/catalog/creation.ts.
    const createdMs = shard.createdMs + 2000;
    const bucket = join(folder, "bucket", "segments", shard.uid);
    mkdirSync(bucket, { recursive: true });
    database.exec("BEGIN");
    const generations = Math.ceil(count / generationSegments);
    for (let number = 0; number < generations; number++) {
      const first = number * generationSegments;
      const end = Math.min(first + generationSegments, count);
      addGeneration(database, bucket, shard.uid, createdMs, { number, first, end, count });
    }
    database
      .prepare(
        "UPDATE shard SET generation = ?, first_segment = ?, first_index = ?, last_ms = ?, last_ordinal = ?",
      )
      .run(
        generations,
        count,
        count * segmentRecords,
        segmentMs(createdMs, count - 1),
        segmentRecords - 1,
      );
    database.exec(`ALTER TABLE log_0 RENAME TO log_${generations}`);
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

function addGeneration(
  database: DatabaseSync,
  bucket: string,
  uid: string,
  createdMs: number,
  { number, first, end, count }: { number: number; first: number; end: number; count: number },
): void {
  const fields: [number, number, number, number, number][] = [];
  const filters: (Uint8Array | undefined)[] = [];
  let bytes = 0;
  for (let segment = first; segment < end; segment++) {
    const timeMs = segmentMs(createdMs, segment);
    const body = makeSegment(segment, timeMs, segment === Math.floor(count / 2));
    filters.push(keyFilterOf(body));
    bindChunk(body, uid);
    writeFileSync(join(bucket, String(segment)), body);
    fields.push([segmentRecords, timeMs, timeMs, segmentRecords - 1, body.length]);
    bytes += body.length;
  }
  database
    .prepare("INSERT INTO generation VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)")
    .run(
      number,
      first,
      first * segmentRecords,
      end * segmentRecords,
      segmentMs(createdMs, first),
      segmentMs(createdMs, end - 1),
      segmentRecords - 1,
      bytes,
      segmentsDocument.encode(fields),
      encodeFilters(filters),
    );
}

/** Record data repeats from segment to segment; the place of each does not. */
const records = Array.from({ length: segmentRecords }, (_, i) => makeRecord(i, 1024));

function makeSegment(segment: number, timeMs: number, hasRare: boolean): Uint8Array {
  return packChunk({
    firstIndex: segment * segmentRecords,
    timeOrdinal: 0,
    records: records.map(({ data, info }, i) => ({
      key: Buffer.from(
        hasRare && i === 0 ? rareKey : `sensor-${(segment * segmentRecords + i) % 1000}`,
      ),
      info,
      data,
      timeMs,
    })),
  });
}

/** Makes more streams like the one with that name in the folder's only catalog; `nameOf` gives their names. */
export function fillStreams(folder: string, sample: string, count: number): void {
  const [file = ""] = databasesOf(folder, "Catalog");
  const database = new DatabaseSync(file);
  try {
    const row = database.prepare("SELECT description FROM stream WHERE name = ?").get(sample);
    const stream = JSON.parse(String(row?.["description"])) as { shards: { index: number }[] };
    const insert = database.prepare("INSERT INTO stream VALUES (?, ?)");
    database.exec("BEGIN");
    for (let i = 0; i < count; i++) {
      const [name, uid] = [streamName(i), crypto.randomUUID()];
      const shards = stream.shards.map((shard) => ({ ...shard, uid: shardUid(uid, shard.index) }));
      insert.run(name, JSON.stringify({ ...stream, name, uid, shards }));
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

export function streamName(i: number): string {
  return `conversation-${i}`;
}

function databasesOf(folder: string, kind: string): string[] {
  const path = join(folder, "do", `millrace-${kind}`);
  return readdirSync(path)
    .filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => join(path, name));
}
