// The AWS SDK as its users run it, with nothing set but what it demands, and the few steps that
// every test of records takes: read a shard to its end, look into a sequence number.

import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  KinesisClient,
  type KinesisClientConfig,
  type _Record as KinesisRecord,
} from "@aws-sdk/client-kinesis";
import { parseSequenceNumber, type SequenceV2 } from "../../worker/kinesis/sequence.ts";

export type { KinesisRecord };

export function connect(
  endpoint: string,
  others: Pick<
    KinesisClientConfig,
    "credentials" | "maxAttempts" | "region" | "requestHandler"
  > = {},
): KinesisClient {
  return new KinesisClient({
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    ...others,
    endpoint,
  });
}

export function shardIdAt(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

export async function iteratorFor(
  client: KinesisClient,
  input: GetShardIteratorCommandInput,
): Promise<string> {
  const { ShardIterator } = await client.send(new GetShardIteratorCommand(input));
  if (ShardIterator === undefined) throw new Error("no ShardIterator in the reply");
  return ShardIterator;
}

/** The records from an iterator on to the end of its shard, page by page. */
export async function* readPages(
  client: KinesisClient,
  iterator: string,
  limit?: number,
): AsyncGenerator<KinesisRecord[]> {
  for (let ShardIterator: string | undefined = iterator; ShardIterator !== undefined;) {
    const page: GetRecordsPage = await client.send(
      new GetRecordsCommand({ ShardIterator, ...(limit !== undefined && { Limit: limit }) }),
    );
    yield page.Records ?? [];
    ShardIterator = page.MillisBehindLatest === 0 ? undefined : page.NextShardIterator;
  }
}

/** Every record of a shard, in its order. */
export async function readShard(
  client: KinesisClient,
  StreamName: string,
  index: number,
): Promise<KinesisRecord[]> {
  const target = { StreamName, ShardId: shardIdAt(index) };
  const iterator = await iteratorFor(client, { ...target, ShardIteratorType: "TRIM_HORIZON" });
  const records: KinesisRecord[] = [];
  for await (const page of readPages(client, iterator)) records.push(...page);
  return records;
}

/** What a sequence number says; throws when it is not of the layout that AWS has now. */
export function partsOf(sequenceNumber: string | undefined): SequenceV2 {
  const parts = parseSequenceNumber(sequenceNumber ?? "");
  if ("version" in parts && parts.version === 2) return parts;
  throw new Error(`${sequenceNumber} is no sequence number of version 2`);
}

/** Place of a record in its shard. */
export function indexIn(sequenceNumber: string | undefined): number {
  return Number(partsOf(sequenceNumber).index);
}

interface GetRecordsPage {
  Records?: KinesisRecord[] | undefined;
  MillisBehindLatest?: number | undefined;
  NextShardIterator?: string | undefined;
}
