// What must hold of stored data, broken on purpose: documents that are no longer what was written, rows that
// contradict one another, a view that would go back, receipts that leave records out. Each is refused by name,
// with its place. What version 0.1.0 has written, which has no version, is read.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { catalogOf, findStream } from "../../../worker/stream/directory.ts";
import { putRecords } from "../../../worker/stream/writer.ts";
import { batchOf } from "../../../worker/engine/recordBatch.ts";
import { Random } from "../../engine/random.ts";
import {
  append,
  openShard,
  readPage,
  record,
  sabotage,
  type ShardStub,
  textOf,
} from "../../support/shards.ts";
import { evictAll, rebind, runtimeWith, tidyUp } from "../../support/storage.ts";

afterEach(tidyUp);

describe("the description of a shard", () => {
  test.each([
    ["that is no JSON", "'{'", " is no JSON"],
    ["that is a list", "'[]'", " is no object"],
    [
      "without a member",
      "json_remove(description, '$.retentionHours')",
      ".retentionHours is no number",
    ],
    [
      "with one of another type",
      "json_set(description, '$.hashStart', 0)",
      ".hashStart is no text",
    ],
    [
      "with another in a list",
      "json_set(description, '$.parents', json('[0,-1]'))",
      ".parents[1] is no whole number",
    ],
    ["of a later version", "json_set(description, '$.version', 2)", " is of the unknown version 2"],
  ])("%s is refused", async (_, description, wrong) => {
    const shard = await openShard();
    await append(shard, "a");
    await change(shard, `UPDATE shard SET description = ${description}`);
    const what = `the description of a shard${wrong}`;
    for (const reply of [await shard.view(), await shard.append([])]) {
      expect(reply).toEqual({ failed: "corrupt", detail: { shard: shard.name, what } });
    }
  });

  test("says its version, and needs none", async () => {
    const shard = await openShard();
    await append(shard, "a");
    const query = "SELECT json_extract(description, '$.version') AS version FROM shard";
    const version = () => sabotage(shard, ({ sql }) => sql.exec(query).one()["version"]);
    expect(await version()).toBe(1);
    await change(shard, "UPDATE shard SET description = json_remove(description, '$.version')");
    expect((await readPage(shard)).records.map(textOf)).toEqual(["a"]);
    unwrap(await shard.retain(48));
    expect(await version()).toBe(1);
  });
});

describe("rows of a log", () => {
  test.each([
    ["no records", "UPDATE log_0 SET count = 0 WHERE id = 8"],
    ["times before those of the row before", "UPDATE log_0 SET first_ms = 0 WHERE id = 16"],
    ["an end before the beginning", "UPDATE log_0 SET last_ms = first_ms - 1 WHERE id = 16"],
  ])("%s: the shard is refused", async (_, statement) => {
    const shard = await openShard();
    for (const text of ["a", "b", "c"]) await append(shard, text);
    await change(shard, statement);
    expect(await shard.view()).toMatchObject({
      failed: "corrupt",
      detail: { shard: shard.name, what: "rows out of order" },
    });
  });
});

describe("closed generations", () => {
  const notAfter = "it does not begin where the generation before it ends";

  test.each([
    [
      "a later one's segments",
      "UPDATE generation SET first_segment = first_segment + 1 WHERE number = 1",
    ],
    [
      "a later one's records",
      "UPDATE generation SET first_index = first_index - 1, next_index = next_index - 1 WHERE number = 1",
    ],
    ["the log's segments", "UPDATE shard SET first_segment = first_segment + 1"],
    ["the log's records", "UPDATE shard SET first_index = first_index + 1"],
  ])("that do not follow one another, by %s: the shard is refused", async (_, statement) => {
    const shard = await openGenerations();
    await change(shard, statement);
    expect(await shard.view()).toMatchObject({
      failed: "corrupt",
      detail: { shard: shard.name, what: notAfter },
    });
  });
});

test("the view never goes back: records that readers have seen and that are gone are missed", async () => {
  const shard = await openShard();
  for (const text of ["a", "b", "c"]) await append(shard, text);
  await sabotage(shard, (storage) => {
    storage.sql.exec("DELETE FROM log_0 WHERE id = 16");
    const sync = storage.sync.bind(storage);
    storage.sync = () => {
      storage.sync = sync;
      storage.sql.exec("DELETE FROM log_0 WHERE id = 24");
      return Promise.reject(new Error("the disk is on fire"));
    };
  });
  await expect(append(shard, "d")).rejects.toMatchObject({ code: "commitFailed" });
  const what = "readers have seen records up to 3";
  const failure = { failed: "corrupt", detail: { shard: shard.name, index: 2, what } };
  expect(await shard.view()).toEqual(failure);
  expect(await shard.append([])).toEqual(failure);
});

describe("receipts", () => {
  test.each<[string, string, (receipts: { firstIndex: number }[]) => void]>([
    ["too few", "no receipt for some of the records", (receipts) => receipts.pop()],
    ["of other records", "a receipt for other records", ([, second]) => (second!.firstIndex = 0)],
    ["too many", "a receipt for other records", (receipts) => receipts.push(receipts[1]!)],
  ])("%s: none of the records is said to be stored", async (_, what, spoil) => {
    const name = await makeStream();
    const stream = await findStream(env, scope, name);
    const spoiled = {
      getByName: (uid: string) => ({
        append: async (chunks: Uint8Array[]) => {
          const reply = unwrap(await env.SHARD.getByName(uid).append(chunks));
          spoil(reply.receipts);
          return reply;
        },
      }),
    } as unknown as Env["SHARD"];
    // Two records that do not fit one chunk.
    const records = [1, 2].map((seed) =>
      Object.assign(record(new Random(seed).bytes(1_000_000)), { hash: undefined }),
    );
    const batch = batchOf(records);
    const results = await putRecords(runtimeWith({ ...env, SHARD: spoiled }), stream, batch);
    const [shard] = stream.description.shards;
    const failure = { code: "corrupt", detail: { shard: shard!.uid, what } };
    expect(results).toMatchObject([{ failure }, { failure }]);
  });
});

describe("the catalog's documents", () => {
  let name: string;

  beforeEach(async () => {
    name = await makeStream();
  });

  test.each([
    ["that is no JSON", "'{'", " is no JSON"],
    ["without shards", "json_remove(description, '$.shards')", ".shards is no list"],
    [
      "with a shard without a uid",
      "json_remove(description, '$.shards[0].uid')",
      ".shards[0].uid is no text",
    ],
    [
      "of no known status",
      "json_set(description, '$.status', 'LOST')",
      ".status is none of CREATING, ACTIVE, UPDATING, DELETING",
    ],
    ["of a later version", "json_set(description, '$.version', 2)", " is of the unknown version 2"],
  ])("the description of a stream %s", async (_, description, wrong) => {
    const catalog = catalogOf(env, scope);
    const [before] = await sabotage(catalog, ({ sql }) => {
      const found = sql.exec("SELECT description FROM stream WHERE name = ?", name).toArray();
      sql.exec(`UPDATE stream SET description = ${description} WHERE name = ?`, name);
      return found;
    });
    const what = `the description of a stream${wrong}`;
    expect(await catalog.describeStream(name)).toEqual({
      failed: "corrupt",
      detail: { stream: name, what },
    });
    await sabotage(catalog, ({ sql }) =>
      sql.exec("UPDATE stream SET description = ? WHERE name = ?", before!["description"]!, name),
    );
  });

  test("the description of a stream says its version, and needs none", async () => {
    const catalog = catalogOf(env, scope);
    const where = `FROM stream WHERE name = '${name}'`;
    const query = `SELECT json_extract(description, '$.version') AS version ${where}`;
    expect(await sabotage(catalog, ({ sql }) => sql.exec(query).one())).toEqual({ version: 1 });
    const before = unwrap(await catalog.describeStream(name));
    expect(before.stream).not.toHaveProperty("version");
    await sabotage(catalog, ({ sql }) =>
      sql.exec(
        "UPDATE stream SET description = json_remove(description, '$.version') WHERE name = ?",
        name,
      ),
    );
    expect(unwrap(await catalog.describeStream(name))).toEqual(before);
  });

  test.each([
    ["that is no list", "'{}'", " is of the unknown version undefined"],
    ["without a value", `'[["a"]]'`, "[0] is no pair"],
    ["with a number", `'[["a",1]]'`, "[0][1] is no text"],
  ])("tags %s", async (_, tags, wrong) => {
    const catalog = catalogOf(env, scope);
    const { uid } = unwrap(await catalog.describeStream(name)).stream;
    unwrap(await catalog.changeTags({ stream: name }, { put: new Map([["a", "1"]]) }));
    await sabotage(catalog, ({ sql }) =>
      sql.exec(`UPDATE tags SET tags = ${tags} WHERE resource = ?`, uid),
    );
    const what = `the list of tags${wrong}`;
    const failure = { failed: "corrupt", detail: { tags: uid, what } };
    expect(await catalog.readTags({ stream: name })).toEqual(failure);
  });

  test("the account's commitment", async () => {
    const catalog = catalogOf(env, { ...scope, region: "eu-north-1" });
    await catalog.commitAccount(true);
    await sabotage(catalog, ({ sql }) =>
      sql.exec("UPDATE account SET commitment = json_remove(commitment, '$.startedMs')"),
    );
    const what = "the account's commitment.startedMs is no number";
    expect(await catalog.account()).toEqual({ failed: "corrupt", detail: { what } });
  });
});

test.each([
  ["that are no JSON", "'['", " is no JSON"],
  ["of no type", `'[["a",{}]]'`, "[0][1] is no value of one type"],
  ["of a type that is none", `'[["a",{"X":"1"}]]'`, "[0][1] is no value of one type"],
  ["of another type than they say", `'[["a",{"N":1}]]'`, "[0][1] is no value of one type"],
])("attributes of an item %s", async (_, attributes, wrong) => {
  const items = env.ITEMS.getByName(crypto.randomUUID());
  const place = { path: "b", owner: "" };
  const change = { kind: "replace" as const, attributes: new Map([["a", { N: "1" }]]) };
  unwrap(await items.putItem(place, { change, newOnly: false }));
  await sabotage(items, ({ sql }) => sql.exec(`UPDATE item SET attributes = ${attributes}`));
  const selection = { user: true, system: false, names: [] };
  expect(await items.getItem(place, selection)).toEqual({
    failed: "corrupt",
    detail: { item: "b", what: `the list of attributes${wrong}` },
  });
});

const scope = { account: "000000000000", region: "us-east-1" };

async function makeStream(): Promise<string> {
  const name = crypto.randomUUID();
  const spec = { name, shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
  return name;
}

/** A shard without a bucket whose records are in three closed generations and a tail. */
async function openGenerations(): Promise<ShardStub> {
  const shard = await openShard();
  await rebind(shard, undefined);
  const count = () =>
    sabotage(shard, ({ sql }) => sql.exec("SELECT count(*) AS n FROM generation").one()["n"]);
  while (Number(await count()) < 3) await append(shard, record(new Random(0).bytes(900_000)));
  return shard;
}

/** Changes a row, and lets the object begin anew. */
async function change(shard: ShardStub, statement: string): Promise<void> {
  const changed = await sabotage(shard, ({ sql }) => sql.exec(statement).rowsWritten);
  expect(changed).toBeGreaterThan(0);
  await evictAll(shard);
}
