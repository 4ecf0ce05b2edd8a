// Items through the v3io face, inside workerd: attributes read and written under conditions, the time of
// every write and its headers, and the attributes that a shard has of its own. Bodies are those of
// v3io-py and v3io-go; rules from the Iguazio web API reference, NoSQL.

import { noonMs, setClock } from "../../support/clock.ts";
import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { errorText, type V3ioReply, v3ioOver } from "./client.ts";

const v3io = v3ioOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));

const conditionFalse = errorText(-16777244, "The condition is false, ErrorCode -16777245");
const missing = errorText(-2, "No such file or directory");
const invalid = errorText(-201326592, "InvalidArgumentException");

let path: string;

beforeEach(() => {
  path = `/bigdata/${crypto.randomUUID()}`;
});

afterEach(() => {
  vi.useRealTimers();
});

describe("PutItem, GetItem", () => {
  test("attributes of every type come back as they were written", async () => {
    const Item = {
      age: { N: "42" },
      ratio: { N: "-2.5e3" },
      name: { S: 'b"o\u0001b 語' },
      blob: { B: "AAEC" },
      on: { BOOL: true },
      time: { TS: "1:2" },
    };
    const put = await v3io("PutItem", path, { Item });
    expect([put.status, put.text]).toEqual([200, ""]);
    expect(await itemAt(path, "*")).toEqual(Item);
    expect(await itemAt(path, "age, name,nothing,age")).toEqual({ age: Item.age, name: Item.name });
    const all = await itemAt(path, "**");
    expect(all).toMatchObject({ ...Item, __name: { S: path.slice(9) }, __size: { N: "0" } });
  });

  test("what file systems ask of a file: size, mode, owner and a number of its own", async () => {
    await exports.default.fetch(`http://localhost${path}`, { method: "PUT", body: "12345" });
    const names = ["__size", "__mode", "__uid", "__gid", "__inode_number", "__name"];
    const item = await itemAt(path, names.join(","));
    expect(item).toEqual({
      __size: { N: "5" },
      __mode: { N: String(0o100664) },
      __uid: { N: "0" },
      __gid: { N: "0" },
      __inode_number: { N: expect.stringMatching(/^[1-9]\d*$/) },
      __name: { S: path.slice(9) },
    });
    await v3io("PutItem", `${path}-2`, { Item: {} });
    const other = await itemAt(`${path}-2`, "__inode_number");
    expect(other["__inode_number"]).not.toEqual(item["__inode_number"]);
    await v3io("PutItem", path, { Item: { a: { N: "1" } } });
    expect((await itemAt(path, "**"))["__inode_number"]).toEqual(item["__inode_number"]);
  });

  test("nothing is there before the first write", async () => {
    const { status, text } = await v3io("GetItem", path, { AttributesToGet: "*" });
    expect([status, text]).toEqual([404, missing]);
  });

  test("the key may stand in the body, and is an attribute too", async () => {
    const body = { TableName: "people", Key: { id: { S: "bob" } }, Item: { age: { N: "1" } } };
    expect((await v3io("PutItem", `${path}/`, body)).status).toBe(200);
    expect(await itemAt(`${path}/people/bob`, "*")).toEqual({ id: { S: "bob" }, age: { N: "1" } });
    const byNumber = { Key: { id: { N: "7" } }, Item: {} };
    await v3io("PutItem", `${path}/people/`, byNumber);
    expect(await itemAt(`${path}/people/7`, "*")).toEqual({ id: { N: "7" } });
  });

  test.each([
    [undefined, { b: { N: "2" } }],
    ["OverWriteAttributes", { b: { N: "2" } }],
    ["CreateOrReplaceAttributes", { a: { N: "1" }, b: { N: "2" } }],
  ])("update mode %s leaves %j", async (UpdateMode, expected) => {
    await v3io("PutItem", path, { Item: { a: { N: "1" } } });
    await v3io("PutItem", path, { UpdateMode, Item: { b: { N: "2" } } });
    expect(await itemAt(path, "*")).toEqual(expected);
  });

  test("CreateNewItemOnly makes an item, and never changes one", async () => {
    const body = { UpdateMode: "CreateNewItemOnly", Item: { a: { N: "1" } } };
    expect((await v3io("PutItem", path, body)).status).toBe(200);
    const again = await v3io("PutItem", path, { ...body, Item: { a: { N: "2" } } });
    const exists = errorText(-369098809, "The item exists, ErrorCode -369098809");
    expect([again.status, again.text]).toEqual([400, exists]);
    expect(await itemAt(path, "a")).toEqual({ a: { N: "1" } });
  });

  test("a write under a condition: done when it holds, 400 and nothing done when not", async () => {
    const write = (ConditionExpression: string, value: string) =>
      v3io("PutItem", path, { ConditionExpression, Item: { a: { N: value } } });
    const tooEarly = await write("a == 1", "9");
    expect([tooEarly.status, tooEarly.text]).toEqual([400, conditionFalse]);
    expect((await write("not(exists(a))", "1")).status).toBe(200);
    expect((await write("not(exists(a))", "2")).status).toBe(400);
    expect((await write("a == 1 and __size == 0", "3")).status).toBe(200);
    expect(await itemAt(path, "a")).toEqual({ a: { N: "3" } });
  });

  test.each<[string, object]>([
    ["a condition that is none", { ConditionExpression: "a ==", Item: {} }],
    ["an attribute of no type", { Item: { a: 5 } }],
    ["an attribute of two types", { Item: { a: { N: "1", S: "1" } } }],
    ["a number that is none", { Item: { a: { N: "one" } } }],
    ["an attribute that is the system's", { Item: { __obj_type: { N: "3" } } }],
    ["a mode that is none", { UpdateMode: "Sometimes", Item: {} }],
    ["two keys", { Key: { a: { S: "a" }, b: { S: "b" } }, Item: {} }],
    ["attributes that are a list", { Item: [] }],
    ["a number that no double is", { Item: { a: { N: "1e400" } } }],
  ])("%s is refused", async (_, body) => {
    const { status, text } = await v3io("PutItem", path, body);
    expect([status, text]).toEqual([400, invalid]);
  });
});

describe("UpdateItem", () => {
  test("an expression, carried out in order", async () => {
    const UpdateExpression = "SET n = if_not_exists(n, 0) + 1; s = 'x'; gone = 1; REMOVE gone";
    for (const n of ["1", "2"]) {
      expect((await v3io("UpdateItem", path, { UpdateExpression }, "POST")).status).toBe(200);
      expect(await itemAt(path, "*")).toEqual({ n: { N: n }, s: { S: "x" } });
    }
  });

  test("elements of arrays and times, as v3io-py and storey send them", async () => {
    // kv_array.encode_list([1, 2, 3]) and of [10.25, 20.25, 30.25].
    const whole = "MEGrAAEAAAAYAAAAAwEAAAEAAAAAAAAAAgAAAAAAAAADAAAAAAAAAA==";
    const double = "MEGrAAEAAAAYAAAABQEAAAAAAAAAgCRAAAAAAABANEAAAAAAAEA+QA==";
    await v3io("PutItem", path, { Item: { whole: { B: whole }, double: { B: double } } });
    for (const name of ["whole", "double"]) {
      const UpdateExpression = `${name}[1]=${name}[1]*2`;
      expect((await v3io("UpdateItem", path, { UpdateExpression }, "POST")).status).toBe(200);
    }
    const UpdateExpression = "time=1584334800:0;text='a'";
    expect((await v3io("UpdateItem", path, { UpdateExpression }, "POST")).status).toBe(200);
    expect(await itemAt(path, "*")).toEqual({
      whole: { B: "MEGrAAEAAAAYAAAAAwEAAAEAAAAAAAAABAAAAAAAAAADAAAAAAAAAA==" },
      double: { B: "MEGrAAEAAAAYAAAABQEAAAAAAAAAgCRAAAAAAABAREAAAAAAAEA+QA==" },
      time: { TS: "1584334800:0" },
      text: { S: "a" },
    });
    const ConditionExpression = "time < 1584334800:1 and whole[1] == 4";
    const body = { ConditionExpression, UpdateExpression: "done = true" };
    expect((await v3io("UpdateItem", path, body)).status).toBe(200);
    const unknown = { UpdateExpression: "text = regexp_replace(text, 'a', 'b')" };
    const refused = await v3io("UpdateItem", path, unknown);
    expect([refused.status, refused.text]).toEqual([400, invalid]);
  });

  test("the alternative is carried out where the condition is false", async () => {
    const body = {
      ConditionExpression: "exists(n)",
      UpdateExpression: "n = n + 1",
      AlternateUpdateExpression: "n = 100",
    };
    await v3io("UpdateItem", path, body);
    await v3io("UpdateItem", path, body);
    expect(await itemAt(path, "n")).toEqual({ n: { N: "101" } });
  });

  test.each<[string | undefined, object?]>([
    ["n = nothing + 1"],
    ["n = 1 / 0"],
    ["n = "],
    ["__mtime_secs = 1"],
    ["__inode_number = 1"],
    [undefined],
    [""],
    [" ; "],
    [undefined, { Item: { a: { N: "1" } } }],
    [undefined, { AlternateUpdateExpression: "n = 1", ConditionExpression: "exists(n)" }],
    ["n = 1", { AlternateUpdateExpression: "", ConditionExpression: "exists(n)" }],
  ])("%s is refused, and nothing is written", async (UpdateExpression, others = {}) => {
    const body = { UpdateExpression, ...others };
    const { status, text } = await v3io("UpdateItem", path, body);
    expect([status, text]).toEqual([400, invalid]);
    expect((await v3io("GetItem", path, { AttributesToGet: "*" })).status).toBe(404);
  });
});

describe("the time of a write", () => {
  test("is its lock: no two writes of one moment have the same, and each says its own", async () => {
    setClock(noonMs);
    const writes = Array.from({ length: 20 }, (_, i) =>
      v3io("PutItem", path, { Item: { i: { N: String(i) } } }),
    );
    const replies = await Promise.all(writes);
    const verifiers = new Set(replies.map(verifierOf));
    expect(verifiers.size).toBe(20);
    const [last = ""] = [...verifiers].sort(compareTimes).slice(-1);
    const read = await v3io("GetItem", path, { AttributesToGet: "__mtime_secs,__mtime_nsecs" });
    expect(verifierOf(read)).toBe(last);
    const { __mtime_secs, __mtime_nsecs } = itemIn(read);
    expect(`__mtime_secs==${__mtime_secs?.N} and __mtime_nsecs==${__mtime_nsecs?.N}`).toBe(last);
    expect(read.headers.get("last-modified")).toBe(
      new Date(Number(__mtime_secs?.N) * 1000).toUTCString(),
    );
  });

  test("as a condition it lets through one of many who saw the same", async () => {
    const first = await v3io("PutItem", path, { Item: { owner: { S: "" } } });
    const ConditionExpression = verifierOf(first);
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        v3io("PutItem", path, { ConditionExpression, Item: { owner: { S: `${i}` } } }),
      ),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = replies.findIndex(({ status }) => status === 200);
    expect(await itemAt(path, "owner")).toEqual({ owner: { S: `${winner}` } });
  });

  test("is after the one before, also where the clock was set back and the object is new", async () => {
    setClock(noonMs);
    const first = await v3io("PutItem", path, { Item: { i: { N: "1" } } });
    await evictDurableObject(env.ITEMS.getByName("000000000000/us-east-1/bigdata"));
    setClock(noonMs - 3_600_000);
    const second = await v3io("PutItem", path, { Item: { i: { N: "2" } } });
    const times = [verifierOf(second), verifierOf(first)];
    expect([...times].sort(compareTimes)).toEqual(times.toReversed());
    expect(times[0]).not.toBe(times[1]);
  });
});

test("attributes that do not fit beside the object's body are refused, and change nothing", async () => {
  const body = "x".repeat(1_500_000);
  await exports.default.fetch(`http://localhost${path}`, { method: "PUT", body });
  const large = await v3io("PutItem", path, { Item: { a: { S: "y".repeat(600_000) } } });
  expect([large.status, large.text]).toEqual([400, invalid]);
  const read = await exports.default.fetch(`http://localhost${path}`);
  expect((await read.text()).length).toBe(body.length);
  expect(await itemAt(path, "*")).toEqual({});
});

describe("shards", () => {
  beforeEach(async () => {
    await v3io("CreateStream", path, { ShardCount: 2, RetentionPeriodHours: 1 });
  });

  test("a shard without records is not there yet", async () => {
    const { status, text } = await v3io("GetItem", `${path}/1`, { AttributesToGet: "__obj_type" });
    expect([status, text]).toEqual([404, missing]);
  });

  test("its type and last number, and the time of its last record", async () => {
    await v3io("PutRecords", path, {
      Records: [1, 1, 1].map((ShardId) => ({ Data: "", ShardId })),
    });
    const names = "__obj_type,__last_sequence_num,__mtime_secs,__mtime_nsecs,__name";
    const reply = await v3io("GetItem", `${path}/1/`, { AttributesToGet: names });
    const item = itemIn(reply);
    expect(item).toMatchObject({
      __obj_type: { N: "3" },
      __last_sequence_num: { N: "3" },
      __name: { S: "1" },
    });
    expect(verifierOf(reply)).toBe(
      `__mtime_secs==${item["__mtime_secs"]?.N} and __mtime_nsecs==${item["__mtime_nsecs"]?.N}`,
    );
  });

  test("what consumers commit stays with it, and moves no record", async () => {
    await v3io("PutRecords", path, { Records: [{ Data: "", ShardId: 0 }] });
    const commit = (N: string, ConditionExpression = "__obj_type == 3") =>
      v3io("PutItem", `${path}/0`, {
        ConditionExpression,
        Item: { __group_committed_sequence_number: { N } },
        UpdateMode: "CreateOrReplaceAttributes",
      });
    const done = await commit("1");
    expect([done.status, verifierOf(done)]).toEqual([
      200,
      expect.stringMatching(/^__mtime_secs==/),
    ]);
    await v3io("PutItem", `${path}/0`, {
      Item: { x: { S: "y" } },
      UpdateMode: "CreateOrReplaceAttributes",
    });
    const names = "__group_committed_sequence_number,x,__last_sequence_num";
    expect(await itemAt(`${path}/0`, names)).toEqual({
      __group_committed_sequence_number: { N: "1" },
      x: { S: "y" },
      __last_sequence_num: { N: "1" },
    });
    expect((await commit("2", "__obj_type == 2")).text).toBe(conditionFalse);
    const page = await v3io("GetRecords", `${path}/0`, { Location: "AQAAAAAAAAAAAAAAAAAAAA==" });
    expect(page.output.Records).toHaveLength(1);
  });

  test("an item beside the shards is an item", async () => {
    await v3io("PutItem", `${path}/cg-state.json`, { Item: { state: { S: "{}" } } });
    expect(await itemAt(`${path}/cg-state.json`, "state")).toEqual({ state: { S: "{}" } });
    // v3iofs takes a 404 for a sign to look for a directory, and anything else for a failure.
    const directory = await v3io("GetItem", path, { AttributesToGet: "*" });
    expect([directory.status, directory.text]).toEqual([404, missing]);
    const written = await v3io("PutItem", path, { Item: {} });
    expect([written.status, written.text]).toEqual([400, errorText(-21, "Is a directory")]);
  });
});

describe("GetItems", () => {
  beforeEach(async () => {
    for (const [name, age] of [
      ["bob", "42"],
      ["linda", "41"],
      ["louise", "9"],
      ["tina", "14"],
    ]) {
      await v3io("PutItem", `${path}/${name}`, { Item: { age: { N: age } } });
    }
  });

  test("all, chosen ones, and those for which a filter holds", async () => {
    expect(JSON.parse(await scan({ AttributesToGet: "__name,age" }))).toEqual({
      LastItemIncluded: "TRUE",
      NumItems: 4,
      Scattered: "FALSE",
      Items: [
        ["bob", "42"],
        ["linda", "41"],
        ["louise", "9"],
        ["tina", "14"],
      ].map(([name, age]) => ({ __name: { S: name }, age: { N: age } })),
    });
    const FilterExpression = "age > 20";
    const filtered = await scan({ AttributesToGet: "age", FilterExpression });
    expect(JSON.parse(filtered)).toMatchObject({
      Items: [{ age: { N: "42" } }, { age: { N: "41" } }],
    });
  });

  test("page by page, and in parts that make the whole", async () => {
    const names: string[] = [];
    for (let Segment = 0; Segment < 3; Segment++) {
      const body = { AttributesToGet: "__name", Limit: 2, Segment, TotalSegment: 3 };
      for (const page of await pagesOf(body)) names.push(...namesIn(page));
    }
    expect(names.sort()).toEqual(["bob", "linda", "louise", "tina"]);
  });

  // v3io-py's cursor (kv_cursor.py) takes a page without items for the end.
  test("a page that goes on has as many items as were asked for, whatever lies between", async () => {
    const FilterExpression = "age == 9 or age == 14";
    const pages = await pagesOf({ AttributesToGet: "__name", FilterExpression, Limit: 1 });
    expect(pages.map(namesIn)).toEqual([["louise"], ["tina"]]);
  });

  test("directories are no items, and a page does not end at one", async () => {
    await v3io("PutItem", `${path}/c/deep`, { Item: {} });
    const pages = await pagesOf({ AttributesToGet: "__name", Limit: 1 });
    expect(pages.flatMap(namesIn)).toEqual(["bob", "linda", "louise", "tina"]);
  });

  test("a directory that is not there is 404, an empty one and a container are not", async () => {
    const none = await v3io("GetItems", `${path}-none/`, { AttributesToGet: "*" });
    expect([none.status, none.text]).toEqual([404, missing]);
    await exports.default.fetch(`http://localhost${path}-empty/`, { method: "PUT" });
    const empty = { LastItemIncluded: "TRUE", NumItems: 0, Scattered: "FALSE", Items: [] };
    for (const at of [`${path}-empty/`, "/users/", "/users"]) {
      const reply = await v3io("GetItems", at, { AttributesToGet: "*" });
      expect([reply.status, JSON.parse(reply.text)]).toEqual([200, empty]);
    }
    await v3io("CreateStream", `${path}-up/stream`, { ShardCount: 1 });
    for (const at of [`${path}-up`, `${path}-up/stream`]) {
      const reply = await v3io("GetItems", at, { AttributesToGet: "*" });
      expect([reply.status, JSON.parse(reply.text)]).toEqual([200, empty]);
    }
  });
});

describe("GetItems of more than a message between objects may have (32 MiB)", () => {
  const names = Array.from({ length: 20 }, (_, i) => `large-${10 + i}`);

  beforeEach(async () => {
    const text = { S: "x".repeat(1_800_000) };
    for (const name of names) {
      await v3io("PutItem", `${path}/${name}`, { Item: { text, short: { S: name } } });
    }
  });

  test("all of it comes, in pages of some megabytes", async () => {
    const pages = await pagesOf({ AttributesToGet: "*" });
    expect(pages.flatMap(namesIn)).toEqual(names);
    for (const { Items } of pages) {
      expect(Items.every(({ text }) => text?.S.length === 1_800_000)).toBe(true);
      expect(JSON.stringify(Items).length).toBeLessThan(8 * 1024 * 1024);
    }
  });

  test("what is small and asked for alone comes in few pages, names in one", async () => {
    const [page, ...more] = await pagesOf({ AttributesToGet: "__name" });
    expect([page && namesIn(page), more]).toEqual([names, []]);
    const short = await pagesOf({ AttributesToGet: "__name,short" });
    expect(short.flatMap(namesIn)).toEqual(names);
    expect(short.length).toBeLessThan(3);
  });

  test("a filter that few items pass leads to them over all that it reads", async () => {
    const body = { AttributesToGet: "__name", FilterExpression: "short == 'large-29'" };
    expect((await pagesOf(body)).flatMap(namesIn)).toEqual(["large-29"]);
  });
});

async function scan(body: object): Promise<string> {
  return (await v3io("GetItems", `${path}/`, body)).text;
}

interface Typed {
  N: string;
  S: string;
}

interface ItemPage {
  Items: Record<string, Typed>[];
  NextMarker?: string;
  LastItemIncluded: string;
}

/** Read as the loop of the GetItems reference does: until no marker comes. */
async function pagesOf(body: object): Promise<ItemPage[]> {
  const pages: ItemPage[] = [];
  for (let Marker: string | undefined = ""; Marker !== undefined;) {
    const reply = await v3io("GetItems", path, { ...body, Marker });
    expect(reply.status).toBe(200);
    const page = JSON.parse(reply.text) as ItemPage;
    expect(page.LastItemIncluded).toBe("NextMarker" in page ? "FALSE" : "TRUE");
    if (page.NextMarker !== undefined) expect([page.NextMarker, page.Items]).not.toContain("");
    pages.push(page);
    Marker = page.NextMarker;
    expect(pages.length).toBeLessThan(100);
  }
  return pages;
}

function namesIn({ Items }: ItemPage): string[] {
  return Items.map(({ __name }) => __name?.S ?? "");
}

async function itemAt(at: string, AttributesToGet: string) {
  const reply = await v3io("GetItem", at, { AttributesToGet });
  expect(reply.status).toBe(200);
  return itemIn(reply);
}

function itemIn({ text }: V3ioReply): Record<string, Typed> {
  return (JSON.parse(text) as { Item: Record<string, Typed> }).Item;
}

function verifierOf({ headers }: V3ioReply): string {
  return headers.get("x-v3io-transaction-verifier") ?? "";
}

/** By the numbers in them: seconds first, nanoseconds then. */
function compareTimes(a: string, b: string): number {
  const [as = 0, an = 0] = (a.match(/\d+/g) ?? []).map(Number);
  const [bs = 0, bn = 0] = (b.match(/\d+/g) ?? []).map(Number);
  return as - bs || an - bn;
}
