// Puts to the real server, whose shards are called by memory once they are busy: by requests of all dialects and on
// every way, while streams are deleted, split and made anew, the store is emptied and the server stops. Nothing is left
// behind, in the log or on the disk. test/e2e/nearShards.test.ts has objects that fail and end.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, kinesisOver } from "../worker/kinesis/client.ts";
import { listObjects, shardFiles } from "./data-folder.ts";
import { connect, indexIn, readShard } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

const triesMax = 10_000;

let server: Server;
let direct: string;

beforeAll(async () => {
  server = await startServer();
  direct = /direct +(http:\S+)/.exec(server.banner)?.[1] ?? "";
});

afterAll(async () => {
  const { exitCode, stderr } = await server.stop();
  expect([exitCode, stderr]).toEqual([0, ""]);
  rmSync(server.data, { recursive: true, force: true });
});

type Put = (text: string) => Promise<unknown>;

function kinesisAt(endpoint: string) {
  return kinesisOver((init) => fetch(endpoint, init));
}

async function create(StreamName: string, ShardCount = 1): Promise<void> {
  const { status } = await kinesisAt(direct)("CreateStream", { StreamName, ShardCount });
  expect(status).toBe(200);
}

/** Puts a record of that stream, which must be stored; returns its place in its shard. */
async function put(StreamName: string, text: string, endpoint = server.endpoint): Promise<number> {
  const input = { StreamName, PartitionKey: text, Data: base64(text) };
  const reply = await kinesisAt(endpoint)("PutRecord", input);
  if (reply.status !== 200) throw new Error(`a put was answered with ${reply.text}`);
  return indexIn(reply.output.SequenceNumber);
}

async function nearCalls(endpoint = direct): Promise<number> {
  const metrics = await (await fetch(`${endpoint}/metrics`)).text();
  return Number(/^millrace_near_calls_total (\d+)/m.exec(metrics)?.[1]);
}

/** Puts until one has gone by memory; returns how many there were. */
async function untilNear(putOne: Put, calls = nearCalls): Promise<number> {
  const before = await calls();
  for (let count = 1; count <= triesMax; count++) {
    await putOne(`near ${count}`);
    if ((await calls()) > before) return count;
  }
  throw new Error("no put has gone by memory");
}

const durable: Put = async (text) => {
  const headers = { "content-type": "text/plain" };
  const path = `${direct}/v1/stream/near`;
  const { status } = await fetch(path, { method: "POST", headers, body: text });
  expect(status).toBe(204);
};

const v3io: Put = async (text) => {
  const headers = { "x-v3io-function": "PutRecords", "content-type": "application/json" };
  const body = JSON.stringify({ Records: [{ Data: base64(text) }] });
  const reply = await fetch(`${direct}/projects/v3/`, { method: "POST", headers, body });
  expect(await reply.json()).toMatchObject({ FailedRecordCount: 0 });
};

describe("puts go by memory", () => {
  beforeAll(async () => {
    await create("ways");
    const plain = { "content-type": "text/plain" };
    await fetch(`${direct}/v1/stream/near`, { method: "PUT", headers: plain });
    const headers = { "x-v3io-function": "CreateStream", "content-type": "application/json" };
    const body = JSON.stringify({ ShardCount: 1, RetentionPeriodHours: 1 });
    const reply = await fetch(`${direct}/projects/v3/`, { method: "POST", headers, body });
    expect(reply.ok).toBe(true);
  });

  test("of the front", async () => {
    await untilNear((text) => put("ways", text));
    const before = await nearCalls();
    for (let i = 0; i < 10; i++) await put("ways", `${i}`);
    expect(await nearCalls()).toBe(before + 10);
  });

  test.each<[string, Put]>([
    ["Kinesis", (text) => put("ways", text, direct)],
    ["Durable Streams", durable],
    ["v3io", v3io],
  ])("of requests to workerd's own socket: %s", async (_, putOne) => {
    await untilNear(putOne);
    const before = await nearCalls();
    for (let i = 0; i < 3; i++) await putOne(`${i}`);
    expect(await nearCalls()).toBe(before + 3);
  });
});

describe("while shards are attended", () => {
  test("a stream is deleted, made anew and put to: no file of the old one is left", async () => {
    const files = shardFiles(server.data).length;
    for (let round = 0; round < 3; round++) {
      await create("short", 4);
      await untilNear((text) => put("short", text));
      expect(shardFiles(server.data)).toHaveLength(files + 4);
      const puts = Array.from({ length: 20 }, (_, i) =>
        put("short", `${i}`).catch(() => undefined),
      );
      const deleted = kinesisAt(direct)("DeleteStream", { StreamName: "short" });
      await Promise.all([...puts, deleted]);
      expect((await deleted).status).toBe(200);
      await expect(put("short", "too late")).rejects.toThrow("ResourceNotFoundException");
      expect(shardFiles(server.data)).toHaveLength(files);
    }
  });

  test("a stream is split: each client's puts stay in order", async () => {
    await create("split");
    await untilNear((text) => put("split", text));
    const clients = Array.from({ length: 8 }, async (_, client) => {
      const endpoint = client % 2 === 0 ? server.endpoint : direct;
      for (let i = 0; i < 60; i++) {
        const Data = base64(`${client} ${i}`);
        const input = { StreamName: "split", PartitionKey: `${client}`, Data };
        const { status, text } = await kinesisAt(endpoint)("PutRecord", input);
        if (status !== 200) throw new Error(`a put was answered with ${text}`);
      }
    });
    for (const TargetShardCount of [2, 4, 2]) {
      const order = { StreamName: "split", TargetShardCount, ScalingType: "UNIFORM_SCALING" };
      expect((await kinesisAt(direct)("UpdateShardCount", order)).status).toBe(200);
    }
    await Promise.all(clients);
    const client = connect(server.endpoint);
    const seen = new Map<string, number[]>();
    // Parents come before their children.
    for (let shard = 0; shard < 1 + 2 + 4 + 2; shard++) {
      for (const { Data = new Uint8Array(0) } of await readShard(client, "split", shard)) {
        const [who = "", number] = Buffer.from(Data).toString().split(" ");
        seen.set(who, [...(seen.get(who) ?? []), Number(number)]);
      }
    }
    client.destroy();
    for (let each = 0; each < 8; each++) {
      expect(seen.get(`${each}`), `client ${each}`).toEqual(
        Array.from({ length: 60 }, (_, i) => i),
      );
    }
  });

  test("the store is emptied: nothing is left, and new streams are as ever", async () => {
    await create("emptied", 2);
    await untilNear((text) => put("emptied", text));
    const reply = await fetch(`${direct}/_millrace/reset`, { method: "POST" });
    expect(await reply.json()).toEqual({ reset: "all" });
    expect(shardFiles(server.data)).toEqual([]);
    expect(listObjects(server.data)).toEqual([]);
    await create("emptied");
    expect(await untilNear((text) => put("emptied", text))).toBeGreaterThan(2);
  });
});

test.each(["of the front", "where no client uses the front"])(
  "%s: after workerd alone has ended, its successor's shards are called by memory again",
  async (way) => {
    await using own = await startServer();
    const ownDirect = /direct +(http:\S+)/.exec(own.banner)?.[1] ?? "";
    const at = way === "of the front" ? own.endpoint : ownDirect;
    const create = { StreamName: "again", ShardCount: 1 };
    expect((await kinesisAt(at)("CreateStream", create)).status).toBe(200);
    const putOne: Put = (text) => put("again", text, at);
    const calls = () => nearCalls(at);
    await untilNear(putOne, calls);
    for (const pid of own.workerdPids) process.kill(pid, "SIGKILL");
    // Until then workerd does not answer.
    for (let tries = 0; !(await putOne("after").then(Boolean, () => false)); tries++) {
      if (tries === triesMax) throw new Error("workerd has no successor");
    }
    await untilNear(putOne, calls);
  },
);

test("after kill -9 what was acknowledged is there, and the next server calls by memory too", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-near-"));
  const told = new Map<number, string>();
  for (let round = 0; round < 3; round++) {
    await using killed = await startServer({ data });
    const at = killed.endpoint;
    if (round === 0) await kinesisAt(at)("CreateStream", { StreamName: "killed", ShardCount: 1 });
    expect(await nearCalls(at)).toBe(0);
    const enough = Promise.withResolvers<void>();
    const clients = Array.from({ length: 6 }, async (_, i) => {
      for (let call = 0; ; call++) {
        const text = `${round} ${i} ${call}`;
        told.set(await put("killed", text, at), text);
        if (call === 30) enough.resolve();
      }
    });
    const ends = Promise.allSettled(clients);
    await enough.promise;
    expect(await nearCalls(at)).toBeGreaterThan(60);
    for (const pid of killed.workerdPids) process.kill(pid, "SIGKILL");
    await killed.kill9();
    await ends;
  }
  await using last = await startServer({ data });
  const client = connect(last.endpoint);
  const stored = await readShard(client, "killed", 0);
  client.destroy();
  const texts = stored.map(({ Data }) => Buffer.from(Data ?? []).toString());
  expect([...told].filter(([index, text]) => texts[index] !== text)).toEqual([]);
  expect(new Set(texts).size).toBe(texts.length);
  rmSync(data, { recursive: true, force: true });
});
