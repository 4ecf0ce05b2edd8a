// The Kinesis client of the benchmarks: requests as whole HTTP messages, made once and sent many
// times, and the few calls that prepare a stream. The signature has the right shape and is not
// one: neither the local server without keys nor the peers check it.

import { createHash, type Hash } from "node:crypto";
import { type Address, HttpConnection } from "../tools/wire.ts";
import { makeRecord } from "../tools/workload.ts";

/** A record as a reply in JSON shows it. */
interface PrintedRecord {
  Data: string;
  PartitionKey: string;
  SequenceNumber: string;
}

/** One page of a shard, checked, and the request that gets it again. */
export interface KnownPage {
  request: Buffer;
  records: number;
  dataBytes: number;
}

export interface PageRange {
  stream: string;
  shard: number;
  recordBytes: number;
  /** Records of a page at most. */
  limit: number;
  /** Records of all pages, as far as there are so many. */
  records: number;
}

const credential = "local/20260101/us-east-1/kinesis/aws4_request";
const signedHeaders = "content-type;host;x-amz-date;x-amz-target";
const authorization =
  `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, ` +
  `Signature=${"0".repeat(64)}`;

/** A stream has to be there within this. */
const activeMsMax = 10_000;

export class KinesisClient {
  readonly address: Address;
  private readonly connection: HttpConnection;

  static async open(address: Address): Promise<KinesisClient> {
    return new KinesisClient(address, await HttpConnection.open(address));
  }

  private constructor(address: Address, connection: HttpConnection) {
    this.address = address;
    this.connection = connection;
  }

  close(): void {
    this.connection.close();
  }

  /** The reply's members. Throws when the service refuses. */
  async call(operation: string, input: object): Promise<Record<string, unknown>> {
    const request = makeRequest(this.address, operation, input);
    const { status, body } = await this.connection.exchange(request, Infinity);
    if (status !== 200) throw new Error(`${operation}: ${status} ${body.toString()}`);
    return body.length === 0 ? {} : (JSON.parse(body.toString()) as Record<string, unknown>);
  }

  /** Puts `count` records in order, `perPut` at a time. */
  async fill(stream: string, recordBytes: number, count: number, perPut: number): Promise<void> {
    for (let from = 0; from < count; from += perPut) {
      const puts = Math.min(perPut, count - from);
      await this.put(makePut(this.address, stream, recordBytes, from, puts));
    }
  }

  /** Creates a stream and waits until it takes records. */
  async createStream(name: string, shards: number): Promise<void> {
    await this.call("CreateStream", { StreamName: name, ShardCount: shards });
    const endMs = performance.now() + activeMsMax;
    while (performance.now() < endMs) {
      const { StreamDescriptionSummary: summary } = await this.call("DescribeStreamSummary", {
        StreamName: name,
      });
      if ((summary as { StreamStatus: string }).StreamStatus === "ACTIVE") return;
    }
    throw new Error(`stream ${name} does not become ACTIVE`);
  }

  /** Sends a request made before; throws when a record of it was not taken. */
  async put(request: Buffer): Promise<void> {
    const { status, body } = await this.connection.exchange(request, Infinity);
    checkPut(status, body);
  }

  async iterator(
    stream: string,
    shard: number,
    type: "TRIM_HORIZON" | "LATEST" | "AFTER_SEQUENCE_NUMBER",
    number?: string,
  ): Promise<string> {
    const { ShardIterator } = await this.call("GetShardIterator", {
      StreamName: stream,
      ShardId: shardId(shard),
      ShardIteratorType: type,
      ...(number !== undefined && { StartingSequenceNumber: number }),
    });
    return ShardIterator as string;
  }

  /** Reads pages from the start of a shard, checks them, and adds their records to the hash. */
  async readPages(range: PageRange, hash: Hash): Promise<KnownPage[]> {
    let iterator = await this.iterator(range.stream, range.shard, "TRIM_HORIZON");
    const pages: KnownPage[] = [];
    for (let missing = range.records; missing > 0;) {
      const input = { ShardIterator: iterator, Limit: Math.min(range.limit, missing) };
      const reply = await this.call("GetRecords", input);
      const records = reply["Records"] as PrintedRecord[];
      if (records.length === 0) break;
      const request = makeRequest(this.address, "GetRecords", input);
      pages.push({
        request,
        records: records.length,
        dataBytes: hashRecords(records, range, hash),
      });
      iterator = reply["NextShardIterator"] as string;
      missing -= records.length;
    }
    return pages;
  }
}

export function makeRequest(address: Address, operation: string, input: object): Buffer {
  const headers = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": `Kinesis_20131202.${operation}`,
  };
  return makeMessage(address, "/", headers, Buffer.from(JSON.stringify(input)));
}

/** A request as a whole message. */
export function makeMessage(
  { host, port }: Address,
  path: string,
  headers: Record<string, string>,
  body: Uint8Array,
  method = "POST",
): Buffer {
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const signature =
    headers["X-Amz-Target"] === undefined ? "" : `Authorization: ${authorization}\r\n`;
  const head =
    `${method} ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n${lines.join("")}` +
    `X-Amz-Date: ${now}\r\n${signature}Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** A PutRecords request with records `from` to `from + count` of the workload. */
export function makePut(
  address: Address,
  stream: string,
  recordBytes: number,
  from: number,
  count: number,
): Buffer {
  const records = Array.from({ length: count }, (_, i) => printRecord(from + i, recordBytes));
  return makeRequest(address, "PutRecords", { StreamName: stream, Records: records });
}

/** A PutRecord request with record `i` of the workload. */
export function makeSinglePut(
  address: Address,
  stream: string,
  recordBytes: number,
  i: number,
): Buffer {
  const record = printRecord(i, recordBytes);
  return makeRequest(address, "PutRecord", { StreamName: stream, ...record });
}

/** Throws when the answer to PutRecord or PutRecords is not that all records were taken. */
export function checkPut(status: number, body: Buffer): void {
  const failed = body.indexOf('"FailedRecordCount":');
  const all = failed < 0 || body.indexOf('"FailedRecordCount":0') === failed;
  if (status !== 200 || !all)
    throw new Error(`not put: ${status} ${body.toString().slice(0, 300)}`);
}

export function shardId(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

export function newHash(): Hash {
  return createHash("sha256");
}

function printRecord(i: number, dataBytes: number): { Data: string; PartitionKey: string } {
  const { key, data } = makeRecord(i, dataBytes);
  return {
    Data: Buffer.from(data).toString("base64"),
    PartitionKey: Buffer.from(key).toString(),
  };
}

/** Adds keys and data; returns the bytes of data. Throws on records of another size or order. */
function hashRecords(records: readonly PrintedRecord[], range: PageRange, hash: Hash): number {
  let last = "";
  for (const { Data, PartitionKey, SequenceNumber } of records) {
    const data = Buffer.from(Data, "base64");
    if (data.length !== range.recordBytes) throw new Error(`a record of ${data.length} bytes`);
    if (SequenceNumber <= last) throw new Error(`${SequenceNumber} comes after ${last}`);
    last = SequenceNumber;
    hash.update(PartitionKey).update(data);
  }
  return records.length * range.recordBytes;
}
