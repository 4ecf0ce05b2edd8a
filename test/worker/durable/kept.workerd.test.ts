// A stream that was deleted while forks need its records: it is kept for them, and hidden from everybody else,
// whoever knew it before.

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { patience } from "../../support/patience.ts";
import { call, codeOf, json, kinesis, sendTo, splitShard } from "./client.ts";

const scope = { account: "000000000000", region: "us-east-1" };

let name: string;

const send = (method: string, query = "", headers = {}, body?: string) =>
  sendTo(name, method, query, headers, body);

const split = (index: number, key: string) => splitShard(name, index, key);

const fork = () =>
  call(`/v1/stream/${name}-fork`, {
    method: "PUT",
    headers: { ...json, "stream-forked-from": `/v1/stream/${name}` },
  });

const forkText = async () => await (await call(`/v1/stream/${name}-fork`)).text();

beforeEach(async () => {
  name = crypto.randomUUID();
  await send("PUT", "", {}, "[1,2]");
  expect((await fork()).status).toBe(201);
});

describe("deleting it ends", () => {
  test("a reader of events", async () => {
    const { body } = await send("GET", "?offset=-1&live=sse");
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes("upToDate");) text += (await reader.read()).value;
    expect((await send("DELETE")).status).toBe(204);
    // Nothing came before the end, such as an event that says that the reader is still there.
    expect((await reader.read()).done).toBe(true);
    expect(await forkText()).toBe("[1,2]");
  });

  test("a long poll", async () => {
    const polled = send("GET", "?offset=now&live=long-poll");
    await untilWaiting();
    expect((await send("DELETE")).status).toBe(204);
    expect(await codeOf(await polled)).toBe("410 STREAM_GONE");
  });
});

describe("it is not found", () => {
  test("in a shard that has no forks, by those who knew it", async () => {
    await split(0, "100");
    await send("POST", "?shard=1", {}, "3");
    expect((await kinesis("DeleteStream", { StreamName: name })).status).toBe(200);
    for (const query of ["?shard=1", "?shard=1&offset=now", "?shard=0"]) {
      expect([query, await codeOf(await send("GET", query))]).toEqual([query, "410 STREAM_GONE"]);
    }
    expect(await codeOf(await send("POST", "?shard=2", {}, "4"))).toBe("410 STREAM_GONE");
    expect(await forkText()).toBe("[1,2]");
    expect((await call(`/v1/stream/${name}-fork`, { method: "DELETE" })).status).toBe(204);
    expect((await send("PUT")).status).toBe(201);
  });
});

async function untilWaiting(): Promise<void> {
  const uid = unwrap(await catalogOf(env, scope).describeStream(name)).stream.shards[0]!.uid;
  await vi.waitFor(async () => {
    expect(unwrap(await env.SHARD.getByName(uid).stats()).waiting).toBe(1);
  }, patience);
}
