// Puts of many clients share calls of their shards, or go to them by memory. Some of the clients leave in the middle, and the
// shard is split: what the others are told is true. Every one of them gets its answer, each acknowledged record is
// there once under its sequence number, and what a client did not wait for is there at most once.

import { connect as connectTo } from "node:net";
import { expect, test } from "vitest";
import { Random } from "../engine/random.ts";
import { authorizationFor, base64, kinesisOver } from "../worker/kinesis/client.ts";
import { startBare } from "./bare.ts";
import { connect, indexIn, readShard, shardIdAt } from "./sdk.ts";
import { startServer } from "./server.ts";

const clientCount = 24;
const putCount = 700;
const StreamName = "joint";
const seed = Number(process.env["SEED"] ?? 7);

interface Told {
  /** Texts by shard and sequence number. */
  records: Map<string, string>;
  sent: number;
  /** Clients that left before they had an answer. */
  left: number;
}

const ways = ["in shared calls", "by memory"];

test.each(ways)(`each client that waits gets its own answer, %s, seed ${seed}`, async (way) => {
  const isNear = way === "by memory";
  await using server = isNear ? await startFull() : await startUnattended();
  const admin = kinesisOver((init) => fetch(server.endpoint, init));
  const changed = async (operation: string, input: object) => {
    expect((await admin(operation, { StreamName, ...input })).status).toBe(200);
  };
  await changed("CreateStream", { ShardCount: 1 });
  const told: Told = { records: new Map(), sent: 0, left: 0 };
  const half = Promise.withResolvers<void>();
  const clients = Array.from({ length: clientCount }, async (_, i) => {
    for (const random = new Random(seed * 1000 + i); told.sent < putCount;) {
      if (told.sent >= putCount / 2) half.resolve();
      await put(server, told, random);
    }
  });
  const split = half.promise.then(() =>
    changed("UpdateShardCount", { TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" }),
  );
  await Promise.all([...clients, split]);
  expect(told.left).toBeGreaterThan(putCount / 20);
  await expectStored(server, told);
  const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
  const near = Number(/^millrace_near_calls_total (\d+)/m.exec(metrics)?.[1]);
  if (isNear) expect(near).toBeGreaterThan(putCount / 2);
  else expect(near).toBe(0);
  expect(await server.stop()).toBe("");
});

/** A server, as its clients see it; `stop` resolves with what it has logged. */
interface Tested extends AsyncDisposable {
  endpoint: string;
  /** workerd's own socket. */
  direct: string;
  stop(): Promise<string>;
}

async function startFull(): Promise<Tested> {
  const server = await startServer();
  return {
    endpoint: server.endpoint,
    direct: /direct +(http:\S+)/.exec(server.banner)?.[1] ?? "",
    stop: async () => (await server.stop()).stderr,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function startUnattended(): Promise<Tested> {
  const server = await startBare();
  const { endpoint, direct, log } = server;
  return {
    endpoint,
    direct,
    stop: () => Promise.resolve(log.join("\n")),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** One record of one client, which may leave: over workerd's own socket, so that it learns of that at once. */
async function put({ direct }: Tested, told: Told, random: Random): Promise<void> {
  const text = `record ${told.sent++}`.padEnd(random.below(40_000), ".");
  const input = { StreamName, PartitionKey: text.slice(0, 20), Data: base64(text) };
  if (random.chance(0.2)) {
    await putAndLeave(direct, JSON.stringify(input), random.below(300));
    told.left++;
    return;
  }
  const {
    status,
    output,
    text: body,
  } = await kinesisOver((init) => fetch(direct, init))("PutRecord", input);
  if (status !== 200) throw new Error(`a put was answered with ${body}`);
  told.records.set(`${output.ShardId} ${output.SequenceNumber}`, text);
}

/** Sends the request, and resets its connection after some turns of the event loop. */
async function putAndLeave(direct: string, body: string, turns: number): Promise<void> {
  const { hostname, port, host } = new URL(direct);
  const socket = connectTo(Number(port), hostname).on("error", () => undefined);
  const head = [
    "POST / HTTP/1.1",
    `Host: ${host}`,
    "Content-Type: application/x-amz-json-1.1",
    "X-Amz-Target: Kinesis_20131202.PutRecord",
    "X-Amz-Date: 20260101T000000Z",
    `Authorization: ${authorizationFor("us-east-1")}`,
    `Content-Length: ${body.length}`,
  ];
  const message = [...head, "", body].join("\r\n");
  await new Promise<void>((done) => socket.write(message, () => done()));
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  socket.resetAndDestroy();
}

async function expectStored(server: Tested, { records, sent }: Told): Promise<void> {
  const client = connect(server.endpoint);
  const stored = new Map<string, string>();
  for (let shard = 0; shard < 3; shard++) {
    const found = await readShard(client, StreamName, shard);
    expect(found.map(({ SequenceNumber }) => indexIn(SequenceNumber))).toEqual([...found.keys()]);
    for (const { SequenceNumber, Data = new Uint8Array(0) } of found) {
      stored.set(`${shardIdAt(shard)} ${SequenceNumber}`, Buffer.from(Data).toString());
    }
  }
  client.destroy();
  expect([...records].filter(([place, text]) => stored.get(place) !== text)).toEqual([]);
  expect(new Set(stored.values()).size).toBe(stored.size);
  expect(stored.size).toBeLessThanOrEqual(sent);
}
