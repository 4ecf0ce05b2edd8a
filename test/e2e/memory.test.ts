// What readers leave behind in the server: nothing. Pages of a megabyte and more are read in great number,
// and the memory of the whole of workerd, whatever it is used for, stays about where it was.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KinesisClient, makeRequest } from "../../bench/http/kinesis.ts";
import { HttpConnection } from "../../bench/tools/wire.ts";
import { startServer } from "./server.ts";

const pageCount = 2000;
const MB = 1_000_000;
/** What the pages take that are under way, and the garbage that waits for its collection. */
const growthBytesMax = 150 * MB;

test("2000 pages of 1.5 MB leave no memory behind, nor do pages of 15 MB, nor clients who go away", async () => {
  await using server = await startServer();
  const { hostname: host, port } = new URL(server.endpoint);
  const address = { host, port: Number(port) };
  const client = await KinesisClient.open(address);
  await client.createStream("memory", 1);
  await client.fill("memory", 1024, 10_000, 500);
  const iterator = await client.iterator("memory", 0, "TRIM_HORIZON");
  client.close();
  const fullPage = makeRequest(address, "GetRecords", { ShardIterator: iterator, Limit: 10_000 });
  const page = makeRequest(address, "GetRecords", { ShardIterator: iterator, Limit: 1024 });
  const residentBytes = (): number => Math.max(...server.workerdPids.map(residentOf));

  await readPages(address, page, 100, 4);
  const beforeBytes = residentBytes();
  await readPages(address, page, pageCount, 4);
  // More than there is room for at once: they wait for one another.
  await readPages(address, fullPage, 48, 16);
  await leavePages(address, page, 100);
  await readPages(address, page, 10, 4);
  expect(residentBytes() - beforeBytes).toBeLessThan(growthBytesMax);
  const { stderr } = await server.stop();
  expect(stderr).toBe("");
});

type Address = Parameters<typeof HttpConnection.open>[0];

async function readPages(
  address: Address,
  page: Buffer,
  count: number,
  connectionCount: number,
): Promise<void> {
  let left = count;
  const reader = async (): Promise<void> => {
    const connection = await HttpConnection.open(address);
    while (left-- > 0) {
      const { status, bodyBytes } = await connection.exchange(page);
      expect(status).toBe(200);
      expect(bodyBytes).toBeGreaterThan(1.4 * MB);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connectionCount }, reader));
}

/** Asks for pages and goes away as soon as they are asked for. */
async function leavePages(address: Address, page: Buffer, count: number): Promise<void> {
  for (let left = 0; left < count; left++) {
    const connection = await HttpConnection.open(address);
    const reply = connection.exchange(page);
    connection.close();
    await expect(reply).rejects.toThrow("hung up");
  }
}

function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
