// What a Kinesis client is told when a shard cannot do what it should: it is full, its commit
// fails, or it is not the shard any more that this place in the world believes it is. The shards
// are made to fail in their storage; everything else goes over HTTP, inside workerd.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { pendingBytesMax } from "../../../worker/limits.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { ShardDescription } from "../../../worker/core/types.ts";
import {
  append,
  chunkOf,
  holdCommits,
  readAll,
  record,
  sabotage,
  textOf,
} from "../../support/shards.ts";
import { base64, kinesisOver, textIn } from "./client.ts";

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

const scope = { account: "000000000000", region: "us-east-1" };

/** First hash keys of two shards. */
const hashKeys = ["0", (1n << 127n).toString()];

let stream: string;
let shards: ShardDescription[];

beforeEach(async () => {
  stream = crypto.randomUUID();
  await kinesis("CreateStream", { StreamName: stream, ShardCount: 2 });
  shards = await describeShards();
});

describe("a shard that has too much to write", () => {
  test("PutRecord: the throughput error, at once, and the record is not there", async () => {
    const release = await fill(0);
    const { status, error } = await put("more", 0);
    expect([status, error.name]).toEqual([400, "ProvisionedThroughputExceededException"]);
    expect(error.message).toBe(
      `Rate exceeded for shard shardId-000000000000 in stream ${stream} under account ${scope.account}.`,
    );
    await release();
    expect((await put("later", 0)).status).toBe(200);
    expect((await stored(0)).slice(2)).toEqual(["later"]);
  });

  test("PutRecords: only its own records fail, each with the throughput error", async () => {
    const release = await fill(1);
    const Records = [1, 0, 1, 0].map((shard, i) => entry(`${i}`, shard));
    const { status, output } = await kinesis("PutRecords", { StreamName: stream, Records });
    expect([status, output.FailedRecordCount]).toEqual([200, 2]);
    const failure = {
      ErrorCode: "ProvisionedThroughputExceededException",
      ErrorMessage: `Rate exceeded for shard shardId-000000000001 in stream ${stream} under account ${scope.account}.`,
    };
    const success = {
      ShardId: "shardId-000000000000",
      SequenceNumber: expect.stringMatching(/^\d{56}$/),
    };
    expect(output.Records).toEqual([failure, success, failure, success]);
    await release();
    expect(await stored(0)).toEqual(["1", "3"]);
    expect((await stored(1)).slice(2)).toEqual([]);
  });
});

describe("a shard whose commit fails", () => {
  test("PutRecord: InternalFailure, and the next record has its number", async () => {
    const before = await put("a", 0);
    const mend = await breakInserts(0);
    const { status, error } = await put("lost", 0);
    expect([status, error.name]).toEqual([500, "InternalFailure"]);
    await mend();
    const after = await put("b", 0);
    expect(indexIn(after.output.SequenceNumber)).toBe(indexIn(before.output.SequenceNumber) + 1n);
    expect(await stored(0)).toEqual(["a", "b"]);
  });

  test("PutRecords: its records fail with InternalFailure, the others are there", async () => {
    const mend = await breakInserts(0);
    const Records = [0, 1, 0].map((shard, i) => entry(`${i}`, shard));
    const { status, output } = await kinesis("PutRecords", { StreamName: stream, Records });
    expect([status, output.FailedRecordCount]).toEqual([200, 2]);
    const failure = { ErrorCode: "InternalFailure", ErrorMessage: "Internal service failure." };
    expect(output.Records).toMatchObject([failure, { ShardId: "shardId-000000000001" }, failure]);
    await mend();
    expect([await stored(0), await stored(1)]).toEqual([[], ["1"]]);
  });
});

describe("a stream that was made anew elsewhere, not yet known here", () => {
  beforeEach(async () => {
    await put("old", 0);
    unwrap(await catalogOf(env, scope).deleteStream(stream));
  });

  test("PutRecord and PutRecords: into the new shards", async () => {
    await createElsewhere();
    expect((await put("new", 0)).status).toBe(200);
    shards = await describeShards();
    const Records = [entry("newer", 0), entry("other", 1)];
    const { output } = await kinesis("PutRecords", { StreamName: stream, Records });
    expect(output.FailedRecordCount).toBe(0);
    expect([await stored(0), await stored(1)]).toEqual([["new", "newer"], ["other"]]);
  });

  test("GetShardIterator: into the new shard", async () => {
    await createElsewhere();
    shards = await describeShards();
    await append(env.SHARD.getByName(shards[0]!.uid), "new");
    const { status, output } = await kinesis("GetShardIterator", {
      StreamName: stream,
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    });
    expect(status).toBe(200);
    const page = await kinesis("GetRecords", { ShardIterator: output.ShardIterator });
    expect(page.output.Records.map(textIn)).toEqual(["new"]);
  });

  test("and when there is none of its name any more: not found", async () => {
    const { status, error } = await put("lost", 0);
    expect([status, error.name]).toEqual([400, "ResourceNotFoundException"]);
    const Records = [entry("lost", 0), entry("lost", 1)];
    const batch = await kinesis("PutRecords", { StreamName: stream, Records });
    expect([batch.status, batch.error]).toEqual([
      400,
      {
        name: "ResourceNotFoundException",
        message: `Stream ${stream} under account ${scope.account} not found.`,
      },
    ]);
  });
});

describe("a stream whose creation was cut off", () => {
  beforeEach(async () => {
    await sabotage(catalogOf(env, scope), (storage, state) => {
      const setAlarm = storage.setAlarm.bind(storage);
      storage.setAlarm = async (...when) => {
        await setAlarm(...when);
        await storage.sync();
        state.abort("cut off");
      };
    });
    stream = crypto.randomUUID();
    const { status, error } = await kinesis("CreateStream", { StreamName: stream, ShardCount: 2 });
    expect([status, error.name]).toEqual([500, "InternalFailure"]);
  });

  test("says CREATING, takes no records, and takes them as soon as it is active", async () => {
    const creating = await kinesis("DescribeStream", { StreamName: stream });
    expect(creating.output.StreamDescription.StreamStatus).toBe("CREATING");
    expect((await put("early", 0)).error).toEqual({
      name: "ResourceNotFoundException",
      message: `Stream ${stream} under account ${scope.account} not found.`,
    });
    await runDurableObjectAlarm(catalogOf(env, scope));
    expect((await put("in time", 0)).status).toBe(200);
    shards = await describeShards();
    expect(await stored(0)).toEqual(["in time"]);
  });
});

/** As a Worker in another place would: nothing here is told. */
async function createElsewhere(): Promise<void> {
  const spec = { name: stream, shardCount: 2, mode: "PROVISIONED" as const, retentionHours: 24 };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
}

function entry(text: string, shard: number): object {
  return { PartitionKey: "key", ExplicitHashKey: hashKeys[shard], Data: base64(text) };
}

async function put(text: string, shard: number) {
  return kinesis("PutRecord", { StreamName: stream, ...entry(text, shard) });
}

async function describeShards(): Promise<ShardDescription[]> {
  return unwrap(await catalogOf(env, scope).describeStream(stream)).stream.shards;
}

function shardAt(index: number) {
  return env.SHARD.getByName(shards[index]?.uid ?? "");
}

async function stored(index: number): Promise<string[]> {
  return (await readAll(shardAt(index))).map(textOf);
}

/** Place of the record in its shard, as the layout of AWS carries it: bits 80 to 143. */
function indexIn(sequenceNumber: string): bigint {
  return (BigInt(sequenceNumber) >> 80n) & 0xffff_ffff_ffff_ffffn;
}

/** Gives a shard as much to write as it may hold; it goes on when the returned function is called. */
async function fill(index: number): Promise<() => Promise<void>> {
  const shard = shardAt(index);
  const release = await holdCommits(shard);
  // A chunk of one record with a key of three bytes has 59 bytes around its data.
  const half = new Uint8Array(pendingBytesMax / 2 - 59);
  const held = shard.append([chunkOf(record(half)), chunkOf(record(half))]);
  // Calls of one stub arrive in order: when this one is answered, the shard is full.
  await shard.seek({ kind: "latest" });
  return async () => {
    await release();
    expect(await held).toMatchObject({ receipts: [{ firstIndex: 0 }, { firstIndex: 1 }] });
  };
}

async function breakInserts(index: number): Promise<() => Promise<void>> {
  const { mend } = await sabotage(shardAt(index), ({ sql }) => {
    const exec = sql.exec.bind(sql);
    sql.exec = (query, ...bindings) => {
      if (/^\s*insert/i.test(query)) throw new Error("disk I/O error");
      return exec(query, ...bindings);
    };
    return {
      mend: () => {
        sql.exec = exec;
      },
    };
  });
  return () => sabotage(shardAt(index), mend);
}
