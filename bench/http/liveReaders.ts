// Live readers of one stream by SSE: how long a message takes from its append to the last byte at each reader, and how
// often the shard is read for it. Run by itself: `node bench/http/liveReaders.ts --readers 1,100,1000`; a small size
// runs as a test. Appender and readers are in this process, so the clock is one.
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { startServer } from "../../test/e2e/server.ts";
import { readFlags } from "../tools/flags.ts";

interface Result {
  readers: number;
  messages: number;
  /** From the begin of the append to the event at a reader. */
  deliveryMs: { p50: number; p99: number; max: number };
  shardReadsPerMessage: number;
  /** All readers together. */
  delivered: number;
}

const headers = { "content-type": "application/json" };

export async function measureLiveReaders(readers: number, messages: number): Promise<Result> {
  const server = await startServer({ flags: ["--memory"], runMs: 600_000 });
  try {
    const name = `live-${readers}`;
    const url = `${server.endpoint}/v1/stream/${name}`;
    await fetch(url, { method: "PUT", headers });
    const sentMs: number[] = [];
    const times: number[] = [];
    let all = Promise.withResolvers<void>();
    let expected = 0;
    const onMessage = (n: number) => {
      times.push(performance.now() - sentMs[n]!);
      if (--expected === 0) all.resolve();
    };
    const open = await openReaders(url, readers, onMessage);
    const before = await readsOf(server.endpoint, name);
    for (let n = 0; n < messages; n++) {
      expected = readers;
      all = Promise.withResolvers();
      sentMs[n] = performance.now();
      await fetch(url, { method: "POST", headers, body: String(n) });
      await all.promise;
    }
    const reads = (await readsOf(server.endpoint, name)) - before;
    for (const reader of open) reader.destroy();
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor((times.length - 1) * share)]!;
    return {
      readers,
      messages,
      deliveryMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
      shardReadsPerMessage: reads / messages,
      delivered: times.length,
    };
  } finally {
    await server.stop();
  }
}

async function openReaders(url: string, count: number, onMessage: (n: number) => void) {
  const open: IncomingMessage[] = [];
  while (open.length < count) {
    const more = Math.min(50, count - open.length);
    open.push(
      ...(await Promise.all(Array.from({ length: more }, () => openReader(url, onMessage)))),
    );
  }
  return open;
}

/** Resolves when the reader has reached the end of the stream. */
async function openReader(url: string, onMessage: (n: number) => void): Promise<IncomingMessage> {
  const request = httpRequest(`${url}?offset=now&live=sse`, { agent: false });
  request.on("error", () => {});
  request.end();
  const [reply] = (await once(request, "response")) as [IncomingMessage];
  reply.setEncoding("utf8");
  reply.on("error", () => {});
  let text = "";
  const ready = Promise.withResolvers<void>();
  reply.on("data", (part: string) => {
    text += part;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, numbers] = /^event: data\ndata:\[(.*)\]$/.exec(text.slice(0, end)) ?? [];
      if (numbers === undefined) ready.resolve();
      else for (const n of numbers.split(",")) onMessage(Number(n));
      text = text.slice(end + 2);
    }
  });
  await ready.promise;
  return reply;
}

async function readsOf(endpoint: string, name: string): Promise<number> {
  const reply = await fetch(`${endpoint}/_millrace/stats?stream=${name}`);
  const { shards } = await reply.json<{ shards: { reads: number }[] }>();
  return shards[0]!.reads;
}

if (import.meta.main) {
  const flags = readFlags("bench/http/liveReaders.ts", {
    readers: {
      form: "N,N",
      otherwise: "1,100,1000",
      what: "readers at once, one run after another",
    },
    messages: { otherwise: 50, min: 1, max: 1e6, what: "messages of a run" },
  });
  for (const readers of flags.readers.split(",")) {
    console.log(await measureLiveReaders(Number(readers), flags.messages));
  }
}
