/**
 * Listens on the public port. The first bytes of a connection tell the protocol. The HTTP/2 preface
 * (RFC 9113 section 3.4, prior knowledge, no TLS) is handled by the bridge, because workerd has no
 * HTTP/2 on a plain socket. All other connections are tunnelled to workerd. The number of
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
import type { Upstream } from "./upstream.ts";

/** The line that opens every HTTP/2 connection and no HTTP/1.1 request. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n", "latin1");

/** How many refused connections may get a 503 at once; more are closed without a reply. */
const turnedAwayMax = 32;

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
  let stopping = false;
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
    sniffProtocol(client, patience.headMs, (isHttp2) => {
      if (isHttp2) bridge.accept(client, () => owes(undefined));
      else
        openTunnel(client, { upstream, patience, owes, keepsProcess, isStopping: () => stopping });
    });
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
      await closed;
    },
    destroy() {
      server.close();
      bridge.destroy();
      for (const socket of sockets) socket.destroy();
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

/** Reads until the bytes are surely the preface or surely not, then puts them back. */
function sniffProtocol(client: Socket, headMs: number, decided: (isHttp2: boolean) => void): void {
  let head = Buffer.alloc(0);
  const giveUp = () => client.destroy();
  const timer = setTimeout(giveUp, headMs).unref();
  client.once("close", () => clearTimeout(timer));
  const look = () => {
    const bytes: Buffer | null = client.read();
    if (bytes === null) return;
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const length = Math.min(head.length, preface.length);
    const matches = head.compare(preface, 0, length, 0, length) === 0;
    if (matches && length < preface.length) return;
    clearTimeout(timer);
    client.off("readable", look);
    client.off("end", giveUp);
    client.unshift(head);
    decided(matches);
  };
  client.on("readable", look);
  client.on("end", giveUp);
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
