// What bench/http/http.ts puts on Millrace: the streams, filled to a known state, and the loads on them.
// History is read from sealed segments and the tail from the shard; polls find nothing or little;
// puts are of many records and of one; consumers follow one shard, or read 1, 4 and 16.

import type { Hash } from "node:crypto";
import { makeDialectPut, type PutDialect, putDialects } from "./dialectPuts.ts";
import { KinesisClient, type KnownPage, makePut, makeRequest, newHash } from "./kinesis.ts";
import {
  catchUpLoad,
  fanOutLoad,
  pageLoad,
  putLoad,
  putVariants,
  sendLoad,
  singlePutLoad,
} from "./kinesisLoads.ts";
import type { Load } from "../tools/load.ts";
import { readReads, readWrites } from "./stats.ts";
import type { Address } from "../tools/wire.ts";

export interface Plan {
  /** Of history, of each size of record. */
  pages: number;
  catchUpBytes: number;
  /** The stream to catch up on is as long as can be written in this time. */
  fillMsMax: number;
  /** How many times smaller than a megabyte a page is. */
  scale: number;
}

export interface Filled {
  history: Map<number, KnownPage[]>;
  tail: Map<number, KnownPage[]>;
  /** One page of each shard, by count of shards. */
  sharded: Map<number, KnownPage[]>;
  polls: { idle: KnownPage; one: KnownPage; ten: KnownPage };
  catchUpRecords: number;
  hash: string;
}

/** Records of a page of about a megabyte, of a put, and of a put that stays in the tail. */
const sizes = [
  { recordBytes: 100, limit: 10_000, perPut: 500, tail: 8000 },
  { recordBytes: 1024, limit: 1000, perPut: 500, tail: 900 },
  { recordBytes: 65_536, limit: 16, perPut: 16, tail: 14 },
];
const kibibyte = 1024;
const shardCounts = [1, 4, 16];
/** Records of a put that is far from being a segment by itself. */
const tailPut = { 100: 500, 1024: 100, 65_536: 2 } as Record<number, number>;
/** Pages that each shard has about, of which one is read. */
const shardPages = 2.5;

const catchUp = "catch-up";
const follow = "follow";
const writes = "writes";

export async function fillStreams(client: KinesisClient, plan: Plan): Promise<Filled> {
  const hash = newHash();
  const history = new Map<number, KnownPage[]>();
  const tail = new Map<number, KnownPage[]>();
  for (const size of sizes) {
    history.set(size.recordBytes, await fillHistory(client, size, plan, hash));
    tail.set(size.recordBytes, await fillTail(client, size, plan, hash));
  }
  const polls = await makePolls(client, hash);
  const sharded = new Map<number, KnownPage[]>();
  for (const count of shardCounts) sharded.set(count, await fillShards(client, count, plan));
  for (const stream of [follow, writes]) await client.createStream(stream, 1);
  for (const count of shardCounts) await client.createStream(`${writes}-${count}`, count);
  const catchUpRecords = await fillLong(client, plan);
  return { history, tail, sharded, polls, catchUpRecords, hash: hash.digest("hex").slice(0, 16) };
}

export interface Addresses {
  front: Address;
  /** workerd's own. */
  direct: Address;
  /** A process of Node before workerd that checks nothing. */
  relay: Address;
}

export function listLoads({ front, direct, relay }: Addresses, filled: Filled): Load[] {
  return [
    ...listReads(front, filled),
    ...listPolls(front, filled),
    ...listWrites(front),
    ...listWays("HTTP/1.1", front, filled),
    ...listWays("HTTP/2", { ...front, protocol: "h2" }, filled),
    ...listWays("a bare relay", relay, filled),
    ...listWays("direct", direct, filled),
    ...listFollowers(front, filled),
    ...listSharded(front, filled),
  ];
}

/**
 * The same work over each way to workerd. What the front costs is the difference to "direct", what any
 * process of Node in its place would cost that of the relay.
 */
function listWays(way: string, address: Address, { history, polls }: Filled): Load[] {
  const common = { group: "front", recordBytes: kibibyte };
  const pages = history.get(kibibyte)!;
  const label = (what: string, connections: number) => {
    const title = `${what}, ${way}`;
    return { ...common, id: `${title}, ${connections}`, title, connections };
  };
  return [
    pageLoad(address, label(`GetRecords, ${describePages(pages)}`, 4), pages),
    pageLoad(address, label("GetRecords, an empty page", 64), [polls.idle]),
    pageLoad(address, label("GetRecords, an empty page", 1), [polls.idle]),
    putLoad(address, { ...label("PutRecords, 500 records", 4), puts: writes }, writes, 500),
    singlePutLoad(address, { ...label("PutRecord", 1), puts: writes }, writes),
  ];
}

function listReads(address: Address, filled: Filled): Load[] {
  const observe = () => readReads(address);
  const loads = (["history", "tail"] as const).flatMap((place) =>
    [...filled[place]].map(([recordBytes, pages]) => {
      const title = `GetRecords, ${describePages(pages)}, ${place}`;
      const id = `${place} ${recordBytes}`;
      const label = { id, group: "read", title, recordBytes, connections: 4, observe };
      return pageLoad(address, label, pages);
    }),
  );
  const label = { group: "read", recordBytes: kibibyte, connections: 1, cold: true };
  const id = "catch up";
  const records = filled.catchUpRecords;
  const title = `catch up on ${records} records`;
  return [...loads, catchUpLoad(address, { ...label, id, title }, catchUp, records)];
}

function listPolls(address: Address, { polls }: Filled): Load[] {
  const { idle, one, ten } = polls;
  const list: [string, KnownPage, number][] = [
    ["an empty page", idle, 1],
    ["an empty page", idle, 64],
    ["1 record", one, 64],
    ["10 records", ten, 64],
  ];
  return list.map(([what, page, connections]) => {
    const id = `poll ${what} ${connections}`;
    const title = `GetRecords, ${what} at the tip`;
    const label = { id, group: "poll", title, recordBytes: kibibyte, connections };
    return pageLoad(address, label, [page]);
  });
}

function listWrites(address: Address): Load[] {
  const observe = () => readWrites(address, writes);
  const common = { group: "write", observe, puts: writes };
  const many = [
    { count: 500, recordBytes: kibibyte, connections: 1 },
    { count: 500, recordBytes: kibibyte, connections: 4 },
    { count: 500, recordBytes: 100, connections: 4 },
    { count: 16, recordBytes: 65_536, connections: 4 },
  ].map(({ count, recordBytes, connections }) => {
    const id = `put ${count} × ${recordBytes} ${connections}`;
    const title = `PutRecords, ${count} records`;
    return putLoad(address, { ...common, id, title, recordBytes, connections }, writes, count);
  });
  const others = putDialects.flatMap((dialect) =>
    [1, 4].map((shards) => putByDialect(address, dialect, shards)),
  );
  const single = [1, 16, 64, 256].map((connections) => {
    const id = `put one ${connections}`;
    const label = { ...common, id, title: "PutRecord", recordBytes: kibibyte, connections };
    return singlePutLoad(address, label, writes);
  });
  return [...many, ...others, ...single];
}

function putByDialect(address: Address, dialect: PutDialect, shards: number): Load {
  const stream = `${writes}-${shards}`;
  const requests = Array.from({ length: putVariants }, (_, i) =>
    makeDialectPut(dialect, address, stream, kibibyte, i * 500, 500),
  );
  const title = `PutRecords, 500, ${dialect}, ${shards === 1 ? "1 shard" : `${shards} shards`}`;
  const label = { group: "write", recordBytes: kibibyte, connections: 4, puts: stream };
  const observe = () => readWrites(address, stream);
  const moved = { records: 500, dataBytes: 500 * kibibyte };
  return sendLoad(address, { ...label, id: title, title, observe }, requests, moved);
}

function listFollowers(address: Address, { history }: Filled): Load[] {
  const live = [1, 8, 32].map((connections) => {
    const title = "follow a shard that grows";
    const id = `follow ${connections}`;
    const label = { id, group: "fan-out", title, recordBytes: kibibyte, connections };
    return fanOutLoad(address, label, follow, 10);
  });
  const pages = history.get(kibibyte)!;
  const replay = [1, 8, 32].map((connections) => {
    const title = `GetRecords, ${describePages(pages)}, history`;
    const id = `replay ${connections}`;
    const label = { id, group: "fan-out", title, recordBytes: kibibyte, connections };
    return pageLoad(address, label, pages);
  });
  return [...live, ...replay];
}

function listSharded(address: Address, { sharded }: Filled): Load[] {
  return shardCounts.flatMap((count) => {
    const shards = count === 1 ? "1 shard" : `${count} shards`;
    const common = { group: "shards", recordBytes: kibibyte, connections: 16 };
    const stream = `${writes}-${count}`;
    const observe = () => readWrites(address, stream);
    const put = { id: `put to ${shards}`, title: `PutRecords, 500 records, ${shards}` };
    const pages = sharded.get(count)!;
    const title = `GetRecords, ${describePages(pages)}, ${shards}`;
    return [
      pageLoad(address, { ...common, id: `get from ${shards}`, title }, pages),
      putLoad(address, { ...common, ...put, observe, puts: stream }, stream, 500),
    ];
  });
}

/** `pages of 1000 records`: all pages of a load have as many. */
function describePages([page]: readonly KnownPage[]): string {
  const records = page?.records ?? 0;
  return `pages of ${records} ${records === 1 ? "record" : "records"}`;
}

type Size = (typeof sizes)[number];

/** As many pages as planned, and two megabytes more, so that the pages are sealed. */
async function fillHistory(client: KinesisClient, size: Size, plan: Plan, hash: Hash) {
  const { recordBytes, limit, perPut } = size;
  const stream = `history-${recordBytes}`;
  const pageRecords = Math.ceil(limit / plan.scale);
  const records = pageRecords * plan.pages;
  await client.createStream(stream, 1);
  await client.fill(stream, recordBytes, records + 2 * limit, perPut);
  const range = { stream, shard: 0, recordBytes, limit: pageRecords, records };
  return await client.readPages(range, hash);
}

/** Less than a segment in small puts: nothing of it is sealed. */
async function fillTail(client: KinesisClient, size: Size, plan: Plan, hash: Hash) {
  const { recordBytes, tail } = size;
  const stream = `tail-${recordBytes}`;
  const limit = Math.ceil(tail / plan.scale);
  await client.createStream(stream, 1);
  await client.fill(stream, recordBytes, limit, tailPut[recordBytes]!);
  return await client.readPages({ stream, shard: 0, recordBytes, limit, records: limit }, hash);
}

/** Each shard gets at least what is read of it. */
async function fillShards(client: KinesisClient, count: number, plan: Plan): Promise<KnownPage[]> {
  const stream = `history-of-${count}`;
  const limit = Math.ceil(1000 / plan.scale);
  await client.createStream(stream, count);
  await client.fill(stream, kibibyte, limit * shardPages * count, 500);
  const range = { stream, recordBytes: kibibyte, limit, records: limit };
  const pages: KnownPage[] = [];
  for (let shard = 0; shard < count; shard++)
    pages.push(...(await client.readPages({ ...range, shard }, newHash())));
  return pages;
}

/** Pages at the end of a shard with ten records. */
async function makePolls(client: KinesisClient, hash: Hash): Promise<Filled["polls"]> {
  const stream = "polls";
  await client.createStream(stream, 1);
  await client.fill(stream, kibibyte, 10, 10);
  const range = { stream, shard: 0, recordBytes: kibibyte };
  const [ten] = await client.readPages({ ...range, limit: 10, records: 10 }, hash);
  const ones = await client.readPages({ ...range, limit: 1, records: 10 }, newHash());
  const iterator = await client.iterator(stream, 0, "LATEST");
  const input = { ShardIterator: iterator, Limit: 10_000 };
  const request = makeRequest(client.address, "GetRecords", input);
  return { idle: { request, records: 0, dataBytes: 0 }, one: ones[9]!, ten: ten! };
}

/** Returns how many records the stream has. */
async function fillLong(client: KinesisClient, plan: Plan): Promise<number> {
  await client.createStream(catchUp, 1);
  const requests = [0, 1, 2, 3].map((i) =>
    makePut(client.address, catchUp, kibibyte, i * 500, 500),
  );
  const endMs = performance.now() + plan.fillMsMax;
  let records = 0;
  for (let turn = 0; records * kibibyte < plan.catchUpBytes && performance.now() < endMs; turn++) {
    await client.put(requests[turn % requests.length]!);
    records += 500;
  }
  return records;
}
