/** A load balancer of TCP connections, for tests: it asks each server for its health, and takes turns. */
import { createServer, connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Server } from "./server.ts";

const pauseMs = 100;
const answerMsMax = 4000;

export interface Balancer extends AsyncDisposable {
  endpoint: string;
  /** Which of the servers were healthy when they were last asked. */
  isUp: boolean[];
}

/** `servers` may change while it runs. */
export async function startBalancer(servers: readonly Server[]): Promise<Balancer> {
  const isUp = servers.map(() => true);
  const over = new AbortController();
  const look = async (i: number) => {
    while (!over.signal.aborted) {
      const signal = AbortSignal.any([over.signal, AbortSignal.timeout(answerMsMax)]);
      const asked = fetch(`${servers[i]!.endpoint}/_millrace/health`, { signal });
      isUp[i] = await asked.then(
        ({ ok }) => ok,
        () => false,
      );
      await delay(pauseMs);
    }
  };
  const looking = servers.map((_, i) => look(i));
  let turn = 0;
  const listener = createServer((client) => {
    const up = servers.filter((_, i) => isUp[i]);
    const to = up[turn++ % Math.max(1, up.length)] ?? servers[0]!;
    const server = connect(Number(new URL(to.endpoint).port), "127.0.0.1");
    for (const [from, other] of [
      [client, server],
      [server, client],
    ] as const) {
      from.pipe(other);
      from.on("error", () => other.destroy());
      from.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    isUp,
    async [Symbol.asyncDispose]() {
      listener.close();
      over.abort();
      await Promise.all(looking);
    },
  };
}
