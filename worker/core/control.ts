// What a Worker may ask the catalog to change, and what identifies what it asks about: the nouns of the
// control plane, as plain data that crosses the call.
import type { Distribution, StreamMode, YandexAttributes } from "./types.ts";

export interface Commitment {
  startedMs: number;
  earliestEndMs: number;
  /** Set once somebody has ended it; may lie ahead. */
  endsMs?: number;
}

export type StreamChange =
  | { kind: "retention"; direction: "longer" | "shorter"; hours: number }
  | { kind: "mode"; mode: StreamMode; warmThroughputMiBps?: number }
  | { kind: "warmThroughput"; mibps: number }
  | { kind: "recordSize"; bytesMax: number }
  | { kind: "distribution"; distribution: Distribution }
  /** Null: none any more. */
  | { kind: "encryption"; kmsKeyId: string | null }
  | { kind: "metrics"; on: readonly string[]; off: readonly string[] }
  | { kind: "yandex"; attributes: YandexAttributes };

export interface ConsumerKey {
  name: string;
  /** Of its creation; any when undefined. */
  createdSeconds?: number;
}

/** What an account has of what it may have only so much of. */
export interface AccountTotals {
  openShards: number;
  onDemandStreams: number;
}

export type ReshardOrder =
  /** The second half begins with `hash`, 32 hexadecimal digits. */
  | { kind: "split"; shard: number; hash: string }
  | { kind: "merge"; shard: number; adjacent: number }
  /** As the service does it: split all, then merge down to the target. Open shards were `from`. */
  | { kind: "recount"; from: number; to: number }
  /** Adds shards until `to` numbers are taken, and cuts the keys anew; no shard closes. */
  | { kind: "recut"; to: number };

/** A Map rather than an object: a key may be called `__proto__`. */
export type Tags = ReadonlyMap<string, string>;

export interface TagChange {
  put?: Tags;
  remove?: readonly string[];
}
