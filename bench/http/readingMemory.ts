// Reads many pages of one shard over several connections at once, and watches the memory of workerd, and of
// the front before it, while it goes on and afterwards, at rest:
// `node bench/http/readingMemory.ts [--pages N] [--connections N] [--limit N] [--way direct] [--root DIR]`. With --root, the
// server of another working copy is measured, so that two of them can take turns.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readFlags } from "../tools/flags.ts";
import { readCpuMs } from "../tools/cpu.ts";
import { KinesisClient, makeRequest } from "./kinesis.ts";
import { makeDataFolder, node, root, startAndRead } from "../tools/process.ts";
import { HttpConnection } from "../tools/wire.ts";

const MB = 1e6;
const recordBytes = 1024;
const recordCount = 10_000;
const stream = "memory";
const restMs = 20_000;

const flags = readFlags("bench/http/readingMemory.ts", {
  pages: { otherwise: 30_000, min: 1, max: 1e7, what: "pages to read" },
  connections: { otherwise: 4, min: 1, max: 1000, what: "readers at once" },
  limit: { otherwise: 1024, min: 1, max: 10_000, what: "records of a page" },
  way: {
    form: "endpoint|direct",
    words: ["endpoint", "direct"],
    otherwise: "endpoint",
    what: "through the front, or to workerd's own socket",
  },
  root: { form: "PATH", otherwise: root, what: "working copy whose server is measured" },
});
const pageCount = flags.pages;
const connectionCount = flags.connections;

using folder = makeDataFolder();
await using server = await startAndRead(
  {
    program: node,
    args: ["command/main.ts", "--port", "0", "--data", folder.path],
    cwd: flags.root,
  },
  new RegExp(`${flags.way} +(\\S+)[^]*stop`),
);
const { address, pid } = server;
const client = await KinesisClient.open(address);
await client.createStream(stream, 1);
await client.fill(stream, recordBytes, recordCount, 500);
const ShardIterator = await client.iterator(stream, 0, "TRIM_HORIZON");
client.close();
const request = makeRequest(address, "GetRecords", { ShardIterator, Limit: flags.limit });

const start = memory();
let peak = start;
let read = 0;
let bodyTotalBytes = 0;
const startMs = performance.now();
const pids = [pid, ...runtimePids()];
const startCpuMs = readCpuMs(pids);
const reader = async (): Promise<void> => {
  const connection = await HttpConnection.open(address);
  while (read < pageCount) {
    read++;
    const { status, bodyBytes } = await connection.exchange(request);
    if (status !== 200) throw new Error(`a page of status ${status}`);
    bodyTotalBytes += bodyBytes;
    if (read % 100 === 0) peak = memory().map((bytes, i) => Math.max(bytes, peak[i] ?? 0));
  }
  connection.close();
};
await Promise.all(Array.from({ length: connectionCount }, reader));
const seconds = (performance.now() - startMs) / 1000;
const cpuMs = ((readCpuMs(pids) ?? NaN) - (startCpuMs ?? NaN)) / pageCount;
const end = memory();
await delay(restMs);
const rest = memory();

console.log(
  `${pageCount} pages of ${megabytes(bodyTotalBytes / pageCount)} MB, ${connectionCount} connections, ` +
    `${flags.way}: ${(pageCount / seconds).toFixed(0)} pages/s, ${cpuMs.toFixed(2)} ms of processor each`,
);
for (const [i, name] of ["workerd", "front"].entries()) {
  const [before, most, after, atRest] = [start, peak, end, rest].map((all) => all[i] ?? NaN);
  console.log(
    `${name} MB: ${megabytes(before!)} before, ${megabytes(most!)} at most, ` +
      `${megabytes(after!)} at the end, ${megabytes(atRest!)} after ${restMs / 1000} s of rest`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / MB).toFixed(bytes < 10 * MB ? 2 : 0);
}

/** The server's workerd: the child of the process that was started. */
function runtimePids(): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").map(Number);
}

/** Resident bytes of workerd, and of the front. */
function memory(): number[] {
  return [Math.max(...runtimePids().map(residentBytes), 0), residentBytes(pid)];
}

function residentBytes(process: number): number {
  const status = readFileSync(join("/proc", String(process), "status"), "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? "0") * 1024;
}
