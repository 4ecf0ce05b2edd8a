/**
 * A proxy in front of a server that lets a number of requests of one operation pass and holds the
 * next one for ever, so that a test can kill a command at a known point.
 */
import { createServer, request } from "node:http";

export interface Gate extends AsyncDisposable {
  endpoint: string;
  /** Resolves when a request is held. */
  held: Promise<void>;
}

export async function openGate(
  endpoint: string,
  operation: string,
  passing: number,
): Promise<Gate> {
  let left = passing;
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const server = createServer((incoming, outgoing) => {
    const target = String(incoming.headers["x-amz-target"]);
    if (target.endsWith(`.${operation}`) && left-- <= 0) {
      hold();
      return;
    }
    const { method, headers } = incoming;
    const forward = request(endpoint, { method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(outgoing);
    });
    incoming.pipe(forward);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    held,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
