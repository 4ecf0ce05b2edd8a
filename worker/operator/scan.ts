// GET /_millrace/scan?stream=NAME: the records of a stream, or of one of its shards, that arrived between two times and
// fulfil a condition (docs/SCAN.md). The reply is lines of JSON, which are made as the client takes them: what was
// found so far, how far the scan is, and last of all where to go on. A scan ends where the shards ended when it opened
// them. Shards are read one after the other; while one is read, the next ones are opened, and the first page of the
// next one is loaded.
import { utf8 } from "../codec/bytes.ts";
import { isOver } from "../core/clock.ts";
import type { Location, ShardDescription, StreamDescription } from "../core/types.ts";
import { isStreamError, StreamError } from "../errors.ts";
import { encryptionSpans } from "../core/encryption.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import { scanProgressMs, scanReplyBytes, scanShardsAhead } from "../limits.ts";
import type { Backend } from "../stream/backend.ts";
import type { NamedResource } from "../stream/permission.ts";
import type { Amount } from "../stream/reader.ts";
import type { ShardScan } from "../stream/shardScan.ts";
import type { ScanStep } from "../stream/taking.ts";
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

/** A shard whose beginning and end are known. */
interface OpenShard {
  start: Location;
  endIndex: number;
  scan: ShardScan;
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
  /** Shards that are opened, by their place in `shards`. */
  private readonly openings = new Map<number, Promise<OpenShard>>();
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
      for (const [i, shard] of this.shards.entries()) {
        if (this.isDone) break;
        const opened = await this.openAhead(i);
        yield* this.scanShard(shard, opened, () => this.beginAhead(i + 1));
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

  private async *scanShard(
    shard: ShardDescription,
    { start, endIndex, scan }: OpenShard,
    onBegin: () => void,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { limit, output } = this.asked;
    if (this.countsAll) {
      const counted = Math.min(Math.max(endIndex - start.index, 0), limit - this.found);
      this.found += counted;
      this.places.set(shard.index, start.index + counted);
      return;
    }
    onBegin();
    while (scan.at.index < endIndex && !this.isDone) {
      const recordsMax = limit - this.found;
      const step = await scan.step({ recordsMax, bytesMax: scanReplyBytes });
      this.note(shard, step);
      if (step.next.index < endIndex && !this.isDone) scan.readAhead(step);
      yield* this.printer.print(shard, step.runs);
      if (output.kind !== "data") yield* this.progress();
      // Other requests of the isolate get their turn.
      await scheduler.wait(0);
    }
  }

  /** True if nothing more is wanted. */
  private get isDone(): boolean {
    return this.isOver || this.found >= this.asked.limit;
  }

  /** True if only the numbers of records are asked for, and of all of them: nothing is read. */
  private get countsAll(): boolean {
    return this.asked.output.kind === "count" && this.asked.selection === undefined;
  }

  /** A shard, and meanwhile those after it. */
  private openAhead(place: number): Promise<OpenShard> {
    const end = Math.min(place + scanShardsAhead, this.shards.length);
    for (let i = place; i < end; i++) {
      if (this.openings.has(i)) continue;
      const opening = this.open(this.shards[i] as ShardDescription);
      this.openings.set(i, opening);
      // It is told when the scan comes to the shard.
      opening.catch(() => {});
    }
    const opened = this.openings.get(place) as Promise<OpenShard>;
    this.openings.delete(place);
    return opened;
  }

  /** Loads the first page of a shard that is being opened. */
  private beginAhead(place: number): void {
    const opening = this.openings.get(place);
    opening?.then(
      ({ scan, endIndex }) => scan.at.index < endIndex && scan.begin(),
      () => {},
    );
  }

  private async open(shard: ShardDescription): Promise<OpenShard> {
    const [start, endIndex] = await this.bounds(shard);
    const { selection } = this.asked;
    const scan = this.backend.shards.scan(shard.uid, start, {
      selection,
      trimmed: "skip",
      endIndex,
    });
    return { start, endIndex, scan };
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
