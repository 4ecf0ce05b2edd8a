/**
 * Prints the pages that the Worker orders instead of printing them itself, with the same engine, and
 * sends them (worker/stream/frontPrinter.ts). All pages that are being sent share one budget. A client
 * that has stopped reading is disconnected as soon as others wait for its memory.
 */
import { readFileSync } from "node:fs";
import { MemoryBudget, type Lease } from "../worker/core/memoryBudget.ts";
import { Engine } from "../worker/engine/engine.ts";
import type { PageOrder } from "../worker/engine/pageOrder.ts";
import { RecordText } from "../worker/engine/recordText.ts";
import { frontBytesMax, pageMemoryLeaseMs, replyPartBytes } from "../worker/limits.ts";
import { messageOf } from "./failure.ts";
import { PageStore, type StoredChunk } from "./pageStore.ts";
import type { Answer, Call } from "./services.ts";

/** Texts of pages on their way to clients. */
const memoryBytesMax = 64 << 20;

/** Where a page goes. */
export interface PageOutlet {
  /** The head of the reply, with its length and further headers. */
  begin(length: number, headers: Record<string, string>): void;
  /** Calls `left` when the bytes have left this process, or never will. */
  write(bytes: Uint8Array, left: () => void): void;
  end(): void;
  /** The rest does not come. */
  breakOff(): void;
}

export class PageSender {
  readonly #log: (line: string) => void;
  readonly #engine: () => Engine;
  readonly #store: PageStore;
  readonly #budget = new MemoryBudget(memoryBytesMax, pageMemoryLeaseMs);

  /** The engine is asked for with the first segment; and what takes lines of the log. */
  constructor(engine: () => Engine, log: (line: string) => void) {
    this.#log = log;
    this.#engine = engine;
    this.#store = new PageStore(this.#engine);
  }

  /** Answers the Worker's calls: see PageStore. */
  readonly handler = (call: Call): Promise<Answer> => Promise.resolve(this.#store.serve(call));

  /** Resolves when the page has left, or never will. */
  async send(order: Buffer, outlet: PageOutlet): Promise<void> {
    const used: StoredChunk[] = [];
    try {
      const { life, format, head, runs, foot, checksumHeader }: PageOrder = JSON.parse(
        order.toString(),
      );
      for (const [number] of runs) used.push(this.#store.use(life, number));
      const text = new RecordText(
        Buffer.from(head, "base64"),
        runs.map(([, from, to], i) => ({ chunk: used[i]!.chunk, from, to })),
        this.#engine().printer(format),
        Buffer.from(foot, "base64"),
      );
      await this.#budget.run(
        text.memoryBytes,
        (lease) => this.#deliver(text, checksumHeader, outlet, lease),
        "first",
      );
    } catch (error) {
      this.#log(`millrace: a page could not be printed: ${messageOf(error)}`);
      outlet.breakOff();
    } finally {
      for (const stored of used) this.#store.release(stored);
    }
  }

  async #deliver(
    text: RecordText,
    checksumHeader: string | undefined,
    outlet: PageOutlet,
    lease: Lease | undefined,
  ): Promise<void> {
    let isBroken = false;
    if (lease !== undefined) {
      lease.onExpiry = () => {
        isBroken = true;
        outlet.breakOff();
      };
    }
    // Who takes nothing holds a whole page for longer than a piece.
    const isWhole = this.#budget.isRoomy;
    const { length, parts, headers, memoryBytes, slot } = text.make(checksumHeader, isWhole);
    try {
      if (lease !== undefined && memoryBytes !== undefined) this.#budget.shrink(lease, memoryBytes);
      outlet.begin(length, headers ?? {});
      for (const piece of cut(parts, isWhole)) {
        if (lease !== undefined) this.#budget.renew(lease, spanOf(piece));
        await new Promise<void>((left) => outlet.write(piece, left));
        if (isBroken) return;
      }
    } finally {
      slot?.release();
    }
    this.#store.sentBytes += length;
    outlet.end();
  }
}

function* cut(parts: Iterable<Uint8Array>, isWhole: boolean): Generator<Uint8Array> {
  for (const part of parts) {
    const pieceBytes = isWhole ? part.length : replyPartBytes;
    for (let at = 0; at < part.length; at += pieceBytes) yield part.subarray(at, at + pieceBytes);
  }
}

/** How many times as long as usual a client may take for it. */
function spanOf(piece: Uint8Array): number {
  return Math.max(piece.length / replyPartBytes, 1);
}

/** The engine of the front, loaded when it is used first. */
export function frontEngine(file: string): () => Engine {
  let engine: Engine | undefined;
  return () => (engine ??= loadEngine(file));
}

function loadEngine(file: string): Engine {
  // The types are those of Workers, which compile nothing; Node does.
  const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [readFileSync(file)]);
  return new Engine(module, {}, frontBytesMax);
}
