// Several instances over one bucket: they serve the same streams, and go on when one of them stops
// or is killed.
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
} from "@aws-sdk/client-kinesis";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { startCluster } from "./cluster.ts";
import { runToEnd, type Server } from "./server.ts";
import { patience } from "../support/patience.ts";

function clientOf({ endpoint }: Server): KinesisClient {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}

async function put(client: KinesisClient, StreamName: string, text: string): Promise<void> {
  const Data = new TextEncoder().encode(text);
  await client.send(new PutRecordCommand({ StreamName, PartitionKey: text, Data }));
}

/** The data of all records of the only shard, in order. */
async function readAll(client: KinesisClient, StreamName: string): Promise<string[]> {
  const first = new GetShardIteratorCommand({
    StreamName,
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  let { ShardIterator } = await client.send(first);
  const texts: string[] = [];
  for (;;) {
    const page = await client.send(new GetRecordsCommand({ ShardIterator }));
    for (const { Data } of page.Records ?? []) texts.push(new TextDecoder().decode(Data));
    if (page.MillisBehindLatest === 0) return texts;
    ShardIterator = page.NextShardIterator;
  }
}

async function untilHealthy({ endpoint }: Server): Promise<void> {
  for (;;) {
    const status = await fetch(`${endpoint}/_millrace/health`).then(
      (reply) => reply.status,
      () => 0,
    );
    if (status === 200) return;
    await delay(50);
  }
}

/** What it says when it is healthy no more. */
async function untilUnhealthy({ endpoint }: Server): Promise<string> {
  const asked = await vi.waitUntil(
    async () => {
      const reply = await fetch(`${endpoint}/_millrace/health`);
      return reply.status === 503 && reply;
    },
    { ...patience, interval: 20 },
  );
  expect(asked.headers.get("retry-after")).toBe("1");
  return await asked.text();
}

describe("a cluster", () => {
  it("serves the same stream through each instance, as one log", async () => {
    await using cluster = await startCluster();
    const servers = [await cluster.start(), await cluster.start()];
    const [a, b] = servers.map(clientOf) as [KinesisClient, KinesisClient];
    await a.send(new CreateStreamCommand({ StreamName: "shared", ShardCount: 1 }));
    const { StreamDescriptionSummary } = await b.send(
      new DescribeStreamSummaryCommand({ StreamName: "shared" }),
    );
    expect(StreamDescriptionSummary?.StreamStatus).toBe("ACTIVE");
    const texts = Array.from({ length: 8 }, (_, i) => `record ${i}`);
    for (const [i, text] of texts.entries()) await put(i % 2 === 0 ? a : b, "shared", text);
    expect(await readAll(a, "shared")).toEqual(texts);
    expect(await readAll(b, "shared")).toEqual(texts);
    // An object may go on in another instance, so each reader asks it.
    for (const { endpoint } of servers) {
      const reply = await fetch(`${endpoint}/_millrace/stats`);
      const { isolate }: { isolate: { reads: object } } = await reply.json();
      expect(isolate.reads).toMatchObject({ shardPages: 1, nextDoorPages: 0 });
    }
  });

  it("goes on with delay alone when the instance that has the stream is killed", async () => {
    await using cluster = await startCluster();
    const owner = await cluster.start();
    const [a, b] = [clientOf(owner), clientOf(await cluster.start())];
    await a.send(new CreateStreamCommand({ StreamName: "moved", ShardCount: 1 }));
    await put(a, "moved", "before");
    await owner.kill9();
    await put(b, "moved", "after");
    expect(await readAll(b, "moved")).toEqual(["before", "after"]);
  });

  it("is not emptied", async () => {
    await using cluster = await startCluster();
    const { endpoint } = await cluster.start();
    const reply = await fetch(`${endpoint}/_millrace/reset`, { method: "POST" });
    expect([reply.status, await reply.text()]).toEqual([
      403,
      expect.stringContaining("A cluster is not emptied"),
    ]);
  });

  it("hands its streams over when it is stopped, without an error", async () => {
    await using cluster = await startCluster();
    const owner = await cluster.start();
    const [a, b] = [clientOf(owner), clientOf(await cluster.start())];
    await a.send(new CreateStreamCommand({ StreamName: "handed", ShardCount: 1 }));
    // The owner's front has its WebSocket open.
    await put(a, "handed", "first");
    const texts = ["first"];
    const stopped = new AbortController();
    const write = async () => {
      for (let i = 0; i < 20 || !stopped.signal.aborted; i++) {
        await put(b, "handed", `record ${i}`);
        texts.push(`record ${i}`);
      }
    };
    const ending = owner.stop().finally(() => stopped.abort());
    const told = untilUnhealthy(owner);
    const [{ stderr }] = await Promise.all([ending, write()]);
    expect(await told).toContain("this instance stops");
    // workerd would say so if it had to wait for something until its time is over.
    expect(stderr).not.toContain("in flight");
    expect(await readAll(b, "handed")).toEqual(texts);
  });

  it("acknowledges nothing while the bucket does not answer, and goes on afterwards", async () => {
    await using cluster = await startCluster();
    const client = clientOf(await cluster.start());
    await client.send(new CreateStreamCommand({ StreamName: "waits", ShardCount: 1 }));
    await put(client, "waits", "before");
    cluster.s3.isStopped = true;
    let isAcknowledged = false;
    const putting = put(client, "waits", "meanwhile").then(() => (isAcknowledged = true));
    await client.send(new DescribeStreamSummaryCommand({ StreamName: "waits" }));
    expect(isAcknowledged).toBe(false);
    cluster.s3.resume();
    await putting;
    expect(await readAll(client, "waits")).toEqual(["before", "meanwhile"]);
  });

  it("comes back by itself after the bucket was away for longer than a lease", async () => {
    await using cluster = await startCluster();
    const server = await cluster.start();
    const client = clientOf(server);
    await client.send(new CreateStreamCommand({ StreamName: "away", ShardCount: 1 }));
    await put(client, "away", "before");
    cluster.s3.isStopped = true;
    await server.untilStderr(/workerd crashed unexpectedly and is being restarted/);
    expect(await untilUnhealthy(server)).toMatch(/the bucket .*does not answer/);
    cluster.s3.resume();
    await untilHealthy(server);
    await server.untilStderr(/does not answer.*: nothing is acknowledged until it answers/);
    await server.untilStderr(/the bucket mill at .* answers again/);
    const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
    expect(metrics).toContain("millrace_cluster_bucket_there 1\n");
    expect(metrics).toContain("millrace_cluster_bucket_losses_total 1\n");
    await put(client, "away", "after");
    expect(await readAll(client, "away")).toEqual(["before", "after"]);
  });

  it("an instance that was frozen while another took its stream over changes nothing", async () => {
    await using cluster = await startCluster();
    const owner = await cluster.start();
    const [a, b] = [clientOf(owner), clientOf(await cluster.start())];
    await a.send(new CreateStreamCommand({ StreamName: "frozen", ShardCount: 1 }));
    await put(a, "frozen", "one");
    // The other instance has a connection to the owner: a call that is under way on it gets no answer.
    expect(await readAll(b, "frozen")).toEqual(["one"]);
    const [runtime = 0] = owner.workerdPids;
    process.kill(runtime, "SIGSTOP");
    // It is on its way to the frozen owner when the other instance takes over.
    const late = put(a, "frozen", "late").then(
      () => true,
      () => false,
    );
    await put(b, "frozen", "two");
    process.kill(runtime, "SIGCONT");
    const isLateThere = await late;
    await put(b, "frozen", "three");
    const texts = await readAll(b, "frozen");
    expect(texts.filter((text) => text !== "late")).toEqual(["one", "two", "three"]);
    expect(texts.filter((text) => text === "late").length).toBeLessThanOrEqual(1);
    if (isLateThere) expect(texts).toContain("late");
    await untilHealthy(owner);
    expect(await readAll(a, "frozen")).toEqual(texts);
  });

  it.each([
    ["ignored", "ignores If-None-Match of a write"],
    ["refused", "refuses a write with If-None-Match (501)"],
  ] as const)("a bucket whose conditions are %s is refused at start", async (conditions, text) => {
    await using cluster = await startCluster();
    cluster.s3.conditions = conditions;
    await expect(cluster.start()).rejects.toThrow(text);
  });

  it.each([
    [["--cluster", "bucket"], "--cluster bucket is no bucket: pass one such as s3://bucket/prefix"],
    [["--cluster", "s3://mill"], "--cluster-address is missing"],
    [
      ["--cluster", "s3://mill", "--cluster-address", "0.0.0.0:4600"],
      "tell by --cluster-advertise where the others reach it",
    ],
    [
      ["--cluster", "s3://mill", "--cluster-address", "10.0.0.1:4600"],
      "--cluster needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    ],
    [["--cluster-key", "file"], "--cluster-key needs --cluster with the bucket"],
  ])("%j is refused with one line", async (flags, text) => {
    const env = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
    const { exitCode, stderr } = await runToEnd(["start", ...flags], env);
    expect({ exitCode, lines: stderr.trim().split("\n").length }).toEqual({
      exitCode: 2,
      lines: 1,
    });
    expect(stderr).toContain(text);
  });
});
