// A cluster under load by the AWS SDK with its default retries, behind a load balancer: instances are
// restarted one after the other, and the bucket is away for a while. In the suite one instance is restarted,
// with leases that run ten times as fast as usual, and the second test is left out, because cluster.test.ts has
// it without load. All of it, with real leases:
// `CLUSTER_DIVISOR=1 CLUSTER_RESTARTS=3 CLUSTER_AWAY_MS=20000 npx vitest run test/e2e/clusterLoad.test.ts`
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  PutRecordCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { startBalancer } from "./balancer.ts";
import { startCluster } from "./cluster.ts";
import { connect, shardIdAt } from "./sdk.ts";
import { patience } from "../support/patience.ts";

const divisor = Number(process.env["CLUSTER_DIVISOR"] ?? 10);
const restarts = Number(process.env["CLUSTER_RESTARTS"] ?? 1);
const awayMs = Number(process.env["CLUSTER_AWAY_MS"] ?? 0);
const runMs = 200_000;
const env = { MILLRACE_CLUSTER_TIME_DIVISOR: String(divisor) };
const shardCount = 4;
const writerCount = 12;
const StreamName = "load";

/** Writers that put their numbers, one after the other, until they are told to end. */
class Load implements Disposable {
  readonly acknowledged: { text: string; atMs: number }[] = [];
  readonly errors: string[] = [];
  /** What was sent more than once, and may be there more than once. */
  private readonly repeated = new Set<string>();
  private readonly clients: KinesisClient[];
  private readonly over = new AbortController();
  private readonly writers: Promise<void>[] = [];

  /** Over both transports of the SDK. */
  constructor(endpoint: string) {
    const http1 = { requestHandler: new NodeHttpHandler() };
    this.clients = [connect(endpoint), connect(endpoint, http1)];
  }

  async begin(): Promise<void> {
    const [client] = this.clients;
    await client!.send(new CreateStreamCommand({ StreamName, ShardCount: shardCount }));
    for (let i = 0; i < writerCount; i++) this.writers.push(this.write(i));
    await vi.waitUntil(() => this.acknowledged.length >= writerCount, patience);
  }

  /** Resolves when so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.length + count;
    await vi.waitUntil(() => this.acknowledged.length >= enough, patience);
  }

  /** Ends the writers, and expects that what was acknowledged is there once and in order. */
  async expectAllThere(): Promise<void> {
    this.over.abort();
    await Promise.all(this.writers);
    const texts: string[] = [];
    for (let i = 0; i < shardCount; i++) texts.push(...(await this.readShard(i)));
    const there = new Set(texts);
    expect(this.acknowledged.filter(({ text }) => !there.has(text))).toEqual([]);
    const once = texts.filter((text) => !this.repeated.has(text));
    expect(once.length).toBe(new Set(once).size);
    for (let i = 0; i < writerCount; i++) {
      const own = once.filter((text) => text.startsWith(`${i}:`)).map((text) => text.split(":")[1]);
      expect(own).toEqual(own.toSorted((a, b) => Number(a) - Number(b)));
    }
  }

  [Symbol.dispose](): void {
    this.over.abort();
    for (const client of this.clients) client.destroy();
  }

  private async write(writer: number): Promise<void> {
    const client = this.clients[writer % this.clients.length]!;
    for (let i = 0; !this.over.signal.aborted; i++) {
      const text = `${writer}:${i}`;
      const Data = Buffer.from(text);
      try {
        const { $metadata } = await client.send(
          new PutRecordCommand({ StreamName, PartitionKey: `writer ${writer}`, Data }),
        );
        if ($metadata.attempts !== 1) this.repeated.add(text);
        this.acknowledged.push({ text, atMs: performance.now() });
      } catch (error) {
        this.errors.push(String(error));
        this.repeated.add(text);
        await delay(50);
      }
    }
  }

  private async readShard(index: number): Promise<string[]> {
    const client = this.clients[0]!;
    const ShardId = shardIdAt(index);
    let { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
    );
    const texts: string[] = [];
    for (;;) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator }));
      for (const { Data = "" } of page.Records ?? []) texts.push(Buffer.from(Data).toString());
      if (page.MillisBehindLatest === 0 && page.Records?.length === 0) return texts;
      ShardIterator = page.NextShardIterator;
    }
  }
}

async function startThree() {
  const cluster = await startCluster();
  const servers = await Promise.all([0, 1, 2].map(() => cluster.start({ runMs, env })));
  const balancer = await startBalancer(servers);
  return {
    cluster,
    servers,
    balancer,
    async [Symbol.asyncDispose]() {
      await balancer[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

test(
  `a rolling restart of ${restarts} of three instances shows no error to the AWS SDK`,
  { timeout: runMs },
  async () => {
    await using three = await startThree();
    const { cluster, servers, balancer } = three;
    using load = new Load(balancer.endpoint);
    await load.begin();
    for (const [i, server] of [...servers.entries()].slice(0, restarts)) {
      await server.stop();
      const port = Number(new URL(server.endpoint).port);
      servers[i] = await cluster.start({ runMs, env, port });
      await vi.waitUntil(() => balancer.isUp[i] === true, patience);
    }
    await load.more(writerCount);
    expect(load.errors).toEqual([]);
    await load.expectAllThere();
  },
);

test.skipIf(awayMs === 0)(
  "nothing is acknowledged while the bucket is away (CLUSTER_AWAY_MS), and all is right afterwards",
  { timeout: runMs },
  async () => {
    await using three = await startThree();
    const { cluster, balancer } = three;
    using load = new Load(balancer.endpoint);
    await load.begin();
    cluster.s3.isStopped = true;
    // Replies to writes of before are still on their way.
    await delay(200);
    const beganMs = performance.now();
    await delay(awayMs);
    const endedMs = performance.now();
    expect(load.acknowledged.filter(({ atMs }) => atMs > beganMs && atMs < endedMs)).toEqual([]);
    cluster.s3.resume();
    await load.more(writerCount);
    console.log(`acknowledged again after ${(performance.now() - endedMs).toFixed(0)} ms`);
    await load.expectAllThere();
  },
);
