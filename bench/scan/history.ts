// A history over HTTP, of which one record in 10,000 matches: found by a scan, and by reading everything with GetRecords
// into the fastest client there is, which only compares the count of records. And the records of one key.

import { startMillrace } from "../http/http.ts";
import { KinesisClient, makeRequest } from "../http/kinesis.ts";
import { makeDataFolder } from "../tools/process.ts";
import type { Progress } from "../tools/progress.ts";
import { type Address, HttpConnection } from "../tools/wire.ts";
import { makeOrder } from "./orders.ts";
import { benchPolls, type PollRow, type Work } from "./polls.ts";

export interface HistoryBench {
  rows: HistoryRow[];
  polls: PollRow[];
}

export interface HistoryRow {
  title: string;
  milliseconds: number;
  /** Bytes of replies. */
  bytes: number;
  records: number;
}

const stream = "orders";
const putOrders = 500;

export async function benchHistory(
  { quick, dataParent }: { quick: boolean; dataParent?: string },
  progress: Progress,
): Promise<HistoryBench> {
  using folder = makeDataFolder(dataParent);
  await using server = await startMillrace(folder.path, "direct");
  const { host, port } = server.address;
  const base = `http://${host}:${port}`;
  const total = quick ? 10_000 : 1_000_000;
  const client = await KinesisClient.open(server.address);
  await client.createStream(stream, 1);
  for (let put = 0; put < total / putOrders; put++) {
    const Records = Array.from({ length: putOrders }, (_, i) => {
      const { key, data } = makeOrder(put * putOrders + i);
      return { PartitionKey: key, Data: data.toString("base64") };
    });
    await client.call("PutRecords", { StreamName: stream, Records });
    if (put % 100 === 0)
      progress(`scan: ${Math.round((put * putOrders * 100) / total)}% of the history is put`);
  }
  const where = JSON.stringify({ data: { status: ["lost"] } });
  const start = await client.iterator(stream, 0, "TRIM_HORIZON");
  client.close();
  const rows: HistoryRow[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    rows.push(
      await timed("read everything with GetRecords", () => readAll(server.address, start, total)),
      await timed("scan for one in 10,000", () => scan(base, { where })),
      await timed("count one in 10,000", () => scan(base, { where, select: "count" })),
      await timed("scan for a key", () => scan(base, { key: "customer-77" })),
    );
  }
  progress("scan: polls beside");
  const asks = { where, select: "count" };
  // One order in a hundred, so that every segment has some.
  const amount = [{ numeric: [">", 990] }];
  const common = { where: JSON.stringify({ data: { amount } }), select: "count" };
  const costly = { where: JSON.stringify({ data: { status: costlyMatchers } }), select: "count" };
  const works = [
    ["nothing", async () => {}],
    ["a scan for one in 10,000", again(() => scan(base, asks))],
    ["a scan of all segments", again(() => scan(base, common))],
    ["a scan with 64 comparisons", again(() => scan(base, costly))],
    ["a reader of everything", again(() => readAll(server.address, start, total))],
  ] as const;
  const effort = quick ? { rounds: 1, roundMs: 100 } : { rounds: 3, roundMs: 1500 };
  const polls = await benchPolls(server.address, works, effort);
  return { rows, polls };
}

/** As many as a pattern may have, none of which any order fulfils. */
const costlyMatchers = Array.from({ length: 64 }, (_, i) => ({
  "equals-ignore-case": `none ${i}`,
}));

/** The same work again and again until the signal is given; a scan that has begun is not cut off. */
function again(work: () => Promise<unknown>): Work {
  return async (signal) => {
    while (!signal.aborted) await work();
  };
}

async function timed(
  title: string,
  work: () => Promise<Pick<HistoryRow, "bytes" | "records">>,
): Promise<HistoryRow> {
  const startMs = performance.now();
  const done = await work();
  return { title, milliseconds: performance.now() - startMs, ...done };
}

async function scan(
  base: string,
  query: Record<string, string>,
): Promise<{ bytes: number; records: number }> {
  const reply = await fetch(
    `${base}/_millrace/scan?${new URLSearchParams({ stream, ...query }).toString()}`,
  );
  const bytes = new Uint8Array(await reply.arrayBuffer());
  const last = new TextDecoder().decode(bytes).trimEnd().split("\n").at(-1) ?? "{}";
  return { bytes: bytes.length, records: (JSON.parse(last) as { found: number }).found };
}

/** Pages of 10 MB, of which only the next iterator is looked at. */
async function readAll(
  address: Address,
  start: string,
  total: number,
): Promise<{ bytes: number; records: number }> {
  const connection = await HttpConnection.open(address);
  let bytes = 0;
  for (let ShardIterator = start; ;) {
    const request = makeRequest(address, "GetRecords", { ShardIterator });
    const { status, body } = await connection.exchange(request, Infinity);
    if (status !== 200) throw new Error(`GetRecords: ${status}`);
    bytes += body.length;
    const head = body.subarray(0, 1024).toString("latin1");
    const [, next] = /"NextShardIterator":"([^"]+)"/.exec(head) ?? [];
    if (next === undefined || head.includes('"MillisBehindLatest":0,')) break;
    ShardIterator = next;
  }
  connection.close();
  return { bytes, records: total };
}
