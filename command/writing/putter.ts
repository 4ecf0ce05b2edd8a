/**
 * Puts records in batches, one batch after the other, so that records of a key stay in order. The
 * records of a batch that the service refuses for the moment are put again, before the next batch.
 * Where a batch is refused in part, such a record comes after later ones of the batch.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../../local/failure.ts";
import type { NewRecord } from "../record/line.ts";
import type { KinesisClient } from "../service/client.ts";
import { streamMember } from "../stream/stream.ts";

/** Where a record was put. */
export interface Receipt {
  shardId: string;
  sequenceNumber: string;
}

/** Bounds of PutRecords; keys count too. */
const batchRecordsMax = 500;
const batchBytesMax = 5_000_000;
const attemptsMax = 20;
const pauseMs = { first: 50, max: 4000 };

const passing = new Set([
  "ProvisionedThroughputExceededException",
  "InternalFailure",
  "KMSThrottlingException",
]);

export class Putter {
  private readonly client: KinesisClient;
  private readonly stream: string;
  private readonly signal: AbortSignal | undefined;
  private batch: NewRecord[] = [];
  private batchBytes = 0;

  constructor(client: KinesisClient, stream: string, signal?: AbortSignal) {
    this.client = client;
    this.stream = stream;
    this.signal = signal;
  }

  /** Takes a record. Returns the receipts of the batch before it if there was no room in that. */
  async add(record: NewRecord): Promise<Receipt[]> {
    const bytes = record.data.length + Buffer.byteLength(record.partitionKey);
    const isFull = this.batch.length === batchRecordsMax || this.batchBytes + bytes > batchBytesMax;
    const receipts = isFull ? await this.flush() : [];
    this.batch.push(record);
    this.batchBytes += bytes;
    return receipts;
  }

  /** Puts what has been taken; returns a receipt for each, in order. */
  async flush(): Promise<Receipt[]> {
    const records = this.batch;
    [this.batch, this.batchBytes] = [[], 0];
    const receipts: Receipt[] = [];
    let left = records.map((_, i) => i);
    let pause = pauseMs.first;
    for (let attempt = 1; left.length > 0; attempt++) {
      left = await this.attempt(records, left, receipts, attempt === attemptsMax);
      if (left.length === 0) break;
      await delay(pause, undefined, this.signal && { signal: this.signal });
      pause = Math.min(pauseMs.max, pause * 2);
    }
    return receipts;
  }

  /** Puts the records at `left`; returns those that were refused for the moment. */
  private async attempt(
    records: readonly NewRecord[],
    left: readonly number[],
    receipts: Receipt[],
    isLast: boolean,
  ): Promise<number[]> {
    const Records = left.map((at) => entryOf(records[at]!));
    const input = { ...streamMember(this.stream), Records };
    const reply = await this.client.call("PutRecords", input, { signal: this.signal });
    const refused: number[] = [];
    for (const [i, result] of reply.objects("Records").entries()) {
      const at = left[i] ?? 0;
      const code = result.optionalText("ErrorCode");
      if (code === undefined) {
        const [shardId, sequenceNumber] = [result.text("ShardId"), result.text("SequenceNumber")];
        receipts[at] = { shardId, sequenceNumber };
      } else if (passing.has(code) && !isLast) refused.push(at);
      else throw new Failure(`${code}: ${result.optionalText("ErrorMessage") ?? ""}`);
    }
    return refused;
  }
}

function entryOf({ partitionKey, explicitHashKey, data }: NewRecord): object {
  return {
    PartitionKey: partitionKey,
    ExplicitHashKey: explicitHashKey,
    Data: Buffer.from(data).toString("base64"),
  };
}
