/**
 * Listens on the public port. The first bytes of a connection tell the protocol (sniff.ts). TLS is
 * taken off first, if the server has a certificate. HTTP/2 is handled by the bridge, because workerd
 * has no HTTP/2 on a plain socket. All other connections are tunnelled to workerd. The number of
 * connections is bounded by file descriptors. At the bound, a new connection replaces the one whose
 * client has owed the rest of a request for the longest time. If no client owes anything, the new
 * connection gets a 503.
 */
import { type Server, type Socket, createServer } from "node:net";
import { createBridge } from "./bridge.ts";
import { Failure, errorCode } from "./failure.ts";
import { type Patience, patience as usualPatience } from "./patience.ts";
import { printPlainReply } from "./plainReply.ts";
import { type Debt, linger, openTunnel } from "./tunnel.ts";
import { sniffProtocol } from "./sniff.ts";
import { createTlsLayer, type Identity } from "./tlsLayer.ts";
import type { Upstream } from "./upstream.ts";

/** How many refused connections may get a 503 at once; more are closed without a reply. */
const turnedAwayMax = 32;

const tlsMissing =
  "millrace: a client speaks TLS (https://), for which this server has no certificate: " +
  "start it with --tls, or with --cert and --key";

export interface Front {
  host: string;
  port: number;
  /** Accepts no new connection. Resolves when the open ones have ended. */
  stop(): Promise<void>;
  /** Closes all remaining connections. */
  destroy(): void;
}

export interface FrontOptions {
  host: string;
  port: number;
  upstream: Upstream;
  /** Bound for client connections. Each protocol may open as many more to workerd. */
  connectionsMax?: number;
  patience?: Patience;
  /** With it the port speaks TLS too. */
  identity?: Identity | undefined;
  /** False if the process may end while the port is open and clients are connected. */
  keepsProcess?: boolean;
  log?: (line: string) => void;
}

export async function openFront(options: FrontOptions): Promise<Front> {
  const { upstream, patience = usualPatience, connectionsMax = Infinity } = options;
  const { keepsProcess = true, log = console.error } = options;
  const bridge = createBridge({ upstream, patience, connectionsMax });
  const sockets = new Set<Socket>();
  /** Connections that have sent nothing yet or owe the rest of a request, the oldest debt first. */
  const owing = new Map<Socket, Debt>();
  const turnedAway = new Set<Socket>();
  /** End connections that workerd does not end, by which no request is under way. */
  const endings = new Set<() => void>();
  let stopping = false;
  const tls = options.identity && createTlsLayer(options.identity, patience);
  let hasComplained = false;
  const complainOnce = () => {
    if (!hasComplained) log(tlsMissing);
    hasComplained = true;
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on("error", () => client.destroy());
    if (!keepsProcess) client.unref();
    if (sockets.size >= connectionsMax && !dropOwing(owing)) {
      turnAway(client, turnedAway);
      return;
    }
    sockets.add(client);
    owing.set(client, "head");
    client.once("close", () => {
      sockets.delete(client);
      owing.delete(client);
    });
    const owes = (what: Debt | undefined) => {
      owing.delete(client);
      if (what !== undefined && !client.destroyed) owing.set(client, what);
    };
    const serve = (socket: Socket) =>
      sniffProtocol(socket, patience.headMs, (protocol) => {
        if (protocol === "http2") bridge.accept(socket, () => owes(undefined));
        else if (protocol === "tls" && tls !== undefined && socket === client) {
          tls.accept(client, serve);
        } else {
          if (protocol === "tls") complainOnce();
          const isStopping = () => stopping;
          const end = openTunnel(socket, { upstream, patience, owes, keepsProcess, isStopping });
          endings.add(end);
          socket.once("close", () => endings.delete(end));
        }
      });
    serve(client);
  });
  await listen(server, options.host, options.port, "--port", log);
  if (!keepsProcess) server.unref();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    host: options.host,
    port,
    async stop() {
      stopping = true;
      const closed = new Promise<void>((done) => server.close(() => done()));
      bridge.stop();
      for (const [socket, debt] of owing) if (debt === "head") socket.destroy();
      for (const end of endings) end();
      await closed;
      await upstream.gatherer?.stop();
    },
    destroy() {
      server.close();
      bridge.destroy();
      for (const socket of sockets) socket.destroy();
      upstream.gatherer?.destroy();
    },
  };
}

/** Closes the connection with the oldest debt; returns false if there is none. */
function dropOwing(owing: Map<Socket, Debt>): boolean {
  const [oldest] = owing.keys();
  oldest?.destroy();
  return oldest !== undefined && owing.delete(oldest);
}

/**
 * Sends a 503 while there are descriptors for it. The client's bytes are read before closing,
 * because a reply that is followed by a reset is often lost.
 */
function turnAway(client: Socket, turnedAway: Set<Socket>): void {
  if (turnedAway.size >= turnedAwayMax) {
    client.destroy();
    return;
  }
  turnedAway.add(client);
  client.once("close", () => turnedAway.delete(client));
  client.write(printPlainReply(503, "too many connections: try again later"));
  linger(client);
}

/** Throws a Failure that names the flag unless the port is free now. */
export async function checkPort(host: string, port: number, flag: string): Promise<void> {
  const server = createServer();
  await listen(server, host, port, flag, () => {});
  await new Promise((done) => server.close(done));
}

async function listen(
  server: Server,
  host: string,
  port: number,
  flag: string,
  log: (line: string) => void,
): Promise<void> {
  await new Promise<void>((done, fail) => {
    server.once("error", (error) => fail(listenFailure(error, host, port, flag)));
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      // For example too many open files: that connection is lost, the server continues.
      server.on("error", (error) => log(`millrace: ${error.message}`));
      done();
    });
  });
}

function listenFailure(error: Error, host: string, port: number, flag: string): Failure {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is taken: stop what uses it, or pass another ${flag}`,
    EACCES: `port ${port} may not be opened by this user: pass a ${flag} from 1024 up`,
    EADDRNOTAVAIL: `${host} is not an address of this machine: pass another --host`,
    ENOTFOUND: `${host} is not a known host: pass another --host`,
    EAI_AGAIN: `${host} cannot be looked up: pass an address as --host`,
  };
  const reason = reasons[errorCode(error)];
  return new Failure(reason ?? `cannot listen on ${host} port ${port}: ${error.message}`);
}
