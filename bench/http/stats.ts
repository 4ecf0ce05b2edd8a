// The counters that the server gives at /_millrace/stats: what its isolate has read and what the
// shards of a stream have written.

import { type Address, HttpConnection } from "../tools/wire.ts";

export interface ServerStats {
  isolate: { reads: Record<string, number> };
  shards: { records: number; rowsWritten: number; commits: number; reads: number }[];
}

export async function readStats(address: Address, stream?: string): Promise<ServerStats> {
  const connection = await HttpConnection.open(address);
  const query = stream === undefined ? "" : `?stream=${stream}`;
  const head = `GET /_millrace/stats${query} HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`;
  const { status, body } = await connection.exchange(Buffer.from(head), Infinity);
  connection.close();
  if (status !== 200) throw new Error(`stats: ${status} ${body.toString()}`);
  return { shards: [], ...(JSON.parse(body.toString()) as object) } as unknown as ServerStats;
}

/** Rows and commits of a stream, over all of its shards. */
export async function readWrites(address: Address, stream: string) {
  const { shards } = await readStats(address, stream);
  const sum = { rows: 0, commits: 0 };
  for (const { rowsWritten, commits } of shards) {
    sum.rows += rowsWritten;
    sum.commits += commits;
  }
  return sum;
}

/** Where the pages of the isolate came from. */
export async function readReads(address: Address): Promise<Record<string, number>> {
  return (await readStats(address)).isolate.reads;
}
