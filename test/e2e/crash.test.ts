// Five times, or CRASH_ROUNDS, the server is killed with -9 while sixteen clients are putting, alone and in batches,
// and started again on the same data. Every record that was acknowledged must be there, under the
// sequence number that the reply gave; sequence numbers go on without a gap or a repeat, and no
// record is there twice. The kill comes when enough has been acknowledged: nothing waits for a time.

import {
  CreateStreamCommand,
  type KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Random } from "../engine/random.ts";
import { connect, indexIn, type KinesisRecord, readShard } from "./sdk.ts";
import { type Server, startServer, untilGone } from "./server.ts";

const seed = 9;
const roundCount = Number(process.env["CRASH_ROUNDS"] ?? 5);
const timeout = 60_000 + roundCount * 20_000;
const clientCount = 16;
const shardCount = 2;
const StreamName = "crash";

/** What the replies promised so far. */
interface Promised {
  /** Texts by sequence number, for each shard. */
  records: Map<string, string>[];
  /** Everything that was ever sent, acknowledged or not. */
  sent: Set<string>;
}

test(`acknowledged records outlive kill -9, seed ${seed}`, { timeout }, async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-crash-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const random = new Random(seed);
  const promised: Promised = {
    records: Array.from({ length: shardCount }, () => new Map<string, string>()),
    sent: new Set(),
  };
  const counts: number[] = [];
  for (let round = 0; round < roundCount; round++) {
    await using server = await startServer({ data });
    if (round === 0) await createStream(server);
    counts.push(await expectPromised(server, promised));
    await putUntilKilled(server, promised, random, round);
  }
  await using server = await startServer({ data });
  counts.push(await expectPromised(server, promised));
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(new Set(counts).size).toBe(roundCount + 1);
});

async function createStream(server: Server): Promise<void> {
  const client = connect(server.endpoint);
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: shardCount }));
  client.destroy();
}

/** Reads everything back, and puts one more record to each shard; returns how many there are. */
async function expectPromised(server: Server, promised: Promised): Promise<number> {
  const client = connect(server.endpoint);
  const seen = new Set<string>();
  for (const [shard, records] of promised.records.entries()) {
    const stored = await readShard(client, StreamName, shard);
    expectSequence(stored);
    const found = new Map(stored.map((record) => [record.SequenceNumber, textOf(record)]));
    const missing = [...records].filter(([number, text]) => found.get(number) !== text);
    expect(missing).toEqual([]);
    for (const text of found.values()) {
      expect(seen.has(text)).toBe(false);
      expect(promised.sent.has(text)).toBe(true);
      seen.add(text);
    }
    const text = `${shard} after ${stored.length}`;
    const next = await client.send(new PutRecordCommand(makeRecord(promised, text, shard)));
    expect(indexIn(next.SequenceNumber)).toBe(stored.length);
    records.set(next.SequenceNumber ?? "", text);
  }
  client.destroy();
  return seen.size;
}

/** Places without a gap or a repeat, numbers that grow, times that never go back. */
function expectSequence(stored: readonly KinesisRecord[]): void {
  const places = stored.map(({ SequenceNumber }) => indexIn(SequenceNumber));
  expect(places).toEqual(stored.map((_, i) => i));
  const numbers = stored.map(({ SequenceNumber = "" }) => BigInt(SequenceNumber));
  expect(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0n))).toBe(true);
  const times = stored.map(({ ApproximateArrivalTimestamp: arrival }) => arrival?.getTime() ?? 0);
  expect(times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0))).toBe(true);
}

async function putUntilKilled(
  server: Server,
  promised: Promised,
  random: Random,
  round: number,
): Promise<void> {
  let left = random.between(300, 1500);
  const enough = Promise.withResolvers<void>();
  const acknowledge = (shardId = "", sequenceNumber = "", text = "") => {
    promised.records[Number(shardId.slice("shardId-".length))]?.set(sequenceNumber, text);
    if (--left === 0) enough.resolve();
  };
  const clients = Array.from({ length: clientCount }, async (_, i) => {
    // A request that is sent again could be stored again.
    const client = connect(server.endpoint, { maxAttempts: 1 });
    const name = `${round}.${i}`;
    await putForEver(client, promised, new Random(random.word()), name, acknowledge);
  });
  const ends = Promise.allSettled(clients);
  await Promise.race([enough.promise, ends]);
  // Without the server workerd is killed a moment later; every other time it is killed first.
  if (round % 2 === 1) for (const pid of server.workerdPids) process.kill(pid, "SIGKILL");
  await server.kill9();
  await Promise.all(server.workerdPids.map(untilGone));
  const outcomes = await ends;
  expect(left).toBeLessThanOrEqual(0);
  expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
}

async function putForEver(
  client: KinesisClient,
  promised: Promised,
  random: Random,
  name: string,
  acknowledge: (shardId?: string, sequenceNumber?: string, text?: string) => void,
): Promise<never> {
  for (let call = 0; ; call++) {
    const size = random.chance(0.5) ? 1 : random.between(2, 40);
    const texts = Array.from({ length: size }, (_, i) =>
      sampleText(random, `${name}.${call}.${i}`),
    );
    const Records = texts.map((text) => makeRecord(promised, text, random.below(shardCount)));
    const [first] = Records;
    if (size === 1 && first !== undefined) {
      const { ShardId, SequenceNumber } = await client.send(new PutRecordCommand(first));
      acknowledge(ShardId, SequenceNumber, texts[0]);
      continue;
    }
    const reply = await client.send(new PutRecordsCommand({ StreamName, Records }));
    for (const [i, { ShardId, SequenceNumber }] of (reply.Records ?? []).entries()) {
      if (SequenceNumber !== undefined) acknowledge(ShardId, SequenceNumber, texts[i]);
    }
  }
}

/** A text that no other record has; a few are nearly as large as a record may be. */
function sampleText(random: Random, name: string): string {
  const length = random.chance(0.002)
    ? 1_000_000
    : random.below(random.chance(0.05) ? 50_000 : 400);
  return `${name} ${".".repeat(length)}`;
}

function makeRecord(promised: Promised, text: string, shard: number) {
  promised.sent.add(text);
  const ExplicitHashKey = String((2n ** 128n / BigInt(shardCount)) * BigInt(shard));
  return { StreamName, Data: Buffer.from(text), PartitionKey: "key", ExplicitHashKey };
}

function textOf({ Data }: KinesisRecord): string {
  return Buffer.from(Data ?? []).toString();
}
