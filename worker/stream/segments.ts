// Serves sealed segments by address: GET /segments/<shard uid>/<number> on this entrypoint. A reply
// with status 200 never changes, so Workers Cache in front of it may keep it for ever, in every
// place. wrangler.toml turns that cache on for this entrypoint only. The bytes come from R2, or
// from the shard while R2 does not have them. They are checked before they are sent.
import { WorkerEntrypoint } from "cloudflare:workers";
import type { Env } from "../core/bindings.ts";
import { isCode, isStreamError, StreamError } from "../errors.ts";
import { verifySegment } from "../engine/chunk.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import { unwrap } from "../core/rpc.ts";
import { readObject } from "../core/segmentBucket.ts";

const PATH = /^\/segments\/([0-9a-f-]{1,64})\/(\d{1,10})$/;

const immutable = "public, max-age=31536000, immutable, stale-if-error=0";

/** Tells which place to try first; not a part of the address. */
export const placeHeader = "x-millrace-place";

/**
 * A value that is unique to a request. A reply with the same value was made, and its bytes checked,
 * for this request. A reply from a cache has the value of another request.
 */
export const markHeader = "x-millrace-mark";

export class Segments extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    const [, uid, number] = PATH.exec(new URL(request.url).pathname) ?? [];
    if (request.method !== "GET" || uid === undefined) return refuse(404, "no such segment");
    try {
      const inShard = request.headers.get(placeHeader) === "shard";
      const body = await loadSegment(this.env, uid, Number(number), inShard);
      if (body === undefined) return refuse(404, "no such segment");
      // A Response of bytes would keep a copy of them until the next garbage collection.
      const { readable, writable } = new FixedLengthStream(body.length);
      this.ctx.waitUntil(write(writable, body).catch(() => {}));
      return new Response(readable, {
        headers: {
          "content-type": "application/octet-stream",
          "cache-control": immutable,
          "cache-tag": uid,
          [markHeader]: request.headers.get(markHeader) ?? "",
        },
      });
    } catch (error) {
      if (!isStreamError(error)) throw error;
      const { code, detail } = error;
      return refuse(500, JSON.stringify({ code, detail }), "application/json");
    }
  }
}

/**
 * Tries the expected place first, then the other one: one intact copy is enough. Throws `corrupt`,
 * `segmentSkipped` if readers may pass over it, or another failure of a place.
 */
async function loadSegment(
  env: Env,
  uid: string,
  segment: number,
  inShard: boolean,
): Promise<Uint8Array | undefined> {
  const { SEGMENTS } = env;
  const fromR2 = async () => SEGMENTS && readObject(SEGMENTS, uid, segment);
  const fromShard = async () => {
    const { body, skipped } = unwrap(await env.SHARD.getByName(uid).segment(segment));
    if (body === null && skipped !== undefined) {
      throw new StreamError("segmentSkipped", { shard: uid, ...skipped });
    }
    if (body !== null) verifySegment(body, uid, segment);
    return body ?? undefined;
  };
  const failures: unknown[] = [];
  for (const load of inShard ? [fromShard, fromR2] : [fromR2, fromShard]) {
    try {
      const body = await load();
      if (body !== undefined) return body;
    } catch (error) {
      if (!isSkip(error)) console.error(`segment ${segment} of shard ${uid}`, error);
      failures.push(error);
    }
  }
  if (failures.length === 0) return undefined;
  // A place that fails temporarily may have an intact copy: that segment is not passed over.
  const mayBeSound = failures.find((error) => !isSkip(error) && !isCorrupt(error));
  throw mayBeSound ?? failures.find(isSkip) ?? failures[0];
}

function isSkip(error: unknown): boolean {
  return isCode(error, "segmentSkipped");
}

/** A reader that has disconnected needs no answer. */
async function write(writable: WritableStream<Uint8Array>, body: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(body);
  await writer.close();
}

function refuse(status: number, text: string, type = "text/plain"): Response {
  const headers = { "cache-control": "no-store", "content-type": type };
  return new Response(text, { status, headers });
}
