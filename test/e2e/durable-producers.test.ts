// Idempotent producers against a server that is killed: eight clients send several appends at once, out of order,
// twice, and again after every failure, while the server is killed with -9 and started again. In the end
// every message is there once, in the order of its producer. Appends go to the shard by the platform, and once more
// by memory.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startBare } from "./bare.ts";
import { type Server, startServer, untilGone } from "./server.ts";

const clients = 8;
const messagesEach = 40;
const inFlight = 5;
const kills = 2;
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);

type Killed = Pick<Server, "endpoint" | "workerdPids" | "kill9"> & AsyncDisposable;

let path: string;
let data: string;
let server: Killed;
/** Resolves with the server that runs; another promise while it is down. */
let running: Promise<Killed>;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "millrace-producers-"));
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(data, { recursive: true, force: true });
});

/** A generator of numbers from 0 to 1 (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The status of one append; 0 if the server did not answer. */
async function append(producer: string, seq: number): Promise<number> {
  try {
    const { endpoint } = await running;
    const reply = await fetch(endpoint + path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "producer-id": producer,
        "producer-epoch": "0",
        "producer-seq": String(seq),
      },
      body: JSON.stringify({ producer, seq }),
    });
    await reply.arrayBuffer();
    return reply.status;
  } catch {
    return 0;
  }
}

async function produce(
  producer: string,
  random: () => number,
  onAnswer: () => void,
): Promise<void> {
  let nextSeq = 0;
  const workers = Array.from({ length: inFlight }, async () => {
    while (nextSeq < messagesEach) {
      const seq = nextSeq++;
      for (;;) {
        const sent = [append(producer, seq)];
        if (random() < 0.3) sent.push(append(producer, seq));
        const statuses = await Promise.all(sent);
        onAnswer();
        // Each is new, a duplicate, ahead of one that is still under way, or has failed.
        for (const status of statuses) expect([0, 200, 204, 409, 429, 503]).toContain(status);
        const isStored = statuses.some((status) => status === 200 || status === 204);
        if (isStored && random() < 0.8) break;
      }
    }
  });
  await Promise.all(workers);
}

async function nearCalls(): Promise<number> {
  const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
  return Number(/^millrace_near_calls_total (\d+)/m.exec(metrics)?.[1]);
}

const ways = ["by the platform", "by memory"];

test.each(ways)(`every message is stored once and in order, %s (SEED=${seed})`, async (way) => {
  const isNear = way === "by memory";
  path = `/v1/stream/producers-${isNear}`;
  const start = (): Promise<Killed> => (isNear ? startServer({ data }) : startBare(data));
  running = start();
  server = await running;
  await fetch(server.endpoint + path, {
    method: "PUT",
    headers: { "content-type": "application/json" },
  });
  const all = clients * messagesEach;
  let answers = 0;
  let killed = 0;
  const restart = async () => {
    await server.kill9();
    for (const pid of server.workerdPids) await untilGone(pid);
    server = await start();
    return server;
  };
  const onAnswer = () => {
    answers++;
    if (killed < kills && answers > ((killed + 1) * all) / (kills + 1)) {
      killed++;
      running = running.then(restart);
    }
  };
  const names = Array.from({ length: clients }, (_, i) => `client-${i}`);
  await Promise.all(names.map((name, i) => produce(name, randomFrom(seed + i), onAnswer)));
  await running;
  expect(killed).toBe(kills);
  expect((await nearCalls()) > 0).toBe(isNear);
  const stored = await readAll();
  for (const name of names) {
    const seqs = stored.filter(({ producer }) => producer === name).map(({ seq }) => seq);
    expect([name, seqs]).toEqual([name, Array.from({ length: messagesEach }, (_, seq) => seq)]);
  }
  expect(stored).toHaveLength(all);
});

async function readAll(): Promise<{ producer: string; seq: number }[]> {
  const found: { producer: string; seq: number }[] = [];
  for (let offset = "-1"; ;) {
    const reply = await fetch(`${server.endpoint}${path}?offset=${offset}`);
    found.push(...(await reply.json<typeof found>()));
    offset = reply.headers.get("stream-next-offset")!;
    if (reply.headers.get("stream-up-to-date") === "true") return found;
  }
}
