// What a scan costs those who read beside it: one client polls the end of another stream, again and again, while nothing
// else happens, while a scan runs, and while a reader takes everything with GetRecords. All are served by one isolate.

import { KinesisClient, makeRequest } from "../http/kinesis.ts";
import { type Address, HttpConnection } from "../tools/wire.ts";

export interface PollRow {
  beside: string;
  polls: number;
  /** Milliseconds from request to reply. */
  p50: number;
  p99: number;
  max: number;
}

/** Work that goes on until the signal is given. */
export type Work = (signal: AbortSignal) => Promise<void>;

const stream = "polled";

/** Polls for so long beside each of the works, which come in turns. */
export async function benchPolls(
  address: Address,
  works: readonly (readonly [beside: string, work: Work])[],
  { rounds, roundMs }: { rounds: number; roundMs: number },
): Promise<PollRow[]> {
  const client = await KinesisClient.open(address);
  await client.createStream(stream, 1);
  const iterator = await client.iterator(stream, 0, "LATEST");
  client.close();
  const times = works.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [, work]] of works.entries()) {
      const stop = new AbortController();
      const working = work(stop.signal);
      times[i]!.push(...(await poll(address, iterator, roundMs)));
      stop.abort();
      await working;
    }
  }
  return works.map(([beside], i) => {
    const sorted = times[i]!.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!;
    return { beside, polls: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  });
}

/** One request after the other. */
async function poll(address: Address, ShardIterator: string, ms: number): Promise<number[]> {
  const connection = await HttpConnection.open(address);
  const request = makeRequest(address, "GetRecords", { ShardIterator });
  const times: number[] = [];
  const endMs = performance.now() + ms;
  for (let startMs = performance.now(); startMs < endMs;) {
    const { status } = await connection.exchange(request, Infinity);
    if (status !== 200) throw new Error(`a poll: ${status}`);
    const nowMs = performance.now();
    times.push(nowMs - startMs);
    startMs = nowMs;
  }
  connection.close();
  return times;
}
