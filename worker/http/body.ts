// Reads a request's body: up to a bound, without trusting the claimed length, in bounded time, and
// within the memory that all bodies of an isolate share (bodyBudget.ts). The first part of a body
// is read before memory is reserved, so a claim alone reserves nothing. A large body keeps its
// reservation until its request is answered.
import { bodyPool } from "../codec/bufferPool.ts";
import { tally } from "../core/tally.ts";
import { mebibyte } from "../core/units.ts";
import { BodyBudget, type Room } from "./bodyBudget.ts";
import type { Incoming } from "./incoming.ts";
import { isStreamError, StreamError } from "../errors.ts";
import {
  bodiesBytesMax,
  bodiesUsualBytesMax,
  bodyFreeBytes,
  bodyGraceMs,
  bodyIdleMsMax,
  bodyMsMax,
  bodyRateBytesMin,
  bodyTickMs,
  bodyUsualBytes,
  bodyWaitMsMax,
} from "../limits.ts";

/** A body that was interrupted, took too long, or is not delimited as HTTP/1.1 requires. */
export class BodyError extends Error {
  override readonly name = "BodyError";
}

/** The parts of a request that this file uses. */
export type BodyRequest = Pick<Incoming, "headers" | "whole" | "body" | "arrayBuffer" | "release">;

/** The isolate's budget. */
export const bodyBudget = new BodyBudget(
  { bytesMax: bodiesBytesMax, usualBytes: bodyUsualBytes, usualBytesMax: bodiesUsualBytesMax },
  3 * bodyTickMs,
);

/** Bodies whose requests are not answered yet. */
const kept = new WeakMap<BodyRequest, BodyReader>();

/**
 * The body, or undefined if it is longer than `bytesMax`. Throws BodyError, and `overloaded` if
 * there is no memory for it. The caller must give the request to `releaseBody` in the end.
 */
export async function readBody(
  request: BodyRequest,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  return read(request, bytesMax, false);
}

/**
 * The same in memory that is used again: the bytes are gone with `releaseBody`. They are the beginning of a longer
 * buffer, so they must not be sent to another object.
 */
export async function readLentBody(
  request: BodyRequest,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  return read(request, bytesMax, true);
}

async function read(
  request: BodyRequest,
  bytesMax: number,
  isLent: boolean,
): Promise<Uint8Array | undefined> {
  const length = request.headers.get("content-length");
  const claimed = length === null ? undefined : Number(length);
  if (claimed !== undefined && claimed > bytesMax) return undefined;
  if (claimed === 0) return new Uint8Array(0);
  if (request.whole !== undefined) {
    tally.receivedBytes += request.whole.length;
    return request.whole;
  }
  try {
    const bytes = await readSized(request, claimed, bytesMax, isLent);
    tally.receivedBytes += bytes?.length ?? 0;
    return bytes;
  } catch (error) {
    if (error instanceof BodyError || isStreamError(error)) throw error;
    throw new BodyError("The request's body did not come whole.", { cause: error });
  }
}

async function readSized(
  request: BodyRequest,
  claimed: number | undefined,
  bytesMax: number,
  isLent: boolean,
): Promise<Uint8Array | undefined> {
  if (claimed !== undefined && claimed <= bodyFreeBytes) return readSmall(request);
  // Looking at the body makes a stream of it.
  const { body } = request;
  if (body === null) return new Uint8Array(0);
  const reader = new BodyReader(body.getReader({ mode: "byob" }), isLent);
  kept.set(request, reader);
  return reader.read(claimed, bytesMax);
}

/** Returns the memory of the request's body. Call it when the request is answered. */
export function releaseBody(request: BodyRequest): void {
  kept.get(request)?.end();
  request.release?.();
}

/** Most bodies are small: they reserve no memory and use one timer. */
async function readSmall(request: BodyRequest): Promise<Uint8Array> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = () => reject(new BodyError(tookLonger(bodyIdleMsMax)));
  const timer = setTimeout(late, bodyIdleMsMax);
  try {
    return new Uint8Array(await Promise.race([request.arrayBuffer(), promise]));
  } finally {
    clearTimeout(timer);
  }
}

function tookLonger(ms: number): string {
  return `The request's body took longer than ${ms / 1000} seconds.`;
}

class BodyReader {
  private readonly source: ReadableStreamBYOBReader;
  private readonly startedMs = Date.now();
  private readonly failure = Promise.withResolvers<never>();
  private readonly timer: ReturnType<typeof setInterval>;
  private lastMs = this.startedMs;
  /** Bytes that have come, and how many had at the last tick. */
  private cameBytes = 0;
  private seenBytes = 0;
  private isReading = true;
  private room: Room | undefined;
  private waiter: object | undefined;
  private readonly isLent: boolean;
  /** The whole body, if it is to be given back. */
  private lent: Uint8Array<ArrayBuffer> | undefined;

  constructor(source: ReadableStreamBYOBReader, isLent: boolean) {
    this.source = source;
    this.isLent = isLent;
    this.failure.promise.catch(() => undefined);
    this.timer = setInterval(() => this.tick(Date.now()), bodyTickMs);
  }

  async read(claimed: number | undefined, bytesMax: number): Promise<Uint8Array | undefined> {
    try {
      return claimed === undefined ? await this.readChunks(bytesMax) : await this.readAll(claimed);
    } catch (error) {
      this.end();
      throw error;
    } finally {
      this.isReading = false;
      if (this.room === undefined) this.end();
    }
  }

  /** May be called several times. The unread rest of the body is not read any more. */
  end(): void {
    clearInterval(this.timer);
    if (this.waiter !== undefined) bodyBudget.leave(this.waiter, Date.now());
    if (this.room !== undefined) bodyBudget.release(this.room, Date.now());
    this.room = undefined;
    if (this.lent !== undefined) bodyPool.giveBack(this.lent);
    this.lent = undefined;
  }

  /** A body of known length is read directly into its final buffer, except for its beginning. */
  private async readAll(length: number): Promise<Uint8Array> {
    const first = await this.complete(new Uint8Array(Math.min(length, bodyFreeBytes)), 0);
    if (length === first.length) return first;
    await this.takeRoom(length);
    const lent = this.isLent ? bodyPool.lend(length) : undefined;
    const bytes = lent ?? new Uint8Array(length);
    bytes.set(first);
    const whole = await this.complete(bytes, first.length);
    if (lent === undefined) return whole;
    bodyPool.note(whole.buffer);
    return (this.lent = whole);
  }

  /**
   * Undefined if there are more bytes than allowed. Many small chunks take no more memory than a
   * large one.
   */
  private async readChunks(bytesMax: number): Promise<Uint8Array | undefined> {
    let bytes = new Uint8Array(bodyFreeBytes);
    let scratch = new Uint8Array(bodyFreeBytes);
    for (let length = 0; ;) {
      const part = await this.next(scratch);
      if (part === undefined) return bytes.subarray(0, length);
      const end = length + part.length;
      if (end > bytesMax) return undefined;
      if (end > bodyFreeBytes && this.room === undefined) await this.takeRoom(bytesMax);
      if (end > bytes.length) bytes = grown(bytes, Math.min(2 * bytes.length, bytesMax));
      bytes.set(part, length);
      length = end;
      scratch = new Uint8Array(part.buffer);
    }
  }

  /** Fills the bytes from `start` on. Reading detaches their buffer and returns another one. */
  private async complete(
    { buffer: empty, length }: Uint8Array<ArrayBuffer>,
    start: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    let buffer = empty;
    for (let at = start; at < length;) {
      const part = await this.next(new Uint8Array(buffer, at, length - at));
      if (part === undefined) throw new Error(`${length - at} bytes are missing`);
      buffer = part.buffer;
      at += part.length;
    }
    return new Uint8Array(buffer, 0, length);
  }

  /** The bytes that have arrived, at most as many as the view holds; undefined at the end. */
  private async next(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { value, done } = await Promise.race([this.source.read(view), this.failure.promise]);
    this.lastMs = Date.now();
    this.cameBytes += value?.length ?? 0;
    return done ? undefined : value;
  }

  private async takeRoom(bytes: number): Promise<void> {
    const { turn, waiter } = bodyBudget.wait(bytes, Date.now());
    this.waiter = waiter;
    this.room = await Promise.race([turn, this.failure.promise]);
    this.waiter = undefined;
    this.lastMs = Date.now();
  }

  /**
   * Runs once a second while the request runs: renews the reservation, and checks whether reading
   * may continue.
   */
  private tick(nowMs: number): void {
    const holder = this.room ?? this.waiter;
    if (holder !== undefined) bodyBudget.renew(holder, nowMs);
    if (!this.isReading) return;
    const cameBytes = this.cameBytes - this.seenBytes;
    this.seenBytes = this.cameBytes;
    const refusal =
      this.waiter === undefined ? this.lateness(nowMs, cameBytes) : this.impatience(nowMs);
    if (refusal !== undefined) this.failure.reject(refusal);
  }

  /** `cameBytes`: since the last tick. */
  private lateness(nowMs: number, cameBytes: number): BodyError | undefined {
    if (nowMs - this.lastMs >= bodyIdleMsMax) {
      return new BodyError(
        `Nothing of the request's body came for ${bodyIdleMsMax / 1000} seconds.`,
      );
    }
    if (nowMs - this.startedMs >= bodyMsMax) {
      return new BodyError(tookLonger(bodyMsMax));
    }
    if (this.room === undefined || bodyBudget.waiting === 0) return undefined;
    const allowedMs = bodyGraceMs + (this.room.bytes / mebibyte) * 1000;
    const heldMs = nowMs - this.room.takenMs;
    const isStalled = heldMs >= bodyTickMs && cameBytes < bodyRateBytesMin;
    if (heldMs < allowedMs && !isStalled) return undefined;
    return new BodyError("The request's body came too slowly while others waited.");
  }

  private impatience(nowMs: number): StreamError | undefined {
    return nowMs - this.lastMs >= bodyWaitMsMax ? new StreamError("overloaded") : undefined;
  }
}

/** A copy of the bytes in a longer buffer, filled with zeros. */
function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}
