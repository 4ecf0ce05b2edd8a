/**
 * The segments of which this process prints pages. The Worker gives them, each with a number, and says
 * which ones may be forgotten; it keeps to a bound (worker/stream/frontPrinter.ts). They are in the
 * engine's memory as long as there is room, so that they are printed from where they are.
 */
import type { Engine } from "../worker/engine/engine.ts";
import type { FrontAnswer } from "../worker/stream/frontPrinter.ts";
import type { Answer, Call } from "./services.ts";

const pathForm = /^([\w-]+)\/(\d+)\/((?:\d+,?)*)$/;

/** A segment, and how many pages of it are being sent. */
export interface StoredChunk {
  chunk: Uint8Array;
  users: number;
  isHot: boolean;
  isForgotten: boolean;
}

export class PageStore {
  /** Bytes of the pages that were printed. */
  sentBytes = 0;
  readonly #engine: () => Engine;
  #life = "";
  readonly #chunks = new Map<number, StoredChunk>();

  /** The engine is asked for with the first segment. */
  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** Serves `sent`, which gives a FrontAnswer, and `<life>/<number>/<forgotten numbers>` with a chunk. */
  serve({ path, body }: Call): Answer {
    if (path === "sent") {
      const answer: FrontAnswer = { sentBytes: this.sentBytes };
      return { status: 200, body: JSON.stringify(answer) };
    }
    const [, life = "", number, forgotten = ""] = pathForm.exec(path) ?? [];
    if (number === undefined) return { status: 400, body: "no such work" };
    if (life !== this.#life) {
      // workerd was restarted: nothing refers to what another isolate has given.
      for (const each of this.#chunks.keys()) this.#forget(each);
      this.#life = life;
    }
    for (const each of forgotten.split(",")) this.#forget(Number(each));
    const hot = this.#engine().hotChunks?.take(body);
    const chunk = hot ?? body;
    this.#chunks.set(Number(number), {
      chunk,
      users: 0,
      isHot: hot !== undefined,
      isForgotten: false,
    });
    return { status: 204 };
  }

  /** Bytes that it keeps. */
  get bytes(): number {
    return [...this.#chunks.values()].reduce((sum, { chunk }) => sum + chunk.length, 0);
  }

  /** Throws if it has no such chunk. It stays until it is given to `release`. */
  use(life: string, number: number): StoredChunk {
    const stored = life === this.#life ? this.#chunks.get(number) : undefined;
    if (stored === undefined) throw new Error(`no copy ${number} of a segment`);
    stored.users++;
    return stored;
  }

  release(stored: StoredChunk): void {
    stored.users--;
    this.#freeUnused(stored);
  }

  #forget(number: number): void {
    const stored = this.#chunks.get(number);
    if (stored === undefined) return;
    this.#chunks.delete(number);
    stored.isForgotten = true;
    this.#freeUnused(stored);
  }

  #freeUnused({ chunk, users, isHot, isForgotten }: StoredChunk): void {
    if (isHot && isForgotten && users === 0) this.#engine().hotChunks?.release(chunk);
  }
}
