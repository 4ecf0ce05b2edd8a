// The WebSocket to workerd, here to a plain server in its place: when it is opened and when it ends, and that each call gets
// its own answer once, or is lost once.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Channel } from "../../local/channel.ts";
import type { SmallCall } from "../../local/smallCalls.ts";
import { answerKinds, printReply } from "../../worker/http/gathered.ts";
import { Random } from "../engine/random.ts";
import { patience } from "../support/patience.ts";
import { type ChannelServerOptions, openChannelServer, secret } from "./channel-server.ts";

const head = Buffer.from("POST / HTTP/1.1\r\nhost: a\r\n\r\n");
const seed = Number(process.env["SEED"] ?? 11);

test("it is opened by the first call, and again by the first one after its end", async () => {
  const { channel, connections, sockets, until } = await openChannel();
  expect(connections).toHaveLength(0);
  for (const [i, name] of ["one", "two"].entries()) {
    const call = send(channel, name);
    (await until(i + 1)).answer();
    expect(await call.outcome).toBe(`reply ${name}`);
  }
  expect(connections).toHaveLength(1);
  const lost = [send(channel, "three"), send(channel, "four")];
  (await until(4)).socket.terminate();
  for (const { outcome } of lost) expect(await outcome).toBe("lost");
  const next = send(channel, "five");
  (await until(5)).answer();
  expect(await next.outcome).toBe("reply five");
  expect(sockets).toHaveLength(2);
});

test("one that is kept open is there without calls, and another one after its end", async () => {
  const { channel, sockets } = await openChannel();
  channel.keepOpen();
  channel.keepOpen();
  await vi.waitUntil(() => sockets.length === 1, patience);
  sockets[0]!.terminate();
  await vi.waitUntil(() => sockets.length === 2, patience);
  await channel.stop();
  expect(sockets.map(({ readyState }) => readyState === WebSocket.OPEN)).toEqual([false, false]);
  channel.keepOpen();
  expect(sockets).toHaveLength(2);
});

test("a server that does not know the secret gets no calls", async () => {
  const { channel, messages } = await openChannel({}, "another secret");
  expect(await send(channel, "one").outcome).toBe("lost");
  expect(messages).toHaveLength(0);
});

test("calls that come before it is open all arrive, in their order", async () => {
  const { promise: opening, resolve: open } = Promise.withResolvers<void>();
  const warn = vi.fn();
  process.on("warning", warn);
  onTestFinished(() => void process.off("warning", warn));
  const { channel, connections, until } = await openChannel({ opening });
  const calls = Array.from({ length: 50 }, (_, i) => send(channel, `call ${i}`));
  await vi.waitUntil(() => connections.length === 1, patience);
  calls.push(send(channel, "call 50"));
  open();
  for (const [i, { outcome }] of calls.entries()) {
    const message = await until(i + 1);
    expect(message.members).toEqual([`call ${i}`]);
    message.answer();
    expect(await outcome).toBe(`reply call ${i}`);
  }
  expect(connections).toHaveLength(1);
  // Nor does Node suspect a leak.
  expect(warn).not.toHaveBeenCalled();
});

test("a WebSocket whose end the server has begun gets no more calls", async () => {
  const { channel, connections, until } = await openChannel();
  const early = send(channel, "early");
  await until(1);
  const [connection] = connections;
  for (const event of ["data", "end"]) connection!.removeAllListeners(event);
  // A close frame. The front sends one too, and waits for the end of the connection.
  connection!.write(Buffer.of(0x88, 0));
  await once(connection!, "data");
  const late = send(channel, "late");
  (await until(2)).answer();
  expect(await late.outcome).toBe("reply late");
  expect(early.isOver).toBe(false);
  connection!.destroy();
  expect(await early.outcome).toBe("lost");
});

test("an answer to nobody, and a second one, are passed over", async () => {
  const { channel, until } = await openChannel();
  const [one, two] = [send(channel, "one"), send(channel, "two")];
  const first = await until(1);
  const nobodys = printReply(99, 200, {}, Buffer.from("nobody's"));
  first.socket.send(Buffer.concat([nobodys, first.replyTo("one"), first.replyTo("one")]));
  expect(await one.outcome).toBe("reply one");
  (await until(2)).answer();
  expect(await two.outcome).toBe("reply two");
  expect([one, two].map(({ takes }) => takes)).toEqual([1, 1]);
});

test("a call that is to go by itself is told so, with the name of its reply if that was left", async () => {
  const { channel, until } = await openChannel();
  const calls = [send(channel, "one"), send(channel, "two")];
  (await until(1)).tell("one", answerKinds.alone);
  (await until(2)).tell("two", answerKinds.left, "a name");
  expect(await Promise.all(calls.map(({ outcome }) => outcome))).toEqual([
    "alone",
    `alone x-millrace-left: ${secret} a name\r\n`,
  ]);
});

test("the numbers of calls begin anew after 32 bits", async () => {
  const { channel, until } = await openChannel({}, secret, 2 ** 32 - 2);
  const names = ["one", "two", "three", "four"];
  const calls = names.map((name) => callNamed(name));
  channel.send(
    calls.map(({ call }) => call),
    () => {},
  );
  const message = await until(1);
  expect(message.numbers).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0, 1]);
  message.answer(names.toReversed());
  expect(await Promise.all(calls.map(({ outcome }) => outcome))).toEqual(
    names.map((name) => `reply ${name}`),
  );
  const next = send(channel, "next");
  expect((await until(2)).numbers).toEqual([2]);
  (await until(2)).answer();
  expect(await next.outcome).toBe("reply next");
});

test(`each of many calls gets its own answer, in whatever order, seed ${seed}`, async () => {
  const random = new Random(seed);
  const ready: { socket: WebSocket; bytes: Uint8Array }[] = [];
  const { channel, connections } = await openChannel({
    take(message) {
      for (const member of message.members) {
        ready.splice(random.below(ready.length + 1), 0, {
          socket: message.socket,
          bytes: message.replyTo(member),
        });
      }
      if (random.below(3) > 0) answerSome(random.below(200));
    },
  });
  const answerSome = (count: number) => {
    const some = ready.splice(0, count);
    if (some.length > 0) some[0]!.socket.send(Buffer.concat(some.map(({ bytes }) => bytes)));
  };
  const calls = Array.from({ length: 20_000 }, (_, i) => callNamed(`call ${i}`, random.below(300)));
  let overs = 0;
  for (let at = 0; at < calls.length;) {
    const group = calls.slice(at, at + 1 + random.below(64));
    at += group.length;
    channel.send(
      group.map(({ call }) => call),
      () => overs++,
    );
    if (random.below(4) === 0) await new Promise((done) => setImmediate(done));
  }
  await vi.waitUntil(() => {
    answerSome(1000);
    return overs === calls.length;
  }, patience);
  for (const { name, outcome, takes } of calls) {
    expect(await outcome).toBe(`reply ${name}`);
    expect(takes).toBe(1);
  }
  expect(connections).toHaveLength(1);
});

describe("it ends", () => {
  test("when it is told to stop, as soon as the last call is answered", async () => {
    const { channel, sockets, until } = await openChannel();
    const calls = [send(channel, "one"), send(channel, "two")];
    await until(2);
    const stopped = channel.stop();
    (await until(1)).answer();
    expect(await calls[0]!.outcome).toBe("reply one");
    expect(sockets[0]!.readyState).toBe(WebSocket.OPEN);
    (await until(2)).answer();
    expect(await calls[1]!.outcome).toBe("reply two");
    const [code] = await closed(sockets[0]!);
    expect(code).toBe(1005);
    await stopped;
  });

  test("when it is told to stop and has nothing under way", async () => {
    const { channel, sockets, until } = await openChannel();
    const one = send(channel, "one");
    (await until(1)).answer();
    await one.outcome;
    const ended = closed(sockets[0]!);
    await channel.stop();
    await ended;
  });

  test("when it is destroyed: what is under way is lost, and so is what comes then", async () => {
    const { channel, connections, sockets, until } = await openChannel();
    const one = send(channel, "one");
    await until(1);
    const ended = closed(sockets[0]!);
    channel.destroy();
    expect(send(channel, "two").isOver).toBe(true);
    expect(await one.outcome).toBe("lost");
    await ended;
    expect(connections).toHaveLength(1);
  });

  test("when it is destroyed before it is open", async () => {
    const { channel, connections } = await openChannel({ opening: new Promise(() => {}) });
    const one = send(channel, "one");
    await vi.waitUntil(() => connections.length === 1, patience);
    const ended = once(connections[0]!.resume(), "end");
    channel.destroy();
    expect(await one.outcome).toBe("lost");
    await ended;
  });
});

test("it does not keep the process", async () => {
  const { host, port, sockets, until } = await openChannelServer();
  const script = `
    import { Channel } from ${JSON.stringify(join(import.meta.dirname, "../../local/channel.ts"))};
    const channel = new Channel(${JSON.stringify({ host, port })}, ${JSON.stringify(secret)});
    const busy = setInterval(() => {}, 1000);
    const call = {
      kind: "read",
      head: Buffer.from(${JSON.stringify(head.toString())}),
      body: [Buffer.from("one")],
      take: (reply) => process.stdout.write(reply, () => clearInterval(busy)),
      lose() {},
      sendAlone() {},
    };
    channel.send([call], () => {});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "pipe" });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (part) => (text += part));
  const ended = once(child, "close");
  (await until(1)).answer();
  expect(await ended).toEqual([0, null]);
  expect(text).toMatch(/^HTTP\/1.1 200 [^]*\r\n\r\none$/);
  await vi.waitUntil(() => sockets[0]!.readyState === WebSocket.CLOSED, patience);
});

/** A channel to a server that keeps what arrives, and answers when it is told to. */
async function openChannel(options: ChannelServerOptions = {}, known = secret, count = 0) {
  const server = await openChannelServer(options);
  const { host, port } = server;
  const channel = new Channel({ host, port }, known, count);
  onTestFinished(() => channel.destroy());
  return { ...server, channel };
}

/** Sends a call in a message of its own. */
function send(channel: Channel, name: string) {
  const call = callNamed(name);
  channel.send([call.call], () => (call.isOver = true));
  return call;
}

/** A call with its name as its body, and what has become of it. */
function callNamed(name: string, spaces = 0) {
  const { promise: outcome, resolve } = Promise.withResolvers<string>();
  const call: SmallCall = {
    kind: "read",
    head,
    body: [Buffer.from(name), Buffer.alloc(spaces, " ")],
    sendAlone: (line) => resolve(line === undefined ? "alone" : `alone ${line}`),
    take(reply) {
      made.takes++;
      const text = reply.toString();
      resolve(`reply ${text.slice(text.indexOf("\r\n\r\n") + 4).trimEnd()}`);
    },
    lose: () => resolve("lost"),
  };
  const made = { name, call, outcome, takes: 0, isOver: false };
  return made;
}

async function closed(socket: WebSocket): Promise<unknown[]> {
  return await once(socket, "close");
}
