// Live readers against the real server: many readers of one stream cost the shard one read for a commit, readers that
// leave leave nothing behind, and EventSource of a browser reads and comes back with its offset.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kinesisOver } from "../worker/kinesis/client.ts";
import { type Server, startServer } from "./server.ts";

/** 10,000 with LIVE_CONNECTIONS=10000. */
const connections = Number(process.env["LIVE_CONNECTIONS"] ?? 300);

let server: Server;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory"] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

interface Event {
  type: string;
  data: string;
}

/** One SSE connection: its events as they come. */
class Follower {
  readonly events: Event[] = [];
  readonly request: ClientRequest;
  /** Resolves when the server has ended the reply. */
  readonly ended: Promise<unknown>;
  private text = "";
  private onEvent: () => void = () => undefined;

  constructor(request: ClientRequest, reply: IncomingMessage) {
    this.request = request;
    this.ended = new Promise((resolve) => reply.once("end", resolve));
    reply.setEncoding("utf8");
    reply.on("error", () => undefined);
    reply.on("data", (part: string) => {
      this.text += part;
      for (let end = this.text.indexOf("\n\n"); end >= 0; end = this.text.indexOf("\n\n")) {
        this.take(this.text.slice(0, end));
        this.text = this.text.slice(end + 2);
      }
      this.onEvent();
    });
  }

  static async open(url: string): Promise<Follower> {
    const request = httpRequest(url, { agent: false });
    request.on("error", () => undefined);
    request.end();
    const [reply] = (await once(request, "response")) as [IncomingMessage];
    expect(reply.statusCode).toBe(200);
    return new Follower(request, reply);
  }

  async until(holds: (events: readonly Event[]) => boolean): Promise<void> {
    while (!holds(this.events)) await new Promise<void>((resolve) => (this.onEvent = resolve));
  }

  private take(block: string): void {
    const lines = block.split("\n");
    const type = lines.find((line) => line.startsWith("event: "))?.slice(7) ?? "";
    const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
    this.events.push({ type, data: data.join("\n") });
  }
}

const isUpToDate = (events: readonly Event[]) =>
  events.some(({ type, data }) => type === "control" && data.includes('"upToDate":true'));

async function createStream(name: string, type = "application/json"): Promise<string> {
  const url = `${server.endpoint}/v1/stream/${name}`;
  const reply = await fetch(url, { method: "PUT", headers: { "content-type": type } });
  expect(reply.status).toBe(201);
  return url;
}

async function post(url: string, body: string, type = "application/json"): Promise<string> {
  const reply = await fetch(url, { method: "POST", headers: { "content-type": type }, body });
  expect(reply.status).toBe(204);
  return reply.headers.get("stream-next-offset")!;
}

interface Stats {
  reads: number;
  commits: number;
  waiting: number;
}

async function statsOf(name: string): Promise<Stats> {
  const reply = await fetch(`${server.endpoint}/_millrace/stats?stream=${name}`);
  const { shards } = await reply.json<{ shards: Stats[] }>();
  return shards[0]!;
}

async function openAll(url: string, count: number): Promise<Follower[]> {
  const followers: Follower[] = [];
  while (followers.length < count) {
    const more = Math.min(100, count - followers.length);
    followers.push(...(await Promise.all(Array.from({ length: more }, () => Follower.open(url)))));
  }
  await Promise.all(followers.map((follower) => follower.until(isUpToDate)));
  return followers;
}

/** The control events that have come, as they say it. */
const controlsOf = ({ events }: Follower) =>
  events.filter(({ type }) => type === "control").map(({ data }) => JSON.parse(data) as Control);

interface Control {
  streamCursor?: string;
  streamClosed?: boolean;
  streamChildren?: number[];
}

test("the cursors of a connection grow with the clock, however many batches there are", async () => {
  const url = await createStream("cursors");
  const begunMs = Date.now();
  const asked = Math.floor((begunMs - Date.UTC(2024, 9, 9)) / 20_000);
  const [plain, ahead] = await Promise.all([
    Follower.open(`${url}?offset=-1&live=sse`),
    Follower.open(`${url}?offset=-1&live=sse&cursor=${asked + 1000}`),
  ]);
  await Promise.all([plain, ahead].map((follower) => follower.until(isUpToDate)));
  for (let n = 0; n < 20; n++) await post(url, String(n));
  await Promise.all(
    [plain, ahead].map((each) => each.until((all) => all.at(-2)?.data.endsWith("19]") === true)),
  );
  const since = Math.floor((Date.now() - Date.UTC(2024, 9, 9)) / 20_000);
  const cursors = controlsOf(plain).map(({ streamCursor }) => Number(streamCursor));
  expect(cursors).toEqual(cursors.toSorted((a, b) => a - b));
  expect(cursors[0]).toBeGreaterThanOrEqual(asked);
  expect(cursors.at(-1)).toBeLessThanOrEqual(since);
  const [first = 0, ...rest] = controlsOf(ahead).map(({ streamCursor }) => Number(streamCursor));
  expect(first).toBeGreaterThan(asked + 1000);
  expect(new Set(rest)).toEqual(new Set([first]));
  await fetch(url, { method: "POST", headers: { "stream-closed": "true" } });
  await Promise.all([plain, ahead].map(({ ended }) => ended));
});

test("readers of a shard that is split are told which shards continue it", async () => {
  const url = await createStream("split");
  const follower = await Follower.open(`${url}?offset=-1&live=sse`);
  await follower.until(isUpToDate);
  const kinesis = kinesisOver((init) => fetch(server.endpoint, init));
  const { status } = await kinesis("SplitShard", {
    StreamName: "split",
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: "100",
  });
  expect(status).toBe(200);
  await follower.ended;
  expect(controlsOf(follower).at(-1)).toMatchObject({ streamClosed: true, streamChildren: [1, 2] });
});

describe("many readers of one stream", () => {
  test("a commit costs one read of the shard, and everybody gets everything in order", async () => {
    const url = await createStream("fanout");
    const followers = await openAll(`${url}?offset=-1&live=sse`, 100);
    const start = "0000000000000000_0000000000000000";
    const polls = Array.from({ length: 20 }, () => fetch(`${url}?offset=${start}&live=long-poll`));
    const before = await statsOf("fanout");
    const messages = Array.from({ length: 20 }, (_, n) => JSON.stringify({ n }));
    for (const message of messages) await post(url, message);
    await Promise.all(
      followers.map((follower) =>
        follower.until((events) => events.some(({ data }) => data.includes('"n":19'))),
      ),
    );
    for (const { events } of followers) {
      const data = events.filter(({ type }) => type === "data").map((event) => event.data);
      const seen = data.flatMap((text) => JSON.parse(text) as { n: number }[]);
      expect(seen.map(({ n }) => n)).toEqual(messages.map((_, n) => n));
    }
    for (const reply of await Promise.all(polls)) {
      expect(reply.status).toBe(200);
      expect((await reply.json<{ n: number }[]>())[0]).toEqual({ n: 0 });
    }
    const after = await statsOf("fanout");
    // Besides one read for each commit: the first call, and polls that came after the first message.
    expect(after.reads - before.reads).toBeLessThanOrEqual(messages.length + polls.length + 2);
    const ended = Promise.all(followers.map(({ request }) => once(request, "close")));
    await fetch(url, { method: "POST", headers: { "stream-closed": "true" } });
    await ended;
    expect(await waitingFor("fanout")).toBe(0);
  });

  test(`${connections} connections that are dropped leave nothing behind`, async () => {
    const url = await createStream("dropped");
    const followers = await openAll(`${url}?offset=now&live=sse`, connections);
    for (const { request } of followers) request.destroy();
    // Whoever waits at the shard for the others learns with the next commit that nobody is left.
    for (let n = 0; (await waitingFor("dropped")) > 0; n++) await post(url, String(n));
    const { reads } = await statsOf("dropped");
    await post(url, "1");
    await post(url, "2");
    expect((await statsOf("dropped")).reads).toBe(reads);
  });

  test("a stream that is deleted ends its readers, and made anew is another one", async () => {
    const url = await createStream("anew");
    const offset = await post(url, "1");
    const follower = await Follower.open(`${url}?offset=${offset}&live=sse`);
    const ended = once(follower.request, "close");
    await follower.until(isUpToDate);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(204);
    await ended;
    await createStream("anew");
    expect((await fetch(`${url}?offset=${offset}`)).status).toBe(410);
    const poll = await fetch(`${url}?offset=${offset}&live=long-poll`);
    expect(poll.status).toBe(410);
  });
});

/** How many readers wait in the isolate, and at a stream's shard. */
async function waitingFor(name: string): Promise<number> {
  const reply = await fetch(`${server.endpoint}/_millrace/stats?stream=${name}`);
  const { isolate, shards } = await reply.json<{
    isolate: { live: { waiting: number } };
    shards: Stats[];
  }>();
  return isolate.live.waiting + shards[0]!.waiting;
}
