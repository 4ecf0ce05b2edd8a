// PutRecords bodies for the tests of their readers: what a dialect may send, samples of it, and what
// the engine makes of a body, put back into the words of the request.

import { Buffer } from "node:buffer";
import { expect } from "vitest";
import type { Engine } from "../../worker/engine/engine.ts";
import type { PutBodyKind } from "../../worker/engine/packer.ts";
import { PACK_ROW } from "../../worker/engine/recordBatch.ts";
import type { Random } from "./random.ts";

/** Data and info in base64, whatever the body's format. */
export interface PutRecord {
  key: string;
  info: string;
  data: string;
  shard: number | undefined;
}

export interface Put {
  streamName: string | undefined;
  streamArn: string | undefined;
  records: PutRecord[];
}

export type Dialect = "kinesis" | "v3io" | "yandex";

export function bodyKind(dialect: Dialect, format: PutBodyKind["format"]): PutBodyKind {
  switch (dialect) {
    case "kinesis":
      return { format, recordsMax: 500, streamName: true, streamArn: true };
    case "yandex":
      return { format, recordsMax: 500, streamName: true };
    case "v3io":
      return { format, recordsMax: 1000, clientInfo: true, shardId: true, keyless: true };
  }
}

/** Undefined when the engine leaves the body alone. */
export function readBody(engine: Engine, body: Uint8Array, kind: PutBodyKind): Put | undefined {
  const text = engine.readPutBody(body, kind);
  if (text === undefined) return undefined;
  const { count, streamName, streamArn, rows, payload } = text;
  let at = 0;
  const take = (bytes: number): Buffer => Buffer.from(payload.subarray(at, (at += bytes)));
  const records = Array.from({ length: count }, (_, i) => {
    const row = rows.subarray(i * PACK_ROW, (i + 1) * PACK_ROW);
    const [key = 0, info = 0, data = 0, place = 0] = row;
    return {
      key: take(key).toString("latin1"),
      info: take(info).toString("base64"),
      data: take(data).toString("base64"),
      shard: place === 0 ? undefined : place - 1,
    };
  });
  expect(at).toBe(payload.length);
  return { streamName, streamArn, records };
}

export function samplePut(random: Random, kind: PutBodyKind): Put {
  const { streamName, streamArn, clientInfo, shardId, keyless, recordsMax } = kind;
  const count = random.chance(0.1) ? recordsMax : random.between(1, 20);
  const bytesMax = count === recordsMax ? 1000 : random.pick([0, 1, 40, 200, 3000]);
  const base64 = (most: number): string =>
    Buffer.from(random.bytes(random.between(0, most))).toString("base64");
  const isKeyless = keyless === true && random.chance(0.3);
  const isPlaced = shardId === true && random.chance(0.5);
  return {
    streamName: streamName === true && random.chance(0.8) ? sampleText(random, 128) : undefined,
    streamArn: streamArn === true && random.chance(0.3) ? sampleText(random, 200) : undefined,
    records: Array.from({ length: count }, () => ({
      key: isKeyless ? "" : sampleText(random, random.pick([1, 8, 40, 256])),
      info: clientInfo === true && random.chance(0.5) ? base64(16) : "",
      data: base64(bytesMax),
      shard: isPlaced ? random.pick([0, 7, 4095, 999_999_999]) : undefined,
    })),
  };
}

/** In JSON: the members in any order, with white space where it may be. */
export function writePut(random: Random, { streamName, streamArn, records }: Put): string {
  const spaced = random.chance(0.5);
  const space = (): string => (spaced ? random.pick(["", " ", "\n", "\t\r\n  "]) : "");
  const write = (members: [string, string][]): string => {
    const shuffled = members.toSorted(() => random.word() - 2 ** 31);
    const texts = shuffled.map(
      ([name, value]) => `${space()}"${name}"${space()}:${space()}${value}`,
    );
    return `{${texts.join(`${space()},`)}${space()}}`;
  };
  const list = records.map(({ key, info, data, shard }) => {
    const members: [string, string][] = [["Data", `"${data}"`]];
    if (key !== "") members.push(["PartitionKey", `"${key}"`]);
    if (info !== "") members.push(["ClientInfo", `"${info}"`]);
    if (shard !== undefined) members.push(["ShardId", `${shard}`]);
    return space() + write(members) + space();
  });
  const members: [string, string][] = [["Records", `[${list.join(",")}]`]];
  if (streamName !== undefined) members.push(["StreamName", `"${streamName}"`]);
  if (streamArn !== undefined) members.push(["StreamARN", `"${streamArn}"`]);
  return space() + write(members) + space();
}

/** Bytes changed, cut out, or put in; more often than not such as mean something in the format. */
export function damage(random: Random, bytes: Uint8Array, meaning: Uint8Array): Uint8Array {
  const byte = random.chance(0.7) ? random.pick([...meaning]) : random.below(256);
  const at = random.below(bytes.length);
  const kind = random.below(4);
  if (kind === 0) return bytes.slice(0, at);
  if (kind === 1) return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1)]);
  if (kind === 2) return Uint8Array.from([...bytes.slice(0, at), byte, ...bytes.slice(at)]);
  return bytes.map((old, i) => (i === at ? byte : old));
}

/** Plain ASCII, which stands in JSON as it is. */
function sampleText(random: Random, lengthMax: number): string {
  return Array.from({ length: random.between(1, lengthMax) }, () => {
    const character = String.fromCharCode(random.between(0x20, 0x7f));
    return character === '"' || character === "\\" ? "x" : character;
  }).join("");
}
