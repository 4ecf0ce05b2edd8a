// Makes the filters of keys of a generation when it is closed, or of a segment when it moves, because its bytes are in
// hand then. No reply to a put waits for this, and other calls run in between. The filters are stored in the
// generation's own row, with what else is written to it when it moves to the bucket, or by themselves if there is no
// bucket. A segment that cannot be read, or has too many keys, has
// no filter. Then readers read it.
import { KeyHashes, buildFilter, encodeFilters } from "../core/keyFilter.ts";
import { readHeader } from "../engine/chunk.ts";
import { keyBytesOf, recordStart } from "../engine/memory.ts";
import { filtersBytesMax, filtersReadyBytesMax, filterTurnRecords } from "../limits.ts";
import type { Generation } from "./generations.ts";
import type { ShardStore } from "./store.ts";

/** What the indexer needs of the shard. */
export interface IndexOwner {
  /** Undefined if the shard was deleted; another object after a recovery. */
  store(): ShardStore | undefined;
  /** The bytes of a segment, from any place that has them. Throws `corrupt`. */
  load(store: ShardStore, segment: number): Promise<Uint8Array>;
  transact(change: () => void): void;
}

export class KeyIndexer {
  private readonly owner: IndexOwner;
  private isRunning = false;
  /** Made from bytes that were at hand, of generations whose filters are not stored yet; by segment. */
  private readonly ready = new Map<number, Uint8Array | undefined>();
  private readyBytes = 0;

  constructor(owner: IndexOwner) {
    this.owner = owner;
  }

  /** Stores the filters of closed generations that have none. What fails is tried again after the next commit. */
  async run(): Promise<void> {
    const store = this.owner.store();
    if (store === undefined || this.isRunning) return;
    this.isRunning = true;
    try {
      for (let next = store.generations.unindexed(); next; next = store.generations.unindexed()) {
        const generation = next;
        const filters = await this.filtersOf(store, generation);
        if (this.owner.store() !== store) return;
        this.owner.transact(() => store.generations.index(generation, filters));
      }
    } catch (error) {
      console.error("filters of keys were not made", error);
    } finally {
      this.isRunning = false;
    }
  }

  /** The store was read from its rows again: segments that were not durable may be other ones now. */
  recover(): void {
    this.ready.clear();
    this.readyBytes = 0;
  }

  /** Makes the filter of a segment whose verified bytes the caller has. */
  take(segment: number, body: Uint8Array): void {
    this.note(segment, keyFilterOf(body));
  }

  /** The same with the filter itself. */
  note(segment: number, filter: Uint8Array | undefined): void {
    const bytes = filter?.length ?? 0;
    if (this.readyBytes + bytes > filtersReadyBytesMax) return;
    this.ready.set(segment, filter);
    this.readyBytes += bytes;
  }

  /** The filters of a generation's segments, as they are stored. */
  async filtersOf(store: ShardStore, { firstSegment, segments }: Generation): Promise<Uint8Array> {
    const filters: (Uint8Array | undefined)[] = [];
    let bytes = 0;
    let records = 0;
    for (const [i, { count }] of segments.entries()) {
      const segment = firstSegment + i;
      const isReady = this.ready.has(segment);
      const filter = isReady ? this.give(segment) : await this.filterOf(store, segment);
      const isKept = filter !== undefined && bytes + filter.length <= filtersBytesMax;
      filters.push(isKept ? filter : undefined);
      if (isKept) bytes += filter.length;
      if (!isReady) records += count;
      if (records < filterTurnRecords) continue;
      records = 0;
      await scheduler.wait(0);
    }
    return encodeFilters(filters);
  }

  private give(segment: number): Uint8Array | undefined {
    const filter = this.ready.get(segment);
    this.ready.delete(segment);
    this.readyBytes -= filter?.length ?? 0;
    return filter;
  }

  private async filterOf(store: ShardStore, segment: number): Promise<Uint8Array | undefined> {
    try {
      return keyFilterOf(await this.owner.load(store, segment));
    } catch (error) {
      console.error(`no filter of keys for segment ${segment}`, error);
      return undefined;
    }
  }
}

/** Of the segment at hand. */
const keys = new KeyHashes(0);

/** The filter of the keys of a segment; records without a key are not in it. */
export function keyFilterOf(chunk: Uint8Array): Uint8Array | undefined {
  const header = readHeader(chunk);
  keys.reset(header.count);
  for (let i = 0; i < header.count; i++) {
    const start = recordStart(chunk, header, i);
    const bytes = keyBytesOf(chunk, header, i);
    if (bytes > 0) keys.add(chunk, start, start + bytes);
  }
  return buildFilter(keys);
}
