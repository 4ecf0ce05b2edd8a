// Records through the v3io face: put, sought and read. Sequence numbers are the index plus one.
// Records that name neither shard nor key take turns, and the turn goes on from request to request.
// The lags of a reply are exact when it is at the tip; pages are printed by the engine.
import { Buffer } from "node:buffer";
import { utf8 } from "../bytes.ts";
import type { Runtime } from "../env.ts";
import { StreamError } from "../errors.ts";
import type { FailureLog } from "../failureLog.ts";
import { engine } from "../isolate.ts";
import { pageBytesMax, timeOrdinalMax } from "../limits.ts";
import { RecordPage } from "../page.ts";
import { catalogOf, type KnownStream, withStream } from "../stream/directory.ts";
import { type Page, readPage, seekShard } from "../stream/reader.ts";
import type { Location, Scope, SeekRequest } from "../stream/types.ts";
import { putRecords as writeRecords, type PutResult, type RecordPut } from "../stream/writer.ts";
import { invalid, recordFailure, V3ioError, v3ioErrorOf } from "./errors.ts";
import { getStream, isObject, shardCountOf, shardOf, streamAt, streamNameAt } from "./places.ts";
import { itemTimeOf, json, jsonHeaders, timeHeaders } from "./reply.ts";
import type { RecordEntry, SeekTarget, StreamCommand } from "./request.ts";

type Command<Kind extends StreamCommand["kind"]> = Extract<StreamCommand, { kind: Kind }>;

const NANOSECONDS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1000;

export async function putRecords(
  runtime: Runtime,
  scope: Scope,
  { stream: place, records: entries }: Command<"PutRecords">,
  failures: FailureLog,
): Promise<Response> {
  const stream = await streamAt(runtime, scope, place);
  if (stream === undefined) {
    // For a directory real servers say the other thing, whatever the reference says.
    const isFile = await isObject(runtime, scope, place);
    throw new V3ioError(isFile ? "ResourceIsnotStream" : "ResourceNotFoundException");
  }
  const which: number[] = [];
  const puts: RecordPut[] = [];
  const replies: object[] = [];
  for (const [i, entry] of entries.entries()) {
    const put = placedPut(stream, entry);
    if ("error" in put) {
      replies[i] = recordFailure(put.error);
    } else {
      which.push(i);
      puts.push(put);
    }
  }
  const results = await putInTurn(runtime, scope, stream, puts);
  for (const [at, i] of which.entries())
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
    const missed = error instanceof StreamError && error.code === "locationNotFound";
    throw missed ? invalid() : error;
  });
  return json({ Location: textOf(location) }, timeHeaders(itemTimeOf(view.lastTimeMs)));
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

/** A number that a split or a merge has closed stands for what continues it. */
function placedPut(stream: KnownStream, entry: RecordEntry): RecordPut | { error: V3ioError } {
  if ("error" in entry) return entry;
  const { put } = entry;
  const isOut = put.shard !== undefined && put.shard >= shardCountOf(stream);
  return isOut ? { error: new V3ioError("ShardIDOutOfRangeException") } : put;
}

async function putInTurn(
  runtime: Runtime,
  scope: Scope,
  stream: KnownStream,
  puts: RecordPut[],
): Promise<PutResult[]> {
  if (puts.length === 0) return [];
  const free = puts.filter((put) => put.shard === undefined && put.key.length === 0);
  if (free.length > 0) {
    const open = stream.description.shards.filter(({ closedMs }) => closedMs === undefined);
    // Beginning with the first shard, and going on where the last request stopped.
    let turn = await catalogOf(runtime.env, scope).takeTurns(stream.description.name, free.length);
    for (const put of free) put.shard = open[turn++ % open.length]?.index;
  }
  return writeRecords(runtime.env, stream, puts);
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
      const ms = Math.floor(target.nanosecond / NANOSECONDS_PER_MS);
      return {
        kind: "time",
        timeMs: target.second * MS_PER_SECOND + ms,
        ordinal: Math.min(target.nanosecond % NANOSECONDS_PER_MS, timeOrdinalMax),
      };
    }
  }
}

function pageResponse({ runs, next, view, lastTimeMs }: Page): Response {
  const behindMs = lastTimeMs === undefined ? 0 : Math.max(view.lastTimeMs - lastTimeMs, 0);
  const head =
    `{"NextLocation":"${textOf(next)}","MSecBehindLatest":${behindMs}` +
    `,"RecordsBehindLatest":${Math.max(view.nextIndex - next.index, 0)},"Records":[`;
  const headers = { ...jsonHeaders, ...timeHeaders(itemTimeOf(view.lastTimeMs)) };
  return new RecordPage(utf8(head), runs, engine.v3ioJson(), utf8("]}")).respond({ headers });
}

function textOf(location: Location): string {
  return Buffer.from(engine.encodeLocation(location)).toString("base64");
}
