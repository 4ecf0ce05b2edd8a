// A scan in the whole local server: segments are looked at where their files are, and the Worker reads few of them. A
// byte that is damaged on the disk is found all the same.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { kinesisAt } from "./history.ts";
import { startServer } from "./server.ts";

const puts = 28;
const recordsEach = 450;

test("a scan for a rare record reads few segments, and finds the byte that is damaged", async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-scan-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const first = await startServer({ data });
  const kinesis = kinesisAt(first.endpoint);
  await kinesis("CreateStream", { StreamName: "orders", ShardCount: 1 });
  for (let put = 0; put < puts; put++) {
    const Records = Array.from({ length: recordsEach }, (_, i) => {
      const n = put * recordsEach + i;
      const order = { n, status: n === 9000 ? "lost" : "ok", text: "x".repeat(960) };
      return { PartitionKey: "k", Data: Buffer.from(JSON.stringify(order)).toString("base64") };
    });
    expect((await kinesis("PutRecords", { StreamName: "orders", Records })).status).toBe(200);
  }
  const folder = join(data, "bucket", "segments");
  const files = (): string[] => {
    if (!existsSync(folder)) return [];
    const shards = readdirSync(folder).map((shard) => join(folder, shard));
    return shards.flatMap((shard) => readdirSync(shard).map((name) => join(shard, name)));
  };
  await expect.poll(() => files().length).toBeGreaterThanOrEqual(16);
  await first.stop();
  // Nothing is in memory.
  await using server = await startServer({ data });
  const before = await segmentRequests(server.endpoint);
  const whole = await scan(server.endpoint);
  expect(whole).toMatchObject({ count: 1, done: true, scanned: { records: puts * recordsEach } });
  const requests = (await segmentRequests(server.endpoint)) - before;
  expect(requests).toBeGreaterThan(0);
  expect(requests).toBeLessThan(files().length / 2);

  const third = files().find((each) => each.endsWith("/12"))!;
  const bytes = readFileSync(third);
  bytes[bytes.length - 100]! ^= 1;
  writeFileSync(third, bytes);
  const damaged = await scan(server.endpoint);
  expect(damaged).toMatchObject({ error: "corrupt", segment: 12 });
});

/** The last line of a count of lost orders. */
async function scan(endpoint: string): Promise<Record<string, unknown>> {
  const where = JSON.stringify({ data: { status: ["lost"] } });
  const query = new URLSearchParams({ stream: "orders", select: "count", where });
  const lines = (
    await (await fetch(`${endpoint}/_millrace/scan?${query.toString()}`)).text()
  ).trimEnd();
  return JSON.parse(lines.split("\n").at(-1)!) as Record<string, unknown>;
}

/** Segments that the Worker has fetched since it runs. */
async function segmentRequests(endpoint: string): Promise<number> {
  const text = await (await fetch(`${endpoint}/metrics`)).text();
  return Number(/^millrace_segment_requests_total (\d+)$/m.exec(text)?.[1]);
}
