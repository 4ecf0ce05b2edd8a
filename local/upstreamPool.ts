/**
 * Kept-alive connections to workerd for the requests of HTTP/2, one request on each at a time. Their
 * number is bounded; a request beyond it waits for one. The connection that was used last is used
 * next, so that the others become idle and are closed.
 */
import { type Exchange, UpstreamConnection } from "./upstreamConnection.ts";
import type { Upstream } from "./upstream.ts";

/** workerd closes connections that are idle for 15 s (measured); ours close after 4 to 8. */
const sweepMs = 4000;

export interface UpstreamPool {
  /** True if an exchange that begins now has to wait for a connection. */
  readonly isFull: boolean;
  /** Begins the exchange on a connection, now or when there is one. */
  begin(exchange: Exchange): void;
  /** Forgets an exchange that waits for a connection. */
  forget(exchange: Exchange): void;
  destroy(): void;
}

export function createUpstreamPool(upstream: Upstream, connectionsMax: number): UpstreamPool {
  const all = new Set<UpstreamConnection>();
  /** The one that was used last is at the end. */
  const idle: UpstreamConnection[] = [];
  const waiting = new Set<Exchange>();
  let sweep: NodeJS.Timeout | undefined;
  const closeIdle = () => {
    const bound = performance.now() - sweepMs;
    for (const connection of idle.filter(({ idleSinceMs }) => idleSinceMs <= bound)) {
      connection.destroy();
    }
    sweep = idle.length > 0 ? setTimeout(closeIdle, sweepMs).unref() : undefined;
  };
  const begin = (exchange: Exchange) => {
    const connection = idle.pop();
    if (connection !== undefined) connection.begin(exchange);
    else if (all.size < connectionsMax) open().begin(exchange);
    else waiting.add(exchange);
  };
  const beginNext = () => {
    const [next] = waiting;
    if (next !== undefined && waiting.delete(next)) begin(next);
  };
  const open = (): UpstreamConnection => {
    const connection = new UpstreamConnection(upstream, {
      released() {
        idle.push(connection);
        sweep ??= setTimeout(closeIdle, sweepMs).unref();
        beginNext();
      },
      closed() {
        all.delete(connection);
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
        beginNext();
      },
    });
    all.add(connection);
    return connection;
  };
  return {
    get isFull() {
      return idle.length === 0 && all.size >= connectionsMax;
    },
    begin,
    forget: (exchange) => void waiting.delete(exchange),
    destroy() {
      clearTimeout(sweep);
      waiting.clear();
      for (const connection of all) connection.destroy();
    },
  };
}
