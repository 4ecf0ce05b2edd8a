// GET /metrics: what was asked for in each dialect is counted by operation, status, error and time; what
// shards did is counted too; and with a stream, what its shards have.

import { env, exports } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import edge from "../../../worker/index.ts";
import type { Env } from "../../../worker/core/bindings.ts";
import { keysOf, sessionKeyOf } from "../access/keys.ts";
import { createStream, kinesis, putText } from "../kinesis/claims.ts";
import { v3ioOver } from "../v3io/client.ts";
import { yandexOver } from "../yandex/client.ts";

const send = (path: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const v3io = v3ioOver((path, init) => send(`/bigdata/${path}`, init));
const yandex = yandexOver(send);

/** Values by name and labels, as the page has them. */
async function scrape(query = ""): Promise<Map<string, number>> {
  const reply = await send(`/metrics${query}`);
  expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const values = new Map<string, number>();
  const described = new Set<string>();
  for (const line of (await reply.text()).trimEnd().split("\n")) {
    const [, type] = /^# TYPE (\w+) (?:counter|gauge|histogram)$/.exec(line) ?? [];
    if (type !== undefined) described.add(type);
    if (line.startsWith("#")) continue;
    const [, name = "", labels = "", value] =
      /^(\w+)(\{(?:\w+="[^"]*",?)+\})? (\S+)$/.exec(line) ?? [];
    expect(line).toSatisfy(
      () => described.has(name.replace(/_(?:bucket|sum|count)$/, "")) || described.has(name),
    );
    expect(values.has(name + labels)).toBe(false);
    values.set(name + labels, Number(value));
    expect(values.get(name + labels)).not.toBeNaN();
  }
  return values;
}

/** How much each value has grown while `work` was done. */
async function growth(work: () => Promise<unknown>): Promise<(name: string) => number> {
  const before = await scrape();
  await work();
  const after = await scrape();
  return (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
}

test("requests are counted by dialect, operation, status and error, with their time", async () => {
  const stream = await createStream();
  const grew = await growth(async () => {
    await putText(stream, "a");
    await putText(stream, "b");
    await kinesis("PutRecord", { StreamName: "no-such-stream", PartitionKey: "k", Data: "" });
    await v3io("DescribeStream", `${stream}/`, {});
    await v3io("DescribeStream", "no-such-stream/", {});
    await yandex("DescribeStream", { StreamName: "no-such-stream" });
    await send("/_millrace/none");
  });
  const put = 'dialect="kinesis",operation="PutRecord"';
  expect(grew(`millrace_requests_total{${put},status="200"}`)).toBe(2);
  expect(grew(`millrace_requests_total{${put},status="400"}`)).toBe(1);
  expect(grew(`millrace_request_errors_total{${put},error="ResourceNotFoundException"}`)).toBe(1);
  expect(grew(`millrace_request_duration_seconds_count{${put}}`)).toBe(3);
  expect(grew(`millrace_request_duration_seconds_bucket{${put},le="+Inf"}`)).toBe(3);
  const described = 'dialect="v3io",operation="DescribeStream"';
  expect(grew(`millrace_requests_total{${described},status="200"}`)).toBe(1);
  expect(
    grew(`millrace_request_errors_total{${described},error="ResourceNotFoundException"}`),
  ).toBe(1);
  const other = 'dialect="yandex",operation="DescribeStream"';
  expect(grew(`millrace_request_errors_total{${other},error="ResourceNotFoundException"}`)).toBe(1);
  expect(grew('millrace_requests_total{dialect="operator",operation="unknown",status="404"}')).toBe(
    1,
  );
  expect(grew("millrace_request_body_bytes_total")).toBeGreaterThan(100);
  expect(grew("millrace_response_body_bytes_total")).toBeGreaterThan(1000);
});

test("what shards did is counted", async () => {
  const stream = await createStream();
  const grew = await growth(async () => {
    const Data = Buffer.alloc(700_000).toString("base64");
    await kinesis("PutRecord", { StreamName: stream, PartitionKey: "k", Data });
    for (const text of ["a", "b", "c"]) await putText(stream, text);
  });
  expect(grew("millrace_commits_total")).toBe(4);
  expect(grew("millrace_records_total")).toBe(4);
  expect(grew("millrace_record_bytes_total")).toBeGreaterThan(700_000);
  expect(grew("millrace_rows_written_total")).toBeGreaterThanOrEqual(4);
  expect(grew("millrace_segments_sealed_total")).toBeGreaterThanOrEqual(1);
});

test("names that a client makes up make no series", async () => {
  const count = async () => (await scrape()).size;
  await callMadeUp("MadeUp");
  await scrape();
  const before = await count();
  for (let i = 0; i < 20; i++) await callMadeUp(`MadeUp${i}`);
  expect(await count()).toBe(before);
});

test("with a stream, each of its shards", async () => {
  const stream = await createStream();
  await putText(stream, "a");
  const values = await scrape(`?stream=${stream}`);
  const shard = `{stream="${stream}",shard="0"}`;
  expect(values.get(`millrace_shard_records${shard}`)).toBe(1);
  expect(values.get(`millrace_shard_commits_total${shard}`)).toBe(1);
  expect(
    values.get(`millrace_shard_segment_bytes{stream="${stream}",shard="0",place="bucket"}`),
  ).toBe(0);
  expect([...(await scrape()).keys()].filter((name) => name.includes("shard_"))).toEqual([]);
  const none = await send("/metrics?stream=no-such-stream");
  expect([none.status, await none.json()]).toEqual([
    404,
    { error: "streamNotFound", stream: "no-such-stream" },
  ]);
});

describe("with keys", () => {
  const account = "000000000000";
  const keys = keysOf([
    {
      accessKeyId: "prometheus",
      account,
      allow: [{ actions: ["millrace:GetStats"], streams: ["*"] }],
    },
    {
      accessKeyId: "orders",
      account,
      allow: [{ actions: ["millrace:GetStats"], streams: ["orders-*"] }],
    },
    { accessKeyId: "app", account, allow: [{ actions: ["kinesis:*", "v3io:*"], streams: ["*"] }] },
  ]);

  test.each<[who: string, headers: Record<string, string>, status: number, ofStream: number]>([
    ["nobody", {}, 403, 403],
    ["a stranger", { "x-v3io-session-key": "?" }, 403, 403],
    ["who may do everything else", as("app"), 403, 403],
    ["who may", as("prometheus"), 200, 200],
    ["who may for other streams", as("orders"), 403, 403],
  ])("%s", async (_, headers, status, ofStream) => {
    const stream = await createStream();
    expect((await ask("/metrics", headers, keys)).status).toBe(status);
    expect((await ask(`/metrics?stream=${stream}`, headers, keys)).status).toBe(ofStream);
  });
});

function as(accessKeyId: string): Record<string, string> {
  return { "x-v3io-session-key": sessionKeyOf(accessKeyId) };
}

async function ask(path: string, headers: Record<string, string>, access: Partial<Env>) {
  const { MILLRACE_ACCESS: _, ...others } = env;
  const request = new Request(`http://localhost${path}`, { headers });
  const ctx = { exports, waitUntil: () => {} } as unknown as ExecutionContext;
  return await edge.fetch(
    request as Parameters<typeof edge.fetch>[0],
    { ...others, ...access },
    ctx,
  );
}

/** A name that nobody knows, in every dialect. */
async function callMadeUp(name: string): Promise<void> {
  await kinesis(name, {});
  await v3io(name, "a", {});
  await yandex(name, {});
  await send(`/_${name}`);
  await send("/", { method: "POST", headers: { "x-amz-target": `DynamoDB_20120810.${name}` } });
}
