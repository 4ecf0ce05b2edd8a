/** Shards of a stream: their ranges of hash keys, their parents, and which of them has a key. */
import { createHash } from "node:crypto";
import { Failure } from "../../local/failure.ts";
import type { KinesisClient } from "../service/client.ts";
import type { Reply } from "../service/reply.ts";
import { streamMember } from "./stream.ts";

export interface Shard {
  id: string;
  /** One for a split, two for a merge, none for a shard that the stream was created with. */
  parents: string[];
  /** First and last hash key of its range. */
  firstHash: bigint;
  lastHash: bigint;
  isOpen: boolean;
}

/** Hash keys are the numbers below this. */
export const hashKeyCount = 1n << 128n;

/** All shards within the retention, in order of their ids. */
export async function listShards(client: KinesisClient, stream: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let input: object = streamMember(stream);
  for (;;) {
    const reply = await client.call("ListShards", input);
    shards.push(...reply.objects("Shards").map(readShard));
    const token = reply.optionalText("NextToken");
    if (token === undefined) break;
    input = { NextToken: token };
  }
  return shards.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function readShard(facts: Reply): Shard {
  const range = facts.object("HashKeyRange");
  const parents = ["ParentShardId", "AdjacentParentShardId"].flatMap(
    (name) => facts.optionalText(name) ?? [],
  );
  const sequences = facts.object("SequenceNumberRange");
  return {
    id: facts.text("ShardId"),
    parents,
    firstHash: BigInt(range.text("StartingHashKey")),
    lastHash: BigInt(range.text("EndingHashKey")),
    isOpen: sequences.optionalText("EndingSequenceNumber") === undefined,
  };
}

/** The hash key of a partition key: its MD5 as a number. */
export function hashKeyOf(partitionKey: string): bigint {
  return BigInt(`0x${createHash("md5").update(partitionKey).digest("hex")}`);
}

export function hasHash({ firstHash, lastHash }: Shard, hash: bigint): boolean {
  return firstHash <= hash && hash <= lastHash;
}

/** `3` is short for `shardId-000000000003`. */
export function shardIdOf(text: string): string {
  return /^\d{1,12}$/.test(text) ? `shardId-${text.padStart(12, "0")}` : text;
}

/** The number in a shard's id, which is how people name it; else the whole id. */
export function shortId(id: string): string {
  const number = /^shardId-0*(\d+)$/.exec(id)?.[1];
  return number ?? id;
}

/** The shard that a user has named. Throws a Failure that lists what there is. */
export function findShard(shards: readonly Shard[], text: string): Shard {
  const id = shardIdOf(text);
  const shard = shards.find((each) => each.id === id);
  if (shard !== undefined) return shard;
  const known = shards.map((each) => shortId(each.id)).join(", ");
  throw new Failure(`there is no shard ${text}: the stream has ${known || "none"}`, 2);
}

/** The first 8 of the 32 hexadecimal digits of a hash key: enough to compare ranges by eye. */
export function formatHash(hash: bigint): string {
  return hash.toString(16).padStart(32, "0").slice(0, 8);
}

/** Part of all hash keys, such as `25 %` or `0.0015 %`. */
export function formatShare({ firstHash, lastHash }: Shard): string {
  const part = Number(((lastHash - firstHash + 1n) * 1_000_000n) / hashKeyCount) / 10_000;
  return `${part >= 1 ? Number(part.toFixed(2)) : Number(part.toPrecision(2))} %`;
}
