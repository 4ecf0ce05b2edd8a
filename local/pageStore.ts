/**
 * The segments of which this process prints pages. The Worker gives them, each with a number, and says
 * which ones may be forgotten; it keeps to a bound (worker/stream/frontPrinter.ts).
 */
import type { FrontAnswer } from "../worker/stream/frontPrinter.ts";
import type { Answer, Call } from "./services.ts";

const pathForm = /^([\w-]+)\/(\d+)\/((?:\d+,?)*)$/;

export class PageStore {
  /** Bytes of the pages that were printed. */
  sentBytes = 0;
  #life = "";
  readonly #chunks = new Map<number, Uint8Array>();

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
      this.#chunks.clear();
      this.#life = life;
    }
    for (const each of forgotten.split(",")) this.#chunks.delete(Number(each));
    this.#chunks.set(Number(number), body);
    return { status: 204 };
  }

  /** Bytes that it keeps. */
  get bytes(): number {
    return [...this.#chunks.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Throws if it has no such chunk. */
  find(life: string, number: number): Uint8Array {
    const chunk = life === this.#life ? this.#chunks.get(number) : undefined;
    if (chunk === undefined) throw new Error(`no copy ${number} of a segment`);
    return chunk;
  }
}
