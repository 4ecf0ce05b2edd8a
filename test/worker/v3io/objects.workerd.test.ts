// Objects of a container, over HTTP inside workerd: put, read and removed as v3io-py and v3io-go do it, beside streams
// and in them, the way in which those clients delete a stream among it. The rest is from Iguazio's Working with Containers.

import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { kinesisOver } from "../kinesis/client.ts";
import { errorText, v3ioOver } from "./client.ts";
import { pathsIn, tags } from "./listing.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver(send);

const missing = errorText(-2, "No such file or directory");
const beyond = errorText(-22, "Requested range not satisfiable");
const bytesMax = 1_900_000;

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
      expect(await pathsIn(send, `/bigdata?prefix=${directory}-up/sub/`)).toEqual([]);
      expect(await pathsIn(send, `/bigdata?prefix=${directory}-up`)).toEqual([
        `${directory}-up/sub/`,
      ]);
      expect((await send(`/bigdata?prefix=${directory}-up/sub/s/`)).status).toBe(404);
    }
    expect((await send(`${up}/sub/`, { method: "DELETE" })).status).toBe(204);
    expect((await send(`/bigdata?prefix=${directory}-up/sub`)).status).toBe(404);
  });

  test("a directory in it lives and dies with it", async () => {
    await send(`${path}/sub/state.json`, { method: "PUT" });
    await send(`${path}/sub/state.json`, { method: "DELETE" });
    expect(await pathsIn(send, `/bigdata?prefix=${directory}`)).toEqual([`${directory}/sub/`]);
    await send(`${path}/`, { method: "DELETE" });
    await v3io("CreateStream", path, { ShardCount: 1 });
    expect(await pathsIn(send, `/bigdata?prefix=${directory}`)).toEqual([]);
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
    expect(await pathsIn(send, `/bigdata?prefix=${directory}`)).toEqual([]);
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
