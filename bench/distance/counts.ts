// Counts the calls of a distant Worker (worker.ts) to the Durable Objects and the bucket, by
// `<kind>.<method>`, and computes the sums for the tables. It can also read a shard's view without
// counting that call.

import type { ShardView } from "../../worker/core/types.ts";
import { type Address, HttpConnection } from "../tools/wire.ts";

export type Counts = Record<string, number>;

/** The path at which a distant Worker returns its counts and, with `?shard=<uid>`, a view. */
export const countsPath = "/_distance/counts";
export const viewPath = "/_distance/view";

export async function readCounts(address: Address): Promise<Counts> {
  return (await get(address, countsPath)) as Counts;
}

/** The view of a stream's only shard. */
export async function readView(address: Address, stream: string): Promise<ShardView> {
  const { shards } = (await get(address, `/_millrace/stats?stream=${stream}`)) as {
    shards: { shard: string }[];
  };
  return (await get(address, `${viewPath}?shard=${shards[0]?.shard}`)) as ShardView;
}

/** The calls that `work` caused, and other calls during it. */
export async function countAround<T>(
  address: Address,
  work: () => Promise<T>,
): Promise<{ result: T; counts: Counts }> {
  const before = await readCounts(address);
  const result = await work();
  const after = await readCounts(address);
  const names = Object.keys(after);
  const differences = names.map((name) => [name, after[name]! - (before[name] ?? 0)] as const);
  return { result, counts: Object.fromEntries(differences.filter(([, value]) => value > 0)) };
}

export function addCounts(sum: Counts, counts: Counts): void {
  for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
}

/** All calls of a kind, such as `shard`. */
export function sumOf(counts: Counts, kind: string): number {
  const own = Object.entries(counts).filter(([name]) => name.startsWith(`${kind}.`));
  return own.reduce((sum, [, value]) => sum + value, 0);
}

async function get(address: Address, path: string): Promise<unknown> {
  const connection = await HttpConnection.open(address);
  const head = `GET ${path} HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`;
  const { status, body } = await connection.exchange(Buffer.from(head), Infinity);
  connection.close();
  if (status !== 200) throw new Error(`${path}: ${status} ${body.toString()}`);
  return JSON.parse(body.toString()) as unknown;
}
