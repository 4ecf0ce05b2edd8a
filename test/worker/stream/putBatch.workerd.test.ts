// A batch for a stream with one shard is one chunk, and what became of it one run; of everything else each record
// has a result of its own, the same as by the usual way.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test } from "vitest";
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

beforeEach(async () => {
  const name = crypto.randomUUID();
  const spec = { name, shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
  stream = await findStream(env, scope, name);
});

afterEach(tidyUp);

function put(texts: (string | Uint8Array)[], bindings: Env = env) {
  const records = texts.map((text) => Object.assign(record(text), { hash: undefined }));
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
  expect(await put(["a", "b"], bindings)).toMatchObject([{ index: 2 }, { index: 3 }]);
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
  const bindings = withReplies((reply) => ({
    ...reply,
    receipts: Array.from({ length: count }, () => reply.receipts[0]!),
  }));
  const failure = { code: "corrupt" };
  expect(await put(["a", "b"], bindings)).toMatchObject([{ failure }, { failure }]);
});
