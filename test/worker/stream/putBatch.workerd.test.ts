// A batch for a stream with one shard is one chunk, and what became of it one run; with several shards there is a
// run for each. Of everything else each record has a result of its own, the same as by the usual way.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { type AppendReply, type Reply, unwrap } from "../../../worker/core/rpc.ts";
import { batchOf } from "../../../worker/engine/recordBatch.ts";
import { chunkBytesMax } from "../../../worker/limits.ts";
import { catalogOf, findStream, type KnownStream } from "../../../worker/stream/directory.ts";
import { putBatch } from "../../../worker/stream/writer.ts";
import { record } from "../../support/shards.ts";
import { runtimeWith, tidyUp } from "../../support/storage.ts";

const scope = { account: "000000000000", region: "us-east-1" };

let stream: KnownStream;

beforeEach(() => create(1));

async function create(shardCount: number): Promise<void> {
  const name = crypto.randomUUID();
  const spec = { name, shardCount, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
  stream = await findStream(env, scope, name);
}

afterEach(tidyUp);

function put(texts: (string | Uint8Array)[], bindings: Env = env) {
  const records = texts.map((text) => Object.assign(record(text), { hash: undefined }));
  return putBatch(runtimeWith(bindings), stream, batchOf(records));
}

/** Records that name their shards, as bytes of that length. */
function putInto(shards: number[], bindings: Env = env, bytes = 1) {
  const records = shards.map((shard) => ({ ...record(new Uint8Array(bytes)), shard }));
  return putBatch(runtimeWith(bindings), stream, batchOf(records));
}

/** The bindings, with shards whose replies to appends are changed. */
function withReplies(change: (reply: AppendReply, call: number) => Reply<AppendReply>): Env {
  let calls = 0;
  const SHARD = {
    getByName: (uid: string) => ({
      append: async (chunks: Uint8Array[]) =>
        change(unwrap(await env.SHARD.getByName(uid).append(chunks)), ++calls),
    }),
  };
  return { ...env, SHARD } as unknown as Env;
}

/** As `withReplies`: each reply has so many receipts, whatever was appended. */
function withReceipts(count: number): Env {
  return withReplies((reply) => ({
    ...reply,
    receipts: Array.from({ length: count }, () => reply.receipts[0]!),
  }));
}

test("the records of one chunk are one run, and the next ones follow", async () => {
  const [shard] = stream.description.shards;
  expect(await put(["a", "b"])).toMatchObject({ shard, index: 0, count: 2 });
  expect(await put(["c"])).toMatchObject({ shard, index: 2, count: 1 });
});

test("records of several chunks have a result each", async () => {
  const half = new Uint8Array(chunkBytesMax / 2);
  expect(await put([half, half])).toMatchObject([{ index: 0 }, { index: 1 }]);
});

test("records that the shard has refused are told from those before them", async () => {
  const bindings = withReplies((reply) => ({ ...reply, refused: 1 }));
  const failure = { code: "overloaded" };
  expect(await put(["a", "b", "c"], bindings)).toMatchObject([
    { index: 0 },
    { index: 1 },
    { failure },
  ]);
});

test("a shard that has closed: the records go the usual way", async () => {
  const bindings = withReplies((reply, call) =>
    call === 1 ? { failed: "shardClosed", detail: {} } : reply,
  );
  expect(await put(["a", "b"], bindings)).toMatchObject({ runs: [{ index: 2, count: 2 }] });
});

test("a call that fails: every record has the failure", async () => {
  const bindings = withReplies(() => ({ failed: "commitFailed", detail: {} }));
  const failure = { code: "commitFailed" };
  expect(await put(["a", "b"], bindings)).toMatchObject([{ failure }, { failure }]);
});

test.each([
  ["no receipt", 0],
  ["two receipts", 2],
])("%s: none of the records is said to be stored", async (_, count) => {
  const failure = { code: "corrupt" };
  expect(await put(["a", "b"], withReceipts(count))).toMatchObject([{ failure }, { failure }]);
});

describe("several shards", () => {
  beforeEach(() => create(2));

  test("each has a run, and its records follow one another", async () => {
    const [first, second] = stream.description.shards;
    const placed = await putInto([1, 0, 1]);
    expect(placed).toMatchObject({
      runs: [
        { shard: first, index: 0, count: 1 },
        { shard: second, index: 0, count: 2 },
      ],
      routes: Uint32Array.of(1, 0, 1),
    });
    const next = await putInto([1]);
    expect(next).toMatchObject({ runs: [undefined, { index: 2, count: 1 }] });
  });

  test("of records of several chunks each has a result", async () => {
    const results = await putInto([1, 0, 1], env, chunkBytesMax / 2);
    expect(results).toMatchObject([{ index: 0 }, { index: 0 }, { index: 1 }]);
  });

  test("records that one has refused are told from all others", async () => {
    const bindings = withReplies((reply) => ({
      ...reply,
      refused: reply.receipts[0]!.firstIndex === 0 ? 1 : 0,
    }));
    await putInto([0]);
    const failure = { code: "overloaded" };
    expect(await putInto([1, 0, 1, 0], bindings)).toMatchObject([
      { shard: stream.description.shards[1], index: 0 },
      { index: 1 },
      { shard: stream.description.shards[1], failure },
      { index: 2 },
    ]);
  });

  test("the records of one that has closed are put again, the others are not", async () => {
    const bindings = withReplies((reply) =>
      reply.receipts[0]!.firstIndex === 1 ? { failed: "shardClosed", detail: {} } : reply,
    );
    await putInto([0]);
    const results = [{ index: 3 }, { index: 0 }, { index: 4 }];
    expect(await putInto([0, 1, 0], bindings)).toMatchObject(results);
  });

  test("one that fails: its records have the failure", async () => {
    const bindings = withReplies((reply) =>
      reply.receipts[0]!.firstIndex === 0 ? { failed: "commitFailed", detail: {} } : reply,
    );
    await putInto([0]);
    const failure = { code: "commitFailed" };
    expect(await putInto([1, 0], bindings)).toMatchObject([{ failure }, { index: 1 }]);
  });

  test.each([
    ["no receipt", 0],
    ["two receipts", 2],
  ])("%s: none of its records is said to be stored", async (_, count) => {
    const failure = { code: "corrupt" };
    expect(await putInto([1, 0], withReceipts(count))).toMatchObject([{ failure }, { failure }]);
  });
});

test.each([1, 3])(
  "a chunk has memory of its own: a shard next door keeps it as it is (%d shards)",
  async (shardCount) => {
    await create(shardCount);
    const chunks: Uint8Array[] = [];
    const getByName = (uid: string) => ({
      append: (offered: Uint8Array[]) => {
        chunks.push(...offered);
        return env.SHARD.getByName(uid).append(offered);
      },
    });
    const bindings = { ...env, SHARD: { getByName } } as unknown as Env;
    for (const sizes of [[1], [1000, 2000, 3000], [400_000, 400_000, 400_000], [3 << 20]]) {
      await put(
        sizes.map((bytes) => new Uint8Array(bytes)),
        bindings,
      );
    }
    expect(chunks.length).toBeGreaterThan(3);
    for (const chunk of chunks) expect(chunk.buffer.byteLength).toBe(chunk.length);
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(chunks.length);
  },
);
