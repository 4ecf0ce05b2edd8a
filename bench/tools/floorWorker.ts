// The Worker of bench/tools/floors.ts: for each path the least that a request of its kind asks of the platform.

import { DurableObject } from "cloudflare:workers";

interface Env {
  FLOOR: DurableObjectNamespace<Floor>;
}

/** A page of 1000 records of 1 KiB is about as long. */
const page = new Uint8Array(1_430_000).fill(65);

export class Floor extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, body BLOB)");
  }

  answer(): number {
    return 1;
  }

  /** Resolves when the row is durable. */
  async write(body: ArrayBuffer): Promise<void> {
    this.ctx.storage.sql.exec("INSERT INTO row (body) VALUES (?)", body);
    await this.ctx.storage.sync();
  }
}

/** Objects that a body is spread over. */
const spreadCount = 16;

/** Resolves when each object has committed its part of the body. */
async function spread(body: ArrayBuffer, { FLOOR }: Env): Promise<void> {
  const partBytes = body.byteLength / spreadCount;
  const writes = Array.from({ length: spreadCount }, (_, i) =>
    FLOOR.getByName(`spread ${i}`).write(body.slice(i * partBytes, (i + 1) * partBytes)),
  );
  await Promise.all(writes);
}

const answers: Record<string, (request: Request, env: Env) => unknown> = {
  "/worker": () => undefined,
  "/object": (_, { FLOOR }) => FLOOR.getByName("a").answer(),
  "/row": async (request, { FLOOR }) => FLOOR.getByName("a").write(await request.arrayBuffer()),
  "/spread": async (request, env) => spread(await request.arrayBuffer(), env),
  "/copy": () => page.slice(),
};

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/page") return new Response(page);
    await answers[pathname]?.(request, env);
    return new Response("done");
  },
} satisfies ExportedHandler<Env>;
