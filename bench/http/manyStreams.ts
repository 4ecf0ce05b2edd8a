// Many small streams of Durable Streams on one server: how fast they are created and how many bytes each takes, before it
// is used and after; how long one takes to be opened after a restart, and what an append and a read cost then.
// Run by itself: `npx node bench/http/manyStreams.ts --streams 100000 [--data DIR]`; a small size runs as a test.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "../../test/e2e/server.ts";
import { readFlags } from "../tools/flags.ts";
import { readCpuMs } from "../tools/cpu.ts";
import { readMegabytes } from "../tools/memory.ts";
import { quantile } from "../tools/load.ts";
import { makeDataFolder } from "../tools/process.ts";

interface Result {
  streams: number;
  createdPerSecond: number;
  /** Processor time of the server for each. */
  createCpuMs: number | undefined;
  /** On disk after a stop: of a stream with one message that nobody has used. */
  bytesPerStream: number;
  /** Until a server with all of them listens again. */
  startMs: number;
  /** The first read of streams after that, milliseconds each. */
  openMs: Quantiles;
  /** Later reads and appends of the same streams. */
  readMs: Quantiles;
  appendMs: Quantiles;
  /** What the use of a stream adds on disk. */
  bytesPerUsedStream: number;
  /** The server's memory with all streams created, and after the restart and what followed. */
  createdMegabytes: number | undefined;
  usedMegabytes: number | undefined;
  /** Of all records that were read, to show that they were. */
  readBytes: number;
}

interface Quantiles {
  p50: number;
  p99: number;
}

const connections = 16;
const sampled = 500;
const message = JSON.stringify({ role: "user", text: "x".repeat(200) });
const headers = { "content-type": "application/json" };
const runMs = 3_600_000;

export async function measureManyStreams(streams: number, parent?: string): Promise<Result> {
  using folder = makeDataFolder(parent);
  const data = folder.path;
  let server = await startServer({ data, runMs });
  const pids = () => [server.pid, ...server.workerdPids];
  const urlOf = (i: number) => `${server.endpoint}/v1/stream/conversation-${i}`;
  const [startedMs, startCpuMs] = [performance.now(), readCpuMs(pids())];
  await each(streams, async (i) => {
    await request(urlOf(i), { method: "PUT", headers, body: message });
  });
  const createdPerSecond = (streams * 1000) / (performance.now() - startedMs);
  const endCpuMs = readCpuMs(pids());
  const isKnown = startCpuMs !== undefined && endCpuMs !== undefined;
  const createCpuMs = isKnown ? (endCpuMs - startCpuMs) / streams : undefined;
  const createdMegabytes = readMegabytes(server.workerdPids);
  await server.stop();
  const createdBytes = bytesOf(data);
  const restartedMs = performance.now();
  server = await startServer({ data, runMs });
  const startMs = performance.now() - restartedMs;
  const step = Math.max(Math.floor(streams / sampled), 1);
  const count = Math.floor(streams / step);
  let readBytes = 0;
  const read = async (i: number) => {
    readBytes += (await request(urlOf(i * step), {})).length;
  };
  const openMs = await timed(count, read);
  const readMs = await timed(count, read);
  const appendMs = await timed(count, async (i) => {
    await request(urlOf(i * step), { method: "POST", headers, body: message });
  });
  const usedMegabytes = readMegabytes(server.workerdPids);
  await server.stop();
  return {
    streams,
    createdPerSecond,
    createCpuMs,
    bytesPerStream: createdBytes / streams,
    startMs,
    openMs,
    readMs,
    appendMs,
    bytesPerUsedStream: (bytesOf(data) - createdBytes) / count,
    createdMegabytes,
    usedMegabytes,
    readBytes,
  };
}

async function request(url: string, init: RequestInit): Promise<string> {
  const reply = await fetch(url, init);
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${text}`);
  return text;
}

/** Runs `work` for all numbers below `count`, several at once. */
async function each(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const workers = Array.from({ length: connections }, async () => {
    while (next < count) await work(next++);
  });
  await Promise.all(workers);
}

async function timed(count: number, work: (i: number) => Promise<void>): Promise<Quantiles> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await work(i);
    times.push(performance.now() - startMs);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

function bytesOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return bytes;
}

if (import.meta.main) {
  const { streams, data } = readFlags("bench/http/manyStreams.ts", {
    streams: { otherwise: 2000, min: 1, max: 1e7, what: "streams to create" },
    data: { form: "PATH", what: "folder for the server's data, on a disk" },
  });
  console.log(await measureManyStreams(streams, data));
}
