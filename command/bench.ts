/**
 * `millrace bench`: what this machine gets from a service: rates and latencies of single puts,
 * batches, pages and polls. A small measurement of one client. It makes a stream of its own and
 * deletes it at the end; the figures say how many rounds they are of, and what the client took.
 */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { measureLoads, type Summary } from "../bench/tools/load.ts";
import { findOtherWork } from "../bench/tools/machine.ts";
import { formatBytes, formatNumber, formatSpread } from "../bench/report/textTable.ts";
import { isLoopback } from "../worker/http/hosts.ts";
import { Failure } from "../local/failure.ts";
import { BenchLoads } from "./measuring/loads.ts";
import { parseCount } from "./number.ts";
import { openClient, type KinesisClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { listShards } from "./stream/shard.ts";
import { untilActive } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { formatTable, print, printJson } from "./terminal/output.ts";
import { Progress } from "./terminal/progress.ts";
import { programName } from "./version.ts";

interface BenchFlags extends ServiceFlags {
  seconds: string;
  connections: string;
  recordBytes: string;
  shards: string;
  yes?: boolean;
  json?: boolean;
}

const rounds = 5;
const warmMs = 50;

export function bench(command: Command): void {
  command
    .usage("[flags]")
    .option("--seconds <count>", "time measured, in all", "15")
    .option("--connections <count>", "connections of the wide loads", "16")
    .option("--record-bytes <count>", "data of a record", "1024")
    .option("--shards <count>", "shards of the stream that is made", "1")
    .option("--yes", "make the stream at Amazon, which bills it")
    .option("--json", "one object of JSON");
  addServiceFlags(command).action(benchCommand);
  addExamples(command, [
    [`${programName} bench`, "the server on this machine"],
    [`${programName} bench --endpoint https://stream.example.com --seconds 60`, "a deployed one"],
    [`${programName} bench --endpoint aws --region eu-west-1 --yes --json`, "Amazon Kinesis"],
  ]);
}

async function benchCommand(flags: BenchFlags): Promise<void> {
  const seconds = parseCount("--seconds", flags.seconds, 1, 3600);
  const connections = parseCount("--connections", flags.connections, 1, 256);
  const recordBytes = parseCount("--record-bytes", flags.recordBytes, 1, 1_000_000);
  const shards = parseCount("--shards", flags.shards, 1, 100);
  const client = openClient(flags);
  const host = new URL(client.endpoint).hostname;
  if (host.endsWith(".amazonaws.com") && flags.yes !== true) {
    throw new Failure(`${host} bills the stream and its requests: pass --yes to measure it`, 2);
  }
  const warning = await findOtherWork();
  if (warning !== undefined) console.error(warning);
  const stream = `millrace-bench-${randomUUID().slice(0, 8)}`;
  const signal = onInterrupt();
  const progress = new Progress();
  progress.show(() => `making ${stream}`);
  await client.call("CreateStream", { StreamName: stream, ShardCount: shards });
  try {
    await untilActive(client, stream);
    const plan = {
      stream,
      shards: await listShards(client, stream),
      recordBytes,
      connections,
      signal,
    };
    const loads = new BenchLoads(client, plan);
    await loads.fill();
    const list = loads.list();
    const roundMs = (seconds * 1000) / rounds / list.length;
    const effort = { warmMs, roundMs, rounds, totalMsMax: seconds * 2000 };
    const summaries = await measureLoads(list, effort, (what, part) =>
      progress.show(() => `${Math.round(part * 100)}%  ${what}`),
    );
    progress.end();
    if (flags.json === true) await printJson(jsonOf(client, summaries, loads.refused));
    else await printReport(client, summaries, loads.refused);
  } catch (error) {
    progress.end();
    throw signal.aborted ? new Failure("interrupted") : error;
  } finally {
    await client.call("DeleteStream", { StreamName: stream, EnforceConsumerDeletion: true });
  }
}

async function printReport(
  client: KinesisClient,
  summaries: readonly Summary[],
  refused: ReadonlyMap<string, number>,
): Promise<void> {
  const head = "load|record|conns|rounds|req/s|rec/s|MB/s|p50 ms|p99 ms|spread|refused|client";
  const rows = summaries.map((row) => [
    row.title,
    formatBytes(row.recordBytes),
    String(row.connections),
    String(row.rounds),
    formatNumber(row.requestsPerSecond),
    formatNumber(row.recordsPerSecond),
    formatNumber(row.megabytesPerSecond),
    formatNumber(row.p50Ms),
    formatNumber(row.p99Ms),
    formatSpread(row.spread, row.rounds),
    String(refused.get(row.id) ?? 0),
    `${Math.round(row.ownLoad * 100)}%`,
  ]);
  await print(formatTable([head.split("|"), ...rows]));
  await print("");
  await print(`${client.endpoint}; medians over the rounds, percentiles over all requests`);
  await print("client: the part of a core that this program took; near 100% it is the limit");
  if (isLoopback(new URL(client.endpoint).hostname)) {
    await print("the service is on this machine, and shares its processors with the client");
  }
}

function jsonOf(
  client: KinesisClient,
  summaries: readonly Summary[],
  refused: ReadonlyMap<string, number>,
): object {
  const loads = summaries.map((row) => ({
    load: row.title,
    recordBytes: row.recordBytes,
    connections: row.connections,
    rounds: row.rounds,
    requests: row.exchanges,
    requestsPerSecond: row.requestsPerSecond,
    recordsPerSecond: row.recordsPerSecond,
    megabytesPerSecond: row.megabytesPerSecond,
    p50Ms: row.p50Ms,
    p99Ms: row.p99Ms,
    spread: row.rounds > 1 ? row.spread : null,
    refused: refused.get(row.id) ?? 0,
    clientCores: row.ownLoad,
  }));
  return {
    endpoint: client.endpoint,
    ended: new Date().toISOString(),
    node: process.version,
    loads,
  };
}
