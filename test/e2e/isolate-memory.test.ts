/**
 * What pages leave in the isolate: nothing on V8's heap but garbage, nothing in array buffers, and
 * nothing that workerd holds for them. A Response that is made from bytes leaves a copy with workerd,
 * which no count of V8 contains; it is sent here too, so that the measure is known to see it.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { KinesisClient, makeRequest } from "../../bench/http/kinesis.ts";
import { type Address, HttpConnection } from "../../bench/tools/wire.ts";
import { buildWorker } from "../../local/build.ts";
import { startRuntime } from "../../local/runtime.ts";
import { Inspector } from "../support/inspector.ts";
import { naiveBytes, naivePath } from "./fixtures/naive.ts";

const MB = 1_000_000;
const scratch = mkdtempSync(join(tmpdir(), "millrace-isolate-"));
const buildFolder = resolve(import.meta.dirname, "..", "..", "build");
const entry = join(import.meta.dirname, "fixtures", "naive-worker.ts");
const pageCount = 300;
const connectionCount = 4;

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("300 pages leave nothing in the isolate, of which 300 replies made from bytes fill hundreds of megabytes", async () => {
  let pid = 0;
  const folder = { path: join(scratch, "data"), scratch: join(scratch, "tmp") };
  mkdirSync(folder.path);
  mkdirSync(folder.scratch);
  const runtime = await startRuntime({
    modules: await buildWorker(entry, buildFolder, "test/naive-worker.js"),
    folder,
    objects: { SHARD: "Shard", CATALOG: "Catalog", ITEMS: "Items" },
    bindings: { MILLRACE_ACCESS: "open" },
    inspect: true,
    onStart: (started) => (pid = started),
  });
  try {
    const address = { host: runtime.host, port: runtime.port };
    using inspector = await Inspector.open(runtime.inspectorPort ?? 0, "millrace");
    const page = await makePage(address);
    await readReplies(address, page, connectionCount);
    const before = await inspector.memory(pid);
    await readReplies(address, page, pageCount);
    const after = await inspector.memory(pid);
    const naive = `GET ${naivePath} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await readReplies(address, Buffer.from(naive), pageCount);
    const end = await inspector.memory(pid);

    expect(after.heap - before.heap).toBeLessThan(32 * MB);
    expect(after.external - before.external).toBeLessThan(8 * MB);
    expect(after.native - before.native).toBeLessThan(40 * MB);
    expect(end.native - after.native).toBeGreaterThan(100 * MB);
  } finally {
    await runtime.dispose();
  }
});

/** Puts records and makes the request for a page of all of them. */
async function makePage(address: Address): Promise<Buffer> {
  const client = await KinesisClient.open(address);
  await client.createStream("memory", 1);
  await client.fill("memory", 1024, 2000, 500);
  const iterator = await client.iterator("memory", 0, "TRIM_HORIZON");
  client.close();
  return makeRequest(address, "GetRecords", { ShardIterator: iterator, Limit: 1024 });
}

async function readReplies(address: Address, request: Buffer, count: number): Promise<void> {
  let left = count;
  const reader = async (): Promise<void> => {
    const connection = await HttpConnection.open(address);
    while (left-- > 0) {
      const { status, bodyBytes } = await connection.exchange(request);
      expect(status).toBe(200);
      expect(bodyBytes).toBeGreaterThanOrEqual(naiveBytes);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connectionCount }, reader));
}
