// Reading of shards against a service whose every iterator has expired when it is used: as slow as a poll, not as fast
// as the service answers.
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Walk } from "../../../command/reading/walk.ts";
import { KinesisClient } from "../../../command/service/client.ts";
import type { Shard } from "../../../command/stream/shard.ts";

const shard: Shard = {
  id: "shardId-000000000000",
  parents: [],
  isOpen: true,
  firstHash: 0n,
  lastHash: 1n,
};

const iteratorsMax = 5;
const stopping = new AbortController();

let server: Server;
let iterators = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    if (String(request.headers["x-amz-target"]).endsWith(".GetShardIterator")) {
      if (++iterators === iteratorsMax) stopping.abort();
      response.end('{"ShardIterator":"i"}');
    } else response.writeHead(400).end('{"__type":"ExpiredIteratorException","message":"old"}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test("an iterator that has expired is replaced after the pause of a poll", async () => {
  const { port } = server.address() as AddressInfo;
  const client = new KinesisClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });
  const pauseMs = 100;
  const startMs = performance.now();
  const walk = new Walk(client, "orders", new Map([[shard.id, "start"]]), {
    choice: {},
    follow: true,
    beganMs: 0,
    pauseMs,
    pageRecords: 10,
    signal: stopping.signal,
  });
  await walk.run([shard], async () => ({ count: 0, isEnough: false }));
  // A timer may be a millisecond early.
  const pauses = iteratorsMax - 1;
  expect(performance.now() - startMs).toBeGreaterThan(pauses * (pauseMs - 2));
});
