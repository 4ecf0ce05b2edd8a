// Sends the body of a reply and frees its memory as soon as the client has taken it. A Response
// that is made from bytes copies them, and the copy stays until the next garbage collection. So the
// body is a stream whose length is known, and the platform takes one piece at a time. All bodies
// that are being sent share one budget in the isolate; a reply waits until there is room. A client
// that has stopped reading is disconnected as soon as others wait for its memory. A client that has left while its request
// waited for memory holds that for a moment only.
//
// workerd holds two pieces of a reply besides the one that it is sending, and asks for the next one
// when there is room for it. So a body that is sent in large pieces ends with three pieces of one
// byte: when the stream is asked for the last of them, the large pieces have left the process.
import { waitUntil } from "cloudflare:workers";
import {
  pageBufferBytesMax,
  replyCopyBytesMax,
  replyPartBytes,
  replyPartBytesMax,
} from "../limits.ts";
import { tally } from "../core/tally.ts";
import type { PageSlot } from "../engine/pageSlots.ts";
import type { Outgoing } from "../engine/recordText.ts";
import type { Lease } from "../core/memoryBudget.ts";
import { pageMemory } from "../stream/loadBudget.ts";

/** A reply whose body exists already. */
export function respond(body: Uint8Array, init?: ResponseInit): Promise<Response> {
  if (body.length < replyCopyBytesMax) {
    tally.sentBytes += body.length;
    return Promise.resolve(new Response(body, init));
  }
  return send(body.length, () => ({ length: body.length, parts: [body] }), init);
}

/** A reply whose body is made when there is memory for it. */
export function send(
  memoryBytes: number,
  make: () => Outgoing,
  init?: ResponseInit,
): Promise<Response> {
  const reply = Promise.withResolvers<Response>();
  const sending = pageMemory.run(
    memoryBytes,
    async (lease) => {
      const { length, parts, headers, memoryBytes: taken = memoryBytes, slot } = make();
      if (lease !== undefined) pageMemory.shrink(lease, taken);
      tally.sentBytes += length;
      const body = new BodySource(length, parts, lease, slot);
      const response = new Response(new ReadableStream(body, { highWaterMark: 0 }), init);
      for (const name in headers) response.headers.set(name, headers[name] ?? "");
      reply.resolve(response);
      // The platform asks for the first piece at once, unless the client has left meanwhile.
      if (lease !== undefined) pageMemory.expectSoon(lease);
      await body.ended;
    },
    "first",
  );
  // A reply that ends too early has no caller left to inform. A reply that never begins rejects its
  // caller's promise.
  waitUntil(sending.catch((error: unknown) => reply.reject(error)));
  return reply.promise;
}

/**
 * Gives the platform a body piece by piece. A stream of this kind costs less than an identity stream
 * such as FixedLengthStream, which workerd reads in steps of 64 KiB.
 */
class BodySource implements UnderlyingSource<Uint8Array> {
  /** Becomes Content-Length. It is an extension of workerd (api/streams/standard.h). */
  readonly expectedLength: number;
  /** Resolves when the platform has taken the whole body, or the client does not want the rest. */
  readonly ended: Promise<void>;
  private readonly end = Promise.withResolvers<void>();
  private readonly pieces: Generator<Uint8Array, void, undefined>;
  private readonly lease: Lease | undefined;
  private readonly slot: PageSlot | undefined;
  private missingBytes: number;

  constructor(
    length: number,
    parts: Iterable<Uint8Array>,
    lease: Lease | undefined,
    slot: PageSlot | undefined,
  ) {
    this.expectedLength = length;
    this.missingBytes = length;
    this.pieces = cut(length, parts, slot !== undefined);
    this.lease = lease;
    this.slot = slot;
    slot?.holdBy(this);
    this.ended = this.end.promise;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.lease === undefined) return;
    this.lease.onExpiry = () =>
      this.fail(controller, new Error("the client takes nothing, and others wait"));
  }

  /**
   * Gives the next piece. It is called when the piece before the last one is on its way. If it gave
   * each piece at once, the platform would call it again at once, and hold all pieces. The first
   * one and the last byte are given at once: then the platform takes a usual page in three turns.
   */
  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> | undefined {
    const isAtOnce = this.missingBytes === this.expectedLength || this.missingBytes <= 1;
    if (!isAtOnce) return this.giveLater(controller);
    this.giveOrFail(controller);
    return undefined;
  }

  cancel(): void {
    this.pieces.return();
    this.end.resolve();
  }

  private async giveLater(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    await Promise.resolve();
    this.giveOrFail(controller);
  }

  private giveOrFail(controller: ReadableStreamDefaultController<Uint8Array>): void {
    try {
      this.give(controller);
    } catch (error) {
      this.fail(controller, error);
    }
  }

  private give(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { value: piece } = this.pieces.next();
    const times = Math.max((piece?.length ?? 0) / replyPartBytes, 1);
    if (this.lease !== undefined) pageMemory.renew(this.lease, times);
    this.missingBytes -= piece?.length ?? 0;
    if (this.missingBytes < 0 || (piece === undefined && this.missingBytes > 0)) {
      throw new Error("the body has another length than was said");
    }
    const isLastByte = piece?.length === 1 && this.missingBytes === 0;
    if (piece !== undefined && !isLastByte) return controller.enqueue(piece);
    if (piece !== undefined) {
      // A copy, because the memory of the parts is free from now on.
      const lastByte = piece.slice();
      if (this.pieces.next().done !== true) throw new Error("the body is longer than was said");
      controller.enqueue(lastByte);
    }
    controller.close();
    this.slot?.release();
    this.end.resolve();
  }

  private fail(controller: ReadableStreamDefaultController<Uint8Array>, error: unknown): void {
    controller.error(error);
    this.pieces.return();
    this.end.reject(error);
  }
}

/** True if a reply of this length, sent now, begins with a large piece. */
export function isSentWhole(bytes: number): boolean {
  return bytes > 2 * replyPartBytes && bytes <= pageBufferBytesMax && pageMemory.isRoomy;
}

/**
 * The parts of a body in pieces, as large as the memory allows now. What is in a slot ends with
 * three pieces of one byte in any case: when the last of them is asked for, the platform has done
 * with all pieces before them.
 */
function* cut(
  length: number,
  parts: Iterable<Uint8Array>,
  isInSlot: boolean,
): Generator<Uint8Array, void, undefined> {
  let left = length;
  /** Bytes that are kept for the last three pieces. */
  let tailBytes = isInSlot ? 3 : 0;
  const nextBytes = (): number => {
    if (tailBytes > 0 && left <= tailBytes) return 1;
    // What is printed part by part stays in small pieces, of which workerd holds several.
    const isLarge = length <= pageBufferBytesMax && isSentWhole(left);
    if (isLarge) tailBytes = 3;
    return Math.min(left - tailBytes, isLarge ? replyPartBytesMax : replyPartBytes);
  };
  for (const part of parts) {
    for (let at = 0; at < part.length;) {
      const piece = part.subarray(at, at + Math.max(nextBytes(), 1));
      at += piece.length;
      left -= piece.length;
      yield piece;
    }
  }
}
