/**
 * The one public port. The first bytes of a connection say what it speaks: the HTTP/2 preface
 * (RFC 9113 section 3.4, prior knowledge, no TLS) hands it to the bridge, because workerd has no
 * HTTP/2 on a plain socket; anything else is piped to workerd untouched, byte for byte in both
 * directions, half-closes included. A connection that cannot be served gets a 502 or a reset.
 */
import { type Server, type Socket, createServer } from "node:net";
import { createBridge } from "./bridge.ts";
import { Failure, errorCode } from "./failure.ts";
import { type Upstream, connectUpstream, lingerMs } from "./upstream.ts";

/** The line that opens every HTTP/2 connection and no HTTP/1.1 request. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n", "latin1");

/** One for each connection that is not HTTP/2. */
const replyBufferBytes = 128 << 10;

const badGateway =
  "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n" +
  "Connection: close\r\n\r\nworkerd does not answer\n";

export interface Front {
  host: string;
  port: number;
  /** Takes no new connection; resolves when the ones that are open have ended. */
  stop(): Promise<void>;
  /** Cuts what is left. */
  destroy(): void;
}

export async function openFront(options: {
  host: string;
  port: number;
  upstream: Upstream;
}): Promise<Front> {
  const { upstream } = options;
  const bridge = createBridge(upstream);
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  let stopping = false;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    sockets.add(client);
    undecided.add(client);
    client.on("error", () => client.destroy());
    client.once("close", () => {
      sockets.delete(client);
      undecided.delete(client);
    });
    sniffProtocol(client, (isHttp2) => {
      undecided.delete(client);
      if (isHttp2) bridge.accept(client);
      else pipeThrough(client, upstream, () => stopping);
    });
  });
  await listen(server, options.host, options.port, "--port");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    host: options.host,
    port,
    async stop() {
      stopping = true;
      const closed = new Promise<void>((done) => server.close(() => done()));
      bridge.stop();
      for (const socket of undecided) socket.destroy();
      await closed;
    },
    destroy() {
      server.close();
      bridge.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Reads until the bytes cannot be, or surely are, the preface; then puts them back. */
function sniffProtocol(client: Socket, decided: (isHttp2: boolean) => void): void {
  let head = Buffer.alloc(0);
  const giveUp = () => client.destroy();
  const look = () => {
    const bytes: Buffer | null = client.read();
    if (bytes === null) return;
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const length = Math.min(head.length, preface.length);
    const matches = head.compare(preface, 0, length, 0, length) === 0;
    if (matches && length < preface.length) return;
    client.off("readable", look);
    client.off("end", giveUp);
    client.unshift(head);
    decided(matches);
  };
  client.on("readable", look);
  client.on("end", giveUp);
}

/** Joins a client to a connection of its own to workerd, in both directions. */
function pipeThrough(client: Socket, upstream: Upstream, isStopping: () => boolean): void {
  let waiting = false;
  const goOn = () => {
    if (waiting) server.resume();
    waiting = false;
  };
  // Pages are large: one buffer that is used again, instead of garbage at the pace of the network.
  // It is free again as soon as the kernel has taken the bytes, which is mostly at once.
  const onread = {
    buffer: Buffer.allocUnsafeSlow(replyBufferBytes),
    callback(byteCount: number, buffer: Uint8Array): boolean {
      client.write(buffer.subarray(0, byteCount), goOn);
      waiting = client.writableLength > 0;
      return !waiting;
    },
  };
  const server = connectUpstream(upstream, { allowHalfOpen: true, onread });
  client.pipe(server);
  server.once("end", () => client.end());
  server.once("error", () => {
    if (server.bytesRead > 0 || client.destroyed) client.resetAndDestroy();
    else client.end(badGateway);
  });
  server.once("close", () => {
    if (isStopping()) client.destroySoon();
    else linger(client);
  });
  client.once("close", (hadError) => {
    if (hadError) server.resetAndDestroy();
    else server.destroy();
  });
}

/** Closing with bytes unread would reset the connection and could cost the client its reply. */
function linger(client: Socket): void {
  if (client.destroyed) return;
  client.unpipe();
  client.resume();
  client.end();
  client.setTimeout(lingerMs, () => client.destroy());
}

/** Throws unless the port can be listened on now. */
export async function checkPort(host: string, port: number, flag: string): Promise<void> {
  const server = createServer();
  await listen(server, host, port, flag);
  await new Promise((done) => server.close(done));
}

async function listen(server: Server, host: string, port: number, flag: string): Promise<void> {
  await new Promise<void>((done, fail) => {
    server.once("error", (error) => fail(listenFailure(error, host, port, flag)));
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      // Such as too many open files: the connection is lost, the server goes on.
      server.on("error", (error) => console.error(`millrace: ${error.message}`));
      done();
    });
  });
}

function listenFailure(error: Error, host: string, port: number, flag: string): Failure {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is taken: stop what uses it, or pass another ${flag}`,
    EACCES: `port ${port} may not be opened by this user: pass a ${flag} from 1024 up`,
    EADDRNOTAVAIL: `${host} is no address of this machine: pass another --host`,
    ENOTFOUND: `${host} is no known host: pass another --host`,
    EAI_AGAIN: `${host} cannot be looked up: pass an address as --host`,
  };
  const reason = reasons[errorCode(error)];
  return new Failure(reason ?? `cannot listen on ${host} port ${port}: ${error.message}`);
}
