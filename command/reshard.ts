/** `millrace split` and `millrace merge`: change the shards of a stream, and wait until it is done. */
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import { openClient, type KinesisClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import {
  findShard,
  formatHash,
  hashKeyCount,
  hasHash,
  listShards,
  type Shard,
  shortId,
} from "./stream/shard.ts";
import { streamMember, untilActive } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { print } from "./terminal/output.ts";
import { programName } from "./version.ts";

interface SplitFlags extends ServiceFlags {
  at?: string;
}

export function split(command: Command): void {
  command
    .usage("<stream> [shard] [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .argument("[shard]", "id or number of an open shard; not needed if there is only one")
    .option("--at <hash-key>", "first hash key of the second new shard (the middle)");
  addServiceFlags(command).action(splitShard);
  addExamples(command, [
    [`${programName} split orders 0`, "two shards of shard 0, cut in the middle"],
  ]);
}

export function merge(command: Command): void {
  command
    .usage("<stream> <shard> [other] [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .argument("<shard>", "id or number of an open shard")
    .argument("[other]", "open shard beside it (the one behind it)");
  addServiceFlags(command).action(mergeShards);
  addExamples(command, [[`${programName} merge orders 1 2`, "one shard of shards 1 and 2"]]);
}

async function splitShard(
  stream: string,
  name: string | undefined,
  flags: SplitFlags,
): Promise<void> {
  const client = openClient(flags);
  const shards = await listShards(client, stream);
  const shard = name === undefined ? onlyOpen(shards) : openShard(shards, name);
  const at = flags.at === undefined ? middleOf(shard) : parseHashKey(flags.at, shard);
  await client.call("SplitShard", {
    ...streamMember(stream),
    ShardToSplit: shard.id,
    NewStartingHashKey: String(at),
  });
  await reportNew(client, stream, shards);
}

async function mergeShards(
  stream: string,
  name: string,
  otherName: string | undefined,
  flags: ServiceFlags,
): Promise<void> {
  const client = openClient(flags);
  const shards = await listShards(client, stream);
  const shard = openShard(shards, name);
  const other = otherName === undefined ? shardBehind(shards, shard) : openShard(shards, otherName);
  // The service wants them in the order of their hash keys.
  const [first, second] = shard.firstHash < other.firstHash ? [shard, other] : [other, shard];
  await client.call("MergeShards", {
    ...streamMember(stream),
    ShardToMerge: first.id,
    AdjacentShardToMerge: second.id,
  });
  await reportNew(client, stream, shards);
}

/** Prints the shards that were not there before. */
async function reportNew(client: KinesisClient, stream: string, before: Shard[]): Promise<void> {
  await untilActive(client, stream);
  const known = new Set(before.map(({ id }) => id));
  for (const { id, firstHash, lastHash } of await listShards(client, stream)) {
    if (!known.has(id)) await print(`${id}  ${formatHash(firstHash)}-${formatHash(lastHash)}`);
  }
}

function onlyOpen(shards: readonly Shard[]): Shard {
  const [shard, ...others] = shards.filter(({ isOpen }) => isOpen);
  if (shard !== undefined && others.length === 0) return shard;
  const open = [shard, ...others].flatMap((each) => (each ? shortId(each.id) : []));
  throw new Failure(`name one of the open shards: ${open.join(", ")}`, 2);
}

function openShard(shards: readonly Shard[], name: string): Shard {
  const shard = findShard(shards, name);
  if (shard.isOpen) return shard;
  const open = shards.filter(({ isOpen }) => isOpen).map(({ id }) => shortId(id));
  throw new Failure(`shard ${name} is closed; open are ${open.join(", ")}`, 2);
}

function middleOf({ firstHash, lastHash }: Shard): bigint {
  return (firstHash + lastHash + 1n) / 2n;
}

function shardBehind(shards: readonly Shard[], { id, lastHash }: Shard): Shard {
  const behind = shards.find((shard) => shard.isOpen && hasHash(shard, lastHash + 1n));
  if (behind !== undefined) return behind;
  throw new Failure(`no shard is behind ${shortId(id)}: name the one before it`, 2);
}

function parseHashKey(text: string, shard: Shard): bigint {
  const hash = /^\d{1,39}$/.test(text) ? BigInt(text) : hashKeyCount;
  if (hash > shard.firstHash && hash <= shard.lastHash) return hash;
  const range = `${shard.firstHash + 1n} to ${shard.lastHash}`;
  throw new Failure(`--at ${text} does not cut the shard: pass a number from ${range}`, 2);
}
