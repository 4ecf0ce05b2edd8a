// Readers of a stream's sealed history: how one starts, how it continues, how it reads again what
// its Worker has cached, how a reader with a cold Worker starts, and how a slow reader is served.
// Each page follows the one before by its iterator. At the end no record may be missing.

import { setTimeout as delay } from "node:timers/promises";
import { countAround, readView } from "./counts.ts";
import type { Place } from "./places.ts";
import { Tally } from "./tally.ts";
import { KinesisClient, makeRequest } from "../http/kinesis.ts";
import { type Address, HttpConnection } from "../tools/wire.ts";

export interface History {
  stream: string;
  recordBytes: number;
  /** Records that are certainly sealed; a few more follow. */
  records: number;
  /** Records of a page at most. */
  limit: number;
}

/** The last of these records are in the tail: more than a segment. */
const tailRecords = 3000;
const recordsPerPut = 500;
const movedMsMax = 30_000;
/** Less than an isolate's cache of segments (worker/limits.ts, bodyCacheBytesMax). */
const cachedBytes = 20e6;

/** Fills a stream of one shard; what is sealed of it is in the bucket when there is one. */
export async function fillHistory(place: Place, history: History): Promise<void> {
  const { stream, recordBytes, records } = history;
  const client = await KinesisClient.open(place.address);
  await client.createStream(stream, 1);
  await client.fill(stream, recordBytes, records + tailRecords, recordsPerPut);
  client.close();
  if (place.bucket) await untilMoved(place, stream);
}

/** Reads histories from one place, and keeps apart how it began and how it went on. */
export class HistoryReader {
  private readonly begin: Tally;
  private readonly first: Tally;
  private readonly after: Tally;
  private readonly again: Tally;
  private readonly place: Place;

  constructor(place: Place) {
    this.place = place;
    this.begin = newTally(place, "GetShardIterator");
    this.first = newTally(place, "the page after it");
    this.after = newTally(place, "all other pages");
    this.again = newTally(place, "the last of them again");
  }

  get tallies(): Tally[] {
    return [this.begin, this.first, this.after, this.again];
  }

  /** Reads all of it once, from a connection of its own, and then the last pages once more. */
  async read(history: History): Promise<void> {
    const { address } = this.place;
    const client = await KinesisClient.open(address);
    const pages = await Pages.open(this.place, history);
    await counted(address, this.begin, async () => {
      const startMs = performance.now();
      pages.iterator = await client.iterator(history.stream, 0, "TRIM_HORIZON");
      this.begin.add(performance.now() - startMs, 0, 0);
    });
    await counted(address, this.first, () => pages.next(this.first));
    await counted(address, this.after, async () => {
      while (pages.records < history.records) await pages.next(this.after);
    });
    await counted(address, this.again, () => pages.repeatLast(this.again));
    pages.close();
    client.close();
  }
}

/** One page by an iterator that another Worker, at `near`, has given. */
export async function readStrange(near: Place, place: Place, history: History): Promise<Tally> {
  const tally = newTally(place, "a page, by a Worker that is new");
  const client = await KinesisClient.open(near.address);
  const pages = await Pages.open(place, history);
  pages.iterator = await client.iterator(history.stream, 0, "TRIM_HORIZON");
  await counted(place.address, tally, () => pages.next(tally));
  pages.close();
  client.close();
  return tally;
}

/** Reads `count` pages, with a pause before each. */
export async function readSlowly(
  place: Place,
  history: History,
  count: number,
  pauseMs: number,
): Promise<Tally> {
  const tally = newTally(place, `a page every ${pauseMs / 1000} s`);
  const client = await KinesisClient.open(place.address);
  const pages = await Pages.open(place, history);
  pages.iterator = await client.iterator(history.stream, 0, "TRIM_HORIZON");
  await counted(place.address, tally, async () => {
    for (let page = 0; page < count; page++) {
      await delay(pauseMs);
      await pages.next(tally);
    }
  });
  pages.close();
  client.close();
  return tally;
}

function newTally({ roundTripMs, bucket }: Place, what: string): Tally {
  const title = `${bucket ? "in the bucket" : "with the shard"}: ${what}`;
  return new Tally({ group: "history", title, roundTripMs });
}

async function counted(address: Address, tally: Tally, work: () => Promise<void>): Promise<void> {
  const { counts } = await countAround(address, work);
  tally.endRound(counts);
}

interface SeenPage {
  request: Buffer;
  records: number;
}

/** The pages of a shard, one after the other. */
class Pages {
  iterator = "";
  records = 0;
  private readonly connection: HttpConnection;
  private readonly place: Place;
  private readonly history: History;
  private readonly seen: SeenPage[] = [];

  static async open(place: Place, history: History): Promise<Pages> {
    return new Pages(place, history, await HttpConnection.open(place.address));
  }

  private constructor(place: Place, history: History, connection: HttpConnection) {
    this.place = place;
    this.history = history;
    this.connection = connection;
  }

  async next(tally: Tally): Promise<void> {
    const input = { ShardIterator: this.iterator, Limit: this.history.limit };
    const request = makeRequest(this.place.address, "GetRecords", input);
    const { records, body } = await this.exchange(request, tally);
    const [, iterator] =
      /"NextShardIterator":"([^"]*)"/.exec(body.toString("latin1", 0, 1024)) ?? [];
    if (records === 0 || iterator === undefined) throw new Error(`history ends at ${this.records}`);
    this.iterator = iterator;
    this.records += records;
    this.seen.push({ request, records });
  }

  /** The last pages whose segments the Worker still has, in order. */
  async repeatLast(tally: Tally): Promise<void> {
    let bytes = 0;
    const from = this.seen.findLastIndex(({ records }) => {
      bytes += records * this.history.recordBytes;
      return bytes > cachedBytes;
    });
    for (const { request, records } of this.seen.slice(from + 1)) {
      const repeated = await this.exchange(request, tally);
      if (repeated.records !== records) throw new Error("a page of history has changed");
    }
  }

  close(): void {
    this.connection.close();
  }

  private async exchange(
    request: Buffer,
    tally: Tally,
  ): Promise<{ records: number; body: Buffer }> {
    const startMs = performance.now();
    const { status, body } = await this.connection.exchange(request, Infinity);
    const latencyMs = performance.now() - startMs;
    if (status !== 200) throw new Error(`page: ${status} ${body.toString()}`);
    const records = countRecords(body, this.history.recordBytes);
    tally.add(latencyMs, records, records * this.history.recordBytes);
    return { records, body };
  }
}

function countRecords(body: Buffer, recordBytes: number): number {
  const mark = '"Data":"';
  const textBytes = Math.ceil(recordBytes / 3) * 4;
  let count = 0;
  for (let at = body.indexOf(mark); at >= 0; count++) {
    at = body.indexOf(mark, at + mark.length + textBytes);
  }
  return count;
}

async function untilMoved({ address }: Place, stream: string): Promise<void> {
  const endMs = performance.now() + movedMsMax;
  for (;;) {
    const { segment, tieredSegment } = await readView(address, stream);
    if (tieredSegment >= segment) return;
    if (performance.now() > endMs) throw new Error(`${stream} does not get into the bucket`);
    await delay(50);
  }
}
