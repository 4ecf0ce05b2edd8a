/**
 * For which streams it pays to keep bodies (keptPuts.ts). The bodies of a stream with several shards are needed by the
 * Worker always, others for a moment only: a small record has just come. After a body that was kept in vain some pass as
 * they come, each time twice as many, on whichever connection.
 */
import { BoundedMap } from "../worker/core/boundedMap.ts";
import type { Use } from "./keptPuts.ts";

const passedMin = 1;
const passedMax = 1024;

const streamsMax = 1000;

/** Names are short, and first or last in a body; a record that looks like one costs nothing but time. */
const lookBytes = 512;
const nameForm = /"Stream(?:Name|ARN)"\s*:\s*"([^"\\]{1,300})"/;

/** Of one stream. */
export class Tries {
  #passes = 0;
  #passesNext = passedMin;

  /** True if the next body passes as it comes; that counts. */
  pass(): boolean {
    if (this.#passes === 0) return false;
    this.#passes--;
    return true;
  }

  /** What became of a body that was kept; none if it could not be. */
  note(use: Use | "none"): void {
    if (use === "staged") this.#passesNext = passedMin;
    // Requests that were on their way together count once.
    else if (this.#passes === 0) {
      this.#passes = this.#passesNext;
      this.#passesNext = Math.min(this.#passesNext * 2, passedMax);
    }
  }
}

export class KeptTries {
  readonly #streams = new BoundedMap<Tries>(streamsMax);

  /** Of the stream that a body names, or of all bodies that do not name one where it is looked for. */
  of(body: readonly Buffer[]): Tries {
    const name = nameIn(body);
    const tries = this.#streams.get(name) ?? new Tries();
    this.#streams.set(name, tries);
    return tries;
  }
}

function nameIn(body: readonly Buffer[]): string {
  const first = body[0]?.toString("latin1", 0, lookBytes) ?? "";
  const last = body.at(-1)?.subarray(-lookBytes).toString("latin1") ?? "";
  return nameForm.exec(first)?.[1] ?? nameForm.exec(last)?.[1] ?? "";
}
