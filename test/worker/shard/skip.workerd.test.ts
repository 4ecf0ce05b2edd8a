// A way past what cannot be read any more: an operator names the segment, readers of every dialect go on
// after it and are told the truth about how far behind they are. What can be read is never passed over, be
// it that the operator is mistaken, that a place fails for now, or that somebody has put a sound copy back.

import { noonMs, setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import edge from "../../../worker/index.ts";
import type { Env } from "../../../worker/core/bindings.ts";
import { generationBytes } from "../../../worker/limits.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { Random } from "../../engine/random.ts";
import { arnOf, ask, createStream, kinesis, putText } from "../kinesis/claims.ts";
import { authorizationFor } from "../kinesis/client.ts";
import { MessageReader } from "../kinesis/eventReader.ts";
import { v3ioOver } from "../v3io/client.ts";
import { yandexOver } from "../yandex/client.ts";
import { expectDamaged, flipBit } from "../../support/damage.ts";
import { append, openShard, record, seek, type ShardStub, textOf } from "../../support/shards.ts";
import {
  evictAll,
  faultyBucket,
  forgetBodies,
  gatherAll,
  gatherPage,
  rebind,
  runtimeWith,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";
import { patience } from "../../support/patience.ts";

const scope = { account: "000000000000", region: "us-east-1" };
const ShardId = "shardId-000000000000";

afterEach(tidyUp);

describe("a segment in the bucket", () => {
  test("that is gone: readers pass over it, also later, and read it again when it is back", async () => {
    const shard = await shardInBucket();
    const key = `segments/${shard.name}/2`;
    const body = await (await env.SEGMENTS!.get(key))!.arrayBuffer();
    await env.SEGMENTS!.delete(key);
    await expectDamaged(shard, 2, 2);
    expect(await skip(shard, 2)).toEqual({ segment: 2, index: 2, count: 1 });
    expect(await skip(shard, 2)).toEqual({ segment: 2, index: 2, count: 1 });
    for (const forget of [async () => forgetBodies(), () => evictAll(shard)]) {
      await forget();
      expect(await indexesOf(shard)).toEqual([0, 1, 3, 4, 5, 6, 7]);
    }
    const page = await gatherPage(shard, { from: { segment: 2, index: 2 } });
    expect(page.records[0]?.index).toBe(3);
    // A location may name a later segment than its record is in: nothing before that one is lost.
    const early = await gatherPage(shard, { from: { segment: 2, index: 1 } });
    expect(early.records[0]?.index).toBe(1);
    expect((await statsOf(shard)).segments.skipped).toBe(1);
    expect((await append(shard, "next")).firstIndex).toBe(8);
    await env.SEGMENTS!.put(key, body);
    forgetBodies();
    expect(await indexesOf(shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("is not passed over while the bucket fails, which may have it again", async () => {
    const shard = await shardInBucket();
    await env.SEGMENTS!.delete(`segments/${shard.name}/2`);
    await skip(shard, 2);
    forgetBodies();
    const down = faultyBucket({
      get: (key: string) => {
        if (key.endsWith("/2")) return Promise.reject(new Error("R2 is down"));
        return env.SEGMENTS!.get(key);
      },
    });
    const runtime = runtimeWith({ ...env, SEGMENTS: down });
    const from = { segment: 2, index: 2 };
    await expect(gatherPage(shard, { from, runtime })).rejects.toThrow();
    expect((await gatherPage(shard, { from })).records[0]?.index).toBe(3);
  });

  test("and its neighbours, up to the end: the reader has caught up", async () => {
    const shard = await shardInBucket();
    for (const segment of [5, 6, 7]) {
      await env.SEGMENTS!.put(`segments/${shard.name}/${segment}`, "altered");
      await skip(shard, segment);
    }
    forgetBodies();
    const { records, next, view } = await gatherPage(shard, { from: { segment: 5, index: 5 } });
    expect([records, next.index, view.nextIndex]).toEqual([[], 8, 8]);
    expect(await indexesOf(shard)).toEqual([0, 1, 2, 3, 4]);
  });

  test("that can be read is refused, and so is one that is not there", async () => {
    const shard = await shardInBucket();
    const detail = { shard: shard.name, segment: 3 };
    await expect(skip(shard, 3)).rejects.toMatchObject({ code: "segmentSound", detail });
    await expect(skip(shard, 30)).rejects.toMatchObject({ code: "segmentNotFound" });
    expect(await indexesOf(shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("is not passed over while the bucket fails: it may be sound", async () => {
    const shard = await shardInBucket();
    await rebind(shard, faultyBucket({ get: () => Promise.reject(new Error("R2 is down")) }));
    await expect(skip(shard, 3)).rejects.toThrow("R2 is down");
    await rebind(shard, env.SEGMENTS);
    expect(await indexesOf(shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("a chunk of the tail", () => {
  test("is sealed by itself, and passed over by its own number", async () => {
    const shard = await openShard();
    for (const [i, text] of ["a", "b", "c", "d"].entries()) {
      setClock(noonMs + i);
      await append(shard, text);
    }
    await flipBit(shard, 2);
    await expectDamaged(shard, 2, 0);
    expect(await skip(shard, 0)).toEqual({ segment: 1, index: 2, count: 1 });
    expect((await gatherAll(shard)).map(textOf)).toEqual(["a", "b", "d"]);
    const { segments, tail } = await statsOf(shard);
    expect([segments.count, segments.skipped, tail.chunks]).toEqual([3, 1, 0]);
    // The time of the lost record leads to the one after it.
    expect(await seek(shard, { kind: "time", timeMs: noonMs + 2, ordinal: 0 })).toBe(3);
  });

  test("that is sound is refused", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await expect(skip(shard, 0)).rejects.toMatchObject({ code: "segmentSound" });
    expect((await gatherAll(shard)).map(textOf)).toEqual(["a"]);
  });
});

describe("a consumer", () => {
  const v3io = v3ioOver((path, init) =>
    exports.default.fetch(`http://localhost/bigdata/${path}`, init),
  );
  const yandex = yandexOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));
  let stream: string;
  let uid: string;

  beforeEach(async () => {
    stream = await createStream();
    for (const text of ["a", "b", "c"]) await putText(stream, text);
    const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
    uid = shards[0]?.uid ?? "";
    await flipBit(env.SHARD.getByName(uid), 1);
  });

  const skipNow = async () => {
    const query = `stream=${stream}&shard=${uid}&segment=0`;
    const url = `http://localhost/_millrace/skip?${query}`;
    const reply = await exports.default.fetch(url, { method: "POST" });
    expect([reply.status, await reply.json()]).toEqual([
      200,
      { shard: uid, segment: 1, index: 1, count: 1 },
    ]);
  };
  const told = () =>
    `Stored bytes are damaged: shard ${uid}, segment 0: bad body checksum. ` +
    "An operator can let readers pass over it: see docs/RECOVERY.md.";

  test("of Kinesis is told what is damaged, goes on after it, and is at the end", async () => {
    const first = await iteratorAt({ ShardIteratorType: "TRIM_HORIZON" });
    const page = await kinesis("GetRecords", { ShardIterator: first });
    const behind = { ShardIterator: page.output.NextShardIterator };
    expect((await kinesis("GetRecords", behind)).error.message).toBe(told());
    await skipNow();
    const next = await kinesis("GetRecords", behind);
    expect(next.output.Records.map(({ Data }) => atob(Data))).toEqual(["c"]);
    expect(next.output.MillisBehindLatest).toBe(0);
    const [a] = page.output.Records;
    const after = await iteratorAt({
      ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
      StartingSequenceNumber: a?.SequenceNumber,
    });
    const third = await kinesis("GetRecords", { ShardIterator: after });
    expect(third.output.Records.map(({ Data }) => atob(Data))).toEqual(["c"]);
  });

  test("of v3io is told what is damaged, goes on after it, and counts what it has passed", async () => {
    const start = "AQAAAAAAAAAAAAAAAAAAAA==";
    const page = await v3io("GetRecords", `${stream}/0`, { Location: start, Limit: 1 });
    expect(page.output.RecordsBehindLatest).toBe(2);
    const behind = { Location: page.output.NextLocation };
    const failed = await v3io("GetRecords", `${stream}/0`, behind);
    expect([failed.status, failed.output.ErrorMessage]).toEqual([500, `InternalError. ${told()}`]);
    await skipNow();
    const next = await v3io("GetRecords", `${stream}/0`, behind);
    expect(
      next.output.Records.map(({ SequenceNumber, Data }) => [SequenceNumber, atob(Data)]),
    ).toEqual([[3, "c"]]);
    expect([next.output.RecordsBehindLatest, next.output.MSecBehindLatest]).toEqual([0, 0]);
  });

  test("of Yandex is told what is damaged, and goes on after it", async () => {
    const place = {
      StreamName: stream,
      ShardId: "shard-000000",
      ShardIteratorType: "TRIM_HORIZON",
    };
    const { output } = await yandex("GetShardIterator", place, { path: "/" });
    const page = await yandex("GetRecords", { ShardIterator: output.ShardIterator }, { path: "/" });
    const behind = { ShardIterator: page.output.NextShardIterator };
    const failed = await yandex("GetRecords", behind, { path: "/" });
    expect([failed.status, failed.error.message]).toEqual([
      500,
      `<main>: Error: ${told()}, code: 500100\n`,
    ]);
    await skipNow();
    const next = await yandex("GetRecords", behind, { path: "/" });
    expect(next.output.Records?.map(({ Data }) => atob(Data))).toEqual(["c"]);
  });

  test("with a subscription receives what is before it and what is after it", async () => {
    await skipNow();
    const { Consumer } = await ask("RegisterStreamConsumer", {
      StreamARN: arnOf(stream),
      ConsumerName: "reader",
    });
    const response = await exports.default.fetch("http://localhost/", {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Kinesis_20131202.SubscribeToShard",
        "x-amz-date": "20260101T000000Z",
        authorization: authorizationFor(scope.region),
      },
      body: JSON.stringify({
        ConsumerARN: (Consumer as { ConsumerARN: string }).ConsumerARN,
        ShardId,
        StartingPosition: { Type: "TRIM_HORIZON" },
      }),
    });
    const reader = response.body!.getReader();
    const messages = new MessageReader();
    const texts: string[] = [];
    let behindMs = -1;
    while (behindMs !== 0) {
      for (const { payload } of messages.push((await reader.read()).value ?? new Uint8Array(0))) {
        const { Records = [], MillisBehindLatest = -1 } = JSON.parse(
          new TextDecoder().decode(payload),
        ) as { Records?: { Data: string }[]; MillisBehindLatest?: number };
        texts.push(...Records.map(({ Data }) => atob(Data)));
        behindMs = MillisBehindLatest;
      }
    }
    await reader.cancel();
    expect(texts).toEqual(["a", "c"]);
  });

  async function iteratorAt(from: object): Promise<string> {
    const { output } = await kinesis("GetShardIterator", { StreamName: stream, ShardId, ...from });
    return output.ShardIterator;
  }
});

describe("the operator", () => {
  const principals = [
    { accessKeyId: "root", secretAccessKey: "r", v3io: { accessKey: "root-key" } },
    {
      accessKeyId: "reader",
      secretAccessKey: "s",
      allow: [{ actions: ["millrace:GetStats", "kinesis:*"], streams: ["*"] }],
      v3io: { accessKey: "reader-key" },
    },
    {
      accessKeyId: "operator",
      secretAccessKey: "t",
      allow: [{ actions: ["millrace:SkipSegment"], streams: ["*"] }],
      v3io: { accessKey: "operator-key" },
    },
  ].map((principal) => Object.assign(principal, { account: scope.account }));
  const keys = { MILLRACE_AUTH: JSON.stringify({ principals }), MILLRACE_ACCESS: "keys" };

  test.each<[who: string, headers: Record<string, string>, status: number]>([
    ["nobody", {}, 403],
    ["somebody without the action", { "x-v3io-session-key": "reader-key" }, 403],
    ["somebody with the action alone", { "x-v3io-session-key": "operator-key" }, 409],
    ["somebody who may do everything", { "x-v3io-session-key": "root-key" }, 409],
  ])("%s is answered as the keys say", async (_, headers, status) => {
    const stream = await createStream();
    await putText(stream, "a");
    const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
    const query = `stream=${stream}&shard=${shards[0]?.uid}&segment=0`;
    const reply = await post(query, headers, keys);
    expect([reply.status, await reply.text()]).toEqual([status, expect.any(String)]);
  });

  test.each([
    ["", 400],
    ["stream=$&segment=0", 400],
    ["stream=$&shard=x-0&segment=-1", 400],
    ["stream=$&shard=x-0&segment=0", 404],
    ["stream=no-such-stream&shard=x-0&segment=0", 404],
  ])("is told what a query of %j lacks: %i", async (query, status) => {
    const stream = await createStream();
    const reply = await post(query.replace("$", stream), {}, { MILLRACE_ACCESS: "open" });
    expect([reply.status, await reply.json()]).toEqual([
      status,
      expect.objectContaining({ error: expect.any(String) }),
    ]);
  });
});

function post(query: string, headers: Record<string, string>, settings: Partial<Env>) {
  const request = new Request(`http://localhost/_millrace/skip?${query}`, {
    method: "POST",
    headers,
  });
  const ctx = { exports, waitUntil: () => {} } as unknown as ExecutionContext;
  return edge.fetch(request as Parameters<typeof edge.fetch>[0], { ...env, ...settings }, ctx);
}

async function skip(shard: ShardStub, segment: number) {
  return unwrap(await shard.skip(segment)).skipped;
}

async function indexesOf(shard: ShardStub): Promise<number[]> {
  return (await gatherAll(shard)).map(({ index }) => index);
}

/** A shard of eight segments, all of which are in the bucket alone. */
async function shardInBucket(): Promise<ShardStub> {
  const shard = await openShard();
  const random = new Random(3);
  for (let bytes = 0; bytes < generationBytes; bytes += 1_100_000) {
    await append(shard, record(random.bytes(1_100_000)));
  }
  await untilTiered(shard);
  const inSqlite = async () => (await statsOf(shard)).segments.sqliteBytes;
  await vi.waitUntil(async () => (await inSqlite()) === 0, patience);
  forgetBodies();
  return shard;
}
