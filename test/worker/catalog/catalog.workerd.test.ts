// The catalog: what streams there are, and that a change of them is whole or not at all. Every test
// has a catalog of its own. A change is cut off by aborting the object right after it has written
// the change down, which is where a crash hurts most; its alarm must take it up.

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { hashNumber } from "../../../worker/core/hashRange.ts";
import { type StreamDirectory, type StreamSpec, unwrap } from "../../../worker/core/rpc.ts";
import type { Scope, ShardDescription, StreamDescription } from "../../../worker/core/types.ts";
import { shardUid } from "../../../worker/engine/shardUid.ts";
import { listedShardsMax } from "../../../worker/limits.ts";
import { append, chunkOf, readAll, sabotage, textOf } from "../../support/shards.ts";

const scope: Scope = { account: "123456789012", region: "eu-test-1" };

let name: string;
let catalog: ReturnType<typeof env.CATALOG.getByName>;

beforeEach(() => {
  name = crypto.randomUUID();
  catalog = env.CATALOG.getByName(name);
});

describe("create and describe", () => {
  test("a new stream is active, in its scope, and just as it was asked for", async () => {
    const before = Date.now();
    const stream = await create("orders", 3, { mode: "ON_DEMAND", retentionHours: 48 });
    expect(stream).toMatchObject({
      ...scope,
      name: "orders",
      status: "ACTIVE",
      mode: "ON_DEMAND",
      retentionHours: 48,
    });
    expect(stream.createdMs).toBeGreaterThanOrEqual(before);
    expect(stream.createdMs).toBeLessThanOrEqual(Date.now());
    expect(await describeStream("orders")).toEqual(stream);
  });

  test.each([1, 2, 3, 4, 7, 100])("%i shards share all hash keys in equal parts", async (count) => {
    const { shards } = await create("orders", count);
    expect(shards.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(new Set(shards.map(({ uid }) => uid)).size).toBe(count);
    const width = (1n << 128n) / BigInt(count);
    for (const [i, { hashStart, hashEnd }] of shards.entries()) {
      const end = i === count - 1 ? (1n << 128n) - 1n : width * BigInt(i + 1) - 1n;
      expect([hashNumber(hashStart), hashNumber(hashEnd)]).toEqual([width * BigInt(i), end]);
    }
  });

  test("its shards take records at once", async () => {
    const stream = await create("orders", 5);
    for (const shard of shardsOf(stream)) expect((await append(shard, "a")).firstIndex).toBe(0);
  });

  test("what is described outlives the object, and so does the key of its cursors", async () => {
    const stream = await create("orders", 2);
    const before = unwrap(await catalog.describeStream("orders"));
    await evictDurableObject(catalog);
    expect(unwrap(await catalog.describeStream("orders"))).toEqual(before);
    expect(before.stream).toEqual(stream);
    expect(await catalog.cursorKey()).toBe(before.cursorKey);
    expect(before.cursorKey.length).toBeGreaterThanOrEqual(32);
  });

  test("each catalog has a key and streams of its own", async () => {
    await create("orders", 1);
    const other = env.CATALOG.getByName(crypto.randomUUID());
    expect(await other.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    expect(await other.cursorKey()).not.toBe(await catalog.cursorKey());
  });

  test("a stream that is not there is refused by name", async () => {
    expect(await catalog.describeStream("orders")).toEqual({
      failed: "streamNotFound",
      detail: { stream: "orders" },
    });
  });

  test("names that differ in case are different streams", async () => {
    const [upper, lower] = [await create("Orders", 1), await create("orders", 1)];
    expect(upper.uid).not.toBe(lower.uid);
    expect(await describeStream("Orders")).toEqual(upper);
  });
});

describe("one name", () => {
  test("cannot be created twice, and the second try changes nothing", async () => {
    const stream = await create("orders", 2);
    await append(shardsOf(stream)[0]!, "kept");
    expect(await catalog.createStream(scope, spec("orders", 5))).toEqual({
      failed: "streamExists",
      detail: { stream: "orders" },
    });
    expect(await describeStream("orders")).toEqual(stream);
    expect((await readAll(shardsOf(stream)[0]!)).map(textOf)).toEqual(["kept"]);
  });

  test("is won by one of several that create it at once", async () => {
    const replies = await Promise.all(
      [1, 2, 3, 4].map(async (count) => await catalog.createStream(scope, spec("orders", count))),
    );
    const won = replies.filter((reply) => !("failed" in reply));
    const lost = replies.filter((reply) => "failed" in reply);
    expect(won).toHaveLength(1);
    expect(lost).toHaveLength(3);
    for (const reply of lost) expect(reply).toMatchObject({ failed: "streamExists" });
    const stream = await describeStream("orders");
    expect(won[0]).toEqual(stream);
    for (const shard of shardsOf(stream)) await append(shard, "a");
  });
});

describe("list", () => {
  const names = ["a", "b", "b.1", "c", "d-1", "d_2", "e"].sort();

  beforeEach(async () => {
    for (const name of names.toReversed()) await create(name, 1);
  });

  test.each([1, 2, 3, 7, 100])(
    "pages of %i lead through all names, sorted, once",
    async (limit) => {
      const found: string[] = [];
      for (let after = "", more = true; more;) {
        const page = unwrap(await catalog.listStreams(after, limit));
        expect(page.streams.length).toBeLessThanOrEqual(limit);
        found.push(...page.streams.map((stream) => stream.name));
        more = page.more;
        after = found.at(-1) ?? "";
      }
      expect(found).toEqual(names);
    },
  );

  test("what comes after a name need not have that name", async () => {
    const { streams, more } = unwrap(await catalog.listStreams("bzz", 2));
    expect(streams.map((stream) => stream.name)).toEqual(["c", "d-1"]);
    expect(more).toBe(true);
    expect(unwrap(await catalog.listStreams("zzz", 10))).toEqual({ streams: [], more: false });
  });

  test("says of each stream what describing it says, but for what may be large", async () => {
    const { streams } = unwrap(await catalog.listStreams("", 1));
    const { account, region, name, status, mode, createdMs } = await describeStream("a");
    expect(streams).toEqual([{ account, region, name, status, mode, createdMs }]);
  });

  test("streams of more than a message may have come in pages, each of at least one", async () => {
    const large = Array.from({ length: 20 }, (_, i) => `large-${10 + i}`);
    for (const stream of large.flatMap((each) => [each, `/c/${each}`])) {
      await create(stream, 1);
      await catalog.changePolicy({ stream }, "x".repeat(1_800_000));
    }
    const found: string[] = [];
    for (let after = "", more = true; more;) {
      const page = unwrap(await catalog.listStreams(after, 100));
      expect(page.streams.length).toBeGreaterThan(0);
      found.push(...page.streams.map((stream) => stream.name));
      more = page.more;
      after = found.at(-1) ?? "";
    }
    expect(found).toEqual([...names, ...large]);
    expect(await pathsIn("/c/", 100)).toEqual(large.map((each) => `/c/${each}/`));
    expect(unwrap(await catalog.account()).totals.openShards).toBe(names.length + 2 * large.length);
  });
});

test("what would not fit a stream's row any more is refused by name, and changes nothing", async () => {
  await create("orders", 1);
  const policy = "x".repeat(1_000_000);
  expect(await catalog.changePolicy({ stream: "orders" }, policy)).toEqual({ changed: true });
  unwrap(await catalog.registerConsumer("orders", "reader"));
  const before = await describeStream("orders");
  const reader = { stream: "orders", consumer: { name: "reader" } };
  expect(await catalog.changePolicy(reader, policy)).toMatchObject({ failed: "tooLarge" });
  expect(await describeStream("orders")).toEqual(before);
});

test("a list of shards that is full takes no more, however few of them are open", async () => {
  const { shards } = await create("orders", 1);
  const [open] = shards as [ShardDescription];
  const closed = Array.from({ length: listedShardsMax - 1 }, (_, i) => ({
    ...open,
    uid: shardUid(crypto.randomUUID(), i + 1),
    index: i + 1,
    closedMs: 1,
    endMs: 1,
    endIndex: 0,
  }));
  const stream = { ...(await describeStream("orders")), shards: [open, ...closed] };
  await sabotage(catalog, ({ sql }) =>
    sql.exec("UPDATE stream SET description = ?", JSON.stringify(stream)).toArray(),
  );
  const order = { kind: "split" as const, shard: 0, hash: `8${"0".repeat(31)}` };
  expect(await catalog.reshardStream("orders", order)).toMatchObject({ failed: "tooManyShards" });
  expect((await describeStream("orders")).status).toBe("ACTIVE");
});

describe("list a directory", () => {
  const names = ["b", "b-1", "b.c", "/d/b", "/d/b-1", "/d/b/c", "/d/a/1", "/d/a/2", "/d-1/x", "z"];

  beforeEach(async () => {
    for (const name of names) await create(name, 2);
  });

  test.each<[string | undefined, string[]]>([
    [undefined, ["b-1/", "b.c/", "b/", "z/"]],
    ["/", ["/d-1/", "/d/"]],
    ["/d/", ["/d/a/", "/d/b-1/", "/d/b/"]],
    ["/d/a/", ["/d/a/1/", "/d/a/2/"]],
    ["/e/", []],
  ])("%s: streams and directories, each once, in the order of paths", async (path, expected) => {
    for (const limit of [1, 2, 3, 100]) expect(await pathsIn(path, limit)).toEqual(expected);
  });

  test("says of a stream when it was made, how long it keeps and how many shards it has had", async () => {
    const { entries } = unwrap(await catalog.listDirectory("/d/a/", "", 1));
    const { createdMs, retentionHours } = await describeStream("/d/a/1");
    expect(entries).toEqual([
      { path: "/d/a/1/", createdMs, stream: { retentionHours, shardCount: 2 } },
    ]);
    const above = unwrap(await catalog.listDirectory("/d/", "", 1));
    expect(above.entries).toEqual([{ path: "/d/a/", createdMs }]);
  });

  test("a stream that was deleted is not there", async () => {
    await catalog.deleteStream("/d/a/1");
    expect(await pathsIn("/d/a/", 100)).toEqual(["/d/a/2/"]);
  });

  test("nor is one that is being deleted", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      unwrap(await catalog.deleteStream("/d/a/1"));
      expect((await describeStream("/d/a/1")).status).toBe("DELETING");
      expect(await pathsIn("/d/a/", 100)).toEqual(["/d/a/2/"]);
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });
});

describe("delete", () => {
  test("the stream is gone, and its shards keep nothing and take nothing", async () => {
    const stream = await create("orders", 2);
    for (const shard of shardsOf(stream)) await append(shard, "a");
    expect(await catalog.deleteStream("orders")).toEqual({ deleted: true });
    expect(await catalog.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    expect(unwrap(await catalog.listStreams("", 10))).toEqual({ streams: [], more: false });
    for (const shard of shardsOf(stream)) {
      expect(await shard.append([chunkOf("b")])).toMatchObject({ failed: "shardNotFound" });
    }
  });

  test("a stream that is not there is refused by name", async () => {
    expect(await catalog.deleteStream("orders")).toMatchObject({
      failed: "streamNotFound",
      detail: { stream: "orders" },
    });
  });

  test("the tags of the stream and of its consumers keep no row", async () => {
    await create("orders", 1, { tags: new Map([["a", "1"]]) });
    unwrap(await catalog.registerConsumer("orders", "reader", new Map([["b", "2"]])));
    expect(await tagRows()).toBe(2);
    unwrap(await catalog.deleteStream("orders", true));
    expect(await tagRows()).toBe(0);
  });

  test("created again it is another stream, without the old records", async () => {
    const uids = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const stream = await create("orders", 2);
      for (const { uid } of [stream, ...stream.shards]) uids.add(uid);
      for (const shard of shardsOf(stream)) {
        expect(await readAll(shard)).toEqual([]);
        expect((await append(shard, `round ${round}`)).firstIndex).toBe(0);
      }
      unwrap(await catalog.deleteStream("orders"));
    }
    expect(uids.size).toBe(9);
  });
});

describe("what is cut off", () => {
  test("a creation is taken up by the alarm, with the shards it had", async () => {
    await cutOffOnce();
    await expect(create("orders", 3)).rejects.toThrow("cut off");
    catalog = env.CATALOG.getByName(name);
    const begun = await describeStream("orders");
    expect(begun).toMatchObject({ status: "CREATING", name: "orders" });
    expect(await shardsOf(begun)[0]?.append([chunkOf("a")])).toMatchObject({
      failed: "shardNotFound",
    });
    expect(await runDurableObjectAlarm(catalog)).toBe(true);
    expect(await describeStream("orders")).toEqual({ ...begun, status: "ACTIVE" });
    for (const shard of shardsOf(begun)) expect((await append(shard, "a")).firstIndex).toBe(0);
  });

  test("a creation is whole when its answer is there: nothing is left to take up", async () => {
    const stream = await create("orders", 3);
    await append(shardsOf(stream)[0]!, "kept");
    await runDurableObjectAlarm(catalog);
    expect(await describeStream("orders")).toEqual(stream);
    expect((await readAll(shardsOf(stream)[0]!)).map(textOf)).toEqual(["kept"]);
  });

  test("a deletion is taken up by the alarm", async () => {
    const stream = await create("orders", 3);
    await append(shardsOf(stream)[0]!, "old");
    await cutOffOnce();
    const deletion = async () => unwrap(await catalog.deleteStream("orders"));
    await expect(deletion()).rejects.toThrow("cut off");
    catalog = env.CATALOG.getByName(name);
    expect((await describeStream("orders")).status).toBe("DELETING");
    expect(await catalog.createStream(scope, spec("orders", 1))).toMatchObject({
      failed: "streamExists",
    });
    expect(await runDurableObjectAlarm(catalog)).toBe(true);
    expect(await catalog.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    for (const shard of shardsOf(stream)) {
      expect(await shard.append([chunkOf("b")])).toMatchObject({ failed: "shardNotFound" });
    }
    expect((await create("orders", 1)).status).toBe("ACTIVE");
  });

  test("a deletion in the middle of a creation leaves no shard open", async () => {
    const creation = create("orders", 130);
    const begun = await describeStream("orders");
    expect(begun.status).toBe("CREATING");
    unwrap(await catalog.deleteStream("orders"));
    await Promise.allSettled([creation]);
    expect(await catalog.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    const replies = await Promise.all(
      shardsOf(begun).map(async (shard) => await shard.append([chunkOf("a")])),
    );
    for (const reply of replies) expect(reply).toMatchObject({ failed: "shardNotFound" });
  });

  test("a deletion that is asked for during a creation wins", async () => {
    await cutOffOnce();
    await expect(create("orders", 2)).rejects.toThrow("cut off");
    catalog = env.CATALOG.getByName(name);
    const begun = await describeStream("orders");
    expect(await catalog.deleteStream("orders")).toEqual({ deleted: true });
    await runDurableObjectAlarm(catalog);
    expect(await catalog.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    for (const shard of shardsOf(begun)) {
      expect(await shard.append([chunkOf("a")])).toMatchObject({ failed: "shardNotFound" });
    }
  });
});

describe("turns", () => {
  test("follow one another, for each stream by itself, and outlive the object", async () => {
    expect(await catalog.takeTurns("orders", 3)).toBe(0);
    expect(await catalog.takeTurns("orders", 1)).toBe(3);
    expect(await catalog.takeTurns("other", 2)).toBe(0);
    await evictDurableObject(catalog);
    expect(await catalog.takeTurns("orders", 10)).toBe(4);
  });
});

function spec(name: string, shardCount: number, rest: Partial<StreamSpec> = {}): StreamSpec {
  return { name, shardCount, mode: "PROVISIONED", retentionHours: 24, ...rest };
}

async function create(
  name: string,
  shardCount: number,
  rest: Partial<StreamSpec> = {},
): Promise<StreamDescription> {
  return unwrap(await catalog.createStream(scope, spec(name, shardCount, rest)));
}

async function describeStream(name: string): Promise<StreamDescription> {
  return unwrap(await catalog.describeStream(name)).stream;
}

function shardsOf({ shards }: StreamDescription) {
  return shards.map(({ uid }) => env.SHARD.getByName(uid));
}

async function tagRows(): Promise<number> {
  return sabotage(catalog, ({ sql }) => sql.exec("SELECT resource FROM tags").toArray().length);
}

async function pathsIn(path: string | undefined, limit: number): Promise<string[]> {
  const paths: string[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: StreamDirectory = unwrap(await catalog.listDirectory(path, after, limit));
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    paths.push(...page.entries.map((entry) => entry.path));
    after = page.next;
  }
  return paths;
}

/** The next change ends with its object as soon as it is written down and its alarm is set. */
async function cutOffOnce(): Promise<void> {
  await sabotage(catalog, (storage, state) => {
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = async (...when) => {
      await setAlarm(...when);
      await storage.sync();
      state.abort("cut off");
    };
  });
}
