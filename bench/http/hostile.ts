// Sends hostile requests (hostileRequests.ts) over real sockets to a real local server, while a
// correct client puts and reads on its own stream. No request may cause a server error or get no
// reply. The output has the times of the replies, and the waiting times of the correct client
// before and during the attack. Each failure is printed as a command that sends the request again.
//
//   node bench/http/hostile.ts [--requests 100000] [--seed N] [--clients 8] [--over http1|http2|tls]
import { Random } from "../../test/engine/random.ts";
import { curlOf, type HostileRequest, hostileRequest } from "./hostileRequests.ts";
import { Http1Sender, Http2Sender, type Sender, type Sent } from "./hostileSenders.ts";
import { targetStream } from "./hostileValues.ts";
import { startMillrace } from "./http.ts";
import { readFlags } from "../tools/flags.ts";
import { makeDataFolder } from "../tools/process.ts";
import type { Address } from "../tools/wire.ts";

export interface HostileOptions {
  requestCount: number;
  seed: number;
  /** Number of clients that send hostile requests at once. */
  clientCount: number;
  /** How long the correct client is measured alone. */
  quietMs: number;
  /** How the hostile requests travel. The correct client speaks HTTP/1.1. */
  over?: Transport;
}

const transports = ["http1", "http2", "tls"] as const;
type Transport = (typeof transports)[number];

export interface Latency {
  count: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface HostileResult {
  /** Replies by dialect and status. */
  statuses: Record<string, number>;
  /** Commands for requests with a server error or without a reply. */
  failures: string[];
  hostile: Latency;
  /** The slowest requests, the slowest first. */
  slowest: { ms: number; command: string }[];
  quiet: Latency;
  during: Latency;
  /** Records that the correct client put, and records that it found at the end. */
  records: { put: number; read: number };
  /** What the server has printed. */
  output: string;
}

const slowestCount = 5;

export async function sendHostile(options: HostileOptions): Promise<HostileResult> {
  using folder = makeDataFolder();
  // A long poll waits less than the bound that a reply is held to.
  const flags = ["--long-poll-ms", "500", ...(options.over === "tls" ? ["--tls"] : [])];
  await using server = await startMillrace(folder.path, "endpoint", flags);
  const target = new Target(server.address, options.over ?? "http1");
  const other = new GoodClient(server.address);
  await other.begin();
  const quiet = await other.run(after(options.quietMs));
  const storm = target.storm(options);
  const during = await other.run(storm);
  const { statuses, failures, times, slowest } = await storm;
  const records = { put: other.putCount, read: await other.countRecords() };
  failures.push(...other.failures);
  const output = server.output();
  return { statuses, failures, hostile: latencyOf(times), slowest, quiet, during, records, output };
}

class Target {
  private readonly address: Address;
  private readonly plain: Sender;
  private readonly sender: Sender;
  /** ARN of the queue of the target. */
  private queue: string | undefined;

  constructor(address: Address, over: Transport) {
    this.address = address;
    this.plain = new Http1Sender(address);
    this.sender =
      over === "http1" ? this.plain : new Http2Sender(address, over === "tls" ? "https" : "http");
  }

  async storm({ requestCount, seed, clientCount }: HostileOptions) {
    const random = new Random(seed);
    const statuses: Record<string, number> = {};
    const failures: string[] = [];
    const times: number[] = [];
    let slowest: { ms: number; command: string }[] = [];
    let left = requestCount;
    const client = async () => {
      while (left-- > 0) {
        const hostile = hostileRequest(random, this.queue);
        const startMs = performance.now();
        const outcome = await this.send(hostile);
        const ms = performance.now() - startMs;
        times.push(ms);
        const kind = `${hostile.dialect} ${outcome}`;
        statuses[kind] = (statuses[kind] ?? 0) + 1;
        const isBad = typeof outcome === "string" || outcome >= 500;
        const isSlow = ms > (slowest[slowestCount - 1]?.ms ?? 0);
        if (!isBad && !isSlow) continue;
        const command = curlOf(hostile, `http://${this.address.host}:${this.address.port}`);
        if (isBad) failures.push(`${kind}: ${command}`);
        slowest = [...slowest, { ms, command }].sort((a, b) => b.ms - a.ms).slice(0, slowestCount);
      }
    };
    await Promise.all([
      this.keepTarget(() => left <= 0),
      ...Array.from({ length: clientCount }, client),
    ]);
    this.sender.close();
    this.plain.close();
    return { statuses, failures, times, slowest };
  }

  /** The status of the reply, or why there was none. */
  private async send(hostile: HostileRequest): Promise<number | string> {
    const { method, path, headers, body } = hostile;
    try {
      return (await this.sender.send({ method, path, headers, body })).status;
    } catch (error) {
      return String(error);
    }
  }

  /** Creates the stream and its queue again and again, because some requests delete them. */
  private async keepTarget(isOver: () => boolean): Promise<void> {
    const StreamName = targetStream;
    const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
    const StreamConfigurationList = [{ StreamARN, StartingPosition: { Type: "TRIM_HORIZON" } }];
    const QueueName = "hostile-queue";
    while (!isOver()) {
      await this.plain.send(kinesisCall("CreateStream", { StreamName, ShardCount: 2 }));
      const queue = kinesisCall("CreateQueue", { QueueName, StreamConfigurationList });
      const { text } = await this.plain.send(queue);
      this.queue = /"QueueARN":"([^"]+)"/.exec(text)?.[1] ?? this.queue;
      await after(500);
    }
  }
}

/** Puts a record and reads a page of its own stream, in turn. */
class GoodClient {
  putCount = 0;
  readonly failures: string[] = [];
  private readonly sender: Sender;
  private iterator = "";

  constructor(address: Address) {
    this.sender = new Http1Sender(address);
  }

  async begin(): Promise<void> {
    await this.call("CreateStream", { StreamName: "good", ShardCount: 1 });
    this.iterator = await this.start();
  }

  /** Until the promise is settled. */
  async run(end: Promise<unknown>): Promise<Latency> {
    const life = { isOver: false };
    const stop = () => (life.isOver = true);
    end.then(stop, stop);
    const times: number[] = [];
    const timed = async (operation: string, input: object) => {
      const startMs = performance.now();
      try {
        return await this.call(operation, input);
      } catch (error) {
        this.failures.push(`other client: ${String(error)}`);
        return {};
      } finally {
        times.push(performance.now() - startMs);
      }
    };
    const Data = Buffer.alloc(1024, 7).toString("base64");
    while (!life.isOver) {
      const put = await timed("PutRecord", { StreamName: "good", PartitionKey: "k", Data });
      if ("SequenceNumber" in put) this.putCount++;
      const page = await timed("GetRecords", { ShardIterator: this.iterator, Limit: 100 });
      if ("NextShardIterator" in page) this.iterator = String(page["NextShardIterator"]);
      await after(5);
    }
    return latencyOf(times);
  }

  async countRecords(): Promise<number> {
    let count = 0;
    for (let iterator = await this.start(); ;) {
      const page = await this.call("GetRecords", { ShardIterator: iterator });
      count += (page["Records"] as unknown[]).length;
      if (page["MillisBehindLatest"] === 0) break;
      iterator = String(page["NextShardIterator"]);
    }
    this.sender.close();
    return count;
  }

  private async start(): Promise<string> {
    const place = { StreamName: "good", ShardId: "shardId-000000000000" };
    const reply = await this.call("GetShardIterator", {
      ...place,
      ShardIteratorType: "TRIM_HORIZON",
    });
    return String(reply["ShardIterator"]);
  }

  private async call(operation: string, input: object): Promise<Record<string, unknown>> {
    const { status, text } = await this.sender.send(kinesisCall(operation, input));
    if (status !== 200) throw new Error(`${operation}: ${status} ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  }
}

function kinesisCall(operation: string, input: object): Sent {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `Kinesis_20131202.${operation}`,
    "x-amz-date": "20360101T000000Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=good/20360101/us-east-1/kinesis/aws4_request, " +
      "SignedHeaders=host, Signature=0",
  };
  return { method: "POST", path: "/", headers, body: Buffer.from(JSON.stringify(input)) };
}

function latencyOf(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

function after(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function shown({ count, p50Ms, p99Ms, maxMs }: Latency): string {
  const [p50, p99, most] = [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1));
  return `${count} replies, p50 ${p50} ms, p99 ${p99} ms, max ${most} ms`;
}

if (import.meta.main) {
  const {
    requests: requestCount,
    seed,
    clients: clientCount,
    over,
  } = readFlags("bench/http/hostile.ts", {
    requests: { otherwise: 100_000, min: 1, max: 1e9, what: "malformed requests" },
    seed: { otherwise: Date.now() % 2 ** 31, min: 0, max: 2 ** 31, what: "which requests" },
    clients: { otherwise: 8, min: 1, max: 1000, what: "clients that send them at once" },
    over: {
      form: "HOW",
      words: transports,
      otherwise: "http1",
      what: "http1, http2, or tls (HTTP/2 inside TLS)",
    },
  });
  const transport = transports.find((each) => each === over);
  if (transport === undefined) throw new Error(`no transport ${over}`);
  console.log(`seed ${seed}, ${requestCount} requests by ${clientCount} clients over ${over}`);
  const options = { requestCount, seed, clientCount, quietMs: 5000, over: transport };
  const result = await sendHostile(options);
  for (const [kind, count] of Object.entries(result.statuses).sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`${kind}: ${count}`);
  console.log(`hostile requests:      ${shown(result.hostile)}`);
  console.log(`other client, alone:   ${shown(result.quiet)}`);
  console.log(`other client, with it: ${shown(result.during)}`);
  console.log(`its records: ${result.records.put} put, ${result.records.read} read`);
  for (const { ms, command } of result.slowest)
    console.log(`${ms.toFixed(0)} ms: ${command.slice(0, 2000)}`);
  for (const failure of result.failures.slice(0, 20))
    console.log(`FAILED ${failure.slice(0, 20_000)}`);
  if (result.failures.length > 0) console.log(result.output.slice(-20_000));
  process.exitCode =
    result.failures.length > 0 || result.records.put !== result.records.read ? 1 : 0;
}
