// Consumers at the tip of one shard, each at its distance and all at the same time, while a
// producer beside the shard puts a few records at a time. They poll without a pause, or subscribe.
// Each record contains the time at which it was sent. Each consumer runs until it has received all
// records.

import { setTimeout as delay } from "node:timers/promises";
import { countAround } from "./counts.ts";
import type { Place } from "./places.ts";
import { openEvents, type SentRecord } from "./push.ts";
import { Tally } from "./tally.ts";
import { KinesisClient } from "../http/kinesis.ts";

export interface TailPlan {
  puts: number;
  recordsPerPut: number;
  pauseMs: number;
}

export type Way = "polled" | "pushed";

/** Receives the records of one page or event, until it returns false. */
export type Receive = (records: readonly SentRecord[], latencyMs?: number) => boolean;

/** Ready to receive; runs until it is told to stop. */
type Consumer = (receive: Receive) => Promise<void>;

const recordBytes = 1024;
/** A stamp is text of 18 bytes, so 24 of base64. */
const stampBytes = 18;
const stampTextBytes = 24;
const filling = Buffer.alloc(recordBytes - stampBytes, 7).toString("base64");
const titles = { polled: "GetRecords, again and again", pushed: "SubscribeToShard" };

/** A tally for each of the places; the producer is at `near`. */
export async function followTail(
  near: Place,
  places: readonly Place[],
  way: Way,
  { puts, recordsPerPut, pauseMs }: TailPlan,
): Promise<Tally[]> {
  const stream = `tail-${way}`;
  const producer = await KinesisClient.open(near.address);
  await producer.createStream(stream, 1);
  const open = way === "polled" ? openPolls : openPushes;
  const consumers = await Promise.all(places.map((place) => open(place, stream)));
  const following = consumers.map((consumer, i) =>
    follow(places[i]!, consumer, titles[way], puts * recordsPerPut),
  );
  const produce = async (): Promise<void> => {
    for (let put = 0; put < puts; put++) {
      const Records = Array.from({ length: recordsPerPut }, (_, i) => stampedRecord(i));
      const reply = await producer.call("PutRecords", { StreamName: stream, Records });
      if (reply["FailedRecordCount"] !== 0) throw new Error(JSON.stringify(reply).slice(0, 300));
      await delay(pauseMs);
    }
  };
  const [tallies] = await Promise.all([Promise.all(following), produce()]);
  producer.close();
  return tallies;
}

async function follow(
  { roundTripMs, address }: Place,
  consumer: Consumer,
  title: string,
  records: number,
): Promise<Tally> {
  const tally = new Tally({ group: "tail", title, roundTripMs });
  const receive: Receive = (received, latencyMs) => {
    const nowMs = performance.now();
    const dataBytes = received.length * recordBytes;
    if (latencyMs === undefined) tally.addUntimed(received.length, dataBytes);
    else tally.add(latencyMs, received.length, dataBytes);
    tally.deliveriesMs.push(...received.map((record) => nowMs - sentMs(record)));
    return tally.records < records;
  };
  const { counts } = await countAround(address, () => consumer(receive));
  tally.endRound(counts);
  if (tally.records !== records) throw new Error(`${tally.records} records of ${records}`);
  return tally;
}

async function openPolls({ address }: Place, stream: string): Promise<Consumer> {
  const client = await KinesisClient.open(address);
  let ShardIterator = await client.iterator(stream, 0, "LATEST");
  return async (receive) => {
    for (;;) {
      const startMs = performance.now();
      const reply = await client.call("GetRecords", { ShardIterator });
      const latencyMs = performance.now() - startMs;
      ShardIterator = reply["NextShardIterator"] as string;
      if (!receive(reply["Records"] as SentRecord[], latencyMs)) break;
    }
    client.close();
  };
}

async function openPushes({ address, roundTripMs }: Place, stream: string): Promise<Consumer> {
  const client = await KinesisClient.open(address);
  const described = await client.call("DescribeStreamSummary", { StreamName: stream });
  const { StreamARN } = described["StreamDescriptionSummary"] as { StreamARN: string };
  const ConsumerName = `from-${roundTripMs}`;
  const { Consumer } = await client.call("RegisterStreamConsumer", { StreamARN, ConsumerName });
  client.close();
  const events = await openEvents(address, (Consumer as { ConsumerARN: string }).ConsumerARN);
  return async (receive) => {
    for await (const records of events) if (!receive(records)) break;
  };
}

function stampedRecord(i: number): SentRecord & { PartitionKey: string } {
  const text = performance.now().toFixed(6).padStart(stampBytes).slice(0, stampBytes);
  return { Data: Buffer.from(text).toString("base64") + filling, PartitionKey: `sensor-${i}` };
}

function sentMs({ Data }: SentRecord): number {
  return Number(Buffer.from(Data.slice(0, stampTextBytes), "base64").toString());
}
