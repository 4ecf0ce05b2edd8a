// Objects beside streams and in them, over HTTP inside workerd: put, read, listed and removed as v3io-py
// and v3io-go do it, the way in which those clients delete a stream among it. What a listing must hold is
// what v3io-py's output.py insists on; the rest is from Iguazio's Working with Containers.

import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { noonMs, setClock } from "../../support/clock.ts";
import { kinesisOver } from "../kinesis/client.ts";
import { errorText, v3ioOver } from "./client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);

const missing = errorText(-2, "No such file or directory");
const beyond = errorText(-22, "Requested range not satisfiable");
const bytesMax = 1_900_000;
const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\dZ$/;

let directory: string;
let path: string;

beforeEach(() => {
  directory = crypto.randomUUID();
  path = `/bigdata/${directory}`;
});

describe("one object", () => {
  test("PUT, GET, HEAD, DELETE", async () => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const put = await send(`${path}/a b.bin`, { method: "PUT", body });
    expect([put.status, await put.text()]).toEqual([200, ""]);
    const got = await send(`${path}/a%20b.bin`);
    expect(got.status).toBe(200);
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(body);
    expect(got.headers.get("last-modified")).toBe(put.headers.get("last-modified"));
    const head = await send(`${path}/a%20b.bin`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([
      200,
      "256",
      "",
    ]);
    expect((await send(`${path}/a%20b.bin`, { method: "DELETE" })).status).toBe(204);
    const gone = await send(`${path}/a%20b.bin`);
    expect([gone.status, await gone.text()]).toEqual([404, missing]);
    const again = await send(`${path}/a%20b.bin`, { method: "DELETE" });
    expect([again.status, await again.text()]).toEqual([404, missing]);
  });

  test("POST puts as well, an empty body too, and a later one replaces it", async () => {
    await send(`${path}/o`, { method: "POST", body: "first" });
    await send(`//bigdata//${directory}/o`, { method: "PUT" });
    expect(await textAt(`${path}/o`)).toBe("");
  });

  test.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=7", 206, "789", "bytes 7-9/10"],
    ["bytes=8-100", 206, "89", "bytes 8-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-30", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=10", 416, beyond, "bytes */10"],
    ["bytes=10-12", 416, beyond, "bytes */10"],
    ["bytes=18446744073709551616-", 416, beyond, "bytes */10"],
    ["bytes=-0", 416, beyond, "bytes */10"],
    ["bytes=5-3", 200, "0123456789", null],
    ["bytes=1-2,4-5", 200, "0123456789", null],
    ["lines=1-2", 200, "0123456789", null],
  ])("Range %s: %i %s", async (range, status, text, contentRange) => {
    await send(`${path}/o`, { method: "PUT", body: "0123456789" });
    const reply = await send(`${path}/o`, { headers: { range } });
    expect([reply.status, await textIn(reply), reply.headers.get("content-range")]).toEqual([
      status,
      text,
      contentRange,
    ]);
  });

  test.each(["bytes=0-9", "bytes=5", "bytes=-3"])("%s of an empty object: 200", async (range) => {
    await send(`${path}/o`, { method: "PUT" });
    const reply = await send(`${path}/o`, { headers: { range } });
    expect([reply.status, await textIn(reply)]).toEqual([200, ""]);
  });

  test("Range -1 appends", async () => {
    await send(`${path}/o`, { method: "PUT", body: "one" });
    const headers = { range: "-1" };
    await send(`${path}/o`, { method: "PUT", body: " two", headers });
    await send(`${path}/new`, { method: "PUT", body: "new", headers });
    expect(await textAt(`${path}/o`)).toBe("one two");
    expect(await textAt(`${path}/new`)).toBe("new");
  });

  test("objects of 1.9 MB are taken, and not a byte more, appended ones neither", async () => {
    const large = await send(`${path}/o`, { method: "PUT", body: new Uint8Array(bytesMax + 1) });
    expect([large.status, await large.text()]).toEqual([413, errorText(-27, "File too large")]);
    const body = new Uint8Array(bytesMax - 10);
    expect((await send(`${path}/o`, { method: "PUT", body })).status).toBe(200);
    const headers = { range: "-1" };
    const more = await send(`${path}/o`, { method: "PUT", body: "0123456789a", headers });
    expect(more.status).toBe(413);
    expect((await (await send(`${path}/o`)).arrayBuffer()).byteLength).toBe(bytesMax - 10);
  });

  test.each(["/bigdata", "/bigdata/"])("a container is not deleted: %s", async (container) => {
    const reply = await send(container, { method: "DELETE" });
    expect([reply.status, await reply.text()]).toEqual([
      403,
      errorText(-1, "Operation not permitted"),
    ]);
  });

  test("every container has objects of its own", async () => {
    const name = crypto.randomUUID();
    await send(`/users/${name}`, { method: "PUT", body: "one" });
    await send(`/projects/${name}`, { method: "PUT", body: "two" });
    expect(await textAt(`/users/${name}`)).toBe("one");
    expect(await textAt(`/projects/${name}`)).toBe("two");
    expect((await send(`/bigdata/${name}`)).status).toBe(404);
  });
});

describe("listing", () => {
  beforeEach(async () => {
    for (const name of ["b", "a", "sub/x", "sub/y", "c&d", "other/deep/z"]) {
      await send(`${path}/${encodeURI(name)}`, { method: "PUT", body: name });
    }
  });

  test("what is in a directory: objects with their size, directories by their name", async () => {
    const reply = await send(`/bigdata?prefix=${directory}%2F`);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "application/xml"]);
    const text = await reply.text();
    expect(text).toMatch(/^<ListBucketResult><Name>bigdata<\/Name>/);
    expect(tags(text, "Prefix")[0]).toBe(`${directory}/`);
    expect(["Delimiter", "MaxKeys", "IsTruncated"].flatMap((name) => tags(text, name))).toEqual([
      "/",
      "1000",
      "false",
    ]);
    expect(tags(text, "NextMarker")).toEqual([`${directory}/sub`]);
    expect(tags(text, "Key")).toEqual(["a", "b", "c&amp;d"].map((name) => `${directory}/${name}`));
    expect(tags(text, "Size")).toEqual(["1", "1", "3"]);
    expect(tags(text, "CommonPrefixes").map((each) => tags(each, "Prefix")[0])).toEqual([
      `${directory}/other/`,
      `${directory}/sub/`,
    ]);
    expect(tags(text, "LastModified")).toHaveLength(3);
    for (const modified of tags(text, "LastModified")) expect(modified).toMatch(date);
  });

  test.each(["", "/", "%2F"])("with %j before the prefix, and none behind it", async (slash) => {
    const reply = await send(`/bigdata/?prefix=${slash}${directory}`);
    expect(tags(await reply.text(), "Key")).toHaveLength(3);
  });

  test("page by page, everything once", async () => {
    for (const keysMax of [1, 2, 3, 4]) {
      const seen: string[] = [];
      for (let marker = "", more = true; more;) {
        const query = `prefix=${directory}/&max-keys=${keysMax}&marker=${encodeURIComponent(marker)}`;
        const text = await (await send(`/bigdata?${query}`)).text();
        const page = [...tags(text, "Key"), ...tags(text, "CommonPrefixes").flatMap(prefixIn)];
        expect(page.length).toBeLessThanOrEqual(keysMax);
        seen.push(...page);
        marker = (tags(text, "NextMarker")[0] ?? "").replace("&amp;", "&");
        more = tags(text, "IsTruncated")[0] === "true";
      }
      const names = ["a", "b", "c&amp;d", "other/", "sub/"];
      expect(seen).toEqual(names.map((name) => `${directory}/${name}`));
    }
  });

  test("objects, directories and streams whose names begin alike: page by page, everything once", async () => {
    const up = `${directory}-alike`;
    for (const name of ["s-1", "s.2", "s/deep/x", "s", "t/x", "t-1/x"]) {
      await send(`/bigdata/${up}/${name}`, { method: "PUT" });
    }
    for (const name of ["q", "q-1", "r/in", "s-", "u/v", "u-1/v"]) {
      await v3io("CreateStream", `/bigdata/${up}/${name}`, { ShardCount: 1 });
    }
    const names = ["q-1/", "q/", "r/", "s", "s-/", "s-1", "s.2", "s/", "t-1/", "t/", "u-1/", "u/"];
    for (const keysMax of [1, 2, 3, 5, 12, 1000]) {
      const seen = await pathsIn(`/bigdata?prefix=${up}&max-keys=${keysMax}`);
      expect(seen).toEqual(names.map((name) => `${up}/${name}`));
    }
    const alone = await pathsIn(`/bigdata?prefix=${up}&max-keys=2&prefix-only=1`);
    expect(alone).toEqual(
      names.filter((name) => name.endsWith("/")).map((name) => `${up}/${name}`),
    );
  });

  // v3io-go sync_test.go, validateContent and validateCommonPrefix.
  test("with what is known of each, only where it is asked for", async () => {
    const alone = await (await send(`/bigdata?prefix=${directory}/&prefix-only=1`)).text();
    expect([tags(alone, "Contents"), tags(alone, "CommonPrefixes").length]).toEqual([[], 2]);
    for (const each of tags(alone, "CommonPrefixes"))
      expect(each).toMatch(/^<Prefix>[^<]*<\/Prefix>$/);
    const all = await (await send(`/bigdata?prefix=${directory}/&prefix-info=1`)).text();
    for (const name of ["LastModified", "AccessTime", "CreatingTime"]) {
      expect(tags(all, name)).toHaveLength(5);
      for (const each of tags(all, name)) {
        expect(each).toMatch(date);
        expect(Date.parse(each)).toBeGreaterThan(Date.UTC(2020, 0, 1));
      }
    }
    expect([tags(all, "GID"), tags(all, "UID")]).toEqual([Array(5).fill("0"), Array(5).fill("0")]);
    expect(tags(all, "CommonPrefixes").flatMap((each) => tags(each, "Mode"))).toEqual([
      "040775",
      "040775",
    ]);
    expect(tags(all, "Contents").flatMap((each) => tags(each, "Mode"))).toEqual(
      Array(3).fill("0100664"),
    );
    const inodes = tags(all, "InodeNumber").map(Number);
    expect(inodes.every((inode) => Number.isSafeInteger(inode) && inode > 0)).toBe(true);
    expect(new Set(inodes).size).toBe(5);
    const { text } = await v3io("GetItem", `${path}/a`, { AttributesToGet: "__inode_number" });
    expect(text).toBe(`{"Item":{"__inode_number":{"N":"${inodes[0]}"}}}`);
  });

  test("no keys at all say whether it is there", async () => {
    const reply = await send(`/bigdata?prefix=${directory}&max-keys=0`);
    const text = await reply.text();
    expect([reply.status, tags(text, "MaxKeys"), tags(text, "IsTruncated")]).toEqual([
      200,
      ["0"],
      ["false"],
    ]);
    expect([tags(text, "Contents"), tags(text, "CommonPrefixes")]).toEqual([[], []]);
    expect((await send(`/bigdata?prefix=${directory}/none&max-keys=0`)).status).toBe(404);
  });

  test("what is not there is 404, and the root of a container is always there", async () => {
    const reply = await send("/bigdata?prefix=no/such");
    expect([reply.status, await reply.text()]).toEqual([404, missing]);
    for (const at of ["/users", "/users/", "/projects/?prefix="]) {
      expect((await send(at)).status).toBe(200);
    }
  });

  test("directories stay when the last object in them goes", async () => {
    await send(`${path}/other/deep/z`, { method: "DELETE" });
    for (const [at, expected] of [
      ["other/deep", []],
      ["other", [`${directory}/other/deep/`]],
    ] as const) {
      expect(await pathsIn(`/bigdata?prefix=${directory}/${at}`)).toEqual(expected);
      expect((await send(`${path}/${at}/`, { method: "HEAD" })).status).toBe(200);
    }
    expect((await send(`${path}/other/`, { method: "DELETE" })).status).toBe(409);
    expect((await send(`${path}/other/deep/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`/bigdata?prefix=${directory}/other/deep`)).status).toBe(404);
    expect(await pathsIn(`/bigdata?prefix=${directory}/other`)).toEqual([]);
    expect((await send(`${path}/other/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`/bigdata?prefix=${directory}/other`)).status).toBe(404);
  });

  test("a directory is as old as the first object in it, whatever is written there later", async () => {
    const at = `${directory}-aged`;
    try {
      for (const hours of [0, 1]) {
        setClock(noonMs + hours * 3_600_000);
        await send(`/bigdata/${at}/a/x`, { method: "PUT", body: "x" });
      }
      await send(`/bigdata/${at}/a/x`, { method: "DELETE" });
      const listed = await (await send(`/bigdata?prefix=${at}&prefix-info=1`)).text();
      const [modified = ""] = tags(listed, "LastModified");
      expect(Date.parse(modified)).toBe(noonMs);
    } finally {
      vi.useRealTimers();
    }
  });

  test("directories of 0.1.0, which had no rows, are there while something is in them, and stay then", async () => {
    const up = `${directory}-old`;
    const items = env.ITEMS.getByName("000000000000/us-east-1/bigdata");
    await runInDurableObject(items, (_, { storage: { sql } }) => {
      for (const name of ["a/deep/x", "a/y", "b/z"]) {
        const insert =
          "INSERT INTO item VALUES (?, '', 1795298627, 351000000, 1795298627, 0, '[]', x'00')";
        sql.exec(insert, `${up}/${name}`);
      }
    });
    const all = await (await send(`/bigdata?prefix=${up}&prefix-info=1`)).text();
    expect(tags(all, "LastModified")).toEqual([
      "2026-11-21T22:03:47.35Z",
      "2026-11-21T22:03:47.35Z",
    ]);
    await send(`/bigdata/${up}/a/deep/x`, { method: "DELETE" });
    await send(`/bigdata/${up}/a/y`, { method: "DELETE" });
    expect(await pathsIn(`/bigdata?prefix=${up}`)).toEqual([`${up}/a/`, `${up}/b/`]);
    expect(await pathsIn(`/bigdata?prefix=${up}/a`)).toEqual([`${up}/a/deep/`]);
    expect(await pathsIn(`/bigdata?prefix=${up}/a/deep`)).toEqual([]);
  });

  test("directories: made, found, not removed while something is in them", async () => {
    expect((await send(`${path}/empty/`, { method: "PUT" })).status).toBe(200);
    expect((await send(`${path}/empty/`, { method: "HEAD" })).status).toBe(200);
    expect((await send(`${path}/sub`, { method: "HEAD" })).status).toBe(200);
    const listed = await (await send(`/bigdata?prefix=${directory}/empty`)).text();
    expect([tags(listed, "Contents"), tags(listed, "CommonPrefixes")]).toEqual([[], []]);
    expect((await send(`${path}/empty/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`${path}/empty/`, { method: "HEAD" })).status).toBe(404);
    const full = await send(`${path}/sub/`, { method: "DELETE" });
    expect([full.status, await full.text()]).toEqual([409, errorText(-39, "Directory not empty")]);
    expect((await send(`${path}/never/`, { method: "DELETE" })).status).toBe(204);
  });

  test.each(["max-keys=x", "max-keys=-1", "prefix=a%00b", "prefix=.."])(
    "%s is refused",
    async (query) => {
      const reply = await send(`/bigdata?${query}`);
      expect([reply.status, await reply.text()]).toEqual([
        400,
        errorText(-201326592, "InvalidArgumentException"),
      ]);
    },
  );
});

describe("a stream is a directory", () => {
  beforeEach(async () => {
    await v3io("CreateStream", path, { ShardCount: 4, RetentionPeriodHours: 5 });
  });

  test("a shard is listed from its first record on, with its last number", async () => {
    await put([1, 1, 3]);
    await send(`${path}/cg0-state.json`, { method: "PUT" });
    const text = await (await send(`/bigdata?prefix=${directory}/`)).text();
    expect(tags(text, "Key")).toEqual(["1", "3", "cg0-state.json"].map((k) => `${directory}/${k}`));
    // v3io-go reads the one, v3io-py the other.
    expect(tags(text, "LastSequenceId")).toEqual(["2", "1"]);
    expect(tags(text, "LastSequenceID")).toEqual(["2", "1"]);
  });

  test("it is listed where it is, with its shards and its retention", async () => {
    const inside = `/bigdata/${directory}-up/s`;
    await v3io("CreateStream", inside, { ShardCount: 4, RetentionPeriodHours: 5 });
    const text = await (await send(`/bigdata?prefix=${directory}-up&prefix-info=1`)).text();
    const [entry = ""] = tags(text, "CommonPrefixes");
    expect(tags(entry, "Prefix")).toEqual([`${directory}-up/s/`]);
    expect(tags(entry, "ShardCount")).toEqual(["4"]);
    expect(tags(entry, "RetentionPeriodHours")).toEqual(["5"]);
    expect(tags(entry, "RetentionPeriodSec")).toEqual(["18000"]);
  });

  test.each(["", "%2F"])("deleted as the SDKs do, prefix with %j first", async (slash) => {
    await put([0, 2]);
    for (const name of ["cg0-state.json", "cg1-state.json"]) {
      await send(`${path}/${name}`, { method: "PUT" });
    }
    const text = await (await send(`/bigdata?prefix=${slash}${directory}%2F`)).text();
    const keys = tags(text, "Key");
    expect(keys).toHaveLength(4);
    for (const key of keys) {
      expect((await send(`/bigdata/${key}`, { method: "DELETE" })).status).toBe(204);
    }
    const last = await send(`${path}/`, { method: "DELETE" });
    expect([last.status, await last.text()]).toEqual([204, ""]);
    expect((await v3io("DescribeStream", path)).status).toBe(404);
    expect((await send(`/bigdata?prefix=${slash}${directory}%2F`)).status).toBe(404);
    expect((await send(`${path}/`, { method: "HEAD" })).status).toBe(404);
  });

  test("made again, it has nothing of the one before", async () => {
    await put([0]);
    await send(`${path}/state.json`, { method: "PUT", body: "x" });
    await v3io("PutItem", `${path}/0`, { Item: { mine: { N: "1" } } });
    await send(`${path}/`, { method: "DELETE" });
    await v3io("CreateStream", path, { ShardCount: 4, RetentionPeriodHours: 5 });
    expect((await send(`${path}/state.json`)).status).toBe(404);
    expect(tags(await (await send(`/bigdata?prefix=${directory}`)).text(), "Key")).toEqual([]);
    const [first] = await put([0]);
    expect(first?.SequenceNumber).toBe(1);
    const { text } = await v3io("GetItem", `${path}/0`, { AttributesToGet: "mine" });
    expect(text).toBe('{"Item":{}}');
  });

  test("deleted, it leaves no rows behind", async () => {
    await send(`${path}/sub/state.json`, { method: "PUT", body: "x" });
    await send(`${path}/`, { method: "DELETE" });
    const items = env.ITEMS.getByName("000000000000/us-east-1/bigdata");
    const left = await runInDurableObject(items, (_, { storage: { sql } }) =>
      sql.exec("SELECT path FROM item WHERE path LIKE ?", `${directory}/%`).toArray(),
    );
    expect(left).toEqual([]);
  });

  // v3io-go streamconsumergroup_test.go lists the directory of its streams after them.
  test("the directory that a stream was in stays, and another stream is made there", async () => {
    const up = `/bigdata/${directory}-up`;
    for (let round = 0; round < 2; round++) {
      const made = await v3io("CreateStream", `${up}/sub/s`, { ShardCount: 1 });
      expect(made.status).toBe(204);
      await send(`${up}/sub/s/inside/state.json`, { method: "PUT" });
      expect((await send(`${up}/sub/s/`, { method: "DELETE" })).status).toBe(204);
      expect(await pathsIn(`/bigdata?prefix=${directory}-up/sub/`)).toEqual([]);
      expect(await pathsIn(`/bigdata?prefix=${directory}-up`)).toEqual([`${directory}-up/sub/`]);
      expect((await send(`/bigdata?prefix=${directory}-up/sub/s/`)).status).toBe(404);
    }
    expect((await send(`${up}/sub/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`/bigdata?prefix=${directory}-up/sub`)).status).toBe(404);
  });

  test("a directory in it lives and dies with it", async () => {
    await send(`${path}/sub/state.json`, { method: "PUT" });
    await send(`${path}/sub/state.json`, { method: "DELETE" });
    expect(await pathsIn(`/bigdata?prefix=${directory}`)).toEqual([`${directory}/sub/`]);
    await send(`${path}/`, { method: "DELETE" });
    await v3io("CreateStream", path, { ShardCount: 1 });
    expect(await pathsIn(`/bigdata?prefix=${directory}`)).toEqual([]);
  });

  test("what was written in the time of a stream that another face deleted is not seen in the next", async () => {
    const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
    await put([0]);
    await send(`${path}/sub/state.json`, { method: "PUT", body: "x" });
    await v3io("PutItem", `${path}/state`, { Item: { mine: { N: "1" } } });
    await v3io("PutItem", `${path}/0`, { Item: { mine: { N: "1" } } });
    await kinesis("DeleteStream", { StreamName: directory });
    await kinesis("CreateStream", { StreamName: directory, ShardCount: 1 });
    expect((await send(`${path}/sub/state.json`)).status).toBe(404);
    expect((await v3io("GetItem", `${path}/state`, { AttributesToGet: "*" })).status).toBe(404);
    const items = await v3io("GetItems", `${path}/`, { AttributesToGet: "*" });
    expect(items.output).toMatchObject({ NumItems: 0, Items: [] });
    expect(await pathsIn(`/bigdata?prefix=${directory}`)).toEqual([]);
    await put([0]);
    const { text } = await v3io("GetItem", `${path}/0`, { AttributesToGet: "mine" });
    expect(text).toBe('{"Item":{}}');
    const ConditionExpression = "not(exists(mine))";
    const write = { ConditionExpression, Item: { mine: { N: "2" } } };
    expect((await v3io("PutItem", `${path}/state`, write)).status).toBe(200);
  });

  test("a shard is no file to be written, and its records outlive its deletion", async () => {
    await put([0]);
    expect((await send(`${path}/0`, { method: "PUT", body: "x" })).status).toBe(403);
    expect((await send(`${path}/0`, { method: "HEAD" })).status).toBe(200);
    expect((await send(`${path}/1`, { method: "HEAD" })).status).toBe(404);
    expect((await send(`${path}/0`, { method: "DELETE" })).status).toBe(204);
    const { output } = await v3io("Seek", `${path}/0`, { Type: "EARLIEST" });
    const page = await v3io("GetRecords", `${path}/0`, { Location: output.Location });
    expect(page.output.Records).toHaveLength(1);
  });

  test("where a directory is, there is no room for a stream; nor in a stream for another", async () => {
    await send(`${path}-dir/a`, { method: "PUT" });
    const taken = await v3io("CreateStream", `${path}-dir`, { ShardCount: 1 });
    expect([taken.status, taken.output.ErrorMessage]).toEqual([409, "ResourceInUseException"]);
    const nested = await v3io("CreateStream", `${path}/inner`, { ShardCount: 1 });
    expect([nested.status, nested.output.ErrorMessage]).toEqual([400, "InvalidArgumentException"]);
    const above = `/bigdata/${directory}-a`;
    await v3io("CreateStream", `${above}/b`, { ShardCount: 1 });
    expect((await v3io("CreateStream", above, { ShardCount: 1 })).status).toBe(409);
  });

  test("what stands there instead of a stream has a name", async () => {
    await send(`${path}-file`, { method: "PUT", body: "x" });
    await send(`${path}-dir/`, { method: "PUT" });
    const Records = [{ Data: "" }];
    const says = async (name: string, at: string) => {
      const { status, output } = await v3io(name, at, { Records, ShardCount: 9 });
      return [status, output.ErrorMessage];
    };
    const none = [404, "ResourceNotFoundException"];
    expect(await says("PutRecords", `${path}-file`)).toEqual([400, "ResourceIsnotStream"]);
    expect(await says("PutRecords", `${path}-dir/`)).toEqual(none);
    expect(await says("UpdateStream", `${path}-file`)).toEqual([400, "ResourceNotStreamException"]);
    expect(await says("UpdateStream", `${path}-dir/`)).toEqual([400, "ResourceNotStreamException"]);
    expect(await says("UpdateStream", `${path}-none`)).toEqual(none);
  });
});

async function put(shards: number[]) {
  const Records = shards.map((ShardId) => ({ Data: "", ShardId }));
  return (await v3io("PutRecords", path, { Records })).output.Records;
}

async function textAt(at: string): Promise<string> {
  return textIn(await send(at));
}

/** Of bytes whose type says that they are none. */
async function textIn(reply: Response): Promise<string> {
  return Buffer.from(await reply.arrayBuffer()).toString();
}

/** What stands in the elements of a name. */
function tags(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(
    ([, in_ = ""]) => in_,
  );
}

/** What a listing shows, page by page, by the markers that it gives. */
async function pathsIn(query: string): Promise<string[]> {
  const paths: string[] = [];
  for (let marker = "", more = true; more;) {
    const reply = await send(`${query}&marker=${encodeURIComponent(marker)}`);
    expect(reply.status).toBe(200);
    const text = await reply.text();
    const page = [...tags(text, "Key"), ...tags(text, "CommonPrefixes").flatMap(prefixIn)];
    paths.push(...page.sort());
    [marker = ""] = tags(text, "NextMarker");
    more = tags(text, "IsTruncated")[0] === "true";
    expect(page.length > 0 || !more).toBe(true);
  }
  return paths;
}

function prefixIn(text: string): string[] {
  return tags(text, "Prefix");
}
