// History as readers get it, far from the shard: segments by their address, several at once, from the
// isolate's cache the second time; the shard is asked for what changes and for nothing else. Locations
// with a wrong hint cost one question. What may be cached for ever says so, everything else the
// opposite.

import { noonMs, setClock } from "../../support/clock.ts";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Runtime } from "../../../worker/core/bindings.ts";
import { segmentFetchesMax, viewTtlMs } from "../../../worker/limits.ts";
import { readCounters } from "../../../worker/stream/readCounters.ts";
import { Random } from "../../engine/random.ts";
import { append, openShard, record, type ShardStub } from "../../support/shards.ts";
import {
  forgetBodies,
  gatherAll,
  gatherPage,
  runtimeWith,
  START,
  tidyUp,
  untilTiered,
  weighMessages,
} from "../../support/storage.ts";

/** Segments of one record each. */
const segmentCount = 14;

let shard: ShardStub;
let runtime: Runtime;
let messages: number[];
let fetches: { segment: number; inFlight: number }[];

beforeAll(async () => {
  setClock(noonMs);
  shard = await openShard();
  for (let i = 0; i < segmentCount; i++) {
    await append(shard, record(new Random(i).bytes(1_000_000)));
  }
  await untilTiered(shard);
});

beforeEach(() => {
  setClock(noonMs);
  forgetBodies();
  const weighed = weighMessages(env);
  messages = weighed.messages;
  runtime = runtimeWith(weighed.bindings);
  fetches = [];
  watchFetches();
});

afterEach(tidyUp);

describe("pages of history", () => {
  test("make no request to the shard once its view is known", async () => {
    await gatherPage(shard, { runtime, from: { segment: segmentCount, index: segmentCount } });
    messages.length = 0;
    const before = { ...readCounters };
    let from = START;
    for (let page = 0; page < segmentCount / 2; page++) {
      from = (await gatherPage(shard, { runtime, from, limits: { recordsMax: 1 } })).next;
    }
    expect(from.index).toBe(segmentCount / 2);
    expect(messages).toEqual([]);
    expect(readCounters.historyPages - before.historyPages).toBe(segmentCount / 2);
    expect(readCounters.shardPages).toBe(before.shardPages);
  });

  test("ask for its view once a second at most", async () => {
    const pages = 50;
    for (let page = 0; page < pages; page++) {
      setClock(noonMs + 10 + page * 100);
      await gatherPage(shard, { runtime, limits: { recordsMax: 1 } });
    }
    const requests = messages.length / 2;
    expect(requests).toBeGreaterThan(1);
    expect(requests).toBeLessThanOrEqual(1 + (2 * pages * 100) / viewTtlMs);
  });

  test("fetch several segments at once, and each only once while it is kept", async () => {
    await gatherPage(shard, { runtime, limits: { recordsMax: 1 } });
    const { records } = await gatherPage(shard, { runtime });
    expect(records.length).toBe(10);
    const inFlight = fetches.map((fetch) => fetch.inFlight);
    expect(Math.max(...inFlight)).toBeGreaterThan(1);
    expect(Math.max(...inFlight)).toBeLessThanOrEqual(segmentFetchesMax);
    await gatherPage(shard, { runtime });
    const segments = fetches.map(({ segment }) => segment);
    expect(new Set(segments).size).toBe(segments.length);
  });

  test("fetch no segment ahead of their own from a bucket", async () => {
    let from = START;
    for (let page = 0; page < 3; page++) {
      from = (await gatherPage(shard, { runtime, from, limits: { recordsMax: 2 } })).next;
    }
    expect(fetches.map(({ segment }) => segment)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("say that a reader has caught up only when it has, now", async () => {
    const all = await gatherAll(shard, { runtime });
    expect(all.length).toBe(segmentCount);
    await append(shard, "one more");
    const last = { segment: segmentCount - 1, index: segmentCount - 1 };
    const { next, view } = await gatherPage(shard, { runtime, from: last });
    expect(next.index).toBe(segmentCount);
    expect(view.nextIndex).toBe(segmentCount + 1);
  });
});

describe("a location whose hint is wrong", () => {
  test.each([
    ["much too early", 0, 12],
    ["too early by one", 9, 10],
    ["too late", 13, 3],
    ["of a segment that will never be", 4_000_000_000, 3],
  ])("%s: the record is found, for one question to the shard", async (_, segment, index) => {
    await gatherPage(shard, { runtime, limits: { recordsMax: 1 } });
    messages.length = 0;
    fetches = [];
    const from = { segment, index };
    const page = await gatherPage(shard, { runtime, from, limits: { recordsMax: 1 } });
    expect(page.records.map((record) => record.index)).toEqual([index]);
    expect(page.next).toEqual({ segment: index + 1, index: index + 1 });
    expect(fetches.length).toBeLessThanOrEqual(2);
    expect(messages.length / 2).toBeLessThanOrEqual(1);
  });
});

describe("a cache before the segments", () => {
  test("serves the same pages", async () => {
    cacheBefore((body) => body);
    const first = await gatherAll(shard, { runtime });
    forgetBodies();
    expect(await gatherAll(shard, { runtime })).toEqual(first);
  });

  test.each([
    ["an altered byte", (body: Uint8Array) => body.with(5000, body[5000]! ^ 1)],
    ["half of it", (body: Uint8Array) => body.slice(0, body.length / 2)],
  ])("is not believed when it gives back %s", async (_, kept) => {
    cacheBefore(kept);
    const first = await gatherPage(shard, { runtime });
    expect(first.records.length).toBeGreaterThan(0);
    forgetBodies();
    await expect(gatherPage(shard, { runtime })).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("the address of a segment", () => {
  test("answers with bytes that may be kept for ever", async () => {
    const response = await get(`/segments/${shard.name}/3`);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe(
      "public, max-age=31536000, immutable, stale-if-error=0",
    );
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1_000_000);
  });

  test("answers with nothing that may be kept when there is no such segment", async () => {
    const paths = [
      `/segments/${shard.name}/${segmentCount}`,
      `/segments/${crypto.randomUUID()}/0`,
      `/segments/${shard.name}/x`,
      `/segments/${shard.name}`,
      "/",
    ];
    for (const path of paths) {
      const response = await get(path);
      expect(response.ok).toBe(false);
      expect(response.headers.get("cache-control")).toBe("no-store");
    }
    const post = await get(`/segments/${shard.name}/3`, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("cache-control")]).toEqual([404, "no-store"]);
  });

  test("answers with nothing that may be kept when the bytes are damaged", async () => {
    await env.SEGMENTS!.put(`segments/${shard.name}/3`, "damaged");
    const response = await get(`/segments/${shard.name}/3`);
    expect([response.status, response.headers.get("cache-control")]).toEqual([500, "no-store"]);
    expect(await response.json()).toMatchObject({
      code: "corrupt",
      detail: { shard: shard.name, segment: 3 },
    });
  });
});

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return runtimeWith(env).segments.fetch(`https://millrace${path}`, init);
}

/** Keeps the first reply for each address, as `kept` makes it, and gives it to whoever asks later. */
function cacheBefore(kept: (body: Uint8Array) => Uint8Array): void {
  const { segments } = runtime;
  const replies = new Map<string, Response>();
  runtime.segments = {
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const { url } = new Request(input);
      const known = replies.get(url);
      if (known !== undefined) return known.clone();
      const reply = await segments.fetch(input, init);
      const body = kept(new Uint8Array(await reply.clone().arrayBuffer()));
      replies.set(url, new Response(body, reply));
      return reply;
    },
  };
}

/** Notes each segment that is fetched, and how many are on their way then. */
function watchFetches(): void {
  const { segments } = runtime;
  let inFlight = 0;
  runtime.segments = {
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const { url } = new Request(input);
      inFlight++;
      fetches.push({ segment: Number(url.split("/").at(-1)), inFlight });
      try {
        return await segments.fetch(input, init);
      } finally {
        inFlight--;
      }
    },
  };
}
