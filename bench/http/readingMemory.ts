// Reads many pages of one shard over several connections at once, and watches the memory of workerd
// while it goes on and afterwards, at rest:
// `node bench/http/readingMemory.ts [--pages N] [--connections N] [--limit N] [--root DIR]`. With --root, the
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
  /direct +(\S+)/,
);
const { address, pid } = server;
const client = await KinesisClient.open(address);
await client.createStream(stream, 1);
await client.fill(stream, recordBytes, recordCount, 500);
const ShardIterator = await client.iterator(stream, 0, "TRIM_HORIZON");
client.close();
const request = makeRequest(address, "GetRecords", { ShardIterator, Limit: flags.limit });

const startBytes = residentBytes();
let peakBytes = startBytes;
let read = 0;
let bodyTotalBytes = 0;
const startMs = performance.now();
const startCpuMs = readCpuMs(runtimePids());
const reader = async (): Promise<void> => {
  const connection = await HttpConnection.open(address);
  while (read < pageCount) {
    read++;
    const { status, bodyBytes } = await connection.exchange(request);
    if (status !== 200) throw new Error(`a page of status ${status}`);
    bodyTotalBytes += bodyBytes;
    if (read % 100 === 0) peakBytes = Math.max(peakBytes, residentBytes());
  }
  connection.close();
};
await Promise.all(Array.from({ length: connectionCount }, reader));
const seconds = (performance.now() - startMs) / 1000;
const cpuMs = ((readCpuMs(runtimePids()) ?? NaN) - (startCpuMs ?? NaN)) / pageCount;
const endBytes = residentBytes();
await delay(restMs);

console.log(
  `${pageCount} pages of ${megabytes(bodyTotalBytes / pageCount)} MB, ${connectionCount} connections: ` +
    `${(pageCount / seconds).toFixed(0)} pages/s, ` +
    `${cpuMs.toFixed(2)} ms of processor each; workerd MB: ${megabytes(startBytes)} before, ` +
    `${megabytes(peakBytes)} at most, ${megabytes(endBytes)} at the end, ` +
    `${megabytes(residentBytes())} after ${restMs / 1000} s of rest`,
);

function megabytes(bytes: number): string {
  return (bytes / MB).toFixed(bytes < 10 * MB ? 2 : 0);
}

/** The server's workerd: the child of the process that was started. */
function runtimePids(): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").map(Number);
}

function residentBytes(): number {
  const sizes = runtimePids().map((child) => {
    const status = readFileSync(join("/proc", String(child), "status"), "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? "0") * 1024;
  });
  return Math.max(...sizes, 0);
}
