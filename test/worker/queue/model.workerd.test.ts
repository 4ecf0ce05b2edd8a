// A queue over a stream, through the API and on real objects, held to a plain model: random puts,
// receives, acknowledgements, changes of visibility, restores, splits, merges, a clock that goes on,
// retention, and objects of the queue that are evicted or end in a crash. What is acknowledged is never
// handed out again; what is not comes again after its time and not before, unless its delivery was
// lost in a crash; receives are counted right; and at the end every record is acknowledged or expired.

import { noonMs, setClock } from "../../support/clock.ts";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { shardQueueName } from "../../../worker/core/queueTypes.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { Random } from "../../engine/random.ts";
import { arnOf, ask, createStream, summaryOf } from "../kinesis/claims.ts";
import { base64, textIn } from "../kinesis/client.ts";
import { crash, evict } from "./shardQueues.ts";
import { patience } from "../../support/patience.ts";

/** Another one each time; the title of the test names it. */
const seeds = [Math.floor(Math.random() * 2 ** 31)];
const stepCount = 70;
const receivesMax = 3;
const hourMs = 3_600_000;
const scope = { account: "000000000000", region: "us-east-1" };

interface Held {
  ReceiptHandle: string;
  isDead: boolean;
}

interface ModelRecord {
  shard: number;
  putMs: number;
  receives: number;
  isDead: boolean;
  isDone: boolean;
  /** Undefined unless it is in flight. */
  endMs: number | undefined;
  held: Held | undefined;
  /** Its last deliveries may have been forgotten. */
  isUnsure: boolean;
}

interface Received {
  ReceiptHandle: string;
  RecordId: string;
  Data: string;
  ReceiveCount: number;
}

afterEach(() => {
  vi.useRealTimers();
});

test.each(seeds)("random work, seed %i", async (seed) => {
  const run = await Run.begin(new Random(seed));
  for (let step = 0; step < stepCount; step++) await run.step();
  await run.finish();
});

class Run {
  private readonly random: Random;
  private readonly stream: string;
  private readonly queue: string;
  private readonly records = new Map<string, ModelRecord>();
  private nowMs = noonMs;
  private puts = 0;
  private changes = 0;

  static async begin(random: Random): Promise<Run> {
    setClock(noonMs);
    const stream = await createStream({ ShardCount: 2 });
    const { QueueDescription } = await ask("CreateQueue", {
      QueueName: stream,
      StreamConfigurationList: [
        { StreamARN: arnOf(stream), StartingPosition: { Type: "TRIM_HORIZON" } },
      ],
      QueueAttributes: {
        VisibilityTimeoutSeconds: 30,
        DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: receivesMax },
      },
    });
    return new Run(random, stream, (QueueDescription as { QueueARN: string }).QueueARN);
  }

  private constructor(random: Random, stream: string, queue: string) {
    this.random = random;
    this.stream = stream;
    this.queue = queue;
  }

  async step(): Promise<void> {
    const dice = this.random.below(100);
    if (dice < 20) await this.put(this.random.between(1, 15));
    else if (dice < 45) await this.receive(false);
    else if (dice < 52) await this.receive(true);
    else if (dice < 72) await this.acknowledge();
    else if (dice < 80) await this.hide();
    else if (dice < 85) await this.restore();
    else if (dice < 91) this.advance(this.random.between(1, 40_000));
    else if (dice < 92) this.advance(25 * hourMs);
    else if (dice < 94) await this.reshard();
    else if (dice < 97) await this.restart("evict");
    else await this.restart("crash");
  }

  /** Acknowledges everything, dead letters too; nothing is left. */
  async finish(): Promise<void> {
    for (let idle = 0; idle < 2;) {
      this.advance(31_000);
      const found = (await this.receive(false)) + (await this.receive(true));
      idle = found === 0 ? idle + 1 : 0;
      await this.acknowledge(Infinity);
    }
    const open = [...this.records].filter(([, { isDone }]) => !isDone);
    expect(open).toEqual([]);
    expect(this.records.size).toBe(this.puts);
  }

  private async put(count: number): Promise<void> {
    const Records = Array.from({ length: count }, (_, i) => ({
      PartitionKey: `key ${this.random.below(1000)}`,
      Data: base64(`${this.puts + i}`),
    }));
    const reply = await ask("PutRecords", { StreamName: this.stream, Records });
    const results = reply["Records"] as { SequenceNumber: string; ShardId: string }[];
    for (const { SequenceNumber, ShardId } of results) {
      this.records.set(SequenceNumber, {
        shard: Number(ShardId.slice(-12)),
        putMs: this.nowMs,
        receives: 0,
        isDead: false,
        isDone: false,
        endMs: undefined,
        held: undefined,
        isUnsure: false,
      });
    }
    this.puts += count;
  }

  /** How many records were received. */
  private async receive(isDead: boolean): Promise<number> {
    this.tick();
    const isThere = [...this.records.values()].some(
      (record) => record.endMs === undefined && !record.isDone && record.isDead === isDead,
    );
    const isUnsure = [...this.records.values()].some((record) => record.isUnsure);
    // An empty receive takes a second; there is nothing to learn from most of them.
    if (!isThere && !isUnsure && this.random.below(20) > 0) return 0;
    const seconds = this.random.below(3) === 0 ? this.random.between(0, 60) : undefined;
    const operation = isDead ? "ReceiveDeadLetterQueueRecords" : "ReceiveQueueRecords";
    const reply = await ask(operation, {
      QueueARN: this.queue,
      WaitTimeSeconds: 1,
      Limit: this.random.between(1, 10),
      ...(seconds !== undefined && { VisibilityTimeoutSeconds: seconds }),
    });
    const received = reply["QueueRecords"] as Received[];
    if (isThere && !isUnsure) expect(received.length).toBeGreaterThan(0);
    for (const record of received) this.take(record, isDead, seconds ?? 30);
    return received.length;
  }

  private take(received: Received, isDead: boolean, seconds: number): void {
    const record = this.records.get(received.RecordId);
    if (record === undefined) throw new Error(`${textIn(received)} was not put`);
    expect(record.isDone).toBe(false);
    if (!record.isUnsure) {
      expect(record.endMs).toBeUndefined();
      expect(record.isDead).toBe(isDead);
      expect(received.ReceiveCount).toBe(record.receives + 1);
    } else expect(received.ReceiveCount).toBeLessThanOrEqual(record.receives + 1);
    if (!isDead) expect(received.ReceiveCount).toBeLessThanOrEqual(receivesMax);
    record.isUnsure = false;
    record.isDead = isDead;
    record.receives = received.ReceiveCount;
    record.endMs = this.nowMs + seconds * 1000;
    record.held = { ReceiptHandle: received.ReceiptHandle, isDead };
  }

  /** With the last handles of records that may be in flight or not any more. */
  private async acknowledge(count = this.random.between(1, 10)): Promise<void> {
    this.tick();
    for (const isDead of [false, true]) {
      const chosen = this.chosen(count, (record) => record.held?.isDead === isDead);
      for (let at = 0; at < chosen.length; at += 10) {
        const some = chosen.slice(at, at + 10);
        const operation = isDead ? "AcknowledgeDeadLetterQueueRecords" : "AcknowledgeQueueRecords";
        const done = await this.settle(operation, some);
        for (const record of some) {
          // The handle of a live delivery is worth nothing once its record is dead.
          const isGood = record.isDead === isDead;
          if (!record.isUnsure) expect(done.has(record)).toBe(isGood);
          if (done.has(record)) Object.assign(record, { isDone: true, endMs: undefined });
          record.held = undefined;
          if (done.has(record)) record.isUnsure = false;
        }
      }
    }
  }

  private async hide(): Promise<void> {
    this.tick();
    const [record] = this.chosen(1, ({ held }) => held !== undefined);
    if (record?.held === undefined) return;
    const { isDead } = record.held;
    const seconds = this.random.below(2) === 0 ? 0 : this.random.between(1, 60);
    const kind = isDead ? "DeadLetterQueue" : "Queue";
    const done = await this.settle(`Update${kind}RecordsVisibility`, [record], {
      VisibilityTimeoutSeconds: seconds,
    });
    const isGood = record.endMs !== undefined && record.isDead === isDead;
    if (!record.isUnsure) expect(done.has(record)).toBe(isGood);
    if (!done.has(record)) return;
    record.isUnsure = false;
    record.isDead = isDead;
    record.endMs = this.nowMs + seconds * 1000;
    this.tick();
  }

  private async restore(): Promise<void> {
    this.tick();
    const [record] = this.chosen(1, ({ held, isDead }) => held?.isDead === true && isDead);
    if (record === undefined) return;
    const done = await this.settle("RestoreDeadLetterQueueRecords", [record]);
    if (!record.isUnsure) expect(done.has(record)).toBe(true);
    if (!done.has(record)) return;
    const restored = { isDead: false, receives: 0, endMs: undefined, held: undefined };
    Object.assign(record, { ...restored, isUnsure: false });
  }

  /** Those that succeeded. */
  private async settle(
    operation: string,
    records: readonly ModelRecord[],
    more: object = {},
  ): Promise<Set<ModelRecord>> {
    const Entries = records.map(({ held }) => ({ ReceiptHandle: held?.ReceiptHandle, ...more }));
    if (Entries.length === 0) return new Set();
    const reply = await ask(operation, { QueueARN: this.queue, Entries });
    const successful = reply["Successful"] as Pick<Held, "ReceiptHandle">[];
    const handles = new Set(successful.map(({ ReceiptHandle }) => ReceiptHandle));
    return new Set(records.filter(({ held }) => handles.has(held?.ReceiptHandle ?? "")));
  }

  private advance(ms: number): void {
    this.nowMs += ms;
    setClock(this.nowMs);
    this.tick();
    // What has expired is not handed out any more, whatever has become of it.
    for (const record of this.records.values()) {
      if (record.putMs < this.nowMs - 24 * hourMs) record.isDone = true;
    }
  }

  private tick(): void {
    for (const record of this.records.values()) {
      if (record.endMs === undefined || record.endMs > this.nowMs) continue;
      record.endMs = undefined;
      record.isDead ||= record.receives >= receivesMax;
    }
  }

  private async reshard(): Promise<void> {
    if (this.changes++ >= 6) return;
    const open = await this.openShards();
    const [first, second] = open;
    const input = { StreamName: this.stream };
    if (first === undefined) return;
    if (open.length > 2 && second !== undefined) {
      await ask("MergeShards", {
        ...input,
        ShardToMerge: first.ShardId,
        AdjacentShardToMerge: second.ShardId,
      });
    } else {
      const { StartingHashKey, EndingHashKey } = first.HashKeyRange;
      const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n;
      await ask("SplitShard", {
        ...input,
        ShardToSplit: first.ShardId,
        NewStartingHashKey: `${middle}`,
      });
    }
    await vi.waitFor(
      async () => expect(await summaryOf(this.stream)).toMatchObject({ StreamStatus: "ACTIVE" }),
      patience,
    );
  }

  /** In the order of their hash keys. */
  private async openShards() {
    const { Shards } = (await ask("ListShards", { StreamName: this.stream })) as {
      Shards: {
        ShardId: string;
        HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
        SequenceNumberRange: { EndingSequenceNumber?: string };
      }[];
    };
    return Shards.filter(
      (shard) => shard.SequenceNumberRange.EndingSequenceNumber === undefined,
    ).toSorted((a, b) =>
      BigInt(a.HashKeyRange.StartingHashKey) < BigInt(b.HashKeyRange.StartingHashKey) ? -1 : 1,
    );
  }

  /** Of one shard's queue. What no commit has stored is forgotten by both; only a crash may lose it. */
  private async restart(how: "evict" | "crash"): Promise<void> {
    const { stream } = unwrap(await catalogOf(env, scope).describeStream(this.stream));
    const shard = stream.shards[this.random.below(stream.shards.length)];
    if (shard === undefined) return;
    const object = env.QUEUE.getByName(shardQueueName(shard.uid, this.queue.split("/")[1] ?? ""));
    await (how === "evict" ? evict(object) : crash(object));
    for (const record of this.records.values()) {
      if (record.shard === shard.index && !record.isDone) record.isUnsure ||= record.receives > 0;
    }
  }

  private chosen(count: number, which: (record: ModelRecord) => boolean): ModelRecord[] {
    const all = [...this.records.values()].filter((record) => !record.isDone && which(record));
    if (count === Infinity) return all;
    const first = this.random.below(Math.max(all.length, 1));
    return [...all.slice(first), ...all.slice(0, first)].slice(0, count);
  }
}
