/**
 * PutRecords bodies that this process keeps while workerd decides about them. The records of a body are packed into
 * a chunk here, with the same engine as in the Worker, which gets a manifest (worker/engine/putManifest.ts). Then the
 * keeper writes the chunk to a file, or the Worker asks for the body. Whatever is asked for and gone fails the put.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { BufferPool } from "../worker/codec/bufferPool.ts";
import { CHUNK_HEADER_BYTES } from "../worker/engine/chunk.ts";
import type { Engine } from "../worker/engine/engine.ts";
import type { PackedBody, PutBodyKind } from "../worker/engine/packer.ts";
import type { PutManifest } from "../worker/engine/putManifest.ts";
import { segmentBytesMin } from "../worker/limits.ts";
import { keyFilterOf } from "../worker/shard/keyIndexer.ts";
import { messageOf } from "./failure.ts";
import { KeptTries } from "./keptTries.ts";
import { Room } from "./room.ts";
import type { Answer } from "./services.ts";

/**
 * Bodies and chunks of all connections, from the first byte of a body on. Each of 700 KB takes 1.2 MB: eighty puts at
 * once. What comes beyond it passes through to workerd, which has a bound of its own.
 */
const keptBytesMax = 96 << 20;

/** A put is over by then: clients wait no longer, and the Worker gives up an append before. */
const keptMsMax = 30_000;

/** Memory of chunks that is used again: 500 KB of new memory for each put would make V8 collect all the time. */
const spareBytesMax = 8 << 20;
const spareLargestBytes = 2 << 20;

/** A body whose records would not make a segment even if all of it was data, and the largest that makes one chunk. */
export const keptBodyBytes = { least: (segmentBytesMin / 3) * 4, most: 2560 << 10 };

/** Bodies of Kinesis, as its Worker reads them (worker/kinesis/putInput.ts). */
const kind: PutBodyKind = { format: "json", recordsMax: 500, streamName: true, streamArn: true };

/** What became of a body: its chunk was written, or the Worker wanted the body itself. */
export type Use = "staged" | "fetched";

export type Used = (use: Use) => void;

export interface KeptPutsOptions {
  engine: () => Engine;
  /** True if the server checks signatures, which cover the body. */
  hashes: boolean;
  log: (line: string) => void;
  /** What the Worker knows of this front; a random one if it is left out. */
  secret?: string;
  keptMs?: number;
  keptBytes?: number;
}

interface Kept {
  body: readonly Buffer[];
  /** Undefined when it was written. */
  chunk: Uint8Array<ArrayBuffer> | undefined;
  /** What counts of both. */
  bytes: number;
  sinceMs: number;
  /** Writes that read the chunk now. */
  writes: number;
  isOver: boolean;
  used: Used;
}

export class KeptPuts {
  /** The value of the header by which the Worker knows a manifest. */
  readonly secret: string;
  readonly tries = new KeptTries();
  /** For bodies and chunks. */
  readonly room: Room;
  readonly #options: KeptPutsOptions;
  readonly #keptMs: number;
  readonly #kept = new Map<string, Kept>();
  readonly #spare = new BufferPool(spareLargestBytes, spareBytesMax);
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: KeptPutsOptions) {
    this.#options = options;
    this.secret = options.secret ?? randomBytes(16).toString("hex");
    this.#keptMs = options.keptMs ?? keptMsMax;
    this.room = new Room(options.keptBytes ?? keptBytesMax);
  }

  /** Keeps a body, and returns its id and its manifest. Undefined if the Worker must read the body itself. */
  take(body: readonly Buffer[], used: Used): { id: string; manifest: Buffer } | undefined {
    const packed = this.#pack(body);
    if (packed === undefined) return undefined;
    const { chunk, streamName, streamArn, largestBytes } = packed;
    const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
    const bytes = bodyBytes + chunk.length;
    if (chunk.length < segmentBytesMin || !this.room.reserve(bytes)) {
      this.#spare.giveBack(chunk);
      return undefined;
    }
    const id = randomUUID();
    const manifest: PutManifest = {
      id,
      bodyBytes,
      bodyHash: this.#options.hashes ? hashOf(body) : undefined,
      streamName,
      streamArn,
      largestBytes,
      head: base64Of(chunk.subarray(0, CHUNK_HEADER_BYTES)),
      keys: base64Of(keyFilterOf(chunk)),
    };
    const sinceMs = performance.now();
    this.#kept.set(id, { body, chunk, bytes, sinceMs, writes: 0, isOver: false, used });
    if (this.#sweep === undefined) this.#sweep = this.#sweepIn(this.#keptMs);
    return { id, manifest: Buffer.from(JSON.stringify(manifest)) };
  }

  /** Gives a body to the Worker, once. It counts until it is sent. */
  serve(id: string): Answer {
    const kept = this.#kept.get(id);
    if (kept === undefined) return { status: 410, body: "the body is not kept any more" };
    const { body, bytes, used } = kept;
    this.#forget(id, kept);
    used("fetched");
    return { status: 200, parts: body, sent: () => this.room.free(bytes) };
  }

  /**
   * Has a chunk written, and keeps it until that has succeeded. The bytes are good until `write` is done. The body stays:
   * when the shard was closed meanwhile, the Worker wants it for the shards that follow.
   */
  async stage(id: string, write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    const kept = this.#kept.get(id);
    const chunk = kept?.chunk;
    if (kept === undefined || chunk === undefined) {
      throw new Error("the records of a put are not kept any more");
    }
    kept.writes++;
    let isWritten = false;
    try {
      await write(chunk);
      isWritten = true;
    } finally {
      kept.writes--;
      if (kept.writes === 0 && (isWritten || kept.isOver)) this.#giveBack(kept);
    }
    kept.used("staged");
  }

  /** Keeps it no longer. */
  drop(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#forget(id, kept);
    this.room.free(kept.bytes);
  }

  #forget(id: string, kept: Kept): void {
    this.#kept.delete(id);
    kept.isOver = true;
    if (kept.writes === 0) this.#giveBack(kept);
  }

  #pack(body: readonly Buffer[]): PackedBody | undefined {
    try {
      const lend = (bytes: number) => this.#spare.lend(bytes) ?? new Uint8Array(bytes);
      return this.#options.engine().packBody(body, kind, lend);
    } catch (error) {
      this.#options.log(`millrace: a put could not be packed: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Nobody reads the chunk any more. Of what is over, nothing counts here. */
  #giveBack(kept: Kept): void {
    const { chunk, isOver } = kept;
    const bytes = chunk?.length ?? 0;
    if (chunk === undefined) return;
    kept.chunk = undefined;
    this.#spare.giveBack(chunk);
    if (isOver) return;
    kept.bytes -= bytes;
    this.room.free(bytes);
  }

  #sweepIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const now = performance.now();
      this.#sweep = undefined;
      // The oldest come first.
      for (const [id, { sinceMs }] of this.#kept) {
        const leftMs = sinceMs + this.#keptMs - now;
        if (leftMs > 0) {
          this.#sweep = this.#sweepIn(leftMs);
          break;
        }
        this.drop(id);
      }
    }, ms).unref();
  }
}

function hashOf(parts: readonly Buffer[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function base64Of(bytes: Uint8Array): string;
function base64Of(bytes: Uint8Array | undefined): string | undefined;
function base64Of(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
