// Workers that share a stream by a queue, over real sockets. Sixteen of them, of whom some are cut off in
// the middle of their work, while the stream's shards are split, merged and counted anew: every record
// is acknowledged, and only records whose delivery was cut off are seen twice. And three times, or
// CRASH_ROUNDS, the server is killed with -9 while workers acknowledge: what was acknowledged is never
// handed out again. QUEUE_RECORDS sets the number of records of the first test.
//
// No published AWS SDK for JavaScript knows queues: requests are JSON, as the service model has them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Random } from "../engine/random.ts";
import { authorizationFor, base64, textIn } from "../worker/kinesis/client.ts";
import { type Server, startServer, untilGone } from "./server.ts";

const seed = Number(process.env["SEED"] ?? 13);
const recordCount = Number(process.env["QUEUE_RECORDS"] ?? 2400);
const roundCount = Number(process.env["CRASH_ROUNDS"] ?? 3);
const workerCount = 16;
const timeout = 60_000 + recordCount * 5 + roundCount * 20_000;

interface Received {
  ReceiptHandle: string;
  RecordId: string;
  Data: string;
}

type Output = Record<string, unknown>;

test(`every record is acknowledged, whoever is cut off, seed ${seed}`, { timeout }, async () => {
  await using server = await startServer({ flags: ["--memory"], runMs: timeout });
  const StreamName = "shared";
  await ask(server, "CreateStream", { StreamName, ShardCount: 8 });
  // A worker that is not cut off acknowledges long before that.
  const QueueARN = await createQueue(server, StreamName, 6);
  const random = new Random(seed);
  const seen = new Map<string, { holders: Worker[]; isDone: boolean }>();
  const state = { done: 0, isOver: false };
  const work = Array.from({ length: workerCount }, async (_, i) => {
    while (!state.isOver) {
      // Every other one works to the end; the others are cut off now and then.
      const worker = new Worker(server, QueueARN, seen, state);
      const life = i % 2 === 0 ? Infinity : random.between(2, 40);
      await worker.run(life);
    }
  });
  const changes = reshard(server, StreamName);
  for (let sent = 0; sent < recordCount; sent += 200) await put(server, StreamName, sent, 200);
  await changes;
  await Promise.all(work);
  expect(state.done).toBe(recordCount);
  const texts = new Set([...seen.values()].filter(({ isDone }) => isDone));
  expect(texts.size).toBe(recordCount);
  for (const [, { holders }] of seen) {
    expect(holders.slice(0, -1).every(({ isCutOff }) => isCutOff)).toBe(true);
  }
  const QueueRecords = await receive(server, QueueARN);
  expect(QueueRecords).toEqual([]);
});

test(`no acknowledgement is lost in ${roundCount} kills`, { timeout }, async () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-queue-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const random = new Random(seed);
  const done = new Set<string>();
  const asked = new Set<string>();
  let QueueARN = "";
  const perRound = 500;
  for (let round = 0; round < roundCount; round++) {
    await using server = await startServer({ data });
    if (round === 0) {
      await ask(server, "CreateStream", { StreamName: "crash", ShardCount: 2 });
      QueueARN = await createQueue(server, "crash", 2);
    }
    await put(server, "crash", round * perRound, perRound);
    let left = random.between(5, 40);
    const enough = Promise.withResolvers<void>();
    const workers = Array.from({ length: 8 }, async () => {
      for (;;) {
        const records = await receive(server, QueueARN);
        for (const { RecordId } of records) expect(done.has(RecordId)).toBe(false);
        if (records.length === 0) continue;
        for (const { RecordId } of records) asked.add(RecordId);
        await acknowledge(server, QueueARN, records);
        for (const { RecordId } of records) done.add(RecordId);
        if (--left === 0) enough.resolve();
      }
    });
    const ends = Promise.allSettled(workers);
    await Promise.race([enough.promise, ends]);
    // Every other time workerd is killed before the server.
    if (round % 2 === 1) for (const pid of server.workerdPids) process.kill(pid, "SIGKILL");
    await server.kill9();
    await Promise.all(server.workerdPids.map(untilGone));
    for (const end of await ends) {
      expect(String(end.status === "rejected" ? end.reason : end.value)).not.toContain("Assertion");
    }
    expect(left).toBeLessThanOrEqual(0);
  }
  await using server = await startServer({ data });
  // What was in flight and stored is visible after its timeout, so nothing is left after a longer wait.
  for (let records = await receive(server, QueueARN, 5); records.length > 0;) {
    for (const { RecordId } of records) expect(done.has(RecordId)).toBe(false);
    await acknowledge(server, QueueARN, records);
    for (const { RecordId } of records) done.add(RecordId);
    records = await receive(server, QueueARN, 5);
  }
  // A reply may have been lost on its way.
  expect(new Set([...done, ...asked]).size).toBe(roundCount * perRound);
});

/** A worker that is cut off after so many calls: what it then has in its hands is never acknowledged. */
class Worker {
  isCutOff = false;
  private readonly server: Server;
  private readonly queue: string;
  private readonly seen: Map<string, { holders: Worker[]; isDone: boolean }>;
  private readonly state: { done: number; isOver: boolean };

  constructor(server: Server, queue: string, seen: Worker["seen"], state: Worker["state"]) {
    this.server = server;
    this.queue = queue;
    this.seen = seen;
    this.state = state;
  }

  async run(calls: number): Promise<void> {
    for (let call = 0; !this.state.isOver; call++) {
      const records = await receive(this.server, this.queue);
      for (const record of records) {
        const known = this.seen.get(record.RecordId) ?? { holders: [], isDone: false };
        this.seen.set(record.RecordId, known);
        expect([textIn(record), known.isDone]).toEqual([textIn(record), false]);
        known.holders.push(this);
      }
      if (call >= calls && records.length > 0) {
        this.isCutOff = true;
        return;
      }
      if (records.length === 0) continue;
      await acknowledge(this.server, this.queue, records);
      for (const { RecordId } of records) this.seen.get(RecordId)!.isDone = true;
      this.state.done += records.length;
      this.state.isOver = this.state.done >= recordCount;
    }
  }
}

async function reshard(server: Server, StreamName: string): Promise<void> {
  const half = (2n ** 128n / 16n).toString();
  await ask(server, "SplitShard", {
    StreamName,
    ShardToSplit: "shardId-0",
    NewStartingHashKey: half,
  });
  await untilActive(server, StreamName);
  await ask(server, "MergeShards", {
    StreamName,
    ShardToMerge: "shardId-2",
    AdjacentShardToMerge: "shardId-3",
  });
  await untilActive(server, StreamName);
  const TargetShardCount = 6;
  const ScalingType = "UNIFORM_SCALING";
  await ask(server, "UpdateShardCount", { StreamName, TargetShardCount, ScalingType });
  await untilActive(server, StreamName);
}

async function untilActive(server: Server, StreamName: string): Promise<void> {
  for (;;) {
    const reply = await ask(server, "DescribeStreamSummary", { StreamName });
    const { StreamStatus } = reply["StreamDescriptionSummary"] as { StreamStatus: string };
    if (StreamStatus === "ACTIVE") return;
  }
}

async function createQueue(server: Server, stream: string, seconds: number): Promise<string> {
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`;
  const { QueueDescription } = await ask(server, "CreateQueue", {
    QueueName: stream,
    StreamConfigurationList: [{ StreamARN, StartingPosition: { Type: "TRIM_HORIZON" } }],
    QueueAttributes: {
      VisibilityTimeoutSeconds: seconds,
      DeadLetterConfiguration: { TargetType: "NONE" },
    },
  });
  return (QueueDescription as { QueueARN: string }).QueueARN;
}

async function put(
  server: Server,
  StreamName: string,
  first: number,
  count: number,
): Promise<void> {
  const Records = Array.from({ length: count }, (_, i) => ({
    PartitionKey: `key ${first + i}`,
    Data: base64(`record ${first + i}`),
  }));
  const { FailedRecordCount } = await ask(server, "PutRecords", { StreamName, Records });
  expect(FailedRecordCount).toBe(0);
}

async function receive(server: Server, QueueARN: string, seconds = 1): Promise<Received[]> {
  const output = await ask(server, "ReceiveQueueRecords", { QueueARN, WaitTimeSeconds: seconds });
  return output["QueueRecords"] as Received[];
}

async function acknowledge(server: Server, QueueARN: string, records: Received[]): Promise<void> {
  const Entries = records.map(({ ReceiptHandle }) => ({ ReceiptHandle }));
  const { Failed } = await ask(server, "AcknowledgeQueueRecords", { QueueARN, Entries });
  expect(Failed).toEqual([]);
}

/** Rejects unless it is done. */
async function ask({ endpoint }: Server, operation: string, input: object): Promise<Output> {
  const reply = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `Kinesis_20131202.${operation}`,
      "x-amz-date": "20260101T000000Z",
      authorization: authorizationFor("us-east-1", "local"),
    },
    body: JSON.stringify(input),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${operation}: ${reply.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Output);
}
