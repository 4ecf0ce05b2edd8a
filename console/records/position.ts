// Where reading begins and what is read, as the user chooses it, as the page's address has it, and as GetShardIterator
// takes it.
import { type Filter, noFilter } from "./filter.ts";

export type Start =
  | { kind: "latest" }
  | { kind: "oldest" }
  | { kind: "time"; timeMs: number }
  | { kind: "sequence"; shardId: string; sequenceNumber: string };

export interface Reading {
  start: Start;
  /** Empty for all shards. */
  shardId: string;
  filter: Filter;
}

/** Of an address: `from` is `oldest`, a time in milliseconds, or a shard and a sequence number in it. */
export function readingOf(query: URLSearchParams): Reading {
  const [key, pattern] = ["key", "where"].map((name) => query.get(name) ?? "") as [string, string];
  return {
    start: startOf(query.get("from") ?? ""),
    shardId: query.get("shard") ?? "",
    filter: key === "" && pattern === "" ? noFilter : { key, pattern },
  };
}

/** The query of the address that says the same: empty, or from the question mark on. */
export function queryOf({ start, shardId, filter }: Reading): string {
  const query = new URLSearchParams();
  const from = fromOf(start);
  if (from !== "") query.set("from", from);
  if (shardId !== "") query.set("shard", shardId);
  if (filter.key !== "") query.set("key", filter.key);
  if (filter.pattern !== "") query.set("where", filter.pattern);
  return query.size === 0 ? "" : `?${query.toString()}`;
}

function startOf(from: string): Start {
  const [, shardId, sequenceNumber] = /^(shardId-\d{1,12}):(\d{1,60})$/.exec(from) ?? [];
  if (shardId !== undefined && sequenceNumber !== undefined) {
    return { kind: "sequence", shardId, sequenceNumber };
  }
  if (/^\d{1,15}$/.test(from)) return { kind: "time", timeMs: Number(from) };
  return from === "oldest" ? { kind: "oldest" } : { kind: "latest" };
}

function fromOf(start: Start): string {
  switch (start.kind) {
    case "latest":
      return "";
    case "oldest":
      return "oldest";
    case "time":
      return String(start.timeMs);
    case "sequence":
      return `${start.shardId}:${start.sequenceNumber}`;
  }
}

/** The members of GetShardIterator that name this start in a shard. */
export function iteratorInput(start: Start, shardId: string): object {
  switch (start.kind) {
    case "latest":
      return { ShardIteratorType: "LATEST" };
    case "oldest":
      return { ShardIteratorType: "TRIM_HORIZON" };
    case "time":
      return { ShardIteratorType: "AT_TIMESTAMP", Timestamp: start.timeMs / 1000 };
    case "sequence":
      return start.shardId === shardId
        ? { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: start.sequenceNumber }
        : { ShardIteratorType: "TRIM_HORIZON" };
  }
}
