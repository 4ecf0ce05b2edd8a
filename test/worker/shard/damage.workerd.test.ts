// A bit that flips in a stored body: whoever reads it is told which shard and which segment, it is
// counted, and everything else is read and written as before, by readers, by sealing, by the way to
// R2 and by the trim horizon.

import { noonMs, setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, test } from "vitest";
import { generationBytes, sealAgeMs } from "../../../worker/limits.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { readCounters } from "../../../worker/stream/readCounters.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { Random } from "../../engine/random.ts";
import { kinesisOver } from "../kinesis/client.ts";
import { expectDamaged, flipBit } from "../../support/damage.ts";
import {
  append,
  openShard,
  record,
  sabotage,
  seek,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";
import {
  evictAll,
  forgetBodies,
  gatherAll,
  gatherPage,
  letGo,
  objectsOf,
  rebind,
  ringAlarm,
  runtimeWith,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";

const hourMs = 3_600_000;

afterEach(tidyUp);

test("a segment whose body is that of its first chunk alone is refused", async () => {
  setClock(noonMs);
  const shard = await openShard();
  for (const text of ["a", "b"]) await append(shard, text);
  const [chunk] = await sabotage(shard, ({ sql }) =>
    sql.exec<{ body: ArrayBuffer }>("SELECT body FROM log_0 WHERE id = 0").toArray(),
  );
  await ringAlarm(shard, noonMs + sealAgeMs + 1);
  expect((await statsOf(shard)).segments.count).toBe(1);
  await untilTiered(shard);
  await sabotage(shard, ({ sql }) =>
    sql.exec("UPDATE log_0 SET body = ? WHERE id = 0", chunk!.body),
  );
  await evictAll(shard);
  await env.SEGMENTS!.delete(`segments/${shard.name}/0`);
  await expectDamaged(shard, 0, 0);
});

describe("in a chunk of the tail", () => {
  test("readers get what is before it and what is after it, and are told of it in between", async () => {
    const shard = await openShard();
    for (const text of ["a", "b", "c", "d"]) await append(shard, text);
    await flipBit(shard, 2);
    const before = await gatherPage(shard);
    expect(before.records.map(textOf)).toEqual(["a", "b"]);
    expect(before.next.index).toBe(2);
    await expectDamaged(shard, 2, 0);
    expect((await gatherAll(shard, { from: { segment: 0, index: 3 } })).map(textOf)).toEqual(["d"]);
    await append(shard, "e");
    expect(await seek(shard, { kind: "latest" })).toBe(5);
    expect((await statsOf(shard)).segments.damaged).toBe(1);
  });

  test("sealing goes around it: its neighbours are segments, and so is it", async () => {
    const shard = await openShard();
    setClock(noonMs);
    for (const text of ["a", "b", "c", "d", "e"]) await append(shard, text);
    await flipBit(shard, 2);
    await ringAlarm(shard, noonMs + sealAgeMs);
    await untilTiered(shard);
    const { segments, tail } = await statsOf(shard);
    expect([segments.count, segments.damaged, tail.chunks]).toEqual([3, 1, 0]);
    expect(new Set((await objectsOf(shard)).keys())).toEqual(new Set([0, 2]));
    await evictAll(shard);
    const before = await gatherPage(shard);
    expect(before.records.map(textOf)).toEqual(["a", "b"]);
    await expectDamaged(shard, 2, 1);
    expect(
      (await gatherPage(shard, { from: { segment: 2, index: 3 } })).records.map(textOf),
    ).toEqual(["d", "e"]);
    expect((await append(shard, "f")).firstIndex).toBe(5);
  });
});

describe("in a sealed segment", () => {
  test("of a shard without a bucket: the segments around it are read", async () => {
    const shard = await openShard();
    await rebind(shard, undefined);
    const count = await fillGenerations(shard, 1);
    await letGo(shard);
    await flipBit(shard, 3);
    await rebind(shard, undefined);
    const before = await gatherAll(shard, { limits: { recordsMax: 3 } }).catch(() => undefined);
    expect(before).toBeUndefined();
    expect((await gatherPage(shard)).records.map(({ index }) => index)).toEqual([0, 1, 2]);
    const counted = readCounters.damagedPages;
    await expectDamaged(shard, 3, 3);
    expect(readCounters.damagedPages).toBeGreaterThan(counted);
    const after = await gatherAll(shard, { from: { segment: 4, index: 4 } });
    expect(after.map(({ index }) => index)).toEqual(
      Array.from({ length: count - 4 }, (_, i) => i + 4),
    );
    expect((await statsOf(shard)).segments.damaged).toBe(1);
  });

  test("it stays in SQLite; the generations after its own are freed all the same, and so is it in time", async () => {
    const shard = await openShard();
    setClock(noonMs);
    await rebind(shard, undefined);
    await fillGenerations(shard, 1);
    await letGo(shard);
    await flipBit(shard, 3);
    await runDurableObjectAlarm(shard);
    await fillGenerations(shard, 2);
    await untilTiered(shard);
    const { segments } = await statsOf(shard);
    expect((await objectsOf(shard)).has(3)).toBe(false);
    expect((await objectsOf(shard)).size).toBe(segments.count - 1);
    expect(segments.damaged).toBe(1);
    expect(segments.sqliteBytes).toBeLessThan(2.5 * generationBytes);
    expect(segments.r2Bytes).toBeGreaterThanOrEqual(generationBytes);
    await expectDamaged(shard, 3, 3);
    await ringAlarm(shard, noonMs + 25 * hourMs);
    expect((await objectsOf(shard)).size).toBe(0);
    expect((await statsOf(shard)).records).toBe(0);
    expect((await append(shard, "next")).firstIndex).toBeGreaterThan(20);
  });

  test("that R2 has too: it is read from there", async () => {
    const shard = await openShard();
    await fillGenerations(shard, 0.5);
    await untilTiered(shard);
    await letGo(shard);
    await flipBit(shard, 2);
    const records = await gatherAll(shard, { from: { segment: 1, index: 1 } });
    expect(records.map(({ index }) => index)).toEqual([1, 2, 3]);
  });
});

describe("in an object in R2", () => {
  const changes: [what: string, change: (body: Uint8Array) => Uint8Array | undefined][] = [
    ["altered", (body) => body.map((byte, i) => (i === 5000 ? byte ^ 4 : byte))],
    ["short", (body) => body.subarray(0, body.length - 1)],
    ["long", (body) => new Uint8Array([...body, 0])],
    ["empty", () => new Uint8Array(0)],
    ["gone", () => undefined],
  ];

  test.each(changes)(
    "that is %s: it is refused by name, its neighbours are read",
    async (_, change) => {
      const shard = await shardInR2();
      const key = `segments/${shard.name}/2`;
      const body = change(await readObject(key));
      await (body === undefined ? env.SEGMENTS!.delete(key) : env.SEGMENTS!.put(key, body));
      expect((await gatherPage(shard)).records.map(({ index }) => index)).toEqual([0, 1]);
      await expectDamaged(shard, 2, 2);
      const after = await gatherPage(shard, { from: { segment: 3, index: 3 } });
      expect(after.records[0]?.index).toBe(3);
      expect((await append(shard, "next")).firstIndex).toBe(8);
    },
  );

  test("that is another segment's: it is refused by name", async () => {
    const shard = await shardInR2();
    await env.SEGMENTS!.put(
      `segments/${shard.name}/2`,
      await readObject(`segments/${shard.name}/4`),
    );
    await expectDamaged(shard, 2, 2);
    await env.SEGMENTS!.put(
      `segments/${shard.name}/3`,
      await readObject(`segments/${shard.name}/1`),
    );
    await expectDamaged(shard, 3, 3);
    expect((await gatherPage(shard)).records.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("while its rows are still there: it is read from the shard", async () => {
    const shard = await openShard();
    await fillGenerations(shard, 0.5);
    await untilTiered(shard);
    await env.SEGMENTS!.put(`segments/${shard.name}/2`, "altered");
    forgetBodies();
    const records = await gatherAll(shard, { from: { segment: 1, index: 1 } });
    expect(records.map(({ index }) => index)).toEqual([1, 2, 3]);
  });
});

describe("bytes of another shard, with the same first index", () => {
  test("are refused as an object in the bucket", async () => {
    const [shard, other] = await twinsInR2();
    await env.SEGMENTS!.put(
      `segments/${shard.name}/2`,
      await readObject(`segments/${other.name}/2`),
    );
    forgetBodies();
    await expectDamaged(shard, 2, 2);
    const { records } = await gatherPage(shard, { from: { segment: 3, index: 3 } });
    expect(records[0]?.index).toBe(3);
  });

  test("are refused as a reply from a cache", async () => {
    const [shard, other] = await twinsInR2();
    const body = await readObject(`segments/${other.name}/2`);
    const runtime = runtimeWith(env);
    runtime.segments = { fetch: async () => new Response(body) };
    const read = gatherPage(shard, { from: { segment: 2, index: 2 }, runtime });
    await expect(read).rejects.toMatchObject({ code: "corrupt" });
  });

  test("are refused as a row, sealed or not", async () => {
    const [shard, other] = [await openShard(), await openShard()];
    for (const [i, each] of [shard, other].entries()) {
      await append(each, record(new Random(i).bytes(600_000)));
      await append(each, `tail of ${i}`);
    }
    const bodies = await sabotage(other, ({ sql }) =>
      sql.exec<{ id: number; body: ArrayBuffer }>("SELECT id, body FROM log_0").toArray(),
    );
    await sabotage(shard, ({ sql }) => {
      for (const { id, body } of bodies)
        sql.exec("UPDATE log_0 SET body = ? WHERE id = ?", body, id);
    });
    await env.SEGMENTS!.delete(`segments/${shard.name}/0`);
    await evictAll(shard);
    await expectDamaged(shard, 0, 0);
    await expectDamaged(shard, 1, 1);
  });

  test("are refused as a whole database, which is not written to either", async () => {
    const shard = await openShard();
    await append(shard, "a");
    await sabotage(shard, ({ sql }) =>
      sql
        .exec("UPDATE shard SET description = json_set(description, '$.uid', 'another')")
        .toArray(),
    );
    await evictAll(shard);
    await expect(append(shard, "b")).rejects.toMatchObject({
      code: "corrupt",
      detail: { shard: shard.name, what: "the database is that of shard another" },
    });
    await expect(gatherPage(shard)).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("a consumer", () => {
  const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
  const scope = { account: "000000000000", region: "us-east-1" };

  test("of Kinesis is told, with the shard and the segment, and goes on after the damage", async () => {
    const stream = crypto.randomUUID();
    await kinesis("CreateStream", { StreamName: stream, ShardCount: 1 });
    const numbers: string[] = [];
    for (const text of ["a", "b", "c"]) {
      const put = { StreamName: stream, PartitionKey: "k", Data: btoa(text) };
      numbers.push((await kinesis("PutRecord", put)).output.SequenceNumber);
    }
    const { shards } = unwrap(await catalogOf(env, scope).describeStream(stream)).stream;
    const uid = shards[0]?.uid ?? "";
    await flipBit(env.SHARD.getByName(uid), 1);
    const first = await getRecords({ ShardIteratorType: "TRIM_HORIZON" });
    expect(first.output.Records.map(({ Data }) => atob(Data))).toEqual(["a"]);
    const second = await kinesis("GetRecords", { ShardIterator: first.output.NextShardIterator });
    expect(second.status).toBe(500);
    expect(second.error.name).toBe("InternalFailureException");
    expect(second.error.message).toBe(
      `Stored bytes are damaged: shard ${uid}, segment 0: bad body checksum. ` +
        "An operator can let readers pass over it: see docs/RECOVERY.md.",
    );
    const after = {
      ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
      StartingSequenceNumber: numbers[1],
    };
    const third = await getRecords(after);
    expect(third.output.Records.map(({ Data }) => atob(Data))).toEqual(["c"]);

    async function getRecords(from: object) {
      const place = { StreamName: stream, ShardId: "shardId-000000000000", ...from };
      const { output } = await kinesis("GetShardIterator", place);
      return kinesis("GetRecords", { ShardIterator: output.ShardIterator });
    }
  });
});

/** Two shards with records of the same sizes at the same places, and other bytes. */
async function twinsInR2(): Promise<[ShardStub, ShardStub]> {
  const [shard, other] = [await shardInR2(), await openShard()];
  await fillGenerations(other, 1, 4);
  await untilTiered(other);
  return [shard, other];
}

/** A shard whose first generation is in R2 alone. */
async function shardInR2(): Promise<ShardStub> {
  const shard = await openShard();
  await fillGenerations(shard, 1);
  await untilTiered(shard);
  expect((await statsOf(shard)).segments.r2Bytes).toBeGreaterThanOrEqual(generationBytes);
  forgetBodies();
  return shard;
}

/** Large records, each a segment, until that many generations are closed. */
async function fillGenerations(shard: ShardStub, generations: number, seed = 3): Promise<number> {
  const random = new Random(seed);
  let count = 0;
  for (let bytes = 0; bytes < generations * generationBytes; bytes += 1_100_000) {
    await append(shard, record(random.bytes(1_100_000)));
    count++;
  }
  return count;
}

async function readObject(key: string): Promise<Uint8Array> {
  const object = await env.SEGMENTS!.get(key);
  return new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer(0));
}
