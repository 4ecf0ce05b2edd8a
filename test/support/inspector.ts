/**
 * A client of workerd's inspector (Chrome DevTools Protocol), for tests that look into an isolate's
 * memory. V8 counts what is on its heap and what array buffers hold outside it; it does not know
 * what workerd allocates for itself, which is the rest of the process.
 */
import { readFileSync } from "node:fs";

/** Bytes, by who counts them. */
export interface IsolateMemory {
  /** Objects of JavaScript and of workerd on V8's heaps, garbage included. */
  heap: number;
  /** The contents of array buffers. */
  external: number;
  /** The rest of the process's own memory, with what the allocator keeps. */
  native: number;
}

export class Inspector implements Disposable {
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, (result: unknown) => void>();
  private lastId = 0;

  /** Opens a session with the isolate of the Worker that has this name. */
  static async open(port: number, worker: string): Promise<Inspector> {
    const reply = await fetch(`http://127.0.0.1:${port}/json`);
    const targets: { id: string; webSocketDebuggerUrl: string }[] = JSON.parse(await reply.text());
    const target = targets.find(({ id }) => id === worker);
    if (target === undefined) throw new Error(`no isolate ${worker}: ${JSON.stringify(targets)}`);
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise((done, fail) => {
      socket.addEventListener("open", done, { once: true });
      socket.addEventListener("error", fail, { once: true });
    });
    return new Inspector(socket);
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
      this.waiting.get(id)?.(result);
      this.waiting.delete(id);
    });
  }

  /** The memory of the isolate, and of the process that it is in. */
  async memory(pid: number): Promise<IsolateMemory> {
    const usage = (await this.call("Runtime.getHeapUsage")) as Record<string, number>;
    const { usedSize = NaN, totalSize = NaN, embedderHeapUsedSize = NaN } = usage;
    const { backingStorageSize: external = NaN } = usage;
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const anonymous = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) * 1024;
    const heap = usedSize + embedderHeapUsedSize;
    return { heap, external, native: anonymous - totalSize - embedderHeapUsedSize - external };
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }

  private call(method: string): Promise<unknown> {
    const id = ++this.lastId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.waiting.set(id, resolve);
    this.socket.send(JSON.stringify({ id, method }));
    return promise;
  }
}
