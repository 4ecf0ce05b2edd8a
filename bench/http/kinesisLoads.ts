// The loads of the benchmarks over the Kinesis API, for any server that speaks it: pages of a
// shard's history or tail, polls that find nothing or little, puts of many records and of one,
// consumers that follow a shard, and a stream that is read from start to end.

import {
  checkPut,
  KinesisClient,
  type KnownPage,
  makePut,
  makeRequest,
  makeSinglePut,
} from "./kinesis.ts";
import type { Load, Moved, Running, Worker } from "../tools/load.ts";
import { type Address, type Connection, openConnection } from "../tools/wire.ts";

/** A load without the work. */
export type Label = Omit<Load, "open">;

/** Requests that a worker of a put takes in turn, so that no two in a row carry the same. */
export const putVariants = 4;
const iteratorMark = '"NextShardIterator":"';
/** A page without records is shorter; a page with records has an iterator of the same length. */
const emptyPageBytesMax = 1024;
/** A consumer's page: what the service gives at most. */
const followLimit = 10_000;
/** A stamp is text of 18 bytes, so 24 of base64. */
const stampBytes = 18;
const stampTextBytes = 24;

export function pageLoad(address: Address, label: Label, pages: readonly KnownPage[]): Load {
  return {
    ...label,
    open: () =>
      openWorkers(address, label.connections, (connection, i) => {
        let turn = i;
        return async () => {
          const { request, records, dataBytes } = pages[turn++ % pages.length]!;
          const { status, bodyBytes } = await connection.exchange(request);
          // Base64 is a third longer than the data: a shorter page lacks records.
          if (status !== 200 || bodyBytes < (dataBytes * 4) / 3)
            throw new Error(`page: status ${status}, ${bodyBytes} bytes`);
          return { records, dataBytes };
        };
      }),
  };
}

/** PutRecords of `count` records each. */
export function putLoad(address: Address, label: Label, stream: string, count: number): Load {
  const { recordBytes } = label;
  const requests = Array.from({ length: putVariants }, (_, i) =>
    makePut(address, stream, recordBytes, i * count, count),
  );
  return sendLoad(address, label, requests, { records: count, dataBytes: count * recordBytes });
}

/** PutRecord, a record in each. */
export function singlePutLoad(address: Address, label: Label, stream: string): Load {
  const { recordBytes } = label;
  const requests = Array.from({ length: putVariants }, (_, i) =>
    makeSinglePut(address, stream, recordBytes, i),
  );
  return sendLoad(address, label, requests, { records: 1, dataBytes: recordBytes });
}

/** Each worker reads the whole of a shard once: an exchange is all of its pages. */
export function catchUpLoad(address: Address, label: Label, stream: string, records: number): Load {
  const dataBytes = records * label.recordBytes;
  const catchUp = async (connection: Connection, client: KinesisClient): Promise<Moved> => {
    let iterator = await client.iterator(stream, 0, "TRIM_HORIZON");
    let readBytes = 0;
    for (;;) {
      const input = { ShardIterator: iterator, Limit: followLimit };
      const request = makeRequest(address, "GetRecords", input);
      const { status, bodyBytes, body } = await connection.exchange(request, emptyPageBytesMax);
      const next = readMember(body, iteratorMark);
      if (status !== 200 || next === undefined)
        throw new Error(`page: ${status} ${body.toString()}`);
      if (bodyBytes < emptyPageBytesMax) break;
      readBytes += bodyBytes;
      iterator = next;
    }
    if (readBytes < (dataBytes * 4) / 3)
      throw new Error(`the stream ended after ${readBytes} bytes`);
    return { records, dataBytes };
  };
  return {
    ...label,
    open: async () => {
      const client = await KinesisClient.open(address);
      const running = await openWorkers(
        address,
        label.connections,
        (connection) => () => catchUp(connection, client),
      );
      return {
        workers: running.workers,
        async close() {
          client.close();
          await running.close();
        },
      };
    },
  };
}

/**
 * Consumers that poll a shard's end without a pause while one producer puts `perPut` records at a
 * time, stamped with the time of sending. An exchange is a page that has records; its latency is
 * from the sending of its first record to having the page.
 */
export function fanOutLoad(address: Address, label: Label, stream: string, perPut: number): Load {
  return {
    ...label,
    open: async () => {
      const client = await KinesisClient.open(address);
      const iterator = await client.iterator(stream, 0, "LATEST");
      const running = await openWorkers(address, label.connections, (connection) =>
        makeConsumer(connection, address, label.recordBytes, iterator),
      );
      const ending = new AbortController();
      const request = makePut(address, stream, label.recordBytes, 0, perPut);
      const produce = async (): Promise<void> => {
        while (!ending.signal.aborted) await client.put(stamp(request));
      };
      const produced = produce();
      return {
        workers: running.workers,
        async close() {
          ending.abort();
          await produced;
          client.close();
          await running.close();
        },
      };
    },
  };
}

function makeConsumer(
  connection: Connection,
  address: Address,
  recordBytes: number,
  first: string,
): Worker {
  let iterator = first;
  return async () => {
    for (;;) {
      const input = { ShardIterator: iterator, Limit: followLimit };
      const request = makeRequest(address, "GetRecords", input);
      const { status, body } = await connection.exchange(request, Infinity);
      const next = readMember(body, iteratorMark);
      if (status !== 200 || next === undefined)
        throw new Error(`poll: ${status} ${body.toString()}`);
      iterator = next;
      const data = readMember(body, '"Data":"');
      if (data === undefined) continue;
      const sentMs = Number(Buffer.from(data.slice(0, stampTextBytes), "base64").toString());
      const records = countRecords(body, recordBytes);
      return { records, dataBytes: records * recordBytes, latencyMs: performance.now() - sentMs };
    }
  };
}

/** Writes the time over the beginning of the first record's data. */
function stamp(request: Buffer): Buffer {
  const at = request.indexOf('"Data":"') + '"Data":"'.length;
  const text = performance.now().toFixed(6).padStart(stampBytes).slice(0, stampBytes);
  request.write(Buffer.from(text).toString("base64"), at, "latin1");
  return request;
}

function countRecords(body: Buffer, recordBytes: number): number {
  const textBytes = Math.ceil(recordBytes / 3) * 4;
  let count = 0;
  for (let at = body.indexOf('"Data":"'); at >= 0; count++) {
    at = body.indexOf('"Data":"', at + textBytes);
  }
  return count;
}

/** The text of a member near the beginning of a body. */
function readMember(body: Buffer, mark: string): string | undefined {
  const start = body.indexOf(mark);
  if (start < 0) return undefined;
  const end = body.indexOf('"', start + mark.length);
  return end < 0 ? undefined : body.toString("latin1", start + mark.length, end);
}

/** Requests that are sent in turn; each moves as much. */
export function sendLoad(
  address: Address,
  label: Label,
  requests: readonly Buffer[],
  moved: Moved,
): Load {
  return {
    ...label,
    open: () =>
      openWorkers(address, label.connections, (connection, i) => {
        let turn = i;
        return async () => {
          const request = requests[turn++ % requests.length]!;
          const { status, body } = await connection.exchange(request, 200);
          checkPut(status, body);
          return moved;
        };
      }),
  };
}

/** A connection for each worker. */
export async function openWorkers(
  address: Address,
  count: number,
  make: (connection: Connection, i: number) => Worker,
): Promise<Running> {
  const opening = Array.from({ length: count }, () => openConnection(address));
  const connections = await Promise.all(opening);
  return {
    workers: connections.map(make),
    async close() {
      for (const connection of connections) connection.close();
    },
  };
}
