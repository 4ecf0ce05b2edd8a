/**
 * Takes TLS off a connection: the handshake with ALPN for HTTP/2 and HTTP/1.1, then a socket that
 * carries the bytes inside. A client that does not finish the handshake in time is disconnected.
 * The two sockets end together.
 */
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Patience } from "./patience.ts";

/** A certificate with those that signed it, and its key: PEM. */
export interface Identity {
  cert: string;
  key: string;
}

export interface TlsLayer {
  /** Calls `opened` when the handshake is done; never if it fails. */
  accept(client: Socket, opened: (secure: TLSSocket) => void): void;
}

export function createTlsLayer(identity: Identity, { headMs }: Patience): TlsLayer {
  const server: Server = createServer({
    ...identity,
    ALPNProtocols: ["h2", "http/1.1"],
    allowHalfOpen: true,
    handshakeTimeout: headMs,
  });
  /** Whom to tell, by the address of the client, which is on the inner socket too. */
  const waiting = new Map<string, { client: Socket; opened: (secure: TLSSocket) => void }>();
  server.on("secureConnection", (secure) => {
    const { client, opened } = waiting.get(keyOf(secure)) ?? {};
    if (client === undefined || opened === undefined || client.destroyed) {
      secure.destroy();
      return;
    }
    secure.on("error", () => secure.destroy());
    secure.once("close", () => client.destroy());
    client.once("close", () => secure.destroy());
    opened(secure);
  });
  server.on("tlsClientError", (_error, secure) => secure.destroy());
  return {
    accept(client, opened) {
      // Without an address it is gone already.
      if (client.remotePort === undefined) {
        client.destroy();
        return;
      }
      const key = keyOf(client);
      waiting.set(key, { client, opened });
      client.once("close", () => waiting.delete(key));
      server.emit("connection", client);
    },
  };
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
