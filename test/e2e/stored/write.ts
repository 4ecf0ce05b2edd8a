/**
 * Writes test/e2e/stored/<version>.folder: a data folder of this version's local server that has records
 * in every place where a record can be. Run it once for each release, `node test/e2e/stored/write.ts`,
 * and keep what earlier releases wrote. Everything is put over HTTP, but for the clock: shards are told
 * that their last record arrived in 2100, so that what is put is not too old whenever a test is run.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  base64,
  type KinesisCall,
  kinesisOver,
  type KinesisReply,
} from "../../worker/kinesis/client.ts";
import { v3ioOver } from "../../worker/v3io/client.ts";
import { listGenerations, shardFiles, statsOf, untilSeen } from "../data-folder.ts";
import { type Server, startServer } from "../server.ts";
import { packArchive, readFolder } from "./archive.ts";
import { arrivalMs, dataOf, type Promised, type PromisedV3ioRecord } from "./promised.ts";

const root = resolve(import.meta.dirname, "..", "..", "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const promised: Promised = {
  version,
  streams: [
    {
      name: "stored",
      retentionHours: 48,
      recordKibMax: 4096,
      tags: { team: "storage", "empty tag": "" },
      consumers: ["reader"],
      shards: [
        { parents: [], isOpen: true },
        { parents: [], isOpen: true },
      ],
    },
    {
      name: "resharded",
      retentionHours: 24,
      recordKibMax: 1024,
      tags: {},
      consumers: [],
      shards: [
        { parents: [], isOpen: false },
        { parents: [0], isOpen: true },
        { parents: [0], isOpen: true },
      ],
    },
  ],
  records: [],
  v3io: { path: "/bigdata/from-v3io", records: [] },
  item: { path: "/bigdata/things/one", attributes: { age: { N: "42" }, name: { S: "語" } } },
  object: { path: "/bigdata/things/text.txt", text: "an object of its own" },
};

/** Where in a stream of two shards a record goes. */
const hashKeys = ["0", String(2n ** 127n)];

async function main(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "millrace-stored-"));
  try {
    await session(data, createStreams);
    setClocks(data);
    await session(data, reshard);
    setClocks(data);
    await session(data, putEverywhere);
    const archive = packArchive({ files: readFolder(data), promised: JSON.stringify(promised) });
    const file = join(import.meta.dirname, `${version}.folder`);
    writeFileSync(`${file}.new`, archive);
    renameSync(`${file}.new`, file);
    console.log(`${file}: ${archive.length} bytes, ${promised.records.length} records`);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function session(
  data: string,
  work: (server: Server, kinesis: KinesisCall) => Promise<void>,
): Promise<void> {
  await using server = await startServer({ data });
  await work(
    server,
    kinesisOver((init) => fetch(server.endpoint, init)),
  );
  await server.stop();
}

/** Every shard that has no record yet begins where the clock is to be. */
function setClocks(data: string): void {
  for (const file of shardFiles(data)) {
    const database = new DatabaseSync(file);
    database.prepare("UPDATE shard SET last_ms = max(last_ms, ?)").run(arrivalMs);
    database.close();
  }
}

async function createStreams({ endpoint }: Server, kinesis: KinesisCall): Promise<void> {
  const [stored, resharded] = promised.streams;
  await ok(
    kinesis("CreateStream", {
      StreamName: stored?.name,
      ShardCount: 2,
      MaxRecordSizeInKiB: stored?.recordKibMax,
      Tags: stored?.tags,
    }),
  );
  await ok(kinesis("CreateStream", { StreamName: resharded?.name, ShardCount: 1 }));
  const { output } = await ok(kinesis("DescribeStream", { StreamName: stored?.name }));
  const { StreamARN } = output.StreamDescription;
  for (const ConsumerName of stored?.consumers ?? []) {
    await ok(kinesis("RegisterStreamConsumer", { StreamARN, ConsumerName }));
  }
  const retention = { StreamName: stored?.name, RetentionPeriodHours: stored?.retentionHours };
  await ok(kinesis("IncreaseStreamRetentionPeriod", retention));
  const v3io = v3ioOver((path, init) => fetch(endpoint + path, init));
  const { path } = promised.v3io;
  await ok(v3io("CreateStream", `${path}/`, { ShardCount: 1, RetentionPeriodHours: 24 }, "POST"));
}

async function reshard(_: Server, kinesis: KinesisCall): Promise<void> {
  const StreamName = "resharded";
  for (let i = 0; i < 3; i++) await put(kinesis, StreamName, 0, 0, `before ${i}`, 100);
  const ShardToSplit = "shardId-000000000000";
  await ok(kinesis("SplitShard", { StreamName, ShardToSplit, NewStartingHashKey: hashKeys[1] }));
  await untilSeen("the split's end", async () => {
    const { output } = await ok(kinesis("DescribeStream", { StreamName }));
    return output.StreamDescription.StreamStatus === "ACTIVE";
  });
}

async function putEverywhere(server: Server, kinesis: KinesisCall): Promise<void> {
  for (const shard of [1, 2]) {
    await put(kinesis, "resharded", shard, shard - 1, `after, shard ${shard}`, 100);
  }
  // R2 takes nothing of the second shard: its closed generation stays in rows.
  const second = (await statsOf(server, "stored"))[1]?.shard ?? "";
  const obstacle = join(server.data, "bucket", "segments", second);
  writeFileSync(obstacle, "");
  for (const shard of [0, 1]) {
    for (let i = 0; i < 13; i++)
      await putStored(kinesis, shard, `a segment by itself, ${i}`, 700_000);
  }
  await untilSeen("a generation in R2, and one in rows", () => {
    const states = listGenerations(server.data);
    return states.includes("freed") && states.includes("closed");
  });
  for (const shard of [0, 1]) await putStored(kinesis, shard, "over two rows", 2_500_000);
  for (const shard of [0, 1]) {
    for (let i = 0; i < 60; i++) await putStored(kinesis, shard, `one of a segment, ${i}`, 20_000);
    for (let i = 0; i < 5; i++) await putStored(kinesis, shard, `in the tail, ${i}`, i * 7);
  }
  await putOthers(server);
  rmSync(obstacle);
}

async function putOthers({ endpoint }: Server): Promise<void> {
  const v3io = v3ioOver((path, init) => fetch(endpoint + path, init));
  // A record may have a key and client info, or neither.
  const Records: Omit<PromisedV3ioRecord, "SequenceNumber">[] = [
    { PartitionKey: "key 0", ClientInfo: base64("info 0"), Data: base64("one") },
    { ClientInfo: base64("info 1"), Data: base64("two") },
    { PartitionKey: "key 2", Data: base64("three") },
  ];
  const { output } = await ok(v3io("PutRecords", `${promised.v3io.path}/`, { Records }, "POST"));
  promised.v3io.records = Records.map((record, i) => {
    return Object.assign(record, { SequenceNumber: output.Records[i]?.SequenceNumber ?? 0 });
  });
  const { item, object } = promised;
  await ok(v3io("PutItem", item.path, { Item: item.attributes }));
  const headers = { "x-v3io-session-key": "any" };
  await fetch(endpoint + object.path, { method: "PUT", headers, body: object.text });
}

function putStored(kinesis: KinesisCall, shard: number, text: string, bytes: number) {
  return put(kinesis, "stored", shard, shard, text, bytes);
}

async function put(
  kinesis: KinesisCall,
  StreamName: string,
  shard: number,
  half: number,
  text: string,
  bytes: number,
): Promise<void> {
  const key = `${text} of shard ${shard}`;
  const { output } = await ok(
    kinesis("PutRecord", {
      StreamName,
      PartitionKey: key,
      ExplicitHashKey: hashKeys[half],
      Data: base64(dataOf({ text: `${key}. `, bytes })),
    }),
  );
  const { SequenceNumber: sequenceNumber, ShardId } = output;
  if (Number(ShardId.slice(-4)) !== shard) throw new Error(`${key} went to ${ShardId}`);
  const record = { stream: StreamName, shard, sequenceNumber, key, text: `${key}. `, bytes };
  promised.records.push(record);
}

async function ok<Reply extends Pick<KinesisReply, "status" | "text">>(
  call: Promise<Reply>,
): Promise<Reply> {
  const reply = await call;
  if (reply.status >= 300) throw new Error(`answered with ${reply.status} ${reply.text}`);
  return reply;
}

await main();
