/**
 * The loads of `millrace bench`: closed loops, each of a number of connections, as an application
 * with this client would make them. What the service refuses for the moment is tried again, counted,
 * and part of the exchange's time.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Load, Moved, Worker } from "../../bench/tools/load.ts";
import { type KinesisClient, ServiceError } from "../service/client.ts";
import type { Reply } from "../service/reply.ts";
import type { Shard } from "../stream/shard.ts";
import { streamMember } from "../stream/stream.ts";
import { Putter } from "../writing/putter.ts";

export interface BenchPlan {
  stream: string;
  shards: readonly Shard[];
  recordBytes: number;
  connections: number;
  signal: AbortSignal;
}

/** Of a load by its id, the worker of connection `i`. */
type MakeWorker = (id: string, i: number) => Worker;

/** Bounds of one PutRecords. */
const batchRecordsMax = 500;
const batchBytesMax = 4_000_000;
/** A page of about a megabyte, and pages of each shard that are read. */
const pageBytes = 1_000_000;
const pagesPerShard = 3;
/** As a client with the SDK's first pause. */
const refusedPauseMs = 100;

export class BenchLoads {
  /** Requests that were refused for the moment, by id of the load. */
  readonly refused = new Map<string, number>();
  private readonly client: KinesisClient;
  private readonly plan: BenchPlan;
  private readonly data: string;
  private turn = 0;

  constructor(client: KinesisClient, plan: BenchPlan) {
    this.client = client;
    this.plan = plan;
    this.data = Buffer.alloc(plan.recordBytes, "measure ").toString("base64");
  }

  /** Records of a PutRecords. */
  get batchRecords(): number {
    const most = Math.floor(batchBytesMax / (this.plan.recordBytes + 16));
    return Math.max(1, Math.min(batchRecordsMax, most));
  }

  /** Records of a page at most. */
  get pageRecords(): number {
    return Math.max(1, Math.min(10_000, Math.ceil(pageBytes / this.plan.recordBytes)));
  }

  /** Puts what is read later, in every shard. */
  async fill(): Promise<void> {
    const putter = new Putter(this.client, this.plan.stream, this.plan.signal);
    const data = Buffer.from(this.data, "base64");
    for (const { firstHash } of this.plan.shards) {
      for (let i = 0; i < this.pageRecords * pagesPerShard; i++) {
        const explicitHashKey = String(firstHash);
        await putter.add({ partitionKey: "measured", explicitHashKey, data });
      }
    }
    await putter.flush();
  }

  list(): Load[] {
    const { connections } = this.plan;
    const counts = [...new Set([1, connections])];
    const batch = `PutRecords, ${this.batchRecords} records`;
    const page = `GetRecords, pages of ${this.pageRecords} records`;
    const all = (kind: string, title: string, make: MakeWorker): Load[] =>
      counts.map((count) => this.load(kind, title, count, make));
    return [
      ...all("put one", "PutRecord", (id) => this.putOne(id)),
      ...all("put many", batch, (id) => this.putMany(id)),
      ...all("read", page, (id, i) => this.readPages(id, i)),
      ...all("poll", "GetRecords, nothing new", (id, i) => this.poll(id, i)),
    ];
  }

  private load(kind: string, title: string, connections: number, make: MakeWorker): Load {
    const id = `${kind} ${connections}`;
    const { recordBytes } = this.plan;
    return {
      id,
      group: kind,
      title,
      recordBytes,
      connections,
      open: () => {
        const workers = Array.from({ length: connections }, (_, i) => make(id, i));
        return Promise.resolve({ workers, close: () => Promise.resolve() });
      },
    };
  }

  private putOne(id: string): Worker {
    const stream = streamMember(this.plan.stream);
    return async () => {
      await this.call(id, "PutRecord", { ...stream, ...this.nextRecord() });
      return this.moved(1);
    };
  }

  private putMany(id: string): Worker {
    const stream = streamMember(this.plan.stream);
    return async () => {
      let left = Array.from({ length: this.batchRecords }, () => this.nextRecord());
      for (;;) {
        const reply = await this.call(id, "PutRecords", { ...stream, Records: left });
        const results = reply.objects("Records");
        left = left.filter((_, i) => results[i]?.optionalText("ErrorCode") !== undefined);
        if (left.length === 0) return this.moved(this.batchRecords);
        await this.refuse(id);
      }
    };
  }

  /** Reads a shard from its start, page after page, and begins again at the end of the pages. */
  private readPages(id: string, i: number): Worker {
    let [iterator, page] = ["", 0];
    return async () => {
      if (page++ % pagesPerShard === 0) iterator = await this.openIterator(i, "TRIM_HORIZON");
      const input = { ShardIterator: iterator, Limit: this.pageRecords };
      const reply = await this.call(id, "GetRecords", input);
      iterator = reply.text("NextShardIterator");
      return this.moved(reply.objects("Records").length);
    };
  }

  private poll(id: string, i: number): Worker {
    let iterator: string | undefined;
    return async () => {
      iterator ??= await this.openIterator(i, "LATEST");
      const reply = await this.call(id, "GetRecords", { ShardIterator: iterator });
      iterator = reply.text("NextShardIterator");
      return this.moved(0);
    };
  }

  private async openIterator(i: number, ShardIteratorType: string): Promise<string> {
    const { stream, shards, signal } = this.plan;
    const ShardId = shards[i % shards.length]?.id ?? "";
    const input = { ...streamMember(stream), ShardId, ShardIteratorType };
    return (await this.client.call("GetShardIterator", input, { signal })).text("ShardIterator");
  }

  /** Calls until the service accepts. */
  private async call(id: string, operation: string, input: object): Promise<Reply> {
    const { signal } = this.plan;
    for (;;) {
      try {
        return await this.client.call(operation, input, { signal, once: true });
      } catch (error) {
        if (!(error instanceof ServiceError && error.passes)) throw error;
        await this.refuse(id);
      }
    }
  }

  private async refuse(id: string): Promise<void> {
    this.refused.set(id, (this.refused.get(id) ?? 0) + 1);
    await delay(refusedPauseMs, undefined, { signal: this.plan.signal });
  }

  private nextRecord(): { PartitionKey: string; Data: string } {
    return { PartitionKey: `measured-${this.turn++}`, Data: this.data };
  }

  private moved(records: number): Moved {
    return { records, dataBytes: records * this.plan.recordBytes };
  }
}
