// Rounds of a cluster under load: writers of three dialects, an instance killed or stopped in each
// round and started again, the stream resharded meanwhile. `CLUSTER_ROUNDS=30` for more of them.
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { Random } from "../engine/random.ts";
import { postUnsigned } from "../support/unsignedPost.ts";
import { startCluster } from "./cluster.ts";
import { patience } from "../support/patience.ts";
import type { Server } from "./server.ts";

const rounds = Number(process.env["CLUSTER_ROUNDS"] ?? 2);
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const writerCount = 16;
/** What is acknowledged at least before each stop and kill. */
const recordsOfRound = 50;
const stream = "rounds";

/** Puts one record; resolves with true if it was acknowledged. Nothing is tried twice. */
type Put = (endpoint: string, key: string, text: string) => Promise<boolean>;

const puts: readonly Put[] = [
  async (endpoint, PartitionKey, text) => {
    const body = { StreamName: stream, PartitionKey, Data: Buffer.from(text).toString("base64") };
    return (await postUnsigned(endpoint, "PutRecord", body)).ok;
  },
  async (endpoint, PartitionKey, text) => {
    const body = { StreamName: stream, PartitionKey, Data: Buffer.from(text).toString("base64") };
    return (await postUnsigned(`${endpoint}/Root`, "PutRecord", body, "ru-central1")).ok;
  },
  async (endpoint, PartitionKey, text) => {
    const Data = Buffer.from(text).toString("base64");
    const reply = await fetch(`${endpoint}/bigdata/${stream}/`, {
      method: "PUT",
      headers: { "x-v3io-function": "PutRecords", "x-v3io-session-key": "local" },
      body: JSON.stringify({ Records: [{ Data, PartitionKey }] }),
    });
    if (!reply.ok) return false;
    const { FailedRecordCount }: { FailedRecordCount: number } = await reply.json();
    return FailedRecordCount === 0;
  },
];

function clientOf({ endpoint }: Server): KinesisClient {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}

it(
  `nothing acknowledged is lost, doubled or out of order in ${rounds} rounds (seed ${seed})`,
  { timeout: 60_000 * (rounds + 2) },
  async () => {
    await using cluster = await startCluster();
    const runMs = 60_000 * (rounds + 2);
    const random = new Random(seed);
    const servers = [
      await cluster.start({ runMs }),
      await cluster.start({ runMs }),
      await cluster.start({ runMs }),
    ];
    await clientOf(servers[0]!).send(
      new CreateStreamCommand({ StreamName: stream, ShardCount: 2 }),
    );
    const over = new AbortController();
    const acknowledged: string[] = [];
    const write = async (writer: number) => {
      const put = puts[writer % puts.length]!;
      for (let i = 0; !over.signal.aborted; i++) {
        const text = `${writer}:${i}`;
        const { endpoint } = servers[i % servers.length]!;
        // An instance that is just being started refuses connections.
        const isThere = await put(endpoint, `writer ${writer}`, text).catch(() => false);
        if (isThere) acknowledged.push(text);
        else await delay(20);
      }
    };
    const writers = Array.from({ length: writerCount }, (_, i) => write(i));
    for (let round = 0; round < rounds; round++) {
      const victim = random.below(servers.length);
      const survivor = servers[(victim + 1) % servers.length]!;
      const enough = acknowledged.length + recordsOfRound;
      await vi.waitUntil(() => acknowledged.length > enough, patience);
      const resharding = clientOf(survivor)
        .send(
          new UpdateShardCountCommand({
            StreamName: stream,
            TargetShardCount: 2 + (round % 3),
            ScalingType: "UNIFORM_SCALING",
          }),
        )
        // Refused while the change of the round before goes on.
        .catch(() => undefined);
      const server = servers[victim]!;
      await (random.below(2) === 0 ? server.kill9() : server.stop());
      servers[victim] = await cluster.start({ runMs });
      await resharding;
    }
    over.abort();
    await Promise.all(writers);
    const read = await readAll(clientOf(servers[0]!));
    const counts = new Map<string, number>();
    for (const text of read.flat()) counts.set(text, (counts.get(text) ?? 0) + 1);
    expect(acknowledged.filter((text) => !counts.has(text))).toEqual([]);
    expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
    expect(read.flatMap(outOfOrder)).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(rounds * recordsOfRound);
    console.log(`${acknowledged.length} records acknowledged in ${rounds} rounds`);
  },
);

/** The texts of each shard, in order. */
async function readAll(client: KinesisClient): Promise<string[][]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
  return await Promise.all(
    Shards.map(async ({ ShardId }) => {
      const first = { StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" as const };
      let { ShardIterator } = await client.send(new GetShardIteratorCommand(first));
      const texts: string[] = [];
      while (ShardIterator !== undefined) {
        const page = await client.send(new GetRecordsCommand({ ShardIterator }));
        for (const { Data } of page.Records ?? []) texts.push(new TextDecoder().decode(Data));
        if (page.MillisBehindLatest === 0 && page.Records?.length === 0) break;
        ShardIterator = page.NextShardIterator;
      }
      return texts;
    }),
  );
}

/** Records of a writer that come before an earlier one of it. */
function outOfOrder(texts: readonly string[]): string[] {
  const last = new Map<string, number>();
  return texts.filter((text) => {
    const [writer = "", number = ""] = text.split(":");
    const isLate = Number(number) <= (last.get(writer) ?? -1);
    last.set(writer, Number(number));
    return isLate;
  });
}
