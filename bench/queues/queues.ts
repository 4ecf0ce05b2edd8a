// Workers that share a stream: each receives ten records, acknowledges them, and comes again. 1, 16 and
// 64 of them on a Kinesis queue of Millrace, over streams of one and four shards, and on a consumer
// group of Redis Streams (XREADGROUP, XACK) in the same run, one after the other in interleaved rounds.
// Both sync an acknowledgement to disk before the reply. Every cell reads the same records from the
// start, by a queue or a group of its own.
//
//   node bench/queues/queues.ts [--seconds 5] [--rounds 3] [--records 40000] [--data DIR] [--elasticmq FILE]
//
// FILE has the class path of ElasticMQ, a local SQS that keeps its messages in memory; it then runs too. It comes from
// `mvn dependency:build-classpath -Dmdep.outputFile=FILE` in a project that depends on org.elasticmq:elasticmq-server_2.13:1.6.12.

import { readFileSync } from "node:fs";
import { stop as stopEsbuild } from "esbuild";
import { buildAll } from "../../local/build.ts";
import { KinesisClient, makeRequest } from "../http/kinesis.ts";
import { startMillrace } from "../http/http.ts";
import { describeMachine, readCommit } from "../report/results.ts";
import { printTable } from "../report/textTable.ts";
import { readFlags } from "../tools/flags.ts";
import { makeDataFolder } from "../tools/process.ts";
import { startRedis } from "../tools/redis.ts";
import { type Address, HttpConnection } from "../tools/wire.ts";
import { makeRecord } from "../tools/workload.ts";
import { SqsConnection, startElasticMq } from "./elasticmq.ts";
import { RespConnection } from "./resp.ts";

const flags = readFlags("bench/queues/queues.ts", {
  seconds: { otherwise: 5, min: 1, max: 600, what: "time of each measurement" },
  rounds: { otherwise: 3, min: 1, max: 100, what: "rounds, of which the median counts" },
  records: { otherwise: 40_000, min: 10, max: 1e7, what: "records of the stream" },
  data: { form: "PATH", what: "folder for the servers' data, on a disk" },
  elasticmq: { form: "PATH", what: "file with the class path of ElasticMQ, which then runs too" },
});

const secondsPerCell = flags.seconds;
const roundCount = flags.rounds;
const recordCount = flags.records;
const recordBytes = 1024;
const batch = 10;
const workerCounts = [1, 16, 64];
const shardCounts = [1, 4];

interface Measured {
  records: number;
  seconds: number;
  /** Undefined for a server that has no rows. */
  rows: number | undefined;
}

interface Cell {
  name: string;
  workers: number;
  measure: () => Promise<Measured>;
}

/** A worker's turn: the records that it has received and acknowledged; 0 when there are none left. */
type Turn = () => Promise<number>;

await main();

async function main(): Promise<void> {
  await buildAll();
  await stopEsbuild();
  const commit = readCommit();
  await using servers = new AsyncDisposableStack();
  const millrace = servers.use(await startMillrace(servers.use(makeDataFolder(flags.data)).path));
  const cells = await listMillrace(millrace.address);
  const redis = await startRedis(servers.use(makeDataFolder(flags.data)).path).catch(
    (error: unknown) => console.error(`without Redis: ${String(error)}`),
  );
  if (redis !== undefined) cells.push(...(await listRedis(servers.use(redis).address)));
  if (flags.elasticmq !== undefined) {
    const classPath = readFileSync(flags.elasticmq, "utf8").trim();
    cells.push(...listElasticMq(servers.use(await startElasticMq(classPath)).address));
  }
  const found = new Map<Cell, Measured[]>();
  for (let round = 0; round < roundCount; round++) {
    for (const cell of cells.toSorted((a, b) => a.workers - b.workers)) {
      found.set(cell, [...(found.get(cell) ?? []), await cell.measure()]);
    }
  }
  printTable({
    title: `receive and acknowledge ${batch} records of ${recordBytes} bytes`,
    columns: ["workers", "queue", "records/s", "of Redis", "rows per record", "rows per batch"],
    rows: [...found].map(([{ name, workers }, all]) => {
      const isBase = ({ name, workers: its }: Cell) => name === "redis" && its === workers;
      const base = [...found].find(([cell]) => isBase(cell))?.[1];
      const rate = median(all.map(rateOf));
      const rows = median(all.map(({ rows = NaN, records }) => rows / records));
      return [
        String(workers),
        name,
        rate.toFixed(0),
        base === undefined ? "" : (rate / median(base.map(rateOf))).toFixed(2),
        Number.isNaN(rows) ? "" : rows.toFixed(4),
        Number.isNaN(rows) ? "" : (rows * batch).toFixed(3),
      ];
    }),
  });
  const { machine } = describeMachine();
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores, load ${machine.load}, commit ${commit.id}`,
  );
}

async function listMillrace(address: Address): Promise<Cell[]> {
  const client = await KinesisClient.open(address);
  const cells: Cell[] = [];
  for (const shards of shardCounts) {
    const stream = `queued-${shards}`;
    await client.createStream(stream, shards);
    await client.fill(stream, recordBytes, recordCount, 500);
    for (const workers of workerCounts) {
      const measure = () => measureQueue(address, stream, workers);
      cells.push({ name: `millrace, ${shards} shard${shards > 1 ? "s" : ""}`, workers, measure });
    }
  }
  client.close();
  return cells;
}

async function measureQueue(address: Address, stream: string, workers: number): Promise<Measured> {
  // A server closes connections that are idle for a while.
  const client = await KinesisClient.open(address);
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`;
  const { QueueDescription } = await client.call("CreateQueue", {
    QueueName: `${stream}-${crypto.randomUUID()}`,
    StreamConfigurationList: [{ StreamARN, StartingPosition: { Type: "TRIM_HORIZON" } }],
  });
  const { QueueARN } = QueueDescription as { QueueARN: string };
  const before = await rowsOf(address, stream, QueueARN);
  const moved = await measureTurns(workers, () => queueWorker(address, QueueARN));
  const rows = (await rowsOf(address, stream, QueueARN)) - before;
  client.close();
  const last = await KinesisClient.open(address);
  await last.call("DeleteQueue", { QueueARN });
  last.close();
  return { ...moved, rows };
}

async function queueWorker(address: Address, QueueARN: string): Promise<Turn> {
  const connection = await HttpConnection.open(address);
  const ask = async (operation: string, input: object): Promise<unknown> => {
    const request = makeRequest(address, operation, { QueueARN, ...input });
    const { status, body } = await connection.exchange(request, Infinity);
    if (status !== 200) throw new Error(`${operation}: ${status} ${body.toString()}`);
    return JSON.parse(body.toString());
  };
  return async () => {
    const received = await ask("ReceiveQueueRecords", { Limit: batch, WaitTimeSeconds: 1 });
    const { QueueRecords } = received as { QueueRecords: { ReceiptHandle: string }[] };
    if (QueueRecords.length === 0) return 0;
    const Entries = QueueRecords.map(({ ReceiptHandle }) => ({ ReceiptHandle }));
    const acknowledged = await ask("AcknowledgeQueueRecords", { Entries });
    const { Failed } = acknowledged as { Failed: unknown[] };
    if (Failed.length > 0) throw new Error(`not acknowledged: ${JSON.stringify(Failed[0])}`);
    return QueueRecords.length;
  };
}

interface QueueStats {
  queues: { id: string; rowsWritten: number }[];
}

/** Rows that the queue has written over all shards of its stream. */
async function rowsOf({ host, port }: Address, stream: string, arn: string): Promise<number> {
  const reply = await fetch(`http://${host}:${port}/_millrace/stats?stream=${stream}`);
  const { queues }: QueueStats = await reply.json();
  const queue = queues.find(({ id }) => arn.endsWith(`queue/${id}`));
  return queue?.rowsWritten ?? NaN;
}

async function listRedis(address: Address): Promise<Cell[]> {
  const connection = await RespConnection.open(address);
  const stream = "queued";
  for (let i = 0; i < recordCount; i++) {
    const { key, data } = makeRecord(i, recordBytes);
    await connection.ask("XADD", stream, "*", "k", key, "d", data);
  }
  return workerCounts.map((workers) => ({
    name: "redis",
    workers,
    measure: async () => {
      const group = crypto.randomUUID();
      await connection.ask("XGROUP", "CREATE", stream, group, "0");
      const moved = await measureTurns(workers, (i) => groupWorker(address, stream, group, i));
      await connection.ask("XGROUP", "DESTROY", stream, group);
      return { ...moved, rows: undefined };
    },
  }));
}

async function groupWorker(
  address: Address,
  stream: string,
  group: string,
  i: number,
): Promise<Turn> {
  const connection = await RespConnection.open(address);
  const from = ["STREAMS", stream, ">"];
  return async () => {
    const reply = await connection.ask(
      "XREADGROUP",
      "GROUP",
      group,
      `w${i}`,
      "COUNT",
      String(batch),
      ...from,
    );
    if (reply === null) return 0;
    const [[, entries]] = reply as [[string, [id: string, fields: string[]][]]];
    const done = await connection.ask("XACK", stream, group, ...entries.map(([id]) => id));
    if (done !== entries.length) throw new Error(`XACK: ${String(done)}`);
    return entries.length;
  };
}

function listElasticMq(address: Address): Cell[] {
  return workerCounts.map((workers) => ({
    name: "elasticmq",
    workers,
    measure: async () => {
      const connection = await SqsConnection.open(address);
      const QueueName = crypto.randomUUID();
      const { QueueUrl } = await connection.call<{ QueueUrl: string }>("CreateQueue", {
        QueueName,
      });
      const MessageBody = "x".repeat(recordBytes);
      const Entries = Array.from({ length: batch }, (_, i) => ({ Id: String(i), MessageBody }));
      for (let i = 0; i < recordCount; i += batch) {
        await connection.call("SendMessageBatch", { QueueUrl, Entries });
      }
      const moved = await measureTurns(workers, () => sqsWorker(address, QueueUrl));
      await connection.call("DeleteQueue", { QueueUrl });
      connection.close();
      return { ...moved, rows: undefined };
    },
  }));
}

async function sqsWorker(address: Address, QueueUrl: string): Promise<Turn> {
  const connection = await SqsConnection.open(address);
  return async () => {
    const input = { QueueUrl, MaxNumberOfMessages: batch };
    const { Messages = [] } = await connection.call<{ Messages?: { ReceiptHandle: string }[] }>(
      "ReceiveMessage",
      input,
    );
    if (Messages.length === 0) return 0;
    const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
    await connection.call("DeleteMessageBatch", { QueueUrl, Entries });
    return Messages.length;
  };
}

/** Until nothing is left, or the time of the cell is over. */
async function measureTurns(
  workers: number,
  open: (i: number) => Promise<Turn>,
): Promise<{ records: number; seconds: number }> {
  const turns = await Promise.all(Array.from({ length: workers }, (_, i) => open(i)));
  const startMs = performance.now();
  const endMs = startMs + secondsPerCell * 1000;
  let records = 0;
  let lastMs = startMs;
  await Promise.all(
    turns.map(async (turn) => {
      while (performance.now() < endMs) {
        const count = await turn();
        if (count === 0) return;
        records += count;
        lastMs = performance.now();
      }
    }),
  );
  return { records, seconds: (lastMs - startMs) / 1000 };
}

function rateOf({ records, seconds }: Measured): number {
  return records / seconds;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
