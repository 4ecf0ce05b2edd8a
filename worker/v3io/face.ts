// The v3io face: a typed command in, the core's answer printed as v3io prints it. A stream in the
// root of the default container is the Kinesis stream of that name; any other has its whole path
// for a name, which no Kinesis name can be. Sequence numbers are the index plus one.
import { readBody } from "../body.ts";
import { utf8 } from "../bytes.ts";
import type { Runtime } from "../env.ts";
import { StreamError } from "../errors.ts";
import { engine } from "../isolate.ts";
import { pageBytesMax, requestBodyBytesMax, timeOrdinalMax } from "../limits.ts";
import { type RecordPrinter, renderPage } from "../page.ts";
import {
  catalogOf,
  findStream,
  forgetStream,
  type KnownStream,
  withStream,
} from "../stream/directory.ts";
import { type Page, readPage, seekShard } from "../stream/reader.ts";
import { unwrap } from "../stream/rpc.ts";
import type { Scope, SeekRequest, ShardDescription } from "../stream/types.ts";
import { putRecords, type PutResult, type RecordPut } from "../stream/writer.ts";
import { errorResponse, recordFailure, V3ioError } from "./errors.ts";
import {
  type Command,
  parseRequest,
  type RecordEntry,
  type SeekTarget,
  type StreamPath,
} from "./request.ts";

/** The container whose root holds the streams that the other dialects see. */
const defaultContainer = "bigdata";

const NANOSECONDS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1000;

const printer: RecordPrinter = {
  measure: (chunk, from, to) => engine.measureV3ioJson(chunk, from, to),
  print: (chunk, from, to, sink) => engine.printV3ioJson(chunk, from, to, sink),
  separator: utf8(","),
};

const decoder = new TextDecoder();

const jsonHeaders = { "content-type": "application/json", "cache-control": "no-store" };

export async function serveV3io(
  request: Request,
  runtime: Runtime,
  scope: Scope,
): Promise<Response> {
  try {
    const name = request.headers.get("x-v3io-function") ?? "";
    const path = pathOf(request.url);
    const body = await readBody(request, requestBodyBytesMax);
    if (body === undefined) throw new V3ioError("InvalidArgumentException");
    return await run(parseRequest(name, path, decoder.decode(body)), runtime, scope);
  } catch (error) {
    if (!(error instanceof V3ioError) && !(error instanceof StreamError)) console.error(error);
    return errorResponse(error);
  }
}

async function run(command: Command, runtime: Runtime, scope: Scope): Promise<Response> {
  const name = streamName(command.stream);
  switch (command.kind) {
    case "create": {
      const { shardCount, retentionHours } = command;
      const spec = { name, shardCount, retentionHours, mode: "PROVISIONED" as const };
      unwrap(await catalogOf(runtime.env, scope).createStream(scope, spec));
      forgetStream(scope, name);
      return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
    }
    case "describe": {
      const { description } = await findStream(runtime.env, scope, name);
      return json({
        RetentionPeriodHours: description.retentionHours,
        ShardCount: description.shards.length,
      });
    }
    case "put":
      return putEntries(
        runtime,
        scope,
        await findStream(runtime.env, scope, name),
        command.records,
      );
    case "seek": {
      const { location } = await withStream(runtime.env, scope, name, (stream) =>
        seek(runtime, shardOf(stream, command.shard), command.target),
      );
      return json({ Location: Buffer.from(engine.encodeLocation(location)).toString("base64") });
    }
    case "get": {
      const location = engine.decodeLocation(command.location);
      if (location === undefined) throw new V3ioError("InvalidArgumentException");
      const limits = { recordsMax: command.limit, bytesMax: pageBytesMax };
      const page = await withStream(runtime.env, scope, name, async (stream) => {
        const { uid } = shardOf(stream, command.shard);
        return await readPage(runtime, uid, location, limits, "refuse");
      });
      return pageResponse(page);
    }
  }
}

async function seek(runtime: Runtime, shard: ShardDescription, target: SeekTarget) {
  try {
    return await seekShard(runtime, shard.uid, seekRequest(target));
  } catch (error) {
    const missed = error instanceof StreamError && error.code === "locationNotFound";
    throw missed ? new V3ioError("InvalidArgumentException") : error;
  }
}

function seekRequest(target: SeekTarget): SeekRequest {
  switch (target.type) {
    case "EARLIEST":
      return { kind: "earliest" };
    case "LATEST":
      return { kind: "latest" };
    case "SEQUENCE":
      return { kind: "index", index: Math.max(target.sequence - 1, 0) };
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

/** Puts the entries that are records; records with neither shard nor key take turns. */
async function putEntries(
  runtime: Runtime,
  scope: Scope,
  stream: KnownStream,
  entries: readonly RecordEntry[],
): Promise<Response> {
  const shardCount = stream.description.shards.length;
  const which: number[] = [];
  const puts: RecordPut[] = [];
  const replies: object[] = [];
  for (const [i, entry] of entries.entries()) {
    if ("error" in entry) {
      replies[i] = recordFailure(entry.error);
    } else if (entry.put.shard !== undefined && entry.put.shard >= shardCount) {
      replies[i] = recordFailure(new V3ioError("ShardIDOutOfRangeException"));
    } else {
      which.push(i);
      puts.push(entry.put);
    }
  }
  const results = await putInTurn(runtime, scope, stream, puts);
  for (const [at, i] of which.entries()) replies[i] = recordReply(results[at] as PutResult);
  const failed = replies.filter((reply) => "ErrorCode" in reply).length;
  return json({ FailedRecordCount: failed, Records: replies });
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
    const { name, shards } = stream.description;
    let turn = await catalogOf(runtime.env, scope).takeTurns(name, free.length);
    for (const put of free) put.shard = turn++ % shards.length;
  }
  return putRecords(runtime.env, stream, puts);
}

function recordReply(result: PutResult): object {
  if ("failure" in result) return recordFailure(result.failure);
  return { SequenceNumber: result.index + 1, ShardId: result.shard.index };
}

function pageResponse(page: Page): Response {
  const { runs, next, view, lastTimeMs } = page;
  const location = Buffer.from(engine.encodeLocation(next)).toString("base64");
  const behindMs = lastTimeMs === undefined ? 0 : Math.max(view.lastTimeMs - lastTimeMs, 0);
  const head =
    `{"NextLocation":"${location}","MSecBehindLatest":${behindMs}` +
    `,"RecordsBehindLatest":${Math.max(view.nextIndex - next.index, 0)},"Records":[`;
  const body = renderPage(utf8(head), runs, printer, utf8("]}"));
  return new Response(body, { headers: jsonHeaders });
}

function shardOf(stream: KnownStream, index: number): ShardDescription {
  const shard = stream.description.shards[index];
  if (shard === undefined) throw new V3ioError("ShardIDOutOfRangeException");
  return shard;
}

function streamName({ container, path }: StreamPath): string {
  const inRoot = container === defaultContainer && !path.includes("/");
  return inRoot ? path : `/${container}/${path}`;
}

/** The path as sent: resolving it anew would take a doubled slash for a host. */
function pathOf(url: string): string {
  const at = url.indexOf("/", url.indexOf("//") + 2);
  return at < 0 ? "/" : (url.slice(at).split("?")[0] as string);
}

function json(value: object): Response {
  return new Response(JSON.stringify(value), { headers: jsonHeaders });
}
