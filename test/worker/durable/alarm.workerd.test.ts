// What the alarm of a shard does about its stream: one that its catalog never came to know removes itself, one that has
// expired is removed, and one whose records are needed stays.

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { shardUid } from "../../../worker/engine/shardUid.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { setClock } from "../../support/clock.ts";
import { chunkOf } from "../../support/shards.ts";

const scope = { account: "000000000000", region: "us-east-1" };
let name: string;

beforeEach(() => {
  name = `alarm-${crypto.randomUUID()}`;
});

afterEach(() => {
  vi.useRealTimers();
});

const send = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(`http://localhost/v1/stream/${path}`, init);

async function shardOf(stream: string) {
  const { stream: found } = unwrap(await catalogOf(env, scope).describeStream(stream));
  return env.SHARD.getByName(found.shards[0]!.uid);
}

/** Moves the clock by an hour, and lets the alarm do what is due. */
async function ring(shard: Awaited<ReturnType<typeof shardOf>>): Promise<void> {
  setClock(Date.now() + 3_600_000);
  await runDurableObjectAlarm(shard);
}

test("a shard whose creation was cut off removes itself", async () => {
  const uid = shardUid(crypto.randomUUID(), 0);
  const shard = env.SHARD.getByName(uid);
  const life = { ...scope, stream: name, streamUid: "none", mediaType: "text/plain" };
  const range = { hashStart: "0".repeat(32), hashEnd: "f".repeat(32) };
  const settings = { uid, index: 0, createdMs: 0, retentionHours: 24, ...range, life };
  unwrap(await shard.begin(settings, { chunks: [chunkOf("a")], isClosed: false }));
  await ring(shard);
  expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
});

test("a stream that is known stays, and is asked about once", async () => {
  await send(name, { method: "PUT", body: "a" });
  const shard = await shardOf(name);
  await ring(shard);
  await ring(shard);
  expect(await (await send(name)).text()).toBe("a");
});

test("a stream that was deleted stays while its fork needs it, and then goes", async () => {
  await send(name, { method: "PUT", body: "a" });
  const shard = await shardOf(name);
  const source = { "stream-forked-from": `/v1/stream/${name}` };
  await send(`${name}-fork`, { method: "PUT", headers: source });
  await send(name, { method: "DELETE" });
  await ring(shard);
  await ring(await shardOf(`${name}-fork`));
  expect(await (await send(`${name}-fork`)).text()).toBe("a");
  await send(`${name}-fork`, { method: "DELETE" });
  expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
  expect((await send(name)).status).toBe(404);
});

test("a stream that has expired is removed, with its shard", async () => {
  await send(name, { method: "PUT", headers: { "stream-ttl": "60" }, body: "a" });
  const shard = await shardOf(name);
  await ring(shard);
  expect(await catalogOf(env, scope).describeStream(name)).toMatchObject({
    failed: "streamNotFound",
  });
  expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
});

test("a stream that expires while its alarm is at work is removed a second later", async () => {
  setClock(Date.now());
  await send(name, { method: "PUT", body: "a", headers: { "stream-ttl": "10" } });
  const shard = await shardOf(name);
  setClock(Date.now() + 9_999);
  await runInDurableObject(shard, (_, { storage }) => {
    const sync = storage.sync.bind(storage);
    // To note that the catalog knows the stream takes a moment.
    storage.sync = async () => {
      setClock(Date.now() + 1);
      await sync();
    };
  });
  await runDurableObjectAlarm(shard);
  const alarmMs = await runInDurableObject(shard, (_, { storage }) => storage.getAlarm());
  expect((alarmMs ?? Infinity) - Date.now()).toBeLessThanOrEqual(1000);
});

test("after a restart, when the last use is known inexactly, it is removed a little later", async () => {
  const beganMs = Date.now();
  setClock(beganMs);
  await send(name, { method: "PUT", headers: { "stream-ttl": "60" } });
  const shard = await shardOf(name);
  await evictDurableObject(shard);
  setClock(beganMs + 60_000);
  await runDurableObjectAlarm(shard);
  expect(await catalogOf(env, scope).describeStream(name)).toHaveProperty("stream");
  setClock(beganMs + 70_000);
  await runDurableObjectAlarm(shard);
  expect(await catalogOf(env, scope).describeStream(name)).toMatchObject({
    failed: "streamNotFound",
  });
});
