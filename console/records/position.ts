// Where reading begins, as the user chooses it, and as GetShardIterator takes it.

export type Start =
  | { kind: "latest" }
  | { kind: "oldest" }
  | { kind: "time"; timeMs: number }
  | { kind: "sequence"; shardId: string; sequenceNumber: string };

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
