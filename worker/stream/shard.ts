// One shard: a Durable Object that gives records their index and arrival time, makes them durable, and hands
// them back. It never parses a request nor prints a reply. Appends are committed in groups: while one
// commit is being made durable the next one gathers, so a lone producer waits for nobody and many
// share a row. All state is derived from stored rows; a failed commit throws the state away and derives it anew.
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { StreamError } from "../errors.ts";
import { engine } from "../isolate.ts";
import { chunkBytesMax, pendingBytesMax, timeOrdinalMax } from "../limits.ts";
import { CHUNK_HEADER_BYTES, columnBytesMax, readHeader, stampChunk } from "./chunk.ts";
import { asReply, type Reply, type ShardApi } from "./rpc.ts";
import { Tail, type TailEntry } from "./tail.ts";
import type {
  AppendReceipt,
  ReadReply,
  ReadRequest,
  SeekReply,
  SeekRequest,
  ShardDescription,
  ShardView,
} from "./types.ts";

interface PendingAppend {
  chunks: Uint8Array[];
  bytes: number;
  resolve(receipts: AppendReceipt[]): void;
  reject(error: unknown): void;
}

/** Where the next record goes: its index, and the arrival time of the record before it. */
interface Tip {
  nextIndex: number;
  timeMs: number;
  timeOrdinal: number;
}

const FIRST_SEGMENT = 0;

export class Shard extends DurableObject<Env> implements ShardApi {
  private description: ShardDescription | undefined;
  private tail: Tail | undefined;
  private tip: Tip = { nextIndex: 0, timeMs: 0, timeOrdinal: 0 };
  private pending: PendingAppend[] = [];
  private pendingBytes = 0;
  private committing = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.recover();
  }

  async open(shard: ShardDescription): Promise<void> {
    if (this.description !== undefined) return;
    this.ctx.storage.transactionSync(() => {
      const { sql } = this.ctx.storage;
      sql.exec(
        "CREATE TABLE IF NOT EXISTS shard (id INTEGER PRIMARY KEY, description TEXT NOT NULL)",
      );
      sql.exec("INSERT OR REPLACE INTO shard VALUES (1, ?)", JSON.stringify(shard));
    });
    this.recover();
  }

  append(chunks: Uint8Array[]): Promise<Reply<{ receipts: AppendReceipt[] }>> {
    return asReply(async () => {
      this.opened();
      let bytes = 0;
      for (const chunk of chunks) bytes += readHeader(chunk).bytes;
      if (this.pendingBytes + bytes > pendingBytesMax) throw new StreamError("overloaded");
      const receipts = new Promise<AppendReceipt[]>((resolve, reject) => {
        this.pending.push({ chunks, bytes, resolve, reject });
      });
      this.pendingBytes += bytes;
      if (!this.committing) void this.commitPending();
      return { receipts: await receipts };
    });
  }

  read(request: ReadRequest): Promise<Reply<ReadReply>> {
    return asReply(() => {
      const tail = this.opened();
      const view = this.view();
      let index = Math.max(request.index, view.firstIndex);
      if (index > view.nextIndex) throw new StreamError("locationNotFound");
      const chunks: Uint8Array[] = [];
      let records = request.recordsMax;
      let bytes = request.bytesMax;
      for (let at = tail.find(index); at < tail.entries.length && records > 0; at++) {
        const entry = tail.entries[at] as TailEntry;
        const chunk = tail.load(entry);
        const from = index - entry.firstIndex;
        const to = engine.fit(chunk, from, records, Math.max(bytes, 0));
        const size = engine.payloadBytes(chunk, from, to);
        if (size > bytes && chunks.length > 0) break;
        chunks.push(engine.slice(chunk, from, to));
        index = entry.firstIndex + to;
        records -= to - from;
        bytes -= size;
        if (to < entry.count) break;
      }
      return { chunks, next: { segment: view.segment, index }, view };
    });
  }

  seek(request: SeekRequest): Promise<Reply<SeekReply>> {
    return asReply(() => {
      const view = this.view();
      return { location: { segment: view.segment, index: this.indexOf(request, view) }, view };
    });
  }

  async destroy(): Promise<void> {
    this.description = undefined;
    this.tail = undefined;
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
  }

  private indexOf(request: SeekRequest, view: ShardView): number {
    const tail = this.opened();
    switch (request.kind) {
      case "earliest":
        return view.firstIndex;
      case "latest":
        return view.nextIndex;
      case "index":
        if (request.index > view.nextIndex) throw new StreamError("locationNotFound");
        return Math.max(request.index, view.firstIndex);
      case "time": {
        for (let at = tail.findTime(request.timeMs); at < tail.entries.length; at++) {
          const entry = tail.entries[at] as TailEntry;
          const before = entry.timeMs === request.timeMs ? request.ordinal - entry.timeOrdinal : 0;
          if (before < entry.count) return entry.firstIndex + Math.max(before, 0);
        }
        return view.nextIndex;
      }
    }
  }

  /** Commits what is pending until nothing is: one row, one sync, then whatever came in meanwhile. */
  private async commitPending(): Promise<void> {
    this.committing = true;
    while (this.pending.length > 0) {
      const batch = this.pending;
      const bytes = this.pendingBytes;
      this.pending = [];
      try {
        const tail = this.opened();
        const receipts = this.stamp(batch);
        const chunks = groupChunks(batch.flatMap((append) => append.chunks));
        this.ctx.storage.transactionSync(() => tail.insert(chunks));
        await this.ctx.storage.sync();
        tail.admit(chunks);
        for (const [i, append] of batch.entries()) append.resolve(receipts[i] as AppendReceipt[]);
      } catch (error) {
        this.recover();
        const failure =
          error instanceof StreamError ? error : new StreamError("commitFailed", why(error));
        for (const append of batch) append.reject(failure);
      }
      this.pendingBytes -= bytes;
    }
    this.committing = false;
  }

  /** Gives each chunk of a batch its index and the batch's arrival time. */
  private stamp(batch: readonly PendingAppend[]): AppendReceipt[][] {
    const { tip } = this;
    let count = 0;
    for (const append of batch) {
      for (const chunk of append.chunks) count += readHeader(chunk).count;
    }
    // Arrival times never go back, and no two records share millisecond and ordinal.
    let timeMs = Math.max(Date.now(), tip.timeMs);
    let timeOrdinal = timeMs === tip.timeMs && tip.nextIndex > 0 ? tip.timeOrdinal + 1 : 0;
    if (timeOrdinal > 0 && timeOrdinal + count > timeOrdinalMax) {
      timeMs += 1;
      timeOrdinal = 0;
    }
    let firstIndex = tip.nextIndex;
    const receipts = batch.map((append) =>
      append.chunks.map((chunk) => {
        stampChunk(chunk, { firstIndex, timeMs, timeOrdinal });
        const receipt = { firstIndex, timeMs };
        const chunkCount = readHeader(chunk).count;
        firstIndex += chunkCount;
        timeOrdinal += chunkCount;
        return receipt;
      }),
    );
    this.tip = { nextIndex: firstIndex, timeMs, timeOrdinal: timeOrdinal - 1 };
    return receipts;
  }

  private view(): ShardView {
    const tail = this.opened();
    const last = tail.entries.at(-1);
    return {
      nextIndex: last === undefined ? 0 : last.firstIndex + last.count,
      lastTimeMs: last === undefined ? 0 : last.timeMs,
      firstIndex: tail.entries[0]?.firstIndex ?? 0,
      segment: FIRST_SEGMENT,
    };
  }

  private opened(): Tail {
    if (this.tail === undefined) throw new StreamError("shardNotFound");
    return this.tail;
  }

  /** Derives all state from stored rows. */
  private recover(): void {
    const { sql } = this.ctx.storage;
    this.description = undefined;
    this.tail = undefined;
    const known = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'shard'").toArray();
    if (known.length === 0) return;
    const row = sql.exec<{ description: string }>("SELECT description FROM shard").one();
    this.description = JSON.parse(row.description) as ShardDescription;
    this.tail = new Tail(sql, FIRST_SEGMENT);
    const last = this.tail.entries.at(-1);
    this.tip = {
      nextIndex: last === undefined ? 0 : last.firstIndex + last.count,
      timeMs: last?.timeMs ?? this.description.createdMs,
      timeOrdinal: last === undefined ? 0 : last.timeOrdinal + last.count - 1,
    };
  }
}

/** Joins neighbouring small chunks, so that a commit takes as few rows as its bytes allow. */
function groupChunks(chunks: readonly Uint8Array[]): Uint8Array[] {
  const grouped: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let bytes = 0;
  const close = (): void => {
    if (group.length > 0)
      grouped.push(group.length === 1 ? (group[0] as Uint8Array) : engine.merge(group));
    group = [];
    bytes = 0;
  };
  for (const chunk of chunks) {
    const most = mergedBytesMax(chunk);
    if (bytes + most > chunkBytesMax) close();
    group.push(chunk);
    bytes += most;
  }
  close();
  return grouped;
}

/** What a chunk adds to a merged one at most. */
function mergedBytesMax(chunk: Uint8Array): number {
  const { count, payloadBytes } = readHeader(chunk);
  return CHUNK_HEADER_BYTES + count * columnBytesMax + payloadBytes;
}

function why(error: unknown): { what: string } {
  return { what: error instanceof Error ? error.message : String(error) };
}
