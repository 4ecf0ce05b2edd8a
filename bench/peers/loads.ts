// The comparisons with the peers: for each, the same work as loads in every server's own protocol.
// The records are those of the workload, keys and data. The data of each server is read back once
// and hashed, and the hashes must agree.

import type { Hash } from "node:crypto";
import { KinesisClient, type KnownPage, makeRequest, newHash } from "../http/kinesis.ts";
import { type Label, pageLoad, putLoad, singlePutLoad } from "../http/kinesisLoads.ts";
import type { Load } from "../tools/load.ts";
import { createNatsStream, fillNats, NatsConnection, natsPageLoad, natsPutLoad } from "./nats.ts";
import { fillRedis, makeCommand, redisPageLoad, redisPutLoad } from "./redis.ts";
import type { Address } from "../tools/wire.ts";

export interface Entry {
  loads: Load[];
  /** Of the data that was read back, record by record. */
  hash: string;
}

export interface Size {
  /** Of the stream that is read. */
  pages: number;
  limit: number;
  /** Records that follow, so that those before are not a shard's newest. */
  unread: number;
}

const kibibyte = 1024;
const history = "history";
const writes = "writes";

type Contest = Pick<Label, "id" | "title" | "connections">;

export type Enter = (name: string, address: Address, size: Size) => Promise<Entry>;

/** In the order of the table. */
export const contests = {
  page: { id: "page", title: "read a page", connections: 4 },
  idle: { id: "idle", title: "poll, nothing new", connections: 64 },
  batch: { id: "batch", title: "write 500 records at once", connections: 4 },
  single: { id: "single", title: "write a record", connections: 64 },
  alone: { id: "alone", title: "write a record", connections: 1 },
  memory: { id: "memory", title: "write a record, kept in memory", connections: 1 },
} satisfies Record<string, Contest>;

/** Streams and loads of a server that speaks the Kinesis API. */
export async function enterKinesis(name: string, address: Address, size: Size): Promise<Entry> {
  const client = await KinesisClient.open(address);
  const hash = newHash();
  await client.createStream(history, 1);
  const records = size.limit * size.pages;
  await client.fill(history, kibibyte, records + size.unread, 500);
  const { limit } = size;
  const range = { stream: history, shard: 0, recordBytes: kibibyte, limit, records };
  const pages = await client.readPages(range, hash);
  await client.createStream(writes, 1);
  const iterator = await client.iterator(history, 0, "LATEST");
  const input = { ShardIterator: iterator, Limit: size.limit };
  const request = makeRequest(address, "GetRecords", input);
  const idle: KnownPage = { request, records: 0, dataBytes: 0 };
  client.close();
  const loads = [
    pageLoad(address, pageLabel(name, size), pages),
    pageLoad(address, labelOf(name, contests.idle), [idle]),
    putLoad(address, labelOf(name, contests.batch), writes, 500),
    singlePutLoad(address, labelOf(name, contests.single), writes),
    singlePutLoad(address, labelOf(name, contests.alone), writes),
  ];
  return { loads, hash: digest(hash) };
}

/** The same for a server that keeps nothing: only what a sync of the disk is the most of. */
export async function enterInMemory(name: string, address: Address, size: Size): Promise<Entry> {
  const { hash } = await enterKinesis(name, address, size);
  return { loads: [singlePutLoad(address, labelOf(name, contests.memory), writes)], hash };
}

export async function enterRedis(name: string, address: Address, size: Size): Promise<Entry> {
  const hash = newHash();
  const { pages: count, limit } = size;
  const range = { recordBytes: kibibyte, pages: count, limit };
  const pages = await fillRedis(address, history, range, hash);
  const command = makeCommand(["XRANGE", history, "(9999999999999-0", "+", "COUNT", String(limit)]);
  const idle = { command, replyBytes: "*0\r\n".length, records: 0, dataBytes: 0 };
  const loads = [
    redisPageLoad(address, pageLabel(name, size), pages),
    redisPageLoad(address, labelOf(name, contests.idle), [idle]),
    redisPutLoad(address, labelOf(name, contests.batch), writes, 500),
    redisPutLoad(address, labelOf(name, contests.single), writes, 1),
    redisPutLoad(address, labelOf(name, contests.alone), writes, 1),
  ];
  return { loads, hash: digest(hash) };
}

export async function enterNats(name: string, address: Address, size: Size): Promise<Entry> {
  const hash = newHash();
  const { pages: count, limit } = size;
  const range = { recordBytes: kibibyte, pages: count, limit };
  await fillNats(address, history, range, hash);
  const connection = await NatsConnection.open(address);
  await createNatsStream(connection, writes);
  connection.close();
  const loads = [
    natsPageLoad(address, pageLabel(name, size), history, range),
    natsPutLoad(address, labelOf(name, contests.batch), writes, 500),
    natsPutLoad(address, labelOf(name, contests.single), writes, 1),
    natsPutLoad(address, labelOf(name, contests.alone), writes, 1),
  ];
  return { loads, hash: digest(hash) };
}

/** The contest of pages, named by the page that is read. */
function pageLabel(subject: string, { limit }: Size): Label {
  return labelOf(subject, { ...contests.page, title: `read ${limit} records` });
}

function labelOf(subject: string, { id, title, connections }: Contest): Label {
  const common = { recordBytes: kibibyte, group: id, title, connections };
  return { ...common, id: `${id} ${subject}` };
}

function digest(hash: Hash): string {
  return hash.digest("hex").slice(0, 16);
}
