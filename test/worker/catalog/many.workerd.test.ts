// An account with very many small streams of Durable Streams: what its catalog does for another stream, by its alarm, or for a
// deletion reads the rows that it needs, and not all there are. What counts towards the account is the same as ever.

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { sabotage } from "../../support/shards.ts";

const scope = { account: "123456789012", region: "eu-test-1" };
const many = 300;
const fewRows = 60;
let catalog: ReturnType<typeof env.CATALOG.getByName>;

beforeEach(() => {
  catalog = env.CATALOG.getByName(crypto.randomUUID());
});

const createSmall = async (name: string, shardCount = 1) =>
  unwrap(
    await catalog.createDurable(scope, {
      name,
      contentType: "text/plain",
      shardCount,
      first: [],
      isClosed: false,
    }),
  );

const create = (name: string, shardCount = 1) =>
  catalog.createStream(scope, { name, shardCount, mode: "PROVISIONED", retentionHours: 24 });

/** Rows that the catalog reads for the work, from the moment at which it was opened again. */
async function rowsReadBy(work: () => Promise<unknown>): Promise<number> {
  await evictDurableObject(catalog);
  const cursors: { rowsRead: number }[] = [];
  await sabotage(catalog, ({ sql }) => {
    const exec = sql.exec.bind(sql);
    sql.exec = (query, ...bindings) => {
      const cursor = exec(query, ...bindings);
      cursors.push(cursor);
      return cursor as never;
    };
  });
  await work();
  return sabotage(catalog, () => cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0));
}

test("a new stream and the alarm read few rows beside many small streams", async () => {
  for (let i = 0; i < many; i++) await createSmall(`small-${i}`);
  expect(await rowsReadBy(async () => unwrap(await create("orders")))).toBeLessThan(fewRows);
  expect(await rowsReadBy(() => runDurableObjectAlarm(catalog))).toBeLessThan(fewRows);
});

test("streams that count are counted when the object is opened again, the small ones never", async () => {
  await createSmall("small");
  await createSmall("wide", 3);
  await createSmall("split");
  unwrap(await create("orders", 2));
  const middle = `8${"0".repeat(31)}`;
  unwrap(await catalog.reshardStream("split", { kind: "split", shard: 0, hash: middle }));
  unwrap(await catalog.settledStream("split"));
  const counted = async () => unwrap(await catalog.account()).totals.openShards;
  expect(await counted()).toBe(7);
  await evictDurableObject(catalog);
  expect(await counted()).toBe(7);
  unwrap(await catalog.deleteStream("wide"));
  expect(await counted()).toBe(4);
});

test("a deletion reads few rows beside many deletions of the last hour", async () => {
  await createSmall("small");
  await sabotage(catalog, ({ sql }) => {
    const second = Math.floor(Date.now() / 1000);
    for (let i = 0; i < many; i++) {
      sql.exec("INSERT INTO creation VALUES (?, '', ?)", `gone-${i}`, second);
    }
  });
  const rows = await rowsReadBy(async () => unwrap(await catalog.deleteStream("small")));
  expect(rows).toBeLessThan(fewRows);
});

test("small streams that are created together share a commit, and each is refused by itself", async () => {
  await createSmall("before");
  const gate = Promise.withResolvers<void>();
  let commits = 0;
  await sabotage(catalog, (storage) => {
    const sync = storage.sync.bind(storage);
    storage.sync = () => {
      commits++;
      return commits === 1 ? gate.promise : sync();
    };
  });
  const names = ["first", "a", "b", "a", "c"];
  const creations = names.map((name) =>
    createSmall(name).then(
      () => "created",
      (error: unknown) => (error as { code: string }).code,
    ),
  );
  // The first one is held; the others wait for it.
  await sabotage(catalog, () => {});
  gate.resolve();
  const done = await Promise.all(creations);
  expect(done).toEqual(["created", "created", "created", "streamExists", "created"]);
  expect(commits).toBe(2);
  await evictDurableObject(catalog);
  const { streams } = unwrap(await catalog.listStreams("", 10));
  expect(streams.map(({ name }) => name)).toEqual(["a", "b", "before", "c", "first"]);
});
