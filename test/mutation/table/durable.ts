// Mutations of Durable Streams: producers, closing, forks, live readers, signed addresses.
import type { Mutation } from "../mutation.ts";

const guarded = ["test/worker/shard/guarded.workerd.test.ts"];
const conformance = ["test/e2e/conformance.test.ts"];
const lock = ["test/worker/access/durable.workerd.test.ts"];
const faces = ["test/worker/faces.workerd.test.ts"];

export const durableMutations: readonly Mutation[] = [
  {
    id: "durable-01",
    file: "worker/shard/writers.ts",
    find: "if (mark.seq <= seq) return",
    replace: "if (mark.seq < seq) return",
    tests: guarded,
    harm: "a retry of a producer is stored twice, or refused",
  },
  {
    id: "durable-02",
    file: "worker/shard/writers.ts",
    find: "if (mark.epoch < epoch) return",
    replace: "if (mark.epoch < epoch - 1) return",
    tests: guarded,
    harm: "a producer that was fenced off goes on writing",
  },
  {
    id: "durable-03",
    file: "worker/shard/guardedAppends.ts",
    find: "await this.underWay.get(verdict.mark.id);",
    replace: "void this.underWay.get(verdict.mark.id);",
    tests: guarded,
    harm: "a duplicate is acknowledged before what it repeats is durable",
  },
  {
    id: "durable-04",
    file: "worker/shard/committer.ts",
    find: "        this.refuseGuarded();\n",
    replace: "",
    tests: guarded,
    harm: "an append is stored although the one before it of its producer is lost",
  },
  {
    id: "durable-05",
    file: "worker/shard/store.ts",
    find: "    this.keepWriters();\n",
    replace: "",
    tests: guarded,
    harm: "producers are forgotten when a generation begins, and retries are stored twice",
  },
  {
    id: "durable-06",
    file: "worker/shard/logTable.ts",
    find: "(SELECT writers FROM ${this.name} WHERE id = ?)",
    replace: "nullif(?, ?8)",
    tests: guarded,
    harm: "a sealed tail forgets the writers of its first chunk",
  },
  {
    id: "durable-07",
    file: "worker/durable/content.ts",
    find: "isMixed && !isJson(data) ? wrapped(data) : data",
    replace: "data",
    tests: faces,
    harm: "a page is no JSON after another dialect has put what is none",
  },
  {
    id: "durable-08",
    file: "worker/durable/permission.ts",
    find: 'const isRead = method === "GET" || method === "HEAD";',
    replace: "const isRead = true;",
    tests: lock,
    harm: "an address that was signed for reading writes and deletes",
  },
  {
    id: "durable-09",
    file: "worker/durable/signedUrl.ts",
    find: "return nowMs < untilMs ?",
    replace: "return untilMs > 0 ?",
    tests: lock,
    harm: "a signed address is good for ever",
  },
  {
    id: "durable-10",
    file: "worker/durable/sse.ts",
    find: String.raw`text.replaceAll(/\r\n|\r|\n/g, "\ndata:")`,
    replace: String.raw`text.replaceAll("\n\n", "\ndata:")`,
    tests: conformance,
    harm: "data ends its event, and begins others of a writer's choice",
  },
  {
    id: "durable-11",
    file: "worker/shard/durableStream.ts",
    find: 'if (at > end) throw new StreamError("locationNotFound");',
    replace: "",
    tests: conformance,
    harm: "a fork begins where its source does not reach",
  },
  {
    id: "durable-12",
    file: "worker/catalog/unopened.ts",
    find: "shardCount === 1 && !isClosed && !expires && fork === undefined;",
    replace: "shardCount === 1 && !isClosed && fork === undefined;",
    tests: ["test/worker/durable/unopened.workerd.test.ts"],
    harm: "a stream that nobody uses never expires",
  },
  {
    id: "durable-13",
    file: "worker/shard/newShard.ts",
    find: "store.append(groupChunks(store.stamp(chunks, arrivalMs)));",
    replace: "store.append(groupChunks(store.stamp(chunks, Date.now())));",
    tests: ["test/worker/durable/unopened.workerd.test.ts"],
    harm: "records that waited in the catalog arrived when somebody first looked at them",
  },
  {
    id: "durable-14",
    file: "worker/shard/shardState.ts",
    find: "if (this.store !== undefined) return false;",
    replace: "if (false) return false;",
    tests: ["test/worker/durable/unopened.workerd.test.ts"],
    harm: "an opening that is repeated fails or adds the first records again",
  },
];
