// The front's WebSocket to the real workerd: workerd ends as soon as the front has ended it, what was under way is answered
// before, and neither a front that is gone nor nonsense disturbs other calls.

import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { findModules } from "../../local/clone.ts";
import { openFront } from "../../local/front.ts";
import { createGatherer } from "../../local/gatherer.ts";
import { startRuntime } from "../../local/runtime.ts";
import { answerHeadBytes, gatheredHeader, memberHeadBytes } from "../../worker/http/gathered.ts";
import { askFetch, askKept, gatheredCount, kinesis, type Sent } from "./ways.ts";

const host = "127.0.0.1";
const StreamName = "stream";
const put = kinesis("PutRecord", { StreamName, PartitionKey: "k", Data: "YQ==" });

describe("a server that stops", () => {
  test("does not wait for a WebSocket by which nothing is under way", async () => {
    const { front, runtime, ask } = await openServer();
    expect((await ask(put)).status).toBe(200);
    await Promise.all([front.stop(), runtime.drain()]);
  });

  test("answers what is under way, and then ends", async () => {
    const { front, runtime, ask, begun } = await openServer({ MILLRACE_LATENCY_MS: "200" });
    const replies = Array.from({ length: 20 }, () => ask(put));
    await begun(20);
    const stopped = Promise.all([front.stop(), runtime.drain()]);
    for (const { status } of await Promise.all(replies)) expect(status).toBe(200);
    await stopped;
  });
});

describe("a front that is gone while its calls are under way", () => {
  test.each(["close", "terminate"] as const)("by %s", async (how) => {
    const { open, lines } = await openServer();
    const { socket, ended } = await open();
    for (let i = 0; i < 100; i++) socket.send(memberOf(i, put));
    await once(socket, "message");
    socket[how]();
    await ended;
    const next = await open();
    expect(await answerOf(next.socket, memberOf(7, put))).toMatch(/^7 HTTP\/1.1 200 /);
    expect(lines).toEqual([]);
  });
});

describe("what the front never sends ends its WebSocket, and no other one", () => {
  const whole = memberOf(1, put);
  const nonsense: Record<string, string | Buffer> = {
    "a text": "text",
    "a call that is cut off": whole.subarray(0, -1),
    "a call without its sizes": whole.subarray(0, memberHeadBytes - 1),
    "a whole call, and a part of one": Buffer.concat([whole, whole.subarray(0, 20)]),
  };

  test.each(Object.keys(nonsense))("%s", async (what) => {
    const { open } = await openServer();
    const [bad, other] = [await open(), await open()];
    bad.socket.send(nonsense[what]!);
    // 1006: without a word, so that the front tells all who wait.
    expect(await bad.ended).toEqual([1006, Buffer.alloc(0)]);
    for (const { socket } of [other, await open()]) {
      expect(await answerOf(socket, memberOf(2 ** 32 - 1, put))).toMatch(
        /^4294967295 HTTP\/1.1 200 /,
      );
    }
  });
});

test("without the secret there is no WebSocket", async () => {
  const { address } = await openServer();
  for (const headers of [{}, { [gatheredHeader]: "0".repeat(32) }, { [gatheredHeader]: "" }]) {
    const socket = new WebSocket(address, { headers });
    const [error] = await once(socket, "error");
    expect(String(error)).toMatch(/Unexpected server response: [34]\d\d/);
  }
});

test("an empty message is answered by nothing", async () => {
  const { open } = await openServer();
  const { socket } = await open();
  socket.send(Buffer.alloc(0));
  expect(await answerOf(socket, memberOf(3, put))).toMatch(/^3 HTTP\/1.1 200 /);
});

/** The Worker on workerd, with a stream, and a front before it. */
async function openServer(bindings: Record<string, string> = {}) {
  const path = mkdtempSync(join(tmpdir(), "millrace-channel-"));
  const folder = { path, scratch: join(path, "tmp") };
  mkdirSync(folder.scratch);
  const lines: string[] = [];
  const runtime = await startRuntime({
    modules: await findModules(() => {}),
    folder,
    objects: { SHARD: "Shard", CATALOG: "Catalog", ITEMS: "Items", QUEUE: "ShardQueue" },
    front: { entrypoint: "front", binding: "FRONT", secretBinding: "FRONT_SECRET" },
    bindings: { MILLRACE_ACCESS: "open", ONE_ISOLATE: "yes", ...bindings },
    log: (line) => lines.push(line),
  });
  const { port, secret } = runtime.front!;
  const upstream = { host, port };
  const gatherer = createGatherer(upstream, secret);
  const front = await openFront({ host, port: 0, upstream: { ...upstream, gatherer } });
  const ask = askKept(`http://${host}:${front.port}`);
  onTestFinished(async () => {
    ask[Symbol.dispose]();
    front.destroy();
    await runtime.dispose();
    rmSync(path, { recursive: true, force: true });
  });
  const direct = askFetch(`http://${runtime.host}:${runtime.port}`);
  await direct(kinesis("CreateStream", { StreamName, ShardCount: 1 }));
  const address = `ws://${host}:${port}/`;
  /** Another WebSocket, as the front opens it. */
  const open = async () => {
    const socket = new WebSocket(address, {
      headers: { host: "localhost", [gatheredHeader]: secret },
    });
    const ended = once(socket, "close");
    socket.on("error", () => {});
    onTestFinished(() => socket.terminate());
    await once(socket, "open");
    return { socket, ended };
  };
  /** Resolves when so many calls have come to the Worker. */
  const begun = async (count: number) =>
    await expect.poll(() => gatheredCount(`http://${runtime.host}:${runtime.port}`)).toBe(count);
  return { front, runtime, ask, open, lines, begun, address };
}

/** A call as the front sends it. */
function memberOf(number: number, { headers, body }: Sent): Buffer {
  const lines = Object.entries({ host: "localhost", ...headers, "content-length": body.length });
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = Buffer.from(`POST / HTTP/1.1\r\n${text}\r\n`);
  const sizes = Buffer.alloc(memberHeadBytes);
  for (const [i, value] of [number, head.length, body.length].entries()) {
    sizes.writeUint32LE(value, 4 * i);
  }
  return Buffer.concat([sizes, head, body]);
}

/** The number of the answer, and its text. */
async function answerOf(socket: WebSocket, message: Buffer): Promise<string> {
  const answered = once(socket, "message");
  socket.send(message);
  const [bytes]: Buffer[] = await answered;
  return `${bytes!.readUint32LE(0)} ${bytes!.toString("latin1", answerHeadBytes)}`;
}
