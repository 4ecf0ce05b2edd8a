// A small stream of Durable Streams has no shard until it is used: its first records wait in the row of the catalog. Whoever
// uses it first, by whatever call, finds it as if the shard had been there from the beginning, and once.

import { evictDurableObject, listDurableObjectIds } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DurableSpec, UnopenedShard } from "../../../worker/core/durable.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { StreamDescription } from "../../../worker/core/types.ts";
import { unopenedBytesMax } from "../../../worker/limits.ts";
import { setClock } from "../../support/clock.ts";
import { append, chunkOf, readAll, sabotage, textOf } from "../../support/shards.ts";

const scope = { account: "123456789012", region: "eu-test-1" };
let catalog: ReturnType<typeof env.CATALOG.getByName>;

beforeEach(() => {
  catalog = env.CATALOG.getByName(crypto.randomUUID());
});

afterEach(() => {
  vi.useRealTimers();
});

const small: DurableSpec = {
  name: "walks",
  contentType: "text/plain",
  shardCount: 1,
  first: [chunkOf("a", "b")],
  isClosed: false,
};

const create = async (change: Partial<DurableSpec> = {}) =>
  unwrap(await catalog.createDurable(scope, { ...small, ...change }));

/** The stream as its row has it. */
const stored = (name = "walks"): Promise<StreamDescription> =>
  sabotage(catalog, ({ sql }) => {
    const query = "SELECT description FROM stream WHERE name = ?";
    const { description } = sql.exec<{ description: string }>(query, name).one();
    return JSON.parse(description) as StreamDescription;
  });

async function waiting(name?: string): Promise<UnopenedShard | undefined> {
  return (await stored(name)).durable?.unopened;
}

async function shardOf(name?: string) {
  return env.SHARD.getByName((await stored(name)).shards[0]!.uid);
}

async function hasShard(name?: string): Promise<boolean> {
  const [{ id }, ids] = [await shardOf(name), await listDurableObjectIds(env.SHARD)];
  return ids.some((each) => each.equals(id));
}

/** The texts of the stream's records, for somebody who asks the catalog first. */
async function read(name = "walks"): Promise<string[]> {
  const { stream } = unwrap(await catalog.describeStream(name));
  return (await readAll(env.SHARD.getByName(stream.shards[0]!.uid))).map(textOf);
}

describe("until it is used", () => {
  test("it is a row of the catalog and nothing else, also when the catalog was evicted", async () => {
    const next = { index: 2, segment: 0 };
    expect(await create()).toEqual({ shard: expect.any(String), next });
    expect(await waiting()).toBeDefined();
    await evictDurableObject(catalog);
    expect(unwrap(await catalog.listStreams("", 10)).streams).toMatchObject([{ name: "walks" }]);
    expect(await hasShard()).toBe(false);
    expect(await read()).toEqual(["a", "b"]);
    expect(await waiting()).toBeUndefined();
    expect(await hasShard()).toBe(true);
  });

  test("its name is taken", async () => {
    await create();
    const again = await catalog.createDurable(scope, small);
    expect(again).toMatchObject({ failed: "streamExists" });
    expect(await waiting()).toBeDefined();
  });

  test("it can be deleted and made anew", async () => {
    await create();
    const old = await shardOf();
    unwrap(await catalog.deleteStream("walks"));
    expect(await catalog.describeStream("walks")).toMatchObject({ failed: "streamNotFound" });
    expect(await old.view()).toMatchObject({ failed: "shardNotFound" });
    await create({ first: [chunkOf("c")] });
    expect(await read()).toEqual(["c"]);
  });

  test.each<[string, Partial<DurableSpec>]>([
    ["expires when it is not used", { ttlSeconds: 60 }],
    ["expires at a time", { expiresAt: "2099-01-01T00:00:00Z" }],
    ["is closed", { isClosed: true }],
    ["has several shards", { shardCount: 2 }],
    ["begins with many bytes", { first: [chunkOf("a".repeat(unopenedBytesMax))] }],
  ])("not so one that %s: it has its shard at once", async (_, change) => {
    expect((await create(change)).stream?.name).toBe("walks");
    expect(await waiting()).toBeUndefined();
    expect(await hasShard()).toBe(true);
  });

  test("nor a fork, which makes its source one that is used", async () => {
    const path = `http://localhost/v1/stream/${crypto.randomUUID()}`;
    await put(path, { body: "a" });
    const headers = { "stream-forked-from": new URL(path).pathname };
    expect((await put(`${path}-fork`, { headers })).status).toBe(201);
    expect(await (await exports.default.fetch(`${path}-fork`)).text()).toBe("a");
  });
});

const put = (url: string, init: RequestInit) =>
  exports.default.fetch(url, { method: "PUT", ...init });

/** Appends to the stream, for somebody who asks the catalog first. */
async function appendOne(text: string): Promise<void> {
  const { stream } = unwrap(await catalog.describeStream("walks"));
  await append(env.SHARD.getByName(stream.shards[0]!.uid), text);
}

describe("when it is used for the first time", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["described", () => catalog.describeStream("walks")],
    [
      "changed",
      () => catalog.changeStream("walks", { kind: "retention", direction: "shorter", hours: 48 }),
    ],
    ["settled", () => catalog.settledStream("walks")],
  ])("%s: its shard has its records", async (_, use) => {
    await create();
    await use();
    const shard = await shardOf();
    expect((await readAll(shard)).map(textOf)).toEqual(["a", "b"]);
    expect(await waiting()).toBeUndefined();
  });

  test("its records arrived when it was created", async () => {
    const createdMs = Date.UTC(2036, 0, 1);
    setClock(createdMs);
    await create();
    setClock(createdMs + 3_600_000);
    const shard = env.SHARD.getByName(
      unwrap(await catalog.describeStream("walks")).stream.shards[0]!.uid,
    );
    await append(shard, "later");
    const times = (await readAll(shard)).map(({ timeMs }) => timeMs);
    expect(times).toEqual([createdMs, createdMs, createdMs + 3_600_000]);
  });

  test("by many at once, its records are there once and first", async () => {
    await create();
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`);
    await Promise.all(texts.map(appendOne));
    const all = await read();
    expect(all.slice(0, 2)).toEqual(["a", "b"]);
    expect(new Set(all)).toEqual(new Set(["a", "b", ...texts]));
    expect(all).toHaveLength(22);
  });

  test("an opening that was cut off behind the shard is repeated, and nothing is there twice", async () => {
    await create();
    const row = await stored();
    unwrap(await catalog.describeStream("walks"));
    await append(await shardOf(), "c");
    // As if the catalog had died before it noted that the shard is there.
    const description = JSON.stringify({ version: 1, ...row });
    await sabotage(catalog, ({ sql }) => {
      sql.exec("UPDATE stream SET description = ?", description);
    });
    await evictDurableObject(catalog);
    expect(await waiting()).toBeDefined();
    expect(await read()).toEqual(["a", "b", "c"]);
    expect(await waiting()).toBeUndefined();
  });

  test("while it is deleted, nothing is left of it", async () => {
    await create();
    const shard = await shardOf();
    const described = catalog.describeStream("walks");
    const deleted = catalog.deleteStream("walks");
    unwrap(await deleted);
    await described;
    expect(await shard.view()).toMatchObject({ failed: "shardNotFound" });
    expect(await catalog.describeStream("walks")).toMatchObject({ failed: "streamNotFound" });
  });

  test("a row whose first records are no base64 is refused as corrupt", async () => {
    await create();
    await sabotage(catalog, ({ sql }) => {
      sql.exec(
        `UPDATE stream SET description = json_set(description, '$.durable.unopened.first[0]', '?')`,
      );
    });
    expect(await catalog.describeStream("walks")).toMatchObject({ failed: "corrupt" });
    expect(await hasShard()).toBe(false);
  });
});

test("the dialects find its records: put by one, read by another", async () => {
  const name = crypto.randomUUID();
  const url = `http://localhost/v1/stream/${name}`;
  const created = await put(url, { body: "a" });
  expect(created.status).toBe(201);
  const more = await exports.default.fetch(`http://localhost/bigdata/${name}/`, {
    method: "POST",
    headers: { "x-v3io-function": "PutRecords", "x-v3io-session-key": "000000000000" },
    body: JSON.stringify({ Records: [{ Data: btoa("b") }] }),
  });
  expect(await more.json()).toMatchObject({ FailedRecordCount: 0 });
  const next = created.headers.get("stream-next-offset");
  expect(await (await exports.default.fetch(`${url}?offset=${next}`)).text()).toBe("b");
});
