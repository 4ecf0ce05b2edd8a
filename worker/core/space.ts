// The free space of the local server's disk. A full disk does not only fail a commit: it kills the
// runtime (SIGBUS in SQLite's shared memory), again at each start. So while there is little space,
// requests that add data are refused with an error that clients retry; reads and deletions are
// served. A binding answers how much space is left. On Cloudflare there is no such binding and
// nothing is checked. Between two answers the body of each request is subtracted several times from
// the known space, so that a burst cannot exceed it.
import type { Env, Runtime } from "./bindings.ts";

/**
 * What the binding answers to GET: bytes that may be written; none when writes are to be refused.
 */
export interface SpaceAnswer {
  spareBytes: number;
}

/** Answers older than this are asked for anew beside the request, and much older ones before it. */
const freshMs = 100;
const staleMs = 1000;

/** With so much room an answer is fresh for longer: no disk of today is full that soon. */
const roomyBytes = 8 * 1024 ** 3;
const roomyFreshMs = 500;

/** A byte of a body is written to a log, to a table, to a segment and to the bucket. */
const writtenTimes = 4;

/** Pages that even the smallest write touches. */
const writeBytesMin = 64 * 1024;

/** What of a body is not said in advance. */
const unsaidBytes = 16 * 1024 * 1024;

/** Names of operations, of all dialects, that add nothing: reads, and what makes less. */
const addsNothing =
  /^(?:Get|List|Describe|Subscribe|Seek|Delete|Deregister|Decrease|Remove|Untag|Disable|Stop)/;

/** What of a request tells how much it writes. */
interface WriteHead {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
}

export class SpaceGauge {
  /** By the last answer, without what was let in since or is being written. */
  #spareBytes = 0;
  #writingBytes = 0;
  #askedMs = -Infinity;
  /** When somebody last asked beside a request. */
  #refreshMs = -Infinity;

  /**
   * Lets a request in that writes, and says what to give to `end` after it; undefined when there is
   * no room.
   */
  async begin(
    { headers }: WriteHead,
    runtime: Runtime,
    nowMs: number,
  ): Promise<number | undefined> {
    const { SPACE } = runtime.env;
    if (SPACE === undefined) return 0;
    const bodyBytes = Number(headers.get("content-length") ?? unsaidBytes);
    const bytes = writtenTimes * (writeBytesMin + bodyBytes);
    const ageMs = nowMs - this.#askedMs;
    const isStale = ageMs >= staleMs || ageMs < 0 || this.#spareBytes <= bytes;
    if (isStale) await this.#ask(SPACE, nowMs);
    else if (!isFresh(this.#spareBytes, Math.min(ageMs, nowMs - this.#refreshMs))) {
      this.#refreshMs = nowMs;
      runtime.waitUntil(this.#ask(SPACE, nowMs));
    }
    if (this.#spareBytes <= bytes) return undefined;
    this.#spareBytes -= bytes;
    this.#writingBytes += bytes;
    return bytes;
  }

  end(bytes: number): void {
    this.#writingBytes -= bytes;
  }

  /**
   * Each request asks for itself: the answer to one that is cut off never comes. Without an answer
   * there is no room: the client tries again, and the next write asks anew.
   */
  async #ask(space: NonNullable<Env["SPACE"]>, nowMs: number): Promise<void> {
    try {
      const { spareBytes } = await askSpace(space);
      this.#spareBytes = spareBytes - this.#writingBytes;
      this.#askedMs = nowMs;
    } catch (error) {
      console.error("no answer about the disk's free space", error);
      this.#spareBytes = 0;
    }
  }
}

/** Of the last answer that the isolate has got: what is left, and when it was asked for. */
const latest = { spareBytes: 0, askedMs: -Infinity };

/** Asks once more when the connection fails. */
export async function askSpace(space: NonNullable<Env["SPACE"]>): Promise<SpaceAnswer> {
  const askedMs = Date.now();
  const ask = async (): Promise<SpaceAnswer> => {
    const response = await space.fetch("http://space/");
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.json<SpaceAnswer>();
  };
  const answer = await ask().catch(ask);
  Object.assign(latest, { askedMs, spareBytes: answer.spareBytes });
  return answer;
}

/**
 * True if there is room to write so many bytes beside what requests write; they are then taken from it. Asks only if
 * nobody else has lately.
 */
export async function takeSpace(space: NonNullable<Env["SPACE"]>, bytes: number): Promise<boolean> {
  const ageMs = Date.now() - latest.askedMs;
  if (latest.spareBytes < bytes || ageMs < 0 || !isFresh(latest.spareBytes, ageMs)) {
    await askSpace(space);
  }
  latest.spareBytes -= bytes;
  return latest.spareBytes >= 0;
}

function isFresh(spareBytes: number, ageMs: number): boolean {
  return ageMs < (spareBytes >= roomyBytes ? roomyFreshMs : freshMs);
}

export function addsData({ method, headers }: WriteHead): boolean {
  const name = headers.get("x-v3io-function") ?? headers.get("x-amz-target")?.split(".").at(-1);
  if (name !== undefined) return !addsNothing.test(name);
  return method === "PUT" || method === "POST";
}
