// Streams of several shards as the Durable Streams dialect shows them, also when another dialect has split one since
// this isolate learnt of it, and requests that could be taken for another one.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { noonMs, setClock } from "../../support/clock.ts";
import { hourMs } from "../../../worker/core/units.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { account, region } from "../kinesis/claims.ts";
import { base64 } from "../kinesis/client.ts";
import { v3ioOver } from "../v3io/client.ts";
import { call, codeOf, kinesis, sendTo, splitShard } from "./client.ts";

let name: string;

const v3io = v3ioOver(call);

const send = (method: string, query = "", headers = {}, body?: string) =>
  sendTo(name, method, query, headers, body);

const split = (index: number, key: string) => splitShard(name, index, key);

/** Status and shard of four appends. */
const shardsOf = async (headers = {}) => {
  const replies: string[] = [];
  for (let i = 0; i < 4; i++) {
    const reply = await send("POST", "", headers, "1");
    replies.push(`${reply.status} ${reply.headers.get("stream-shard")}`);
  }
  return replies;
};

beforeEach(() => {
  name = crypto.randomUUID();
});

describe("a stream of two shards, one of which is split by another dialect", () => {
  beforeEach(async () => {
    await send("PUT", "", { "stream-shard-count": "2" }, "[1]");
    await send("GET", "?shard=0");
    await split(0, "100");
  });

  test("its new shards are found", async () => {
    expect((await send("GET", "?shard=2")).status).toBe(200);
    expect((await send("POST", "?shard=3", {}, "1")).status).toBe(204);
  });

  test.each(["HEAD", "GET", "GET now"])(
    "%s of a closed one names those that continue it",
    async (each) => {
      const [method = "", offset = "-1"] = each.split(" ");
      const { headers } = await send(method, `?shard=0&offset=${offset}`);
      expect([headers.get("stream-closed"), headers.get("stream-children")]).toEqual([
        "true",
        "2,3",
      ]);
      expect((await send(method, `?shard=2&offset=${offset}`)).headers.get("stream-closed")).toBe(
        null,
      );
    },
  );

  test("which shards are open is told as it is now", async () => {
    expect((await send("HEAD")).headers.get("stream-shards")).toBe("1,2,3");
  });

  test("a read without a shard tells them too", async () => {
    const read = await send("GET");
    expect(read.headers.get("stream-shards")).toBe("1,2,3");
    expect(await codeOf(read)).toBe("400 SHARD_REQUIRED");
  });

  test("its new shards take and show what the stream is of", async () => {
    expect(
      await codeOf(await send("POST", "?shard=2", { "content-type": "text/plain" }, "x")),
    ).toBe("409 CONTENT_TYPE_DIFFERS");
    const record = { PartitionKey: "k", ExplicitHashKey: "0", Data: base64("no JSON") };
    expect((await kinesis("PutRecord", { StreamName: name, ...record })).status).toBe(200);
    expect(await (await send("GET", "?shard=2")).json()).toEqual([{ $binary: base64("no JSON") }]);
  });

  test("a PUT that asks for what there is now is no conflict, and the stream is not closed", async () => {
    const put = await send("PUT", "", { "stream-shard-count": "3" });
    expect([put.status, put.headers.get("stream-closed")]).toEqual([200, null]);
    const other = await send("PUT", "", { "stream-shard-count": "2" });
    expect(other.headers.get("stream-closed")).toBe(null);
    expect(await codeOf(other)).toBe("409 STREAM_EXISTS");
  });

  test("is gone for HEAD and for reads without a shard when it was deleted by another dialect", async () => {
    await kinesis("DeleteStream", { StreamName: name });
    expect((await send("HEAD")).status).toBe(404);
    expect(await codeOf(await send("GET"))).toBe("404 STREAM_NOT_FOUND");
  });
});

describe("a stream of two shards, one of which its writer has closed", () => {
  beforeEach(async () => {
    await send("PUT", "", { "stream-shard-count": "2" });
    expect((await send("POST", "?shard=1", { "stream-closed": "true" })).status).toBe(204);
  });

  test("takes what has no key in the other one", async () => {
    expect(await shardsOf()).toEqual(["204 0", "204 0", "204 0", "204 0"]);
  });

  test("refuses what has a key of the closed one", async () => {
    // MD5 of "a" begins with 0cc1, that of "c" with 4a8a, of "e" with e167.
    const headers = { "stream-key": "e" };
    const refused = await send("POST", "", headers, "1");
    expect(refused.headers.get("stream-closed")).toBe("true");
    expect(await codeOf(refused)).toBe("409 STREAM_CLOSED");
    expect(await shardsOf({ "stream-key": "a" })).toEqual(["204 0", "204 0", "204 0", "204 0"]);
  });

  test("is closed when the other one is, and not when that was split", async () => {
    await send("POST", "?shard=0", {}, "1");
    await split(0, "100");
    expect(new Set(await shardsOf())).toEqual(new Set(["204 2", "204 3"]));
    for (const shard of [2, 3]) await send("POST", `?shard=${shard}`, { "stream-closed": "true" });
    expect(await codeOf(await send("POST", "", {}, "1"))).toBe("409 STREAM_CLOSED");
    expect(await codeOf(await send("POST", "", {}, "{"))).toBe("409 STREAM_CLOSED");
  });
});

test("records that are appended with a key are no others than this dialect checks", async () => {
  await send("PUT", "", { "stream-shard-count": "2" });
  for (const key of ["a", "e", ""]) await send("POST", "", { "stream-key": key }, "[1]");
  const { stream } = unwrap(await catalogOf(env, { account, region }).describeStream(name));
  for (const { uid } of stream.shards) {
    expect(unwrap(await env.SHARD.getByName(uid).view()).isMixed).toBeUndefined();
  }
});

test("a creation with records tells the shard that has them", async () => {
  const put = await send("PUT", "", { "stream-shard-count": "2" }, "[1,2]");
  expect(put.headers.get("stream-shard")).toBe("0");
  const read = await send("GET", "?shard=0");
  expect(read.headers.get("stream-next-offset")).toBe(put.headers.get("stream-next-offset"));
  expect(await read.json()).toEqual([1, 2]);
});

test.each([
  ["continues a fork", () => split(0, "100")],
  ["was added to a fork", () => v3io("UpdateStream", `/bigdata/${name}/`, { ShardCount: 2 })],
])("a shard that %s has nothing of the source", async (_, reshard) => {
  await send("PUT", "", {}, "[1,2,3]");
  const headers = { "stream-forked-from": `/v1/stream/${name}` };
  name += "-fork";
  await send("PUT", "", headers, "[4]");
  await reshard();
  expect(await (await send("GET", "?shard=0")).json()).toEqual([1, 2, 3, 4]);
  await send("POST", "?shard=1", {}, "5");
  expect(await (await send("GET", "?shard=1")).json()).toEqual([5]);
});

test("a fork gives its source free when its first shard is gone before it", async () => {
  setClock(noonMs);
  const source = name;
  await send("PUT", "", {}, "[1]");
  name += "-fork";
  await send("PUT", "", { "stream-forked-from": `/v1/stream/${source}` });
  await split(0, "100");
  await kinesis("DecreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 24 });
  await call(`/v1/stream/${source}`, { method: "DELETE" });
  expect((await call(`/v1/stream/${source}`)).status).toBe(410);
  setClock(noonMs + 26 * hourMs);
  await runDurableObjectAlarm(env.CATALOG.getByName(`${account}/${region}`));
  expect(await codeOf(await send("GET", "?shard=0"))).toBe("404 SHARD_NOT_FOUND");
  expect((await send("DELETE")).status).toBe(204);
  expect((await call(`/v1/stream/${source}`)).status).toBe(404);
  vi.useRealTimers();
});

test("a page from the oldest record on has another tag when the oldest is another one", async () => {
  setClock(noonMs);
  await send("PUT", "", {}, "[1]");
  await kinesis("DecreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 24 });
  setClock(noonMs + 20 * hourMs);
  await send("POST", "", {}, "2");
  const tag = (await send("GET")).headers.get("etag") ?? "";
  setClock(noonMs + 25 * hourMs);
  const later = await send("GET", "", { "if-none-match": tag });
  expect([later.status, await later.text()]).toEqual([200, "[2]"]);
  vi.useRealTimers();
});

test("a stream of one shard that was split is not closed", async () => {
  await send("PUT", "", {}, "[1]");
  expect((await send("HEAD")).headers.get("stream-next-offset")).toMatch(/^0+1_/);
  await split(0, "100");
  const { headers } = await send("HEAD");
  expect([headers.get("stream-closed"), headers.get("stream-shards")]).toEqual([null, "1,2"]);
});

test("a source that another dialect has split is not forked", async () => {
  await send("PUT", "", {}, "[1]");
  await send("GET");
  await split(0, "100");
  const headers = { "stream-forked-from": `/v1/stream/${name}` };
  name += "-fork";
  expect(await codeOf(await send("PUT", "", headers))).toBe("400 SHARD_REQUIRED");
});

describe("a stream that expires", () => {
  test("at a time: so do the shards that continue others", async () => {
    setClock(noonMs);
    const expiresAt = new Date(noonMs + 60_000).toISOString();
    await send("PUT", "", { "stream-expires-at": expiresAt });
    await split(0, "100");
    expect((await send("GET", "?shard=1")).status).toBe(200);
    setClock(noonMs + 60_000);
    expect(await codeOf(await send("GET", "?shard=1"))).toBe("404 STREAM_NOT_FOUND");
    vi.useRealTimers();
  });

  test("when it was not used has one shard, which hears of every use", async () => {
    const ttl = { "stream-ttl": "60" };
    const two = await send("PUT", "", { ...ttl, "stream-shard-count": "2" });
    expect(await codeOf(two)).toBe("400 INVALID_SHARD_COUNT");
    await send("PUT", "", ttl);
    const ShardToSplit = "shardId-000000000000";
    const order = { StreamName: name, ShardToSplit, NewStartingHashKey: "100" };
    const { error } = await kinesis("SplitShard", order);
    expect(error.name).toBe("ResourceInUseException");
    expect(error.message).toContain("has a time to live");
    const grown = await v3io("UpdateStream", `/bigdata/${name}/`, { ShardCount: 2 });
    expect(grown.output.ErrorMessage).toContain("A stream with a time to live has one shard");
  });
});

describe("requests that are not guessed at", () => {
  test("a shard is not created or deleted by itself", async () => {
    await send("PUT", "", { "stream-shard-count": "2" });
    expect(await codeOf(await send("DELETE", "?shard=1"))).toBe("400 SHARD_NAMED");
    expect(await codeOf(await send("PUT", "?shard=1"))).toBe("400 SHARD_NAMED");
    expect((await send("HEAD")).status).toBe(200);
  });

  test.for(["shard=0&shard=0", "live=sse&live=long-poll&offset=now", "where={}&where={}"])(
    "a parameter is there once: %s",
    async (query) => {
      await send("PUT");
      expect(await codeOf(await send("GET", `?${query}`))).toBe("400 INVALID_QUERY");
    },
  );

  test("a fork has one shard", async () => {
    await send("PUT");
    const headers = { "stream-forked-from": `/v1/stream/${name}`, "stream-shard-count": "2" };
    name += "-fork";
    expect(await codeOf(await send("PUT", "", headers))).toBe("400 INVALID_SHARD_COUNT");
  });

  test.for(["2031-02-29T00:00:00Z", "2031-04-31T00:00:00+02:00"])(
    "a day that does not exist is no expiry: %s",
    async (expiresAt) => {
      const put = await send("PUT", "", { "stream-expires-at": expiresAt });
      expect(await codeOf(put)).toBe("400 INVALID_EXPIRY");
    },
  );

  test("the last of February of a leap year is one", async () => {
    expect((await send("PUT", "", { "stream-expires-at": "2032-02-29T00:00:00Z" })).status).toBe(
      201,
    );
  });
});
