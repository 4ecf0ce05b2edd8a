/**
 * Puts and pages of a cluster with one, two and three instances on this machine, beside one server
 * with its disk: `npx node bench/cluster/cluster.ts [--seconds N] [--connections N]`. The bucket is the test server of S3, in
 * this process, so its latency is that of loopback: what is measured is the cost of the cluster, and
 * how often the bucket is asked. With AWS_ENDPOINT_URL_S3, CLUSTER_BUCKET (s3://bucket/prefix) and keys
 * in the environment another bucket is used, and the requests to it are not counted.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer } from "../../test/e2e/server.ts";
import { postUnsigned } from "../../test/support/unsignedPost.ts";
import { startS3 } from "../../test/support/s3.ts";
import { readFlags } from "../tools/flags.ts";
import { readCpuMs } from "../tools/cpu.ts";
import { printTable } from "../report/textTable.ts";

const { seconds, connections } = readFlags("bench/cluster/cluster.ts", {
  seconds: { otherwise: 8, min: 1, max: 600, what: "time of each measurement" },
  connections: { otherwise: 16, min: 1, max: 1000, what: "clients at once" },
});
const recordBytes = 1024;
const shards = 4;

const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
const key = join(folder, "key");
writeFileSync(key, "a secret of the cluster, for measurements");

interface Outcome {
  setup: string;
  load: string;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  bucketPuts: number | undefined;
  /** Processor time of all processes of the servers for each request. */
  cpuMs: number;
}

interface Run {
  timesMs: number[];
  cpuMs: number;
}

const rows: Outcome[] = [];
try {
  for (const count of [0, 1, 2, 3]) rows.push(...(await measure(count)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printTable({
  title: `${connections} connections, ${shards} shards, ${seconds} s each`,
  columns: [
    "",
    "load",
    "a second",
    "p50 ms",
    "p99 ms",
    "writes to the bucket per request",
    "cpu ms per request",
  ],
  rows: rows.map(({ setup, load, perSecond, p50Ms, p99Ms, bucketPuts, cpuMs }) => [
    setup,
    load,
    perSecond.toFixed(0),
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    bucketPuts === undefined ? "–" : bucketPuts.toFixed(2),
    cpuMs.toFixed(2),
  ]),
});

/** Zero instances: one server with its disk. */
async function measure(count: number): Promise<Outcome[]> {
  await using s3 = await startS3();
  const { AWS_ENDPOINT_URL_S3: endpoint, CLUSTER_BUCKET: bucket = "s3://mill/bench" } = process.env;
  const env = {
    AWS_ENDPOINT_URL_S3: endpoint ?? s3.endpoint,
    AWS_ACCESS_KEY_ID: process.env["AWS_ACCESS_KEY_ID"] ?? "bench",
    AWS_SECRET_ACCESS_KEY: process.env["AWS_SECRET_ACCESS_KEY"] ?? "bench",
  };
  const flags = [
    `--cluster=${bucket}-${count}`,
    `--cluster-key=${key}`,
    "--cluster-address=127.0.0.1:0",
  ];
  const servers: Server[] = [];
  const runMs = 600_000;
  try {
    for (let i = 0; i < Math.max(1, count); i++) {
      servers.push(await startServer(count === 0 ? { runMs } : { flags, env, runMs }));
    }
    const setup = count === 0 ? "one server, its disk" : `cluster of ${count}`;
    const bucketWrites = () => s3.counts.get("PUT object") ?? 0;
    await postUnsigned(servers[0]!.endpoint, "CreateStream", {
      StreamName: "bench",
      ShardCount: shards,
    });
    const Data = Buffer.alloc(recordBytes, "x").toString("base64");
    const before = bucketWrites();
    const puts = await run(servers, (server, i) =>
      postUnsigned(server.endpoint, "PutRecord", {
        StreamName: "bench",
        PartitionKey: `key ${i}`,
        Data,
      }),
    );
    const written = (bucketWrites() - before) / puts.timesMs.length;
    const iterators = await Promise.all(
      Array.from({ length: shards }, async (_, i) => {
        const reply = await postUnsigned(servers[0]!.endpoint, "GetShardIterator", {
          StreamName: "bench",
          ShardId: `shardId-${String(i).padStart(12, "0")}`,
          ShardIteratorType: "TRIM_HORIZON",
        });
        const { ShardIterator }: { ShardIterator: string } = await reply.json();
        return ShardIterator;
      }),
    );
    const pages = await run(servers, (server, i) =>
      postUnsigned(server.endpoint, "GetRecords", {
        ShardIterator: iterators[i % shards],
        Limit: 500,
      }),
    );
    return [
      { ...summary(setup, "put 1 KiB", puts), bucketPuts: count === 0 ? undefined : written },
      { ...summary(setup, "page of 500 KiB", pages), bucketPuts: undefined },
    ];
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

function summary(setup: string, load: string, { timesMs, cpuMs }: Run) {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  const perSecond = sorted.length / seconds;
  return { setup, load, perSecond, p50Ms: at(0.5), p99Ms: at(0.99), cpuMs };
}

/** Connections are spread over the servers. */
async function run(
  servers: readonly Server[],
  ask: (server: Server, i: number) => Promise<Response>,
): Promise<Run> {
  const timesMs: number[] = [];
  const pids = servers.flatMap(({ pid, workerdPids }) => [pid, ...workerdPids]);
  const beforeMs = readCpuMs(pids) ?? NaN;
  const endMs = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      const server = servers[connection % servers.length]!;
      for (let i = connection; performance.now() < endMs; i += connections) {
        const beganMs = performance.now();
        const reply = await ask(server, i);
        await reply.arrayBuffer().catch(() => undefined);
        if (!reply.ok) throw new Error(`${reply.status}`);
        timesMs.push(performance.now() - beganMs);
      }
    }),
  );
  return { timesMs, cpuMs: ((readCpuMs(pids) ?? NaN) - beforeMs) / timesMs.length };
}
