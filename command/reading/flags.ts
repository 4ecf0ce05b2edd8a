/** The flags that choose records: from when, until when, of which shards, and with which key. */
import type { Command } from "commander";
import { parseCount } from "../number.ts";
import type { StreamRecord } from "../record/record.ts";
import type { KinesisClient } from "../service/client.ts";
import { findShard, hashKeyOf, type Shard } from "../stream/shard.ts";
import type { Choice, From } from "./places.ts";
import { parseTime } from "./time.ts";

export interface ChoiceFlags {
  from?: string;
  until?: string;
  shard?: string[];
  key?: string;
  limit?: string;
}

/** What the flags mean, for the shards of a stream. */
export interface Selection {
  from: From;
  untilMs: number | undefined;
  choice: Choice;
  /** Records to print at most. */
  limit: number;
  /** True for the records that are wanted. */
  matches: (record: StreamRecord) => boolean;
}

const countMax = Number.MAX_SAFE_INTEGER;

export function addChoiceFlags(command: Command, from: string): Command {
  return command
    .option("--from <place>", `start, latest, a time, or 10m for ten minutes ago (${from})`)
    .option("--until <time>", "leave out records that arrived later")
    .option("--shard <shard>", "only this shard and those made of it; repeatable", append)
    .option("--key <key>", "only records with this partition key")
    .option("--limit <count>", "end after so many records");
}

/** Throws a Failure for a flag that is wrong. */
export function readSelection(
  flags: ChoiceFlags,
  defaultFrom: From,
  shards: readonly Shard[],
  client: KinesisClient,
): Selection {
  const nowMs = Date.now();
  const { key, limit } = flags;
  const ids = flags.shard?.map((text) => findShard(shards, text).id);
  return {
    from: readFrom(flags.from, defaultFrom, Math.min(nowMs, client.serviceTime.minMs)),
    untilMs: flags.until === undefined ? undefined : parseTime("--until", flags.until, nowMs),
    choice: {
      ...(ids !== undefined && { shardIds: new Set(ids) }),
      ...(key !== undefined && { hash: hashKeyOf(key) }),
    },
    limit: limit === undefined ? Infinity : parseCount("--limit", limit, 1, countMax),
    matches: ({ partitionKey }) => key === undefined || partitionKey === key,
  };
}

/** A time ahead of the service's clock is refused there; the present is what is meant. */
function readFrom(text: string | undefined, otherwise: From, nowMs: number): From {
  if (text === undefined) return otherwise;
  if (text === "start" || text === "latest") return text;
  return parseTime("--from", text, nowMs);
}

function append(value: string, values: string[] = []): string[] {
  return [...values, value];
}
