// Many small streams of Durable Streams on one server: how fast they are created, how many bytes each takes, how long
// one takes to be opened after a restart, and what an append and a read cost then. Run by itself:
// `node bench/http/manyStreams.ts --streams 100000`; a small size runs as a test.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../../test/e2e/server.ts";

interface Result {
  streams: number;
  createdPerSecond: number;
  bytesPerStream: number;
  /** First read of streams after a restart, milliseconds each. */
  openMs: { p50: number; p99: number };
  /** Later reads and appends of the same streams. */
  readMs: { p50: number; p99: number };
  appendMs: { p50: number; p99: number };
  /** Of all records that were read, to show that they were. */
  readBytes: number;
}

const connections = 16;
const sampled = 500;
const message = JSON.stringify({ role: "user", text: "x".repeat(200) });
const headers = { "content-type": "application/json" };

export async function measureManyStreams(streams: number): Promise<Result> {
  const data = mkdtempSync(join(tmpdir(), "millrace-many-"));
  try {
    let server = await startServer({ data, runMs: 3_600_000 });
    const urlOf = (i: number) => `${server.endpoint}/v1/stream/conversation-${i}`;
    const startMs = performance.now();
    await each(streams, async (i) => {
      await request(urlOf(i), { method: "PUT", headers, body: message });
    });
    const createdPerSecond = (streams * 1000) / (performance.now() - startMs);
    await server.stop();
    const bytesPerStream = bytesOf(data) / streams;
    server = await startServer({ data, runMs: 3_600_000 });
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
    await server.stop();
    return { streams, createdPerSecond, bytesPerStream, openMs, readMs, appendMs, readBytes };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
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

async function timed(count: number, work: (i: number) => Promise<void>) {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await work(i);
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(Math.floor(times.length * share), times.length - 1)]!;
  return { p50: at(0.5), p99: at(0.99) };
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
  const { values } = parseArgs({ options: { streams: { type: "string", default: "2000" } } });
  console.log(await measureManyStreams(Number(values.streams)));
}
