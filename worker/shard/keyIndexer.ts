// Makes the filters of keys of a generation when it is closed. No reply to a put waits for this, and other calls run
// in between. The filters are stored in the generation's own row, with what else is written to it when it
// moves to the bucket, or by themselves if there is no bucket. A segment that cannot be read, or has too many keys, has
// no filter. Then readers read it.
import { KeyHashes, buildFilter, encodeFilters } from "../core/keyFilter.ts";
import { readHeader } from "../engine/chunk.ts";
import { recordKey } from "../engine/memory.ts";
import { filtersBytesMax, filterTurnRecords } from "../limits.ts";
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

  /** The filters of a generation's segments, as they are stored. */
  async filtersOf(store: ShardStore, { firstSegment, segments }: Generation): Promise<Uint8Array> {
    const filters: (Uint8Array | undefined)[] = [];
    let bytes = 0;
    let records = 0;
    for (const [i, { count }] of segments.entries()) {
      const filter = await this.filterOf(store, firstSegment + i);
      const isKept = filter !== undefined && bytes + filter.length <= filtersBytesMax;
      filters.push(isKept ? filter : undefined);
      if (isKept) bytes += filter.length;
      records += count;
      if (records < filterTurnRecords) continue;
      records = 0;
      await scheduler.wait(0);
    }
    return encodeFilters(filters);
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

/** The filter of the keys of a segment; records without a key are not in it. */
export function keyFilterOf(chunk: Uint8Array): Uint8Array | undefined {
  const header = readHeader(chunk);
  const keys = new KeyHashes(header.count);
  for (let i = 0; i < header.count; i++) {
    const key = recordKey(chunk, header, i);
    if (key.length > 0) keys.add(key);
  }
  return buildFilter(keys);
}
