// The part of NATS's protocol that the comparison needs: a JetStream stream on disk, publishing
// with acknowledgement, and fetching through a pull consumer. Messages are counted as they arrive;
// of their bytes only the line before the payload is read.

import type { Hash } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Label } from "../http/kinesisLoads.ts";
import type { Load, Worker } from "../tools/load.ts";
import type { Address } from "../tools/wire.ts";
import { makeRecord } from "../tools/workload.ts";

/** Takes a message for this client: its payload, and the line before it. */
type Receive = (payload: Buffer, head: Buffer) => void;

const readBufferBytes = 256 << 10;
/** Messages that fill a stream are published so many at once. */
const fillCount = 500;
const newLine = 10;
const space = 32;
const digitZero = 48;
const [messageInitial, refusalInitial] = Buffer.from("MH");
let inboxCount = 0;

export class NatsConnection {
  private readonly socket: Socket;
  private readonly inbox = `_INBOX.bench${inboxCount++}`;
  private rest = Buffer.alloc(0);
  private receive: Receive = () => {};
  private ended: Error | undefined;
  private reject: (error: Error) => void = () => {};

  static async open(address: Address): Promise<NatsConnection> {
    const connection = new NatsConnection(address);
    await new Promise<void>((resolve, reject) => {
      connection.socket.once("connect", resolve).once("error", reject);
    });
    connection.socket.on("error", (error) => connection.fail(error));
    connection.socket.on("close", () => connection.fail(new Error("nats hung up")));
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true };
    connection.socket.write(`CONNECT ${JSON.stringify(options)}\r\nSUB ${connection.inbox} 1\r\n`);
    return connection;
  }

  private constructor({ host, port }: Address) {
    const callback = (byteCount: number, buffer: Uint8Array): boolean => {
      this.take(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(readBufferBytes), callback };
    this.socket = connect({ host, port, noDelay: true, onread });
  }

  /** A message whose replies come to this connection. */
  makeRequest(subject: string, payload: Uint8Array | string): Buffer {
    const bytes = Buffer.from(payload);
    const head = `PUB ${subject} ${this.inbox} ${bytes.length}\r\n`;
    return Buffer.concat([Buffer.from(head), bytes, Buffer.from("\r\n")]);
  }

  /** Sends, and hands what comes to `receive` until it resolves what it was called with. */
  exchange(bytes: Buffer, receive: (done: () => void) => Receive): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) throw this.ended;
      this.reject = reject;
      this.receive = receive(resolve);
      this.socket.write(bytes);
    });
  }

  /** Calls JetStream's own interface. Throws when it refuses. */
  async call(subject: string, input: object): Promise<Record<string, unknown>> {
    let reply: Record<string, unknown> = {};
    const request = this.makeRequest(`$JS.API.${subject}`, JSON.stringify(input));
    await this.exchange(request, (done) => (payload) => {
      reply = JSON.parse(payload.toString()) as Record<string, unknown>;
      done();
    });
    if (reply["error"] !== undefined) throw new Error(JSON.stringify(reply["error"]));
    return reply;
  }

  close(): void {
    this.socket.destroy();
  }

  private take(bytes: Buffer): void {
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    let at = 0;
    try {
      for (;;) {
        const next = this.takeOne(all, at);
        if (next === undefined) break;
        at = next;
      }
    } catch (error) {
      this.fail(error as Error);
    }
    // The buffer is overwritten by what comes next.
    this.rest = Buffer.from(all.subarray(at));
  }

  /** Takes what begins at `at`; where the next begins, or undefined when this one is not whole. */
  private takeOne(all: Buffer, at: number): number | undefined {
    const end = all.indexOf(newLine, at);
    if (end < 0) return undefined;
    const isMessage = all[at] === messageInitial;
    // With headers come only refusals here.
    if (isMessage || all[at] === refusalInitial) {
      const length = readLastNumber(all, end - 2);
      const start = end + 1;
      if (start + length + 2 > all.length) return undefined;
      const payload = all.subarray(start, start + length);
      if (isMessage) this.receive(payload, all.subarray(at, end));
      else this.fail(new Error(payload.toString()));
      return start + length + 2;
    }
    const line = all.toString("latin1", at, end - 1);
    if (line === "PING") this.socket.write("PONG\r\n");
    else if (line.startsWith("-ERR")) this.fail(new Error(line));
    return end + 1;
  }

  private fail(error: Error): void {
    this.ended ??= error;
    this.reject(error);
  }
}

export interface NatsRange {
  recordBytes: number;
  limit: number;
  pages: number;
}

/** Creates a stream, fills it, reads it once and hashes keys and data. */
export async function fillNats(
  address: Address,
  stream: string,
  { recordBytes, limit, pages }: NatsRange,
  hash: Hash,
): Promise<void> {
  const connection = await NatsConnection.open(address);
  await createNatsStream(connection, stream);
  const count = limit * pages;
  for (let from = 0; from < count; from += fillCount) {
    const some = Math.min(fillCount, count - from);
    const batch = makePublish(connection, stream, recordBytes, from, some);
    await publish(connection, batch, some);
  }
  const consumer = await createConsumer(connection, stream);
  for (let page = 0; page < pages; page++)
    await fetchPage(connection, stream, consumer, limit, (payload, head) => {
      const [, subject = ""] = head.toString("latin1").split(" ");
      hash.update(subject.slice(stream.length + 1)).update(payload);
    });
  connection.close();
}

export async function createNatsStream(connection: NatsConnection, name: string): Promise<void> {
  const config = { name, subjects: [`${name}.>`], storage: "file", num_replicas: 1 };
  await connection.call(`STREAM.CREATE.${name}`, config);
}

/** Pages of `limit` messages; at the end of the stream from its start again. */
export function natsPageLoad(
  address: Address,
  label: Label,
  stream: string,
  { recordBytes, limit, pages }: NatsRange,
): Load {
  return natsLoad(address, label, (connection) => {
    let consumer = "";
    let page = pages;
    return async () => {
      if (page === pages) {
        consumer = await createConsumer(connection, stream);
        page = 0;
      }
      page++;
      await fetchPage(connection, stream, consumer, limit, () => {});
      return { records: limit, dataBytes: limit * recordBytes };
    };
  });
}

/** `count` messages published at once, all acknowledged before the next. */
export function natsPutLoad(address: Address, label: Label, stream: string, count: number): Load {
  const { recordBytes } = label;
  return natsLoad(address, label, (connection) => {
    const batch = makePublish(connection, stream, recordBytes, 0, count);
    return async () => {
      await publish(connection, batch, count);
      return { records: count, dataBytes: count * recordBytes };
    };
  });
}

/** Messages with records of the workload, their keys in the subject. */
function makePublish(
  connection: NatsConnection,
  stream: string,
  recordBytes: number,
  from: number,
  count: number,
): Buffer {
  const requests = Array.from({ length: count }, (_, i) => {
    const { key, data } = makeRecord(from + i, recordBytes);
    return connection.makeRequest(`${stream}.${Buffer.from(key).toString()}`, data);
  });
  return Buffer.concat(requests);
}

async function publish(connection: NatsConnection, batch: Buffer, count: number): Promise<void> {
  let missing = count;
  await connection.exchange(batch, (done) => (ack) => {
    if (ack.indexOf('"seq":') < 0) throw new Error(`nats refuses: ${ack.toString()}`);
    if (--missing === 0) done();
  });
}

async function createConsumer(connection: NatsConnection, stream: string): Promise<string> {
  const config = { ack_policy: "none", deliver_policy: "all", mem_storage: true };
  const input = { stream_name: stream, config };
  return String((await connection.call(`CONSUMER.CREATE.${stream}`, input))["name"]);
}

async function fetchPage(
  connection: NatsConnection,
  stream: string,
  consumer: string,
  limit: number,
  take: Receive,
): Promise<void> {
  const input = JSON.stringify({ batch: limit, no_wait: true });
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  let missing = limit;
  await connection.exchange(connection.makeRequest(subject, input), (done) => (payload, head) => {
    take(payload, head);
    if (--missing === 0) done();
  });
}

function natsLoad(
  address: Address,
  label: Label,
  make: (connection: NatsConnection) => Worker,
): Load {
  return {
    ...label,
    open: async () => {
      const opening = Array.from({ length: label.connections }, () => NatsConnection.open(address));
      const connections = await Promise.all(opening);
      return {
        workers: connections.map(make),
        async close() {
          for (const connection of connections) connection.close();
        },
      };
    },
  };
}

/** The number that ends at `last`. */
function readLastNumber(bytes: Buffer, last: number): number {
  let number = 0;
  let unit = 1;
  for (let at = last; bytes[at] !== space; at--) {
    number += (bytes[at]! - digitZero) * unit;
    unit *= 10;
  }
  return number;
}
