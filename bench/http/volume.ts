// Puts gigabytes into one local stream of four shards and reads them back, while it watches
// workerd's memory: `node bench/http/volume.ts [--gigabytes N]`, by default two. Every record has
// its own number, and each number must come back exactly once, in order within its shard. Then it
// prints how many of the pages needed a request to a shard.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { readFlags } from "../tools/flags.ts";
import { makeDataFolder, node, startAndRead } from "../tools/process.ts";

const GB = 1e9;
const MB = 1e6;
const shardCount = 4;
const recordBytes = 1023;
const batchRecords = 500;
const writers = 8;
/** Base64 characters at the start of a record's data that hold its number: nine bytes. */
const numberCharacters = 12;

interface Stats {
  isolate: { reads: Record<"historyPages" | "shardPages" | "viewRequests", number> };
}

const { gigabytes } = readFlags("bench/http/volume.ts", {
  gigabytes: { otherwise: 2, min: 0.01, max: 1000, what: "data that is put and read back" },
});
const recordCount = Math.ceil((gigabytes * GB) / recordBytes);
const agent = new Agent({ keepAlive: true });
const startMs = performance.now();

using folder = makeDataFolder();
await using server = await startAndRead(
  { program: node, args: ["command/main.ts", "--port", "0", "--data", folder.path] },
  /endpoint +(\S+)/,
);
let memoryPeak = 0;
let reportedMs = 0;

const StreamName = "volume";
await call("CreateStream", { StreamName, ShardCount: shardCount });
const putMs = await timed(putAll);
report(`put      ${rate(putMs)}`);
const before = await readStats();
const readMs = await timed(readAll);
report(`read     ${rate(readMs)}`);
const { historyPages, shardPages, viewRequests } = await readStats();
console.log(
  `pages    ${historyPages - before.historyPages} of history, without a question to a shard`,
);
console.log(`         ${shardPages - before.shardPages} by the shard, at its end`);
console.log(
  `         ${viewRequests - before.viewRequests} questions for a shard's view, one a second or two`,
);
console.log(`memory   ${(memoryPeak / MB).toFixed(0)} MB at most (workerd, resident)`);
if (memoryPeak > GB) throw new Error("workerd had more than 1 GB");
agent.destroy();

async function putAll(): Promise<void> {
  const tail = Buffer.alloc(recordBytes, 7).toString("base64").slice(numberCharacters);
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < recordCount) {
      const first = next;
      next = Math.min(next + batchRecords, recordCount);
      const Records = Array.from({ length: next - first }, (_, i) => ({
        Data: numberText(first + i) + tail,
        PartitionKey: String(first + i),
      }));
      const reply = await call("PutRecords", { StreamName, Records });
      if (reply["FailedRecordCount"] !== 0) throw new Error(JSON.stringify(reply).slice(0, 300));
      progress("put", next);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
}

async function readAll(): Promise<void> {
  const seen = new Uint8Array(recordCount);
  let count = 0;
  const reader = async (_: unknown, shard: number): Promise<void> => {
    const ShardId = `shardId-00000000000${shard}`;
    const start = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
    let { ShardIterator } = await call("GetShardIterator", start);
    let last = "";
    for (;;) {
      const page = await call("GetRecords", { ShardIterator, Limit: 2000 });
      for (const record of page["Records"] as { Data: string; SequenceNumber: string }[]) {
        if (record.SequenceNumber <= last) throw new Error(`${ShardId} is out of order`);
        last = record.SequenceNumber;
        const number = Number(Buffer.from(record.Data.slice(0, numberCharacters), "base64"));
        if (seen[number] !== 0) throw new Error(`record ${number} came twice`);
        seen[number] = 1;
        count++;
      }
      progress("read", count);
      if (page["MillisBehindLatest"] === 0) return;
      ShardIterator = page["NextShardIterator"];
    }
  };
  await Promise.all(Array.from({ length: shardCount }, reader));
  if (count !== recordCount) throw new Error(`${recordCount - count} records are missing`);
}

/** The number in nine digits, as the twelve characters of their base64. */
function numberText(number: number): string {
  return Buffer.from(String(number).padStart(9, "0")).toString("base64");
}

function call(operation: string, input: object): Promise<Record<string, unknown>> {
  const credential = "Credential=volume/20260101/us-east-1/kinesis/aws4_request";
  return send("POST", "/", JSON.stringify(input), {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `Kinesis_20131202.${operation}`,
    "x-amz-date": "20260101T000000Z",
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=none`,
  });
}

async function readStats(): Promise<Stats["isolate"]["reads"]> {
  const stats = (await send("GET", "/_millrace/stats", "", {})) as unknown as Stats;
  return stats.isolate.reads;
}

function send(
  method: string,
  path: string,
  body: string,
  headers: Record<string, string>,
): Promise<Record<string, unknown>> {
  const { host, port } = server.address;
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent }, (reply) => {
      const parts: Buffer[] = [];
      reply.on("data", (part: Buffer) => parts.push(part));
      reply.on("error", reject);
      reply.on("end", () => {
        const text = Buffer.concat(parts).toString();
        if (reply.statusCode !== 200) reject(new Error(`${reply.statusCode} ${text}`));
        else resolve(text === "" ? {} : (JSON.parse(text) as Record<string, unknown>));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function rate(ms: number): string {
  const bytes = recordCount * recordBytes;
  const perSecond = (bytes / MB / (ms / 1000)).toFixed(0);
  return `${recordCount} records, ${(bytes / GB).toFixed(2)} GB in ${(ms / 1000).toFixed(1)} s, ${perSecond} MB/s`;
}

function progress(what: string, count: number): void {
  const nowMs = performance.now();
  if (nowMs - reportedMs < 1000) return;
  reportedMs = nowMs;
  const memory = residentBytes();
  memoryPeak = Math.max(memoryPeak, memory);
  const percent = ((count / recordCount) * 100).toFixed(0).padStart(3);
  const seconds = ((nowMs - startMs) / 1000).toFixed(0);
  process.stderr.write(
    `\r${what} ${percent} %  ${seconds} s  workerd ${(memory / MB).toFixed(0)} MB   `,
  );
}

function report(line: string): void {
  process.stderr.write("\r\u001B[K");
  console.log(line);
}

/** Memory of the server's workerd: the child of the process that was started. */
function residentBytes(): number {
  const { pid } = server;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return Math.max(...children.map((child) => residentOf(child)), 0);
}

function residentOf(pid: string): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? "0") * 1024;
  } catch {
    return 0;
  }
}
