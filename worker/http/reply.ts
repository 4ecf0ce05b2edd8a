// Sends the body of a reply and frees its memory as soon as the client has taken it. A Response
// that is made from bytes copies them, and the copy stays until the next garbage collection. So
// bytes are written part by part to a stream of known length. All bodies that are being sent share
// one budget in the isolate; a reply waits until there is room. A client that has stopped reading
// is disconnected as soon as others wait for its memory.
import { waitUntil } from "cloudflare:workers";
import { replyBytesMin, replyPartBytes } from "../limits.ts";
import type { Lease } from "../core/memoryBudget.ts";
import { pageMemory } from "../stream/loadBudget.ts";

/**
 * A body to send: its exact length, and its parts, which are requested as the client takes them.
 */
export interface Outgoing {
  length: number;
  parts: Iterable<Uint8Array>;
  /** Headers that depend on the bytes. */
  headers?: Record<string, string>;
  /** Memory while it is sent, if that is less than what was reserved. */
  memoryBytes?: number;
}

/** A reply whose body exists already. */
export function respond(body: Uint8Array, init?: ResponseInit): Promise<Response> {
  if (body.length < replyBytesMin) return Promise.resolve(new Response(body, init));
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
      const { length, parts, headers, memoryBytes: taken = memoryBytes } = make();
      if (lease !== undefined) pageMemory.shrink(lease, taken);
      const { readable, writable } = new FixedLengthStream(length);
      const response = new Response(readable, init);
      for (const name in headers) response.headers.set(name, headers[name] ?? "");
      reply.resolve(response);
      await write(writable.getWriter(), parts, lease);
    },
    "first",
  );
  // A reply that ends too early has no caller left to inform. A reply that never begins rejects its
  // caller's promise.
  waitUntil(sending.catch((error: unknown) => reply.reject(error)));
  return reply.promise;
}

async function write(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  parts: Iterable<Uint8Array>,
  lease: Lease | undefined,
): Promise<void> {
  const expiry = Promise.withResolvers<never>();
  if (lease !== undefined) {
    lease.onExpiry = () => expiry.reject(new Error("the client takes nothing, and others wait"));
  }
  try {
    for (const part of parts) await Promise.race([writePart(writer, part, lease), expiry.promise]);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

async function writePart(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  part: Uint8Array,
  lease: Lease | undefined,
): Promise<void> {
  const pieces: Promise<void>[] = [];
  for (let at = 0; at < part.length; at += replyPartBytes) {
    const piece = writer.write(part.subarray(at, at + replyPartBytes));
    pieces.push(lease === undefined ? piece : piece.then(() => pageMemory.renew(lease)));
  }
  await Promise.all(pieces);
}
