// Makes the replies of this dialect, with the headers that all of them have: those that let a web page of another
// origin read them (Durable Streams protocol, section 12.7; Fetch standard, CORS protocol), and those for caches.
import { utf8 } from "../codec/bytes.ts";
import { respond } from "../http/reply.ts";
import type { DurableError } from "./errors.ts";

const exposedHeaders =
  "Stream-Next-Offset, Stream-Cursor, Stream-Up-To-Date, Stream-Closed, Stream-TTL, Stream-Expires-At, " +
  "Stream-SSE-Data-Encoding, Stream-Shard, Stream-Shards, Stream-Children, Producer-Epoch, Producer-Seq, " +
  "Producer-Expected-Seq, Producer-Received-Seq, ETag, Content-Type, Location, Retry-After, Date";

const allowedHeaders =
  "Content-Type, Authorization, If-None-Match, Stream-Seq, Stream-TTL, Stream-Expires-At, Stream-Closed, " +
  "Stream-Key, Stream-Shard-Count, Stream-Forked-From, Stream-Fork-Offset, Stream-Fork-Sub-Offset, " +
  "Producer-Id, Producer-Epoch, Producer-Seq";

const common = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": exposedHeaders,
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "cross-origin",
};

export type Headers = Record<string, string>;

export const noStore = { "cache-control": "no-store" };

/** A reply without a body. */
export function bare(status: number, headers: Headers = {}): Response {
  return new Response(null, { status, headers: { ...noStore, ...common, ...headers } });
}

export function body(bytes: Uint8Array, headers: Headers): Promise<Response> {
  return respond(bytes, { headers: { ...common, ...headers } });
}

export function streamed(text: ReadableStream<Uint8Array>, headers: Headers): Response {
  return new Response(text, { headers: { ...common, ...headers } });
}

export function failed({ status, code, message, headers }: DurableError): Response {
  const text = JSON.stringify({ error: { code, message } });
  return new Response(utf8(`${text}\n`), {
    status,
    headers: { "content-type": "application/json", ...noStore, ...common, ...headers },
  });
}

export function preflight(): Response {
  return bare(204, {
    "access-control-allow-methods": "GET, POST, PUT, DELETE, HEAD, OPTIONS",
    "access-control-allow-headers": allowedHeaders,
    "access-control-max-age": "86400",
  });
}

/** A browser that opens the address must not run what others have put into the stream. */
export function contentHeaders(contentType: string): Headers {
  return {
    "content-type": contentType,
    ...(runnable.test(contentType) && {
      "content-disposition": "attachment",
      "content-security-policy": "sandbox",
    }),
  };
}

const runnable = /html|xml|svg|javascript|ecmascript|css|pdf/i;
