// The first records of a small stream of Durable Streams, which wait in the catalog's row until the stream is
// used (durableStreams.ts). Most streams of that kind are made, get one message and are not looked at for a
// while; until then they have no database of their own.
import { Buffer } from "node:buffer";
import { decodeBase64 } from "../codec/base64.ts";
import type { DurableSpec, UnopenedShard } from "../core/durable.ts";
import { type Chunk, openChunk, readHeader } from "../engine/chunk.ts";
import { StreamError } from "../errors.ts";
import { unopenedBytesMax } from "../limits.ts";

/** False for a stream that expires: its shard has to see to that. */
export function mayWait(spec: DurableSpec): boolean {
  const { first, shardCount, isClosed, ttlSeconds, expiresAt, fork } = spec;
  const bytes = first.reduce((sum, chunk) => sum + chunk.length, 0);
  const expires = ttlSeconds !== undefined || expiresAt !== undefined;
  const isPlain = shardCount === 1 && !isClosed && !expires && fork === undefined;
  return isPlain && bytes <= unopenedBytesMax;
}

export function unopenedOf({ first }: DurableSpec): UnopenedShard {
  return {
    first: first.map((chunk) => Buffer.from(chunk).toString("base64")),
    arrivalMs: Date.now(),
  };
}

/** Throws `corrupt`. */
export function chunksOf({ first }: UnopenedShard, stream: string): Chunk[] {
  return first.map((text) => {
    const bytes = decodeBase64(text);
    if (bytes !== undefined) return openChunk(bytes);
    throw new StreamError("corrupt", { stream, what: "its first records are not base64" });
  });
}

export function recordsIn(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + readHeader(chunk).count, 0);
}
