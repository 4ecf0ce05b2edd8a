// Appends that wait for the next commit of their shard, in order. Their bytes are bounded, for the
// shard and for the isolate (pendingBudget.ts). An append above the bound is refused at once, so
// that a slow disk never fills the memory. A chunk that could be stored but not read or sealed is
// refused too.
import { StreamError } from "../errors.ts";
import {
  bodyRowsMax,
  chunkBytesMax,
  chunkRecordsMax,
  pendingBytesMax,
  rowBodyBytesMax,
} from "../limits.ts";
import { type Chunk, CHUNK_HEADER_BYTES, openChunk, readHeader } from "../engine/chunk.ts";
import type { KeptChunk } from "../core/rpc.ts";
import { releasePending, reservePending } from "./pendingBudget.ts";
import { joinChanges } from "./writers.ts";
import type { ProducerMark, WritersChange } from "../core/durable.ts";
import type { AppendReceipt } from "../core/types.ts";

/** What a guarded append does beside adding records: see guardedAppends.ts. */
export interface AppendEffect {
  writers?: WritersChange | undefined;
  /** Closes the stream; the producer that does it, if one does. */
  close?: { closer: ProducerMark | undefined } | undefined;
}

export interface PendingAppend {
  uid: string;
  chunks: readonly Chunk[];
  bytes: number;
  effect: AppendEffect | undefined;
  /** Its token, if it may be made again. */
  token: string | undefined;
  resolve(receipts: AppendReceipt[]): void;
  reject(error: unknown): void;
}

export class AppendQueue {
  bytes = 0;
  private pending: PendingAppend[] = [];

  get isEmpty(): boolean {
    return this.pending.length === 0;
  }

  /** Resolves with a receipt for each chunk once they are committed. Throws `overloaded`. */
  add(
    uid: string,
    chunks: readonly Chunk[],
    effect?: AppendEffect,
    token?: string,
  ): Promise<AppendReceipt[]> {
    let bytes = 0;
    // What the front keeps takes no memory here.
    for (const chunk of chunks) bytes += chunk.bytes.length;
    if (this.bytes + bytes > pendingBytesMax) throw new StreamError("overloaded");
    reservePending(uid, bytes);
    this.bytes += bytes;
    return new Promise((resolve, reject) => {
      this.pending.push({ uid, chunks, bytes, effect, token, resolve, reject });
    });
  }

  /** Removes and returns everything that waits; the caller must settle or refuse it. */
  take(): PendingAppend[] {
    const batch = this.pending;
    this.pending = [];
    return batch;
  }

  /** The receipts are those of all chunks of the batch, in order. */
  settle(batch: readonly PendingAppend[], receipts: readonly AppendReceipt[]): void {
    for (const { append, own } of shareReceipts(batch, receipts)) append.resolve(own);
    this.release(batch);
  }

  refuse(batch: readonly PendingAppend[], failure: StreamError): void {
    for (const append of batch) append.reject(failure);
    this.release(batch);
  }

  /** Refuses what waits and was judged by a state that is gone. */
  refuseGuarded(failure: StreamError): void {
    const doomed = this.pending.filter(({ effect }) => effect !== undefined);
    this.pending = this.pending.filter(({ effect }) => effect === undefined);
    this.refuse(doomed, failure);
  }

  private release(batch: readonly PendingAppend[]): void {
    for (const { uid, bytes } of batch) {
      this.bytes -= bytes;
      releasePending(uid, bytes);
    }
  }
}

/** What the appends of a commit change about the writers, as one. */
export function writersOf(batch: readonly PendingAppend[]): WritersChange | undefined {
  return joinChanges(batch.flatMap(({ effect }) => effect?.writers ?? []));
}

/** Gives each append the receipts of its chunks. */
export function shareReceipts(
  batch: readonly PendingAppend[],
  receipts: readonly AppendReceipt[],
): { append: PendingAppend; own: AppendReceipt[] }[] {
  let at = 0;
  return batch.map((append) => {
    const own = receipts.slice(at, at + append.chunks.length);
    at += append.chunks.length;
    return { append, own };
  });
}

/**
 * Reads the chunks that a Worker sends. Refuses those that are not whole, or that exceed a bound:
 * several records must fit the engine together, also after merging with their neighbours. Throws
 * `corrupt`, `tooLarge`.
 */
export function openOffered(offered: readonly Uint8Array[]): Chunk[] {
  return offered.map((each) => {
    const chunk = openChunk(each);
    requireBounds(chunk);
    return chunk;
  });
}

/** The same of a chunk whose body the front keeps: its structure is checked when it is read. */
export function openKept({ head, id, keys }: KeptChunk): Chunk {
  if (head.length !== CHUNK_HEADER_BYTES)
    throw new StreamError("corrupt", { what: "wrong length" });
  const chunk = { bytes: head, header: readHeader(head), kept: { id, keys } };
  requireBounds(chunk);
  return chunk;
}

function requireBounds({ header: { isBound, count, bytes } }: Chunk): void {
  if (isBound) throw new StreamError("corrupt", { what: "bound to a shard" });
  const bytesMax = count > 1 ? chunkBytesMax : bodyRowsMax * rowBodyBytesMax;
  if (bytes > bytesMax) throw new StreamError("tooLarge", { bytes, bytesMax });
  if (count > chunkRecordsMax) {
    throw new StreamError("tooLarge", { records: count, recordsMax: chunkRecordsMax });
  }
}
