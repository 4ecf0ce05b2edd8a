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

  /** Takes calls by memory as long as its WebSocket is open. */
  override fetch(): Response {
    const { 0: client, 1: socket } = new WebSocketPair();
    socket.accept();
    this.ctx.waitUntil(this.takeCalls(callsOf(this.ctx.id.name ?? "")));
    return new Response(null, { status: 101, webSocket: client });
  }

  private async takeCalls(calls: Calls): Promise<never> {
    for (;;) {
      for (const { body, done } of calls.waiting.splice(0)) void this.write(body).then(done);
      const { promise, resolve } = Promise.withResolvers<void>();
      calls.ring = resolve;
      await promise;
    }
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

/** Calls of an object in this isolate that go by memory. */
interface Calls {
  waiting: { body: ArrayBuffer; done: () => void }[];
  ring?: () => void;
  /** Keeps the object awake. */
  socket?: Promise<WebSocket>;
}

const near = new Map<string, Calls>();

function callsOf(name: string): Calls {
  const calls = near.get(name) ?? { waiting: [] };
  near.set(name, calls);
  return calls;
}

/** Resolves when the object has committed the body. */
async function writeNear(name: string, body: ArrayBuffer, { FLOOR }: Env): Promise<void> {
  const calls = callsOf(name);
  calls.socket ??= attend(FLOOR.getByName(name));
  await calls.socket;
  const { promise, resolve } = Promise.withResolvers<void>();
  calls.waiting.push({ body, done: resolve });
  calls.ring?.();
  await promise;
}

async function attend(object: Fetcher): Promise<WebSocket> {
  const { webSocket } = await object.fetch("http://object/", { headers: { upgrade: "websocket" } });
  if (webSocket === null) throw new Error("no WebSocket");
  webSocket.accept();
  return webSocket;
}

/** Objects that a body is spread over. */
const spreadCount = 16;

/** Resolves when each object has committed its part of the body. */
async function spread(
  body: ArrayBuffer,
  write: (name: string, part: ArrayBuffer) => Promise<void>,
): Promise<void> {
  const partBytes = body.byteLength / spreadCount;
  const writes = Array.from({ length: spreadCount }, (_, i) =>
    write(`spread ${i}`, body.slice(i * partBytes, (i + 1) * partBytes)),
  );
  await Promise.all(writes);
}

/** Answers each message of a WebSocket when the work is done that its path names. */
function openSocket(path: string, env: Env): Response {
  const { 0: client, 1: socket } = new WebSocketPair();
  socket.binaryType = "arraybuffer";
  socket.accept();
  socket.addEventListener("message", ({ data }) => {
    const body = data as ArrayBuffer;
    void (messages[path]?.(body, env) ?? Promise.resolve()).then(() => socket.send("done"));
  });
  return new Response(null, { status: 101, webSocket: client });
}

const messages: Record<string, (body: ArrayBuffer, env: Env) => Promise<void>> = {
  "/row": (body, env) => writeNear("a", body, env),
  "/spread": (body, env) => spread(body, (name, part) => writeNear(name, part, env)),
};

const answers: Record<string, (request: Request, env: Env) => unknown> = {
  "/worker": () => undefined,
  "/object": (_, { FLOOR }) => FLOOR.getByName("a").answer(),
  "/row": async (request, { FLOOR }) => FLOOR.getByName("a").write(await request.arrayBuffer()),
  "/spread": async (request, { FLOOR }) =>
    spread(await request.arrayBuffer(), (name, part) => FLOOR.getByName(name).write(part)),
  "/copy": () => page.slice(),
};

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.headers.has("upgrade")) return openSocket(pathname, env);
    if (pathname === "/page") return new Response(page);
    await answers[pathname]?.(request, env);
    return new Response("done");
  },
} satisfies ExportedHandler<Env>;
