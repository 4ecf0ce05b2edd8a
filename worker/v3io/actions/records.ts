// Records through the v3io face: put, sought and read. Sequence numbers are the index plus one.
// Records that name neither shard nor key take turns, and the turn goes on from request to request.
// The lags of a reply are exact when it is at the tip; pages are printed by the engine.
import { itemTimeAt, nanosecondsPerMs } from "../../core/itemTime.ts";
import { Buffer } from "node:buffer";
import { utf8 } from "../../codec/bytes.ts";
import type { Runtime } from "../../core/bindings.ts";
import { isCode } from "../../errors.ts";
import type { FailureLog } from "../../core/failureLog.ts";
import { engine } from "../../engine/instance.ts";
import { pageBytesMax, timeOrdinalMax } from "../../limits.ts";
import { RecordPage } from "../../http/recordPage.ts";
import { PACK_ROW, type RecordBatch, selectBatch } from "../../engine/recordBatch.ts";
import { writtenCatalogOf, type KnownStream, withStream } from "../../stream/directory.ts";
import { type Page, readPage, seekShard } from "../../stream/reader.ts";
import type { Location, Scope, SeekRequest } from "../../core/types.ts";
import { putRecords as writeRecords, type PutResult } from "../../stream/writer.ts";
import { invalid, recordFailure, V3ioError, v3ioErrorOf } from "../errors.ts";
import { getStream, isObject, shardCountOf, shardOf, streamAt, streamNameAt } from "../places.ts";
import { json, jsonHeaders, timeHeaders } from "../reply.ts";
import type { RecordsPut, SeekTarget, StreamCommand } from "../operations.ts";

type Command<Kind extends StreamCommand["kind"]> = Extract<StreamCommand, { kind: Kind }>;

const MS_PER_SECOND = 1000;

export async function putRecords(
  runtime: Runtime,
  scope: Scope,
  { stream: place, records }: Command<"PutRecords">,
  failures: FailureLog,
): Promise<Response> {
  const stream = await streamAt(runtime, scope, place);
  if (stream === undefined) {
    // For a directory real servers say the other thing, whatever the reference says.
    const isFile = await isObject(runtime, scope, place);
    throw new V3ioError(isFile ? "ResourceIsnotStream" : "ResourceNotFoundException");
  }
  const replies: object[] = Array.from({ length: records.count });
  for (const [i, error] of records.refused) replies[i] = recordFailure(error);
  const taken = placedRecords(stream, records, replies);
  const results = await putInTurn(runtime, scope, stream, taken.batch);
  for (const [at, i] of taken.which.entries())
    replies[i] = recordReply(results[at] as PutResult, failures);
  const failed = replies.filter((reply) => "ErrorCode" in reply).length;
  return json({ FailedRecordCount: failed, Records: replies });
}

export async function seek(
  runtime: Runtime,
  scope: Scope,
  { stream: place, shard: index, target }: Command<"Seek">,
): Promise<Response> {
  await getStream(runtime, scope, place);
  const request = seekRequest(target);
  const { location, view } = await withStream(runtime.env, scope, streamNameAt(place), (stream) =>
    seekShard(runtime, shardOf(stream, index).uid, request),
  ).catch((error: unknown) => {
    const missed = isCode(error, "locationNotFound");
    throw missed ? invalid() : error;
  });
  return json({ Location: textOf(location) }, timeHeaders(itemTimeAt(view.lastTimeMs)));
}

export async function getRecords(
  runtime: Runtime,
  scope: Scope,
  { stream: place, shard: index, location: bytes, limit }: Command<"GetRecords">,
): Promise<Response> {
  await getStream(runtime, scope, place);
  const location = engine.decodeLocation(bytes);
  const limits = { recordsMax: limit, bytesMax: pageBytesMax };
  const page = await withStream(runtime.env, scope, streamNameAt(place), async (stream) => {
    const { uid } = shardOf(stream, index);
    if (location === undefined) throw new V3ioError("IllegalLocationException");
    return await readPage(runtime, uid, location, limits, "refuse");
  });
  return pageResponse(page);
}

/**
 * The records whose shards, where they name any, are numbers of the stream; the replies of the others are
 * filled in. A number that a split or a merge has closed stands for what continues it.
 */
function placedRecords(
  stream: KnownStream,
  { batch, which }: RecordsPut,
  replies: object[],
): Pick<RecordsPut, "batch" | "which"> {
  const shardCount = shardCountOf(stream);
  const placed: number[] = [];
  for (let at = 0; at < batch.count; at++) {
    if (placeOf(batch, at) <= shardCount) placed.push(at);
    else replies[which[at]!] = recordFailure(new V3ioError("ShardIDOutOfRangeException"));
  }
  if (placed.length === batch.count) return { batch, which };
  return { batch: selectBatch(batch, placed), which: placed.map((at) => which[at]!) };
}

async function putInTurn(
  runtime: Runtime,
  scope: Scope,
  stream: KnownStream,
  batch: RecordBatch,
): Promise<PutResult[]> {
  if (batch.count === 0) return [];
  const free: number[] = [];
  for (let i = 0; i < batch.count; i++) {
    if (placeOf(batch, i) === 0 && batch.rows[i * PACK_ROW] === 0) free.push(i);
  }
  if (free.length > 0) {
    const open = stream.description.shards.filter(({ closedMs }) => closedMs === undefined);
    // Beginning with the first shard, and going on where the last request stopped.
    let turn = await writtenCatalogOf(runtime.env, scope).takeTurns(
      stream.description.name,
      free.length,
    );
    for (const i of free) {
      const shard = open[turn++ % open.length];
      batch.rows[i * PACK_ROW + 3] = shard === undefined ? 0 : shard.index + 1;
    }
  }
  return writeRecords(runtime.env, stream, batch);
}

/** The number of the shard that record `i` names, plus one, or 0. */
function placeOf({ rows }: RecordBatch, i: number): number {
  return rows[i * PACK_ROW + 3]!;
}

function recordReply(result: PutResult, failures: FailureLog): object {
  if ("failure" in result) return recordFailure(v3ioErrorOf(result.failure, failures));
  return { SequenceNumber: result.index + 1, ShardId: result.shard.index };
}

/** A number of a record that retention has taken is sought at the oldest that is left. */
function seekRequest(target: SeekTarget): SeekRequest {
  switch (target.type) {
    case "EARLIEST":
      return { kind: "earliest" };
    case "LATEST":
      return { kind: "latest" };
    case "SEQUENCE":
      return { kind: "index", index: target.sequence - 1 };
    case "TIME": {
      const ms = Math.floor(target.nanosecond / nanosecondsPerMs);
      return {
        kind: "time",
        timeMs: target.second * MS_PER_SECOND + ms,
        ordinal: Math.min(target.nanosecond % nanosecondsPerMs, timeOrdinalMax),
      };
    }
  }
}

function pageResponse({ runs, next, view, lastTimeMs }: Page): Promise<Response> {
  const behindMs = lastTimeMs === undefined ? 0 : Math.max(view.lastTimeMs - lastTimeMs, 0);
  const head =
    `{"NextLocation":"${textOf(next)}","MSecBehindLatest":${behindMs}` +
    `,"RecordsBehindLatest":${Math.max(view.nextIndex - next.index, 0)},"Records":[`;
  const headers = { ...jsonHeaders, ...timeHeaders(itemTimeAt(view.lastTimeMs)) };
  return new RecordPage(utf8(head), runs, engine.v3ioJson(), utf8("]}")).respond({ headers });
}

function textOf(location: Location): string {
  return Buffer.from(engine.encodeLocation(location)).toString("base64");
}
