/**
 * Records that a Millrace server selects itself: `GET /_millrace/scan` (docs/SCAN.md), whose reply is
 * lines of JSON: records, how far it is, and at last the outcome. Other services do not have it.
 */
import type { Command } from "commander";
import { Failure } from "../../local/failure.ts";
import { readRecord, type StreamRecord } from "../record/record.ts";
import type { KinesisClient } from "../service/client.ts";
import { Reply } from "../service/reply.ts";
import { type Shard, shortId } from "../stream/shard.ts";
import type { Selection } from "./flags.ts";
import type { Places } from "./state.ts";

export interface ScanRequest {
  /** The name of the stream. */
  stream: string;
  from: "start" | number;
  untilMs: number | undefined;
  key: string | undefined;
  /** A pattern: docs/SCAN.md. */
  where: string | undefined;
  limit: number;
}

const path = "/_millrace/scan";

export function addWhereFlag(command: Command): Command {
  return command.option(
    "--where <pattern>",
    "only records that match: JSON, docs/SCAN.md (Millrace)",
  );
}

/** What the flags of a command ask for. Keys and patterns are then about records as they were put. */
export function scanRequest(
  stream: string,
  { from, untilMs, limit }: Selection,
  { key, where }: { key?: string; where?: string },
): ScanRequest {
  if (from === "latest") throw new Failure("--from latest is for tail", 2);
  // The name at the end of an ARN.
  return { stream: stream.replace(/^arn:.*\//, ""), from, untilMs, key, where, limit };
}

/** The shards that a reader would read, or undefined for all of them. */
export function scannedShards(shards: readonly Shard[], places: Places): string[] | undefined {
  const read = shards.filter(({ id }) => places.get(id) !== "skipped");
  return read.length === shards.length ? undefined : read.map(({ id }) => shortId(id));
}

/** The records in order of the shards. Throws a Failure if the service has no scan. */
export async function* scanRecords(
  client: KinesisClient,
  request: ScanRequest,
  shards: readonly string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamRecord> {
  let left = request.limit;
  for (const shard of shards ?? [undefined]) {
    if (left === 0) return;
    for await (const line of lines(client, { ...request, limit: left }, shard, {}, signal)) {
      const shardId = line.optionalText("ShardId");
      if (shardId === undefined) continue;
      left--;
      yield readRecord(shardId, line);
    }
  }
}

/** Throws a Failure if the service has no scan. */
export async function countByScan(
  client: KinesisClient,
  request: ScanRequest,
  shards: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for (const shard of shards ?? [undefined]) {
    for await (const line of lines(client, request, shard, { select: "count" }, signal)) {
      count += line.optionalNumber("count") ?? 0;
    }
  }
  return Math.min(count, request.limit);
}

/** Lines of a scan. The last one says that it is done, or what went wrong. */
async function* lines(
  client: KinesisClient,
  { stream, from, untilMs, key, where, limit }: ScanRequest,
  shard: string | undefined,
  others: Record<string, string>,
  signal: AbortSignal,
): AsyncGenerator<Reply> {
  const query = new URLSearchParams({ stream, ...others });
  if (shard !== undefined) query.set("shard", shard);
  if (typeof from === "number") query.set("from", secondsOf(from));
  // The parameter is the first time that is left out.
  if (untilMs !== undefined) query.set("to", secondsOf(untilMs + 1));
  if (key !== undefined) query.set("key", key);
  if (where !== undefined) query.set("where", where);
  if (Number.isFinite(limit) && others["select"] === undefined) query.set("limit", String(limit));
  let isDone = false;
  for await (const line of client.lines(path, query, signal)) {
    const error = line.optionalText("error");
    if (error !== undefined) {
      throw new Failure(`the scan failed: ${line.optionalText("message") ?? error}`);
    }
    isDone = line.flag("done");
    yield line;
  }
  if (!isDone) throw new Failure("the scan was cut off: the reply has no end");
}

function secondsOf(ms: number): string {
  return (ms / 1000).toFixed(3);
}
