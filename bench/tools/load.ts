// Closed-loop load: a number of workers, each of which starts its next exchange when the last one
// is answered, for a given time. The load defines what an exchange is; this file counts and
// measures. Loads take turns, round after round, so that a slow moment of the machine affects all
// of them. Results are the median over the rounds, and percentiles over all exchanges.

import { readCpuMs } from "./cpu.ts";

/** What one exchange transferred. */
export interface Moved {
  records: number;
  /** Bytes of record data. */
  dataBytes: number;
  /** Where the time that counts is not that of the exchange. */
  latencyMs?: number;
}

/** One exchange; it throws when the answer is not what it should be. */
export type Worker = () => Promise<Moved>;

export interface LoadName {
  /** Unique among the loads of a run. */
  id: string;
  group: string;
  title: string;
  recordBytes: number;
  connections: number;
}

export interface Load extends LoadName {
  /** An exchange is long, and its first time is the one that counts. */
  cold?: boolean;
  /** The stream whose records its exchanges add. */
  puts?: string;
  /** Connects; it is closed after each round. */
  open(): Promise<Running>;
  /** Counters of the server, read before and after each round. */
  observe?: () => Promise<Record<string, number>>;
  /** Processes of the server. */
  pids?: readonly number[];
}

export interface Running {
  /** One for each connection. */
  workers: Worker[];
  close: () => Promise<void>;
}

export interface Effort {
  /** Unmeasured, before each round. */
  warmMs: number;
  roundMs: number;
  rounds: number;
  /** When this has passed, no round is begun any more, except the first. */
  totalMsMax: number;
}

/** One round of a load. */
interface Round {
  elapsedMs: number;
  exchanges: number;
  records: number;
  dataBytes: number;
  latenciesMs: number[];
  /** How far the server's counters went. */
  observed: Record<string, number>;
  serverCpuMs: number;
  ownCpuMs: number;
}

export interface Summary extends LoadName {
  requestsPerSecond: number;
  recordsPerSecond: number;
  /** Of record data. */
  megabytesPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Half the distance between the quartiles of the rounds, in parts of the median. */
  spread: number;
  rounds: number;
  exchanges: number;
  observed: Record<string, number>;
  /** Processor time of the server for one exchange; absent where it is not known. */
  serverCpuMs?: number;
  /** The part of one core that making the load took. */
  ownLoad: number;
}

/** The loads' summaries, in order. `progress` is told what runs and how much is done. */
export async function measureLoads(
  loads: readonly Load[],
  { warmMs, roundMs, rounds, totalMsMax }: Effort,
  progress: (what: string, part: number) => void,
): Promise<Summary[]> {
  const measured = loads.map((): Round[] => []);
  const endMs = performance.now() + totalMsMax;
  for (let round = 0; round < rounds; round++)
    for (const [i, load] of loads.entries()) {
      if (round > 0 && performance.now() > endMs) break;
      progress(load.id, (round + i / loads.length) / rounds);
      // A load whose exchanges take longer than a round is warm after its first, and has enough of
      // them after its second.
      const taken = measured[i]!;
      const isSlow = (taken.at(-1)?.elapsedMs ?? 0) > roundMs * 4;
      if (isSlow && taken.length > 1) continue;
      taken.push(await measureRound(load, isSlow ? undefined : warmMs, roundMs));
    }
  return loads.map((load, i) => summarise(load, measured[i]!));
}

async function measureRound(
  load: Load,
  warmMs: number | undefined,
  roundMs: number,
): Promise<Round> {
  const { workers, close } = await load.open();
  try {
    if (warmMs !== undefined && load.cold !== true) await runRound(workers, warmMs);
    const before = (await load.observe?.()) ?? {};
    const cpuMs = readCpuMs(load.pids ?? []);
    const own = process.cpuUsage();
    const round = await runRound(workers, roundMs);
    const { user, system } = process.cpuUsage(own);
    round.ownCpuMs = (user + system) / 1000;
    round.serverCpuMs = (readCpuMs(load.pids ?? []) ?? NaN) - (cpuMs ?? NaN);
    const after = (await load.observe?.()) ?? {};
    for (const name in after) round.observed[name] = after[name]! - (before[name] ?? 0);
    return round;
  } finally {
    await close();
  }
}

/** Runs the workers side by side until `forMs` have passed; each finishes what it has begun. */
async function runRound(workers: readonly Worker[], forMs: number): Promise<Round> {
  const none = { elapsedMs: 0, exchanges: 0, records: 0, dataBytes: 0 };
  const cpu = { serverCpuMs: NaN, ownCpuMs: NaN };
  const round: Round = { ...none, ...cpu, latenciesMs: [], observed: {} };
  const startMs = performance.now();
  const endMs = startMs + forMs;
  await Promise.all(workers.map((worker) => runWorker(worker, endMs, round)));
  round.elapsedMs = performance.now() - startMs;
  return round;
}

async function runWorker(worker: Worker, endMs: number, round: Round): Promise<void> {
  let nowMs = performance.now();
  do {
    const { records, dataBytes, latencyMs } = await worker();
    const doneMs = performance.now();
    round.latenciesMs.push(latencyMs ?? doneMs - nowMs);
    round.exchanges++;
    round.records += records;
    round.dataBytes += dataBytes;
    nowMs = doneMs;
  } while (nowMs < endMs);
}

function summarise(load: LoadName, rounds: readonly Round[]): Summary {
  const { id, group, title, recordBytes, connections } = load;
  const rates = rounds.map(({ exchanges, elapsedMs }) => (exchanges / elapsedMs) * 1000);
  const perSecond = (of: (round: Round) => number): number =>
    quantile(
      rounds.map((round) => (of(round) / round.elapsedMs) * 1000),
      0.5,
    );
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs);
  const sum = (of: (round: Round) => number): number =>
    rounds.reduce((total, round) => total + of(round), 0);
  const cpuMs = sum(({ serverCpuMs }) => serverCpuMs);
  return {
    id,
    group,
    title,
    recordBytes,
    connections,
    requestsPerSecond: quantile(rates, 0.5),
    recordsPerSecond: perSecond(({ records }) => records),
    megabytesPerSecond: perSecond(({ dataBytes }) => dataBytes) / 1e6,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    spread: (quantile(rates, 0.75) - quantile(rates, 0.25)) / 2 / quantile(rates, 0.5),
    rounds: rounds.length,
    exchanges: latencies.length,
    observed: addUp(rounds.map(({ observed }) => observed)),
    ...(cpuMs > 0 && { serverCpuMs: cpuMs / latencies.length }),
    ownLoad: sum(({ ownCpuMs }) => ownCpuMs) / sum(({ elapsedMs }) => elapsedMs),
  };
}

function addUp(counters: readonly Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const each of counters)
    for (const [name, value] of Object.entries(each)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

/** The value below which a part of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * part))] ?? NaN;
}
