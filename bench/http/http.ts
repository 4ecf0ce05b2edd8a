// Measures Millrace over HTTP on one machine: the local server with its data on a disk, and several
// loads in interleaved rounds. First the streams are filled, read back, checked and hashed. At the
// end every acknowledged record must exist. bench/http/loads.ts defines the loads.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fillStreams, listLoads, type Plan } from "./loads.ts";
import { KinesisClient } from "./kinesis.ts";
import { type FloorServer, startFloors } from "../tools/floors.ts";
import { type Effort, type Load, measureLoads } from "../tools/load.ts";
import { makeDataFolder, node, root, type Server, startAndRead } from "../tools/process.ts";
import type { Progress } from "../tools/progress.ts";
import type { HttpBench } from "../report/results.ts";
import { readStats } from "./stats.ts";
import type { Address } from "../tools/wire.ts";

const fullPlan: Plan = { pages: 8, catchUpBytes: 256e6, fillMsMax: 8000, scale: 1 };
const quickPlan: Plan = { pages: 2, catchUpBytes: 2e6, fillMsMax: 8000, scale: 20 };
const rounds = 5;
const warmMs = 40;
/** How much longer than the measured time the whole run may take on a busy machine. */
const patience = 2;

export interface HttpOptions {
  quick: boolean;
  /** Time that is measured, in all. */
  seconds: number;
  dataParent?: string;
}

export async function benchHttp(options: HttpOptions, progress: Progress): Promise<HttpBench> {
  progress("http: starting the server");
  using folder = makeDataFolder(options.dataParent);
  await using server = await startMillrace(folder.path);
  const { address } = server;
  const client = await KinesisClient.open(address);
  progress("http: filling streams");
  const filled = await fillStreams(client, options.quick ? quickPlan : fullPlan);
  const direct = directOf(server);
  await using relay = await startRelay(direct);
  const own = listLoads({ front: address, direct, relay: relay.address }, filled);
  for (const load of own) load.pids = [...server.pids, relay.pid];
  await using floors = await startFloors(options.dataParent);
  const loads = [...own, ...listFloors(floors)];
  const effort = planEffort(options, loads.length);
  const counted = countPuts(loads);
  const rows = await measureLoads(counted.loads, effort, (what, part) =>
    progress(`http: ${Math.round(part * 100)}% ${what}`),
  );
  await checkStored(address, counted.acknowledged);
  client.close();
  return { rows, hash: filled.hash };
}

export function planEffort(options: HttpOptions, loadCount: number): Effort {
  const totalMsMax = options.seconds * 1000 * patience;
  if (options.quick) return { warmMs: 0, roundMs: 0, rounds: 1, totalMsMax };
  const roundMs = (options.seconds * 1000) / rounds / loadCount;
  return { warmMs, roundMs, rounds, totalMsMax };
}

/** What the platform asks for by itself, in the groups of the loads that it stands beside. */
function listFloors(floors: FloorServer): Load[] {
  return [
    floors.load("page", "read", 4),
    floors.load("copy", "read", 4),
    floors.load("worker", "poll", 64),
    floors.load("object", "poll", 1),
    floors.load("message", "poll", 1),
    floors.load("object", "poll", 64),
    floors.load("message", "poll", 64),
    floors.load("batch", "write", 4),
    floors.load("messageBatch", "write", 4),
    floors.load("row", "write", 1),
    floors.load("messageRow", "write", 1),
    floors.load("row", "write", 64),
    floors.load("messageRow", "write", 64),
    floors.load("batch", "shards", 16),
    floors.load("spread", "shards", 16),
    floors.load("messageBatch", "shards", 16),
    floors.load("messageSpread", "shards", 16),
  ];
}

/** The server and the processes it is made of: its front in Node, and workerd. */
export async function startMillrace(
  folder: string,
  endpoint: "endpoint" | "direct" = "endpoint",
  flags: readonly string[] = [],
): Promise<Server & { pids: number[] }> {
  const args = [join(root, "command", "main.ts"), "--port", "0", "--data", folder, ...flags];
  const address = new RegExp(`${endpoint} +(https?:\\S+)[^]*stop`);
  const server = await startAndRead({ program: node, args }, address);
  const owner: unknown = JSON.parse(readFileSync(join(folder, "owner.json"), "utf8"));
  const { pid, runtimePid } = owner as { pid: number; runtimePid: number };
  return { ...server, pids: [pid, runtimePid] };
}

/** The same with --memory; its processes are those that it has started. */
export async function startMillraceInMemory(): Promise<Server & { pids: number[] }> {
  const args = [join(root, "command", "main.ts"), "--port", "0", "--memory"];
  const server = await startAndRead({ program: node, args }, /endpoint +(http:\S+)[^]*stop/);
  const { pid } = server;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return { ...server, pids: [pid, ...children.map(Number)] };
}

/** workerd's own socket, which it prints. */
function directOf(server: Server): Address {
  const { hostname, port } = new URL(/direct +(http:\S+)/.exec(server.output())?.[1] ?? "");
  return { host: hostname, port: Number(port) };
}

function startRelay({ port }: Address): Promise<Server> {
  const args = [join(root, "bench", "http", "bareRelay.ts"), String(port)];
  return startAndRead({ program: node, args }, /(http:\S+) passes/);
}

/** The loads, keeping count of the records that each stream acknowledged. */
function countPuts(loads: readonly Load[]): { loads: Load[]; acknowledged: Map<string, number> } {
  const acknowledged = new Map<string, number>();
  const counted = loads.map((load): Load => {
    const { puts } = load;
    if (puts === undefined) return load;
    const open = async () => {
      const running = await load.open();
      const workers = running.workers.map((worker) => async () => {
        const moved = await worker();
        acknowledged.set(puts, (acknowledged.get(puts) ?? 0) + moved.records);
        return moved;
      });
      return { ...running, workers };
    };
    return { ...load, open };
  });
  return { loads: counted, acknowledged };
}

/** Throws unless each stream has exactly the records that it acknowledged. */
async function checkStored(address: Address, acknowledged: Map<string, number>): Promise<void> {
  for (const [stream, count] of acknowledged) {
    const { shards } = await readStats(address, stream);
    const stored = shards.reduce((sum, { records }) => sum + records, 0);
    if (stored !== count) throw new Error(`${stream}: ${count} acknowledged, ${stored} stored`);
  }
}
