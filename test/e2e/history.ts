// What producers were promised, and whether a server keeps it. Every record says in its own text who sent
// it, as its how-manieth, and how large it is, so that a record that is read can be judged whole, also
// one whose acknowledgement never came. `putForEver` sends until the connection breaks, and never sends
// anything twice. `expectKept` reads a stream to its end: nothing acknowledged is lost or has another
// sequence number, nothing is there twice, and each producer's records are in its order.

import { expect } from "vitest";
import { Random } from "../engine/random.ts";
import {
  base64,
  type KinesisCall,
  kinesisOver,
  type KinesisRecord,
} from "../worker/kinesis/client.ts";
import { indexIn, shardIdAt } from "./sdk.ts";

/** How large the next call's records are. */
export type Shape = (random: Random) => number[];

interface Promised {
  /** Texts without their filling by sequence number, for each shard. */
  shards: Map<string, string>[];
  bytes: number;
}

export function kinesisAt(endpoint: string): KinesisCall {
  return kinesisOver((init) => fetch(endpoint, init));
}

export class History {
  private readonly streams = new Map<string, Promised>();

  async create(kinesis: KinesisCall, StreamName: string, ShardCount: number): Promise<void> {
    const { status } = await kinesis("CreateStream", { StreamName, ShardCount });
    expect(status).toBe(200);
    const shards = Array.from({ length: ShardCount }, () => new Map<string, string>());
    this.streams.set(StreamName, { shards, bytes: 0 });
  }

  /** The stream is to be gone; nothing of it is promised any more. */
  forget(stream: string): void {
    this.streams.delete(stream);
  }

  get names(): string[] {
    return [...this.streams.keys()];
  }

  /** Bytes of records that have been acknowledged. */
  bytesOf(stream: string): number {
    return this.promised(stream).bytes;
  }

  /** One record by itself with PutRecord, or several in a batch; refused ones are no harm. */
  async put(
    kinesis: KinesisCall,
    StreamName: string,
    records: readonly { text: string; shard: number; bytes: number }[],
  ): Promise<void> {
    const { shards } = this.promised(StreamName);
    const isSharded = shards.length > 1;
    const inputs = records.map(({ text, shard, bytes }) => ({
      Data: base64(filled(text, bytes)),
      PartitionKey: "key",
      ...(isSharded && {
        ExplicitHashKey: String((2n ** 128n / BigInt(shards.length)) * BigInt(shard)),
      }),
    }));
    const isAlone = inputs.length === 1;
    const reply = isAlone
      ? await kinesis("PutRecord", { StreamName, ...inputs[0] })
      : await kinesis("PutRecords", { StreamName, Records: inputs });
    if (reply.status !== 200) throw new Error(`a put was answered with ${reply.text}`);
    const results = isAlone ? [reply.output] : reply.output.Records;
    for (const [i, { ShardId, SequenceNumber }] of results.entries()) {
      const record = records[i];
      if (SequenceNumber === undefined || record === undefined) continue;
      expect(ShardId).toBe(shardIdAt(record.shard));
      shards[record.shard]?.set(SequenceNumber, filled(record.text, 0));
      this.promised(StreamName).bytes += record.bytes;
    }
  }

  /** Puts call after call to random shards; ends with the error that ends it. */
  async putForEver(
    kinesis: KinesisCall,
    stream: string,
    producer: string,
    random: Random,
    shape: Shape,
  ): Promise<never> {
    const shardCount = this.promised(stream).shards.length;
    for (let serial = 0; ;) {
      const records = shape(random).map((bytes) => {
        const text = `${producer} ${serial++} ${bytes}`;
        return { text, bytes, shard: random.below(shardCount) };
      });
      await this.put(kinesis, stream, records);
    }
  }

  /** Reads the whole stream, and puts one more record at the end of each shard. */
  async expectKept(kinesis: KinesisCall, stream: string): Promise<void> {
    const { shards } = this.promised(stream);
    const seen = new Set<string>();
    for (const [shard, promised] of shards.entries()) {
      const stored = await readShard(kinesis, stream, shard);
      expectInOrder(stored);
      const found = new Map<string, string>();
      for (const { SequenceNumber, text } of stored) {
        expect(seen.has(text)).toBe(false);
        seen.add(text);
        found.set(SequenceNumber, text);
      }
      const missing = [...promised].filter(([number, text]) => found.get(number) !== text);
      expect(missing).toEqual([]);
      const text = `after ${stored.length} 40`;
      await this.put(kinesis, stream, [{ text: `${shard}-${text}`, shard, bytes: 40 }]);
      expect([...promised.keys()].map(indexIn).at(-1)).toBe(stored.length);
    }
  }

  private promised(stream: string): Promised {
    const promised = this.streams.get(stream);
    if (promised === undefined) throw new Error(`nothing was promised of ${stream}`);
    return promised;
  }
}

interface Found {
  SequenceNumber: string;
  timeMs: number;
  /** Producer, serial number and size. */
  text: string;
}

async function readShard(kinesis: KinesisCall, StreamName: string, shard: number) {
  const input = { StreamName, ShardId: shardIdAt(shard), ShardIteratorType: "TRIM_HORIZON" };
  let { ShardIterator } = (await kinesis("GetShardIterator", input)).output;
  const found: Found[] = [];
  for (;;) {
    const { status, output, text } = await kinesis("GetRecords", { ShardIterator });
    if (status !== 200) throw new Error(`a page was answered with ${text}`);
    found.push(...output.Records.map(judge));
    if (output.MillisBehindLatest === 0) return found;
    ShardIterator = output.NextShardIterator;
  }
}

/** Fails unless the record is, byte for byte, what its first words say. */
function judge({ Data, SequenceNumber, ApproximateArrivalTimestamp }: KinesisRecord): Found {
  const whole = Buffer.from(Data, "base64").toString();
  const text = /^\S+ \d+ \d+ /.exec(whole)?.[0] ?? "no record of these tests ";
  const isWhole = whole === filled(text.trimEnd(), Number(text.split(" ")[2]));
  expect([text, isWhole]).toEqual([text, true]);
  return { SequenceNumber, timeMs: ApproximateArrivalTimestamp * 1000, text };
}

/** Places without a gap, numbers that grow, times that never go back, producers in their order. */
function expectInOrder(stored: readonly Found[]): void {
  const places = stored.map(({ SequenceNumber }) => indexIn(SequenceNumber));
  expect(places).toEqual(stored.map((_, i) => i));
  const serials = new Map<string, number>();
  for (const [i, { SequenceNumber, timeMs, text }] of stored.entries()) {
    const before = stored[i - 1] ?? { SequenceNumber: "0", timeMs: 0 };
    expect(BigInt(SequenceNumber)).toBeGreaterThan(BigInt(before.SequenceNumber));
    expect(timeMs).toBeGreaterThanOrEqual(before.timeMs);
    const [producer = "", serial] = text.split(" ");
    expect(Number(serial)).toBeGreaterThan(serials.get(producer) ?? -1);
    serials.set(producer, Number(serial));
  }
}

function filled(text: string, bytes: number): string {
  return `${text} `.padEnd(bytes, ".");
}
