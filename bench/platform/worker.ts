// The steps that bench/platform/platform.ts measures. Each is repeated many times within one
// request, because a Worker's own clock stands still while it computes.

import { createHmac } from "node:crypto";
import { crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { DurableObject } from "cloudflare:workers";

interface Env {
  ECHO: DurableObjectNamespace<Echo>;
}

export class Echo extends DurableObject<Env> {
  answer(bytes: Uint8Array): number {
    return bytes.length;
  }
}

type Step = (request: Request, env: Env) => unknown;

const headers = {
  "x-amzn-requestid": "00000000-0000-4000-8000-000000000000",
  "x-amz-id-2": "A".repeat(96),
  "content-type": "application/x-amz-json-1.1",
  "cache-control": "no-store",
};
const page = new Uint8Array(1_430_000).fill(65);
const small = page.subarray(0, 300);
// Not a view: a call sends the whole buffer under a view.
const token = new Uint8Array(176);

/** 512 KB as events in JSON have it, and as random bytes do. */
const events = new TextEncoder().encode(
  Array.from({ length: 4000 }, (_, i) =>
    JSON.stringify({
      event: ["view", "click", "order"][(i * 7919) % 3],
      user: `u${(i * 48271) % 65_537}`,
      ts: 1_700_000_000_000 + i * 17,
      url: `/products/${(i * 69_621) % 5003}?ref=${i % 50}`,
      price: ((i * 16_807) % 10_007) / 100,
    }),
  )
    .join("\n")
    .slice(0, 512_000),
);
/** Filled by the first request: there is no randomness before one. */
const noise = new Uint8Array(512_000);
const randomBytesMax = 65_536;
const fast = { params: { 100: 1 } };
const packed = zstdCompressSync(events, fast);

/** The steps by name. Each result is awaited; the first row is the cost of that. */
const steps: Record<string, Step> = {
  "nothing, awaited": () => undefined,
  "a header of the request": ({ headers: of }) => of.get("x-amz-target"),
  "HMAC-SHA256 of 176 bytes, node:crypto": () => createHmac("sha256", "key").update(token).digest(),
  "new Response, 300 bytes": () => new Response(small),
  "new Response, 300 bytes, 4 headers": () => new Response(small, { headers }),
  "new Response, 1.43 MB": () => new Response(page),
  "copying 1.43 MB": () => page.slice(),
  "a call of a Durable Object": (_, { ECHO }) => ECHO.getByName("a").answer(token),
  "a call of it, 512 KB there": (_, { ECHO }) => ECHO.getByName("a").answer(noise),
  "crc32 of 512 KB, node:zlib": () => crc32(noise),
  "zstd, level 1, 512 KB of JSON": () => zstdCompressSync(events, fast),
  "zstd, level 1, 512 KB at random": () => zstdCompressSync(noise, fast),
  "zstd back, 512 KB of JSON": () => zstdDecompressSync(packed),
};

function fillNoise(): void {
  for (let at = 0; at < noise.length; at += randomBytesMax) {
    crypto.getRandomValues(noise.subarray(at, at + randomBytesMax));
  }
}

export default {
  async fetch(request, env): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const name = searchParams.get("step");
    if (noise.every((byte) => byte === 0)) fillNoise();
    if (name === null) return Response.json(Object.keys(steps));
    const step = steps[name];
    if (step === undefined) return new Response("no such step", { status: 404 });
    for (let left = Number(searchParams.get("times")); left > 0; left--) await step(request, env);
    return new Response("done");
  },
} satisfies ExportedHandler<Env>;
