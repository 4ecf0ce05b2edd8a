// Queues: what they know of records, what they store, and whom they wake.
import type { Mutation } from "../mutation.ts";

const model = ["test/worker/delivery/model.test.ts"];
const recovery = ["test/worker/queue/recovery.workerd.test.ts"];
const rows = ["test/worker/queue/rows.workerd.test.ts"];
const http = ["queues", "queueReceive", "queueStreams", "deadLetters"].map(
  (name) => `test/worker/kinesis/${name}.workerd.test.ts`,
);

export const queueMutations: readonly Mutation[] = [
  {
    id: "queue-01",
    file: "worker/delivery/delivery.ts",
    find: 'if (run.generation > generation) return "stale";',
    replace: "",
    tests: model,
    harm: "the receipt of an earlier delivery acknowledges a record that somebody else has",
  },
  {
    id: "queue-02",
    file: "worker/delivery/delivery.ts",
    find: "return most !== undefined && receives >= most;",
    replace: "return most !== undefined && receives > most;",
    tests: model,
    harm: "a record is received once too often before it is a dead letter",
  },
  {
    id: "queue-03",
    file: "worker/delivery/delivery.ts",
    find: "let left = Math.min(limit, this.room);",
    replace: "let left = limit;",
    tests: model,
    harm: "more records in flight than a queue may have",
  },
  {
    id: "queue-04",
    file: "worker/delivery/runs.ts",
    find: "if (endMs <= nowMs || endMs - nowMs > spanMsMax)",
    replace: "if (endMs <= nowMs)",
    tests: ["test/worker/delivery/runs.test.ts"],
    harm: "after the clock was set back, records are hidden for as long as it was wrong",
  },
  {
    id: "queue-05",
    file: "worker/queue/shardQueue.ts",
    find: "await this.commit();\n      return { outcomes };",
    replace: "void this.commit();\n      return { outcomes };",
    tests: recovery,
    harm: "an acknowledgement is told before it is durable",
  },
  {
    id: "queue-06",
    file: "worker/queue/queueStore.ts",
    find: "const isFull = this.changesStored === queueChangesMax ||",
    replace: "const isFull =",
    tests: rows,
    harm: "a change overwrites one that still counts",
  },
  {
    id: "queue-07",
    file: "worker/queue/shardQueue.ts",
    find: "return this.parents?.areDrained === true ?",
    replace: "return this.parents !== undefined ?",
    tests: http,
    harm: "records of a shard are handed out before those of the shards that it continues",
  },
  {
    id: "queue-08",
    file: "worker/kinesis/receipt.ts",
    find: "if (id !== queue.id) return undefined;",
    replace: "",
    tests: http,
    harm: "the handle of another queue is taken",
  },
  {
    id: "queue-09",
    file: "worker/catalog/catalog.ts",
    find: "this.queueJobs.requireNone(name);\n      if (stream.status",
    replace: "if (stream.status",
    tests: http,
    harm: "a stream goes away under its queues",
  },
  {
    id: "queue-10",
    file: "worker/queue/shardQueue.ts",
    find: "this.isBeyondShard = tip.nextIndex < next;",
    replace: "this.isBeyondShard = false;",
    tests: ["test/worker/lostTail.workerd.test.ts"],
    harm: "a queue passes over new records in silence after the last rows of its shard were lost",
  },
];
