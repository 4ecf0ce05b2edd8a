// Appends and catch-up reads of Durable Streams, beside another server of the protocol in the same run:
//
//   npm install @durable-streams/server@0.3.7        (in a folder of its own; then this in Node)
//   new (await import("@durable-streams/server")).DurableStreamTestServer({ port: 4437, dataDir: "data" }).start()
//
//   node bench/http/durableLoads.ts --peer http://127.0.0.1:4437
//
// Both get the same requests in turn, round by round; the table has the median of the rounds and their ratio. Our server
// keeps its data on disk and acknowledges what is synced; whether the peer does is its own setting. What is read is
// hashed, and both must have the same. A small size without a peer runs as a test.
import { createHash } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { startServer } from "../../test/e2e/server.ts";
import { readFlags } from "../tools/flags.ts";

interface Rates {
  appendsPerSecond: number;
  readMegabytesPerSecond: number;
  hash: string;
}

const connections = 16;
const message = Buffer.alloc(1024, "durable streams ");
const type = "application/octet-stream";

/** One round: appends over several connections, then everything is read back from the start. */
export async function measureLoads(
  endpoint: string,
  appends: number,
  name: string,
): Promise<Rates> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const url = `${endpoint}/v1/stream/${name}`;
  await call(agent, url, "PUT");
  let next = 0;
  const writeMs = performance.now();
  const workers = Array.from({ length: connections }, async () => {
    while (next++ < appends) await call(agent, url, "POST", message);
  });
  await Promise.all(workers);
  const appendsPerSecond = (appends * 1000) / (performance.now() - writeMs);
  const hash = createHash("sha256");
  const readMs = performance.now();
  let bytes = 0;
  for (let offset = "-1"; ;) {
    const { body, headers } = await call(agent, `${url}?offset=${offset}`, "GET");
    hash.update(body);
    bytes += body.length;
    offset = String(headers["stream-next-offset"]);
    if (headers["stream-up-to-date"] === "true") break;
  }
  const readMegabytesPerSecond = bytes / 1000 / (performance.now() - readMs);
  agent.destroy();
  return { appendsPerSecond, readMegabytesPerSecond, hash: hash.digest("hex") };
}

function call(agent: Agent, url: string, method: string, sent?: Uint8Array) {
  const headers = { "content-type": type, "content-length": sent?.length ?? 0 };
  return new Promise<{ body: Buffer; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const request = httpRequest(url, { agent, method, headers }, (reply) => {
        const parts: Buffer[] = [];
        reply.on("data", (part: Buffer) => parts.push(part));
        reply.on("error", reject);
        reply.on("end", () => {
          const body = Buffer.concat(parts);
          const isGood = (reply.statusCode ?? 500) < 300;
          if (isGood) resolve({ body, headers: reply.headers });
          else reject(new Error(`${method} ${url}: ${reply.statusCode} ${body.toString()}`));
        });
      });
      request.on("error", reject);
      request.end(sent);
    },
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

if (import.meta.main) {
  const flags = readFlags("bench/http/durableLoads.ts", {
    peer: { form: "URL", what: "another server of the protocol" },
    appends: { otherwise: 4000, min: 1, max: 1e6, what: "messages of a round" },
    rounds: { otherwise: 5, min: 1, max: 100, what: "rounds, of which the median counts" },
  });
  await using server = await startServer({ runMs: 3_600_000 });
  const endpoints = [server.endpoint, ...(flags.peer === undefined ? [] : [flags.peer])];
  const rounds: Rates[][] = endpoints.map(() => []);
  for (let round = 0; round < flags.rounds; round++) {
    for (const [i, endpoint] of endpoints.entries()) {
      rounds[i]!.push(await measureLoads(endpoint, flags.appends, `${Date.now()}`));
    }
  }
  const hashes = new Set(rounds.flat().map(({ hash }) => hash));
  if (hashes.size !== 1) throw new Error("the servers have stored different bytes");
  const rows = rounds.map((rates, i) => ({
    server: i === 0 ? "Millrace" : endpoints[i],
    "appends/s": Math.round(median(rates.map(({ appendsPerSecond }) => appendsPerSecond))),
    "read MB/s": Math.round(median(rates.map((each) => each.readMegabytesPerSecond))),
  }));
  console.table(rows);
}
