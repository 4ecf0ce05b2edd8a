// The connections that requests of HTTP/2 take to workerd: a request never begins on one that is closed.
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { UpstreamConnection } from "../../local/upstreamConnection.ts";
import { type UpstreamPool, createUpstreamPool } from "../../local/upstreamPool.ts";

const host = "127.0.0.1";

let server: Server;
let pool: UpstreamPool;
let connections = 0;

beforeEach(async () => {
  connections = 0;
  server = createServer((_, response) => response.end("hello"));
  server.on("connection", () => connections++);
  server.listen(0, host);
  await once(server, "listening");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  pool = createUpstreamPool({ host, port: (server.address() as AddressInfo).port }, 4);
});

afterEach(() => {
  vi.useRealTimers();
  pool.destroy();
  server.closeAllConnections();
  server.close();
});

test("requests that follow each other use one connection", async () => {
  expect(await ask()).toBe("200 hello");
  expect(await ask()).toBe("200 hello");
  expect(connections).toBe(1);
});

test("a request in the turn in which idle connections are closed takes another one", async () => {
  await Promise.all([ask(), ask(), ask()]);
  vi.advanceTimersByTime(60_000);
  expect(await ask()).toBe("200 hello");
  expect(connections).toBe(4);
});

/** Status and body of a reply, or "lost". */
function ask(): Promise<string> {
  return new Promise((resolve) => {
    let told = "";
    pool.begin({
      method: "GET",
      begun(connection: UpstreamConnection) {
        connection.write([Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")]);
        connection.finishRequest();
      },
      drained() {},
      head: ({ status }) => void (told = `${status} `),
      body(bytes, giveBack) {
        told += bytes.toString();
        giveBack();
      },
      end: () => resolve(told),
      lost: () => resolve("lost"),
    });
  });
}
