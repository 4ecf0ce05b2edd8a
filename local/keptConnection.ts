/**
 * Which requests of a client's connection are kept back, so that workerd gets a manifest instead of a body
 * (keptPuts.ts): large PutRecords of Kinesis in JSON, where it pays (keptTries.ts).
 */
import { mediaTypeOf } from "../worker/core/mediaType.ts";
import { manifestHeader } from "../worker/engine/putManifest.ts";
import type { Collection, Counted, RequestHead } from "./collection.ts";
import { keptBodyBytes, type KeptPuts } from "./keptPuts.ts";
import type { Tries } from "./keptTries.ts";

/** As the Worker compares them (worker/kinesis/envelope.ts). */
const wanted = {
  operation: "Kinesis_20131202.PutRecords",
  mediaType: "application/x-amz-json-1.1",
};

/** Headers that change how a body is read, or who reads it. */
const unwanted = new Set(["expect", "content-encoding", "x-v3io-function", manifestHeader]);

const lengthLine = /(\ncontent-length:[ \t]*)\d+/i;
const blankLine = /\r?\n$/;

/**
 * How long a body may be on its way. One that takes longer passes as it comes: workerd closes a connection on which it
 * hears nothing for 15 s, and what is kept back takes room from others.
 */
const collectMsMax = 2000;

/** A connection of HTTP/1.1, or a session of HTTP/2, whose requests overlap. */
export class KeptConnection {
  readonly #puts: KeptPuts;
  /** Of the stream of the last body that was kept back: the next one is mostly of the same. */
  #tries: Tries | undefined;

  constructor(puts: KeptPuts) {
    this.#puts = puts;
  }

  /** Undefined if the request passes as it comes. `late` is called when it should not be kept back for longer. */
  collect(head: RequestHead, late: () => void): KeptRequest | undefined {
    const { bodyBytes } = head;
    if (bodyBytes === "chunked" || !isLargePut(head, bodyBytes)) return undefined;
    if (this.#tries?.pass() === true) return undefined;
    const known = (tries: Tries) => (this.#tries = tries);
    return new KeptRequest(this.#puts, bodyBytes, known, late);
  }
}

/** A request on its way to workerd. Its owner calls `free` when it was written or given up. */
export class KeptRequest implements Collection, Counted {
  readonly bodyBytes: number;
  readonly #puts: KeptPuts;
  readonly #known: (tries: Tries) => void;
  readonly #timer: NodeJS.Timeout;
  #reservedBytes = 0;
  #id: string | undefined;

  constructor(puts: KeptPuts, bodyBytes: number, known: (tries: Tries) => void, late: () => void) {
    this.#puts = puts;
    this.bodyBytes = bodyBytes;
    this.#known = known;
    this.#timer = setTimeout(late, collectMsMax).unref();
  }

  /** True if a manifest passes instead of the body, until the reply has come. */
  get isManifest(): boolean {
    return this.#id !== undefined;
  }

  /** What has not come takes no room from others. */
  grow(bytes: number): boolean {
    // Until the body is packed, there is no telling how large the chunk is.
    if (!this.#puts.room.reserve(bytes * 2)) return false;
    this.#reservedBytes += bytes * 2;
    return true;
  }

  finish(head: Buffer, body: Buffer[]): Buffer[] {
    clearTimeout(this.#timer);
    const tries = this.#puts.tries.of(body);
    this.#known(tries);
    if (tries.pass()) return [head, ...body];
    // The body counts again if it is kept.
    const reserved = this.#reservedBytes;
    this.free();
    const kept = this.#puts.take(body, (use) => tries.note(use));
    if (kept === undefined) {
      tries.note("none");
      this.#reservedBytes = this.#puts.room.reserve(reserved) ? reserved : 0;
      return [head, ...body];
    }
    this.#id = kept.id;
    const text = head
      .toString("latin1")
      .replace(lengthLine, (_, before: string) => `${before}${kept.manifest.length}`)
      .replace(blankLine, `${manifestHeader}: ${this.#puts.secret}\r\n\r\n`);
    return [Buffer.from(text, "latin1"), kept.manifest];
  }

  abandon(): void {
    clearTimeout(this.#timer);
  }

  /** The front has no bytes of the request any more, but those that are kept. */
  free(): void {
    this.#puts.room.free(this.#reservedBytes);
    this.#reservedBytes = 0;
  }

  /** The reply has come whole: nobody asks for the body any more. */
  settle(): void {
    if (this.#id !== undefined) this.#puts.drop(this.#id);
    this.#id = undefined;
  }
}

function isLargePut({ method, target, headers }: RequestHead, bodyBytes: number): boolean {
  const { least, most } = keptBodyBytes;
  if (bodyBytes < least || bodyBytes > most || method !== "POST" || target !== "/") return false;
  if (headers.some(([name]) => unwanted.has(name))) return false;
  return (
    valueOf(headers, "x-amz-target") === wanted.operation &&
    mediaTypeOf(valueOf(headers, "content-type")) === wanted.mediaType
  );
}

/** Empty unless the header comes exactly once. */
function valueOf(headers: RequestHead["headers"], name: string): string {
  const found = headers.filter(([each]) => each === name);
  return found.length === 1 ? (found[0]?.[1] ?? "") : "";
}
