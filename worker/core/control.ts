// The data of control calls: what a Worker may ask the catalog to change, and how it names the
// things to change. Plain data that crosses the call.
import type { Distribution, StreamMode, YandexAttributes } from "./types.ts";

export interface Commitment {
  startedMs: number;
  earliestEndMs: number;
  /** Set when the commitment was ended; may be in the future. */
  endsMs?: number;
}

export type StreamChange =
  | { kind: "retention"; direction: "longer" | "shorter"; hours: number }
  | { kind: "mode"; mode: StreamMode; warmThroughputMiBps?: number }
  | { kind: "warmThroughput"; mibps: number }
  | { kind: "recordSize"; bytesMax: number }
  | { kind: "distribution"; distribution: Distribution }
  /** Null removes it. */
  | { kind: "encryption"; kmsKeyId: string | null }
  | { kind: "metrics"; on: readonly string[]; off: readonly string[] }
  | { kind: "yandex"; attributes: YandexAttributes };

export interface ConsumerKey {
  name: string;
  /** Second of the consumer's creation; undefined matches any. */
  createdSeconds?: number;
}

/** How much an account uses of each limited resource. */
export interface AccountTotals {
  openShards: number;
  onDemandStreams: number;
}

export type ReshardOrder =
  /** The second half begins with `hash`, 32 hexadecimal digits. */
  | { kind: "split"; shard: number; hash: string }
  | { kind: "merge"; shard: number; adjacent: number }
  /**
   * As the service does it: split all shards, then merge down to the target. `from` is the number
   * of open shards before.
   */
  | { kind: "recount"; from: number; to: number }
  /** Adds shards until there are `to`, and divides the keys again; no shard closes. */
  | { kind: "recut"; to: number };

/** A Map rather than an object: a key may be called `__proto__`. */
export type Tags = ReadonlyMap<string, string>;

export interface TagChange {
  put?: Tags;
  remove?: readonly string[];
}
