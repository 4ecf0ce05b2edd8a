// GET /_millrace/scan?stream=NAME: the records of a stream, or of one of its shards, that arrived between two times and
// fulfil a condition (docs/SCAN.md). The reply is lines of JSON, which are made as the client takes them: what was
// found so far, how far the scan is, and last of all where to go on. A scan ends where the shards ended when it came to
// them. Shards are read one after the other.
import { utf8 } from "../codec/bytes.ts";
import { isOver } from "../core/clock.ts";
import type { Location, ShardDescription, StreamDescription } from "../core/types.ts";
import { isStreamError, StreamError } from "../errors.ts";
import { encryptionSpans } from "../core/encryption.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import { scanProgressMs, scanReplyBytes } from "../limits.ts";
import type { Backend } from "../stream/backend.ts";
import type { NamedResource } from "../stream/permission.ts";
import type { Amount } from "../stream/reader.ts";
import type { ScanStep } from "../stream/shardScan.ts";
import { printCursor, readScanParameters, type ScanParameters } from "./scanRequest.ts";
import { printerOf, type StepPrinter } from "./scanPrinter.ts";

/** Throws `invalidQuery`, `invalidCondition`, `streamNotFound`, `shardNotFound`. */
export async function scanStream(
  backend: Backend,
  stream: NamedResource | undefined,
  parameters: URLSearchParams,
): Promise<Response> {
  if (stream === undefined) throw new StreamError("invalidQuery", { wanted: "stream" });
  const asked = readScanParameters(parameters);
  const { description } = await backend.streams.refresh(stream.scope, stream.name);
  const shards = description.shards.filter(({ index }) => (asked.shard ?? index) === index);
  if (shards.length === 0) {
    throw new StreamError("shardNotFound", { stream: stream.name, shard: asked.shard ?? 0 });
  }
  const scan = new StreamScan(backend, description, shards, asked);
  const lines = scan.lines();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await lines.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        scan.isOver = true;
        await lines.return();
      },
    },
    { highWaterMark: 0 },
  );
  const type = asked.output.kind === "data" ? "application/octet-stream" : "application/x-ndjson";
  return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
}

class StreamScan {
  isOver = false;
  private readonly backend: Backend;
  private readonly shards: readonly ShardDescription[];
  private readonly asked: ScanParameters;
  private readonly uid: string;
  private readonly places: Map<number, number>;
  private readonly scanned: Amount = { records: 0, bytes: 0 };
  private readonly printer: StepPrinter;
  private found = 0;
  private toldMs = Date.now();

  /** Throws `invalidQuery` for a cursor of another stream. */
  constructor(
    backend: Backend,
    description: StreamDescription,
    shards: readonly ShardDescription[],
    asked: ScanParameters,
  ) {
    this.backend = backend;
    this.shards = shards;
    this.asked = asked;
    this.uid = description.uid.replaceAll("-", "").slice(0, 8);
    this.places = new Map(asked.cursor?.places);
    this.printer = printerOf(asked.output, encryptionSpans(description));
    if (asked.cursor !== undefined && asked.cursor.stream !== this.uid) {
      throw new StreamError("invalidQuery", { wanted: "a cursor of this stream" });
    }
  }

  /** The reply. What goes wrong once it has begun is its last line. */
  async *lines(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (const shard of this.shards) {
        if (this.found < this.asked.limit) yield* this.scanShard(shard);
      }
      yield* this.end({ done: true });
    } catch (error) {
      if (this.isOver) return;
      if (!isStreamError(error) || isCorrupt(error)) console.error("a scan failed:", error);
      const reason = isStreamError(error)
        ? { error: error.code, ...error.detail }
        : { error: "InternalError" };
      yield* this.end(reason);
    }
  }

  private async *scanShard(shard: ShardDescription): AsyncGenerator<Uint8Array, void, undefined> {
    const { selection, limit, output } = this.asked;
    const [start, endIndex] = await this.bounds(shard);
    if (this.counts && selection === undefined) {
      this.found += Math.max(endIndex - start.index, 0);
      this.places.set(shard.index, Math.max(endIndex, start.index));
      return;
    }
    const scan = this.backend.shards.scan(shard.uid, start, {
      selection,
      trimmed: "skip",
      endIndex,
    });
    while (scan.at.index < endIndex && this.found < limit && !this.isOver) {
      const recordsMax = limit - this.found;
      const step = await scan.step({ recordsMax, bytesMax: scanReplyBytes });
      this.note(shard, step);
      yield* this.printer.print(shard, step.runs);
      if (output.kind !== "data") yield* this.progress();
      // Other requests of the isolate get their turn.
      await scheduler.wait(0);
    }
  }

  private get counts(): boolean {
    return this.asked.output.kind === "count";
  }

  /** Where the scan of a shard begins, and the index where it ends. */
  private async bounds({ uid, index }: ShardDescription): Promise<[Location, number]> {
    const { shards } = this.backend;
    const { fromMs, toMs } = this.asked;
    const known = this.places.get(index);
    const { location, view } = await shards.seek(
      uid,
      fromMs === undefined ? { kind: "earliest" } : { kind: "time", timeMs: fromMs, ordinal: 0 },
    );
    const end =
      toMs === undefined
        ? view.nextIndex
        : (await shards.seek(uid, { kind: "time", timeMs: toMs, ordinal: 0 })).location.index;
    if (known === undefined || known <= location.index) return [location, end];
    if (known > view.nextIndex)
      throw new StreamError("invalidQuery", { wanted: "a cursor of this stream" });
    return [(await shards.seek(uid, { kind: "index", index: known })).location, end];
  }

  private note(shard: ShardDescription, { next, scanned, taken }: ScanStep): void {
    this.places.set(shard.index, next.index);
    this.scanned.records += scanned.records;
    this.scanned.bytes += scanned.bytes;
    this.found += taken.records;
  }

  private *progress(): Generator<Uint8Array, void, undefined> {
    const nowMs = Date.now();
    if (!isOver(this.toldMs, scanProgressMs, nowMs)) return;
    this.toldMs = nowMs;
    yield line({ progress: { found: this.found, scanned: this.scanned, cursor: this.cursor } });
  }

  private *end(outcome: object): Generator<Uint8Array, void, undefined> {
    const { output } = this.asked;
    if (output.kind === "data") return;
    yield* this.printer.end();
    const count = { found: this.found, scanned: this.scanned, cursor: this.cursor };
    yield line(
      output.kind === "count"
        ? { count: this.found, ...count, ...outcome }
        : { ...outcome, ...count },
    );
  }

  private get cursor(): string {
    return printCursor({ stream: this.uid, places: this.places });
  }
}

function line(value: object): Uint8Array {
  return utf8(`${JSON.stringify(value)}\n`);
}
