// The part of Redis's protocol (RESP2) that the comparison needs: XADD, alone and many at once, and
// XRANGE. The reply of a page is parsed and checked once; from then on its length is known and only
// bytes are counted.

import type { Hash } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Load, Worker } from "../tools/load.ts";
import type { Label } from "../http/kinesisLoads.ts";
import type { Address } from "../tools/wire.ts";
import { makeRecord } from "../tools/workload.ts";

/** Tells how many bytes of the reply have come, or that it is whole. */
type Take = (bytes: Buffer) => boolean;

export interface RedisPage {
  command: Buffer;
  replyBytes: number;
  records: number;
  dataBytes: number;
}

const readBufferBytes = 256 << 10;
/** Entries that fill a stream are added so many at once. */
const fillCount = 500;
const newLine = 10;
const minus = 45;

export class RedisConnection {
  private readonly socket: Socket;
  private take: Take | undefined;
  private resolve: (() => void) | undefined;
  private reject: ((error: Error) => void) | undefined;

  static async open(address: Address): Promise<RedisConnection> {
    const connection = new RedisConnection(address);
    await new Promise<void>((resolve, reject) => {
      connection.socket.once("connect", resolve).once("error", reject);
    });
    connection.socket.on("error", (error) => connection.fail(error));
    connection.socket.on("close", () => connection.fail(new Error("redis hung up")));
    return connection;
  }

  private constructor({ host, port }: Address) {
    const callback = (byteCount: number, buffer: Uint8Array): boolean => {
      this.receive(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(readBufferBytes), callback };
    this.socket = connect({ host, port, noDelay: true, onread });
  }

  /** Sends a command whose reply has so many lines: for replies of one line, one each. */
  exchangeLines(command: Buffer, lines: number): Promise<void> {
    let missing = lines;
    let last = newLine;
    return this.exchange(command, (bytes) => {
      for (const byte of bytes) {
        if (byte === minus && last === newLine) throw new Error(bytes.toString().slice(0, 200));
        if (byte === newLine) missing--;
        last = byte;
      }
      return missing === 0;
    });
  }

  /** Sends a command whose reply is known to have so many bytes. */
  exchangeBytes(command: Buffer, replyBytes: number): Promise<void> {
    let missing = replyBytes;
    return this.exchange(command, (bytes) => {
      if (bytes[0] === minus && missing === replyBytes) throw new Error(bytes.toString());
      missing -= bytes.length;
      if (missing < 0) throw new Error("a page is longer than it was");
      return missing === 0;
    });
  }

  /** Sends a command; the entries of its reply, and how long the reply is. */
  async readEntries(command: Buffer): Promise<{ entries: Entry[]; replyBytes: number }> {
    const parts: Buffer[] = [];
    let entries: Entry[] | undefined;
    await this.exchange(command, (bytes) => {
      parts.push(Buffer.from(bytes));
      entries = parseEntries(Buffer.concat(parts));
      return entries !== undefined;
    });
    const replyBytes = parts.reduce((sum, { length }) => sum + length, 0);
    return { entries: entries ?? [], replyBytes };
  }

  close(): void {
    this.socket.destroy();
  }

  private exchange(command: Buffer, take: Take): Promise<void> {
    return new Promise((resolve, reject) => {
      this.take = take;
      this.resolve = resolve;
      this.reject = reject;
      this.socket.write(command);
    });
  }

  private receive(bytes: Buffer): void {
    try {
      if (this.take?.(bytes) === true) this.resolve?.();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private fail(error: Error): void {
    this.reject?.(error);
  }
}

export interface Entry {
  id: string;
  key: Buffer;
  data: Buffer;
}

/** An XADD for each of some records of the workload, with key and data as fields. */
function xadd(stream: string, recordBytes: number, from: number, count: number): Buffer {
  const commands = Array.from({ length: count }, (_, i) => {
    const { key, data } = makeRecord(from + i, recordBytes);
    return makeCommand(["XADD", stream, "*", "k", key, "d", data]);
  });
  return Buffer.concat(commands);
}

/** Fills a stream and reads its pages once: checked, hashed and measured. */
export async function fillRedis(
  address: Address,
  stream: string,
  range: { recordBytes: number; limit: number; pages: number },
  hash: Hash,
): Promise<RedisPage[]> {
  const { recordBytes, limit, pages } = range;
  const connection = await RedisConnection.open(address);
  const count = limit * pages;
  for (let from = 0; from < count; from += fillCount) {
    const some = Math.min(fillCount, count - from);
    await connection.exchangeLines(xadd(stream, recordBytes, from, some), 2 * some);
  }
  const found: RedisPage[] = [];
  let from = "-";
  for (let page = 0; page < pages; page++) {
    const command = makeCommand(["XRANGE", stream, from, "+", "COUNT", String(limit)]);
    const { entries, replyBytes } = await connection.readEntries(command);
    for (const { key, data } of entries) hash.update(key).update(data);
    from = `(${entries.at(-1)?.id}`;
    const dataBytes = entries.length * recordBytes;
    found.push({ command, replyBytes, records: entries.length, dataBytes });
  }
  connection.close();
  return found;
}

export function redisPageLoad(address: Address, label: Label, pages: readonly RedisPage[]): Load {
  return redisLoad(address, label, (connection, i) => {
    let turn = i;
    return async () => {
      const { command, replyBytes, records, dataBytes } = pages[turn++ % pages.length]!;
      await connection.exchangeBytes(command, replyBytes);
      return { records, dataBytes };
    };
  });
}

/** `count` XADDs sent at once, all answered before the next. */
export function redisPutLoad(address: Address, label: Label, stream: string, count: number): Load {
  const { recordBytes } = label;
  const command = xadd(stream, recordBytes, 0, count);
  return redisLoad(address, label, (connection) => async () => {
    await connection.exchangeLines(command, 2 * count);
    return { records: count, dataBytes: count * recordBytes };
  });
}

export function makeCommand(parts: readonly (string | Uint8Array)[]): Buffer {
  const pieces = parts.flatMap((part) => {
    const bytes = Buffer.from(part);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
  });
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...pieces]);
}

function redisLoad(
  address: Address,
  label: Label,
  make: (connection: RedisConnection, i: number) => Worker,
): Load {
  return {
    ...label,
    open: async () => {
      const opening = Array.from({ length: label.connections }, () =>
        RedisConnection.open(address),
      );
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

/** The entries of a whole XRANGE reply; undefined when it is not whole yet. */
function parseEntries(reply: Buffer): Entry[] | undefined {
  if (reply[0] === minus) throw new Error(reply.toString());
  const values = parseValue(reply, { at: 0 });
  if (!Array.isArray(values)) return undefined;
  return values.map((entry) => {
    const [id, fields] = entry as [Buffer, Buffer[]];
    return { id: id.toString(), key: fields[1]!, data: fields[3]! };
  });
}

type Value = Buffer | Value[];

/** The value at the cursor; undefined when the bytes end before it does. */
function parseValue(bytes: Buffer, cursor: { at: number }): Value | undefined {
  const end = bytes.indexOf("\r\n", cursor.at);
  if (end < 0) return undefined;
  const isList = bytes[cursor.at] === "*".charCodeAt(0);
  const length = Number(bytes.toString("latin1", cursor.at + 1, end));
  cursor.at = end + 2;
  if (!isList) {
    const start = cursor.at;
    cursor.at += length + 2;
    return cursor.at > bytes.length ? undefined : bytes.subarray(start, start + length);
  }
  const values: Value[] = [];
  for (let i = 0; i < length; i++) {
    const value = parseValue(bytes, cursor);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}
