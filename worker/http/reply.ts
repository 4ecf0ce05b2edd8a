// Sends the body of a reply and frees its memory as soon as the client has taken it. A Response that is
// given bytes copies them, and the copy stays until a garbage collection that nothing asks for. So
// bytes are written to a stream of known length instead, a part at a time. What is on its way
// shares one budget in the isolate; a reply waits until there is room for it. A client that has stopped
// reading is cut off as soon as others wait for the memory that it holds.
import { waitUntil } from "cloudflare:workers";
import { replyBytesMin, replyPartBytes } from "../limits.ts";
import type { Lease } from "../core/memoryBudget.ts";
import { pageMemory } from "../stream/loadBudget.ts";

/** A body that is sent: its exact length, and its parts, asked for as the client takes them. */
export interface Outgoing {
  length: number;
  parts: Iterable<Uint8Array>;
  /** Headers that say something of its bytes. */
  headers?: Record<string, string>;
  /** Memory that it takes while it is sent, where that is less than what was asked for. */
  memoryBytes?: number;
}

/** A reply whose body is there already. */
export function respond(body: Uint8Array, init?: ResponseInit): Promise<Response> {
  if (body.length < replyBytesMin) return Promise.resolve(new Response(body, init));
  return send(body.length, () => ({ length: body.length, parts: [body] }), init);
}

/** A reply whose body is made when there is room for the memory that it takes. */
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
  // Nobody is left to be told of a reply that ends too early. One that is not begun has its caller.
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
