// A front before a plain server in workerd's place, for tests of what arrives there.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { openFront } from "../../local/front.ts";
import type { KeptPuts } from "../../local/keptPuts.ts";
import { patience } from "../../local/patience.ts";

export interface Arrived {
  url: string;
  /** Of the header of manifests. */
  secret: string | undefined;
  /** False while, or if, the body has not come whole. */
  isWhole: boolean;
  text: string;
}

export interface Ways {
  bodySilenceMs?: number;
  connectionsMax?: number;
  /** True for a request, by its number, whose reply begins and never ends. */
  isSlow?: (number: number) => boolean;
}

export async function openPutFront(puts: KeptPuts, ways: Ways = {}) {
  const { bodySilenceMs = patience.bodySilenceMs, connectionsMax = 100, isSlow } = ways;
  const arrived: Arrived[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { url = "" } = request;
    const secret = request.headers["x-millrace-manifest"]?.toString();
    const each: Arrived = { url, secret, isWhole: false, text: "" };
    const number = arrived.push(each) - 1;
    try {
      for await (const part of request) each.text += part;
      each.isWhole = true;
    } catch {
      // The connection has ended before.
    }
    response.write("do");
    if (isSlow?.(number) !== true) response.end("ne");
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const host = "127.0.0.1";
  const upstream = { host, port, puts };
  const front = await openFront({
    host,
    port: 0,
    upstream,
    connectionsMax,
    patience: { ...patience, bodySilenceMs },
  });
  onTestFinished(() => {
    front.destroy();
    server.close();
    server.closeAllConnections();
  });
  return { arrived, front, server };
}
