// Small calls of several connections go to workerd by one WebSocket, here to a plain server in its place. Each client gets
// its own reply, in the order of its requests, whatever the others do; a call that is not small goes as it is.

import { once } from "node:events";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { answerKinds } from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";
import { secret } from "./channel-server.ts";
import { call, callOf, callOver, pseudo, sessionTo, turns } from "./gathering-client.ts";
import { answer, type GatheringOptions, openBusy, openGatheringFront } from "./gathering-front.ts";

test("calls that come while others are under way go together, and each client gets its own reply", async () => {
  const { front, gathered } = await openBusy();
  const clients = ["one", "two", "three"].map((body) => call(front, callOf(body)));
  const group = await gathered(3);
  expect(group.members.toSorted()).toEqual(["one", "three", "two"]);
  group.answer();
  expect(await Promise.all(clients.map((client) => client.reply()))).toEqual([
    "one",
    "two",
    "three",
  ]);
});

test("a call alone goes by the WebSocket too, which stays for the next one", async () => {
  const { arrived, front, sockets } = await openGatheringFront({ isQuick: () => true });
  const client = call(front, callOf("one"));
  expect(await client.reply()).toBe("one");
  client.socket.write(callOf("two"));
  expect(await client.reply()).toBe("two");
  expect(arrived.map(({ members }) => members)).toEqual([["one"], ["two"]]);
  expect(sockets).toHaveLength(1);
});

test("calls wait until one that is under way is answered", async () => {
  const { arrived, front, gathered } = await openBusy();
  call(front, callOf("one"));
  call(front, callOf("two"));
  expect((await gathered(2)).members).toHaveLength(2);
  expect(arrived).toHaveLength(3);
});

test("and no longer than a moment", async () => {
  const { front, until } = await openBusy({ waitMs: 20 });
  call(front, callOf("one"));
  await until(3);
});

test("reads do not wait for puts, and puts not for reads", async () => {
  const { front, until } = await openBusy();
  call(front, callOf("a put", [], "PutRecord"));
  expect((await until(3)).members).toEqual(["a put"]);
});

test("answers that come later than others are passed on then", async () => {
  const { front, gathered } = await openBusy();
  const clients = ["one", "two"].map((body) => call(front, callOf(body)));
  const group = await gathered(2);
  group.answer(["two"]);
  expect(await clients[1]!.reply()).toBe("two");
  group.answer(["one"]);
  expect(await clients[0]!.reply()).toBe("one");
});

test("answers to several messages may come in one", async () => {
  const { front, until, gathered } = await openBusy();
  const clients = ["one", "two"].map((body) => call(front, callOf(body)));
  const group = await gathered(2);
  const third = call(front, callOf("three", [], "PutRecord"));
  const { message: put } = await until(4);
  const answers = [group.replyTo("two"), put!.replyTo("three"), group.replyTo("one")];
  group.socket.send(Buffer.concat(answers));
  const replies = [...clients, third].map((client) => client.reply());
  expect(await Promise.all(replies)).toEqual(["one", "two", "three"]);
});

test("an answer may come in pieces", async () => {
  const { front, gathered } = await openBusy();
  const client = call(front, callOf("one"));
  call(front, callOf("two"));
  const group = await gathered(2);
  const bytes = group.replyTo("one");
  for (const [i, byte] of bytes.entries()) {
    group.socket.send(Uint8Array.of(byte), { fin: i === bytes.length - 1 });
    await turns(1);
  }
  expect(await client.reply()).toBe("one");
});

test("a call that is told to go alone arrives as it was sent", async () => {
  const { front, until, gathered } = await openBusy();
  const client = call(front, callOf("one"));
  call(front, callOf("two"));
  const group = await gathered(2);
  group.tell("one", answerKinds.alone);
  const alone = await until(4);
  expect(alone).toMatchObject({ members: undefined, text: "one", left: undefined });
  answer(alone);
  expect(await client.reply()).toBe("one");
});

test("for a reply that was left the call comes again with its name", async () => {
  const { front, until, gathered } = await openBusy();
  const client = call(front, callOf("one"));
  call(front, callOf("two"));
  const group = await gathered(2);
  group.tell("one", answerKinds.left, "a name");
  const alone = await until(4);
  expect(alone).toMatchObject({ members: undefined, text: "one", left: `${secret} a name` });
  answer(alone);
  expect(await client.reply()).toBe("one");
});

test("after a large reply the next read goes by itself, and after a small one with others again", async () => {
  const { arrived, front, until, gathered } = await openBusy();
  const client = call(front, callOf("one"));
  call(front, callOf("other"));
  const group = await gathered(2);
  group.tell("one", answerKinds.left, "a name");
  (await until(4)).response?.end("x".repeat(70_000));
  expect(await client.reply()).toHaveLength(70_000);
  client.socket.write(callOf("by itself"));
  answer(await until(5));
  expect(arrived[4]).toMatchObject({ members: undefined, text: "by itself" });
  expect(await client.reply()).toBe("by itself");
  call(front, callOf("busy 2"));
  await until(6);
  client.socket.write(callOf("with others"));
  call(front, callOf("another"));
  expect((await gathered(2)).members).toHaveLength(2);
});

describe("requests that follow each other on a connection", () => {
  test("get their replies in their order", async () => {
    const { front, until, gathered } = await openBusy();
    const other = "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const text = [callOf("one"), callOf("two"), other, callOf("three")].join("");
    const client = call(front, text);
    call(front, callOf("of another client"));
    const group = await gathered(2);
    expect(group.members).toHaveLength(2);
    group.answer();
    for (const count of [4, 5, 6]) answer(await until(count));
    const replies = [await client.reply(), await client.reply(), await client.reply()];
    expect([...replies, await client.reply()]).toEqual(["one", "two", "", "three"]);
  });

  test("that is ended by its client gets its reply first", async () => {
    const { front, gathered } = await openBusy();
    const client = call(front, callOf("one"));
    client.socket.end();
    call(front, callOf("two"));
    (await gathered(2)).answer();
    expect(await client.reply()).toBe("one");
    await client.end();
  });

  test("with an invalid head are answered up to that", async () => {
    const { front, gathered } = await openBusy();
    const client = call(front, `${callOf("one")}nonsense\r\n\r\n`);
    call(front, callOf("two"));
    (await gathered(2)).answer();
    expect(await client.all()).toMatch(/^HTTP\/1.1 200 [^]*\r\n\r\noneHTTP\/1.1 400 /);
  });

  test("wait for a client that does not read", async () => {
    const { arrived, front } = await openGatheringFront({ isQuick: () => true });
    const client = call(front, "");
    client.socket.pause();
    const body = "x".repeat(30_000);
    client.socket.write(callOf(body).repeat(800));
    while (arrived.length < 3) await turns(1);
    await turns(2000);
    const before = arrived.length;
    await turns(500);
    expect(arrived.length).toBe(before);
    client.socket.resume();
    for (let i = 0; i < 800; i++) expect(await client.reply()).toBe(body);
  });
});

test("a client that is gone takes nothing from the others", async () => {
  const { front, gathered } = await openBusy();
  const gone = call(front, callOf("one"));
  const client = call(front, callOf("two"));
  const group = await gathered(2);
  gone.socket.resetAndDestroy();
  await turns(10);
  group.answer();
  expect(await client.reply()).toBe("two");
});

test("who has no answer when the WebSocket ends is told so, and later calls go by another one", async () => {
  const { front, arrived, gathered, sockets, until } = await openBusy();
  const clients = ["one", "two"].map((body) => call(front, callOf(body)));
  const group = await gathered(2);
  group.answer(["one"]);
  expect(await clients[0]!.reply()).toBe("one");
  group.socket.terminate();
  expect(await clients[1]!.all()).toMatch(/^HTTP\/1.1 502 /);
  clients[0]!.socket.write(callOf("later"));
  answer(await until(arrived.length + 1));
  expect(await clients[0]!.reply()).toBe("later");
  expect(sockets).toHaveLength(2);
});

test("what a server answers that opens no WebSocket is no reply to anybody", async () => {
  const { front } = await openGatheringFront({ opens: false, isQuick: () => true });
  for (const body of ["one", "two"]) {
    expect(await call(front, callOf(body)).all()).toMatch(/^HTTP\/1.1 502 /);
  }
});

describe("what passes as it comes", () => {
  const long = "x".repeat(1_048_577);
  const heads: Record<string, string> = {
    "another operation": callOf("one", [], "DescribeStream"),
    "no operation": callOf("one").replace(/X-Amz-Target.*\r\n/, ""),
    "another path": callOf("one").replace("POST / ", "POST /path "),
    "another method": callOf("one").replace("POST / ", "PUT / "),
    "HTTP/1.0": callOf("one").replace("HTTP/1.1", "HTTP/1.0"),
    "an empty line before it": `\r\n${callOf("one")}`,
    "a page of another origin": callOf("one", ["Origin: http://localhost:1"]),
    "Connection: close": callOf("one", ["Connection: close"]),
    "a coding": callOf("one", ["Content-Encoding: gzip"]),
    "characters that are not ASCII": callOf("one", ["X-Name: n\u00e4me"]),
    "a header of the front's": callOf("one", [`x-millrace-left: ${secret} name`]),
    "a larger body": callOf(long),
    "a body of no bytes": callOf(""),
    "a body in chunks": callOf("3\r\none\r\n0\r\n\r\n").replace(
      /Content-Length: \d+/,
      "Transfer-Encoding: chunked",
    ),
  };

  test.each(Object.keys(heads))("%s", async (what) => {
    const { front, until, gathered } = await openBusy();
    const client = call(front, heads[what]!);
    const others = [call(front, callOf("two")), call(front, callOf("three"))];
    const alone = await until(3);
    expect(alone.members).toBeUndefined();
    const group = await gathered(2);
    expect(group.members.toSorted()).toEqual(["three", "two"]);
    answer(alone);
    group.answer();
    await client.head();
    await Promise.all(others.map((client) => client.reply()));
  });
});

describe("what workerd ends is ended, although calls of the connection went with others before", () => {
  test("with a reply to a request that it has refused before its body came", async () => {
    const asked: (string | undefined)[] = [];
    const { client } = await openUsed((request, response) => {
      asked.push(request.url);
      response.end("refused");
      response.once("finish", () => request.socket.destroySoon());
    });
    client.socket.write(`POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`);
    expect(await client.reply()).toBe("refused");
    await client.end();
    client.socket.write(`GET /inside HTTP/1.1\r\nHost: a\r\n\r\n`);
    await turns(300);
    expect(asked).toEqual(["/refused"]);
  });

  test("with the reply to a request that asks for it", async () => {
    const { client } = await openUsed();
    client.socket.write("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await client.reply()).toBe("/last");
    await client.end();
  });

  test("and an invalid head is answered", async () => {
    const { client } = await openUsed();
    client.socket.write("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.reply()).toBe("/one");
    client.socket.write("nonsense\r\n\r\n");
    expect(await client.all()).toMatch(/^HTTP\/1.1 400 /);
  });

  test("when the client ends its side", async () => {
    const { client } = await openUsed();
    client.socket.write("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.reply()).toBe("/one");
    client.socket.end();
    await client.end();
  });

  test("when the server stops", async () => {
    const { client, front, server } = await openUsed();
    client.socket.write("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.reply()).toBe("/one");
    void front.stop();
    server.closeIdleConnections();
    await client.end();
  });

  test("but an idle one is ended by the front, before workerd would end it", async () => {
    const { client, server, until, arrived } = await openUsed(undefined, { spareMs: 20 });
    client.socket.write("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.reply()).toBe("/one");
    const open = () =>
      new Promise<number>((done) => server.getConnections((_, count) => done(count)));
    const before = await open();
    for (const body of ["next", "last"]) {
      const count = arrived.length;
      client.socket.write(callOf(body));
      answer(await until(count + 1));
      expect(await client.reply()).toBe(body);
      await vi.waitFor(async () => expect(await open()).toBeLessThan(before), patience);
    }
  });

  test("and one that has lain idle for long already, with the next call", async () => {
    const { client, server, front, until, gathered, arrived } = await openUsed();
    client.socket.write("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.reply()).toBe("/one");
    call(front, callOf("busy 2"));
    await until(arrived.length + 1);
    const later = performance.now() + 14_000;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => later);
    onTestFinished(() => clock.mockRestore());
    client.socket.write(callOf("next"));
    call(front, callOf("another"));
    (await gathered(2)).answer();
    expect(await client.reply()).toBe("next");
    clock.mockRestore();
    server.closeIdleConnections();
    await turns(100);
    client.socket.write("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.reply()).toBe("/two");
  });
});

test("a head may wait as long as the call before it", async () => {
  const { front, gathered, until } = await openBusy({ patience: { headMs: 30 } });
  const next = callOf("next");
  const client = call(front, callOf("one") + next.slice(0, 60));
  call(front, callOf("two"));
  const sinceMs = performance.now();
  while (performance.now() - sinceMs < 100) await turns(1);
  client.socket.write(next.slice(60));
  (await gathered(2)).answer();
  expect(await client.reply()).toBe("one");
  answer(await until(4));
  expect(await client.reply()).toBe("next");
});

test("after the loss of a call nothing more of its connection is served", async () => {
  const { front, gathered, arrived } = await openBusy();
  const client = call(front, callOf("one"));
  call(front, callOf("two"));
  (await gathered(2)).socket.terminate();
  expect(await client.all()).toMatch(/^HTTP\/1.1 502 /);
  client.socket.write("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  await turns(300);
  expect(arrived).toHaveLength(3);
});

describe("a connection without one to workerd", () => {
  test("ends when it has been idle for long", async () => {
    const { front, gathered } = await openBusy({ patience: { idleMs: 50 } });
    const client = call(front, callOf("one"));
    call(front, callOf("two"));
    (await gathered(2)).answer();
    expect(await client.reply()).toBe("one");
    await client.end();
  });

  test("ends when the server stops, after its reply", async () => {
    const { front, gathered, arrived } = await openBusy();
    const idle = call(front, callOf("one"));
    const waiting = call(front, callOf("two"));
    const group = await gathered(2);
    group.answer(["one"]);
    expect(await idle.reply()).toBe("one");
    const stopped = front.stop();
    await idle.end();
    group.answer(["two"]);
    expect(await waiting.reply()).toBe("two");
    await waiting.end();
    for (const one of arrived) if (!one.isAnswered) answer(one);
    await stopped;
  });
});

describe("when the server stops, the WebSocket", () => {
  test("stays for what is under way, and for a call whose body is on its way", async () => {
    const { front, until, sockets } = await openGatheringFront();
    const [one, late] = [call(front, callOf("one")), call(front, callOf("late").slice(0, -2))];
    const first = await until(1);
    await turns(10);
    const stopped = front.stop();
    answer(first);
    expect(await one.reply()).toBe("one");
    await one.end();
    late.socket.write("te");
    const last = await until(2);
    expect(last.members).toEqual(["late"]);
    answer(last);
    expect(await late.reply()).toBe("late");
    await stopped;
    await closed(sockets[0]);
    expect(sockets).toHaveLength(1);
  });

  test("stays for calls whose clients have gone, and for those that wait", async () => {
    const { arrived, front, gatherer, until, sockets } = await openBusy();
    const gone = ["one", "two"].map((body) => call(front, callOf(body)));
    await vi.waitUntil(() => gatherer.waitingCount === 2, patience);
    const ended = gone.map(({ socket }) => once(socket, "close"));
    for (const { socket } of gone) socket.resetAndDestroy();
    await Promise.all(ended);
    const stopped = front.stop();
    for (const one of arrived) answer(one);
    const last = await until(3);
    expect(last.members?.toSorted()).toEqual(["one", "two"]);
    await turns(100);
    expect(sockets[0]?.readyState).toBe(WebSocket.OPEN);
    answer(last);
    await stopped;
    await closed(sockets[0]);
  });

  test("of an idle server ends", async () => {
    const { front, sockets } = await openGatheringFront({ isQuick: () => true });
    const client = call(front, callOf("one"));
    expect(await client.reply()).toBe("one");
    await front.stop();
    await closed(sockets[0]);
  });
});

test.each([false, true])(
  "a call goes after the rest of a request that was answered before; the WebSocket has ended: %s",
  async (hasEnded) => {
    const { arrived, front, gatherer, until } = await openGatheringFront({
      answerPath: (_, response) => response.end("early"),
    });
    const head = "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    const client = call(front, `${head}12345`);
    expect(await client.reply()).toBe("early");
    if (hasEnded) await gatherer.stop();
    client.socket.write(`67890${callOf("one")}`);
    const { message } = await until(1);
    message?.tell("one", answerKinds.alone);
    const alone = message === undefined ? arrived[0]! : await until(2);
    expect(alone.text).toBe("one");
    answer(alone);
    expect(await client.reply()).toBe("one");
  },
);

describe("once the WebSocket is to end before the server stops", () => {
  test("a call goes by itself, over HTTP/1.1 and HTTP/2", async () => {
    const { arrived, front, gatherer, sockets } = await openGatheringFront({ isQuick: () => true });
    const client = call(front, callOf("one"));
    const session = sessionTo(front);
    expect(await client.reply()).toBe("one");
    await gatherer.stop();
    await closed(sockets[0]);
    client.socket.write(callOf("two"));
    expect(await client.reply()).toBe("two");
    expect(await callOver(session, "three")).toBe("200 three");
    client.socket.write(callOf("four"));
    expect(await client.reply()).toBe("four");
    expect(arrived.map(({ members, text }) => members ?? text)).toEqual([
      ["one"],
      "two",
      "three",
      "four",
    ]);
  });
});

/** Resolves when the front has ended this WebSocket. */
async function closed(socket: WebSocket | undefined): Promise<void> {
  await vi.waitUntil(() => socket?.readyState === WebSocket.CLOSED, patience);
}

describe("over HTTP/2", () => {
  test("calls of one session go together", async () => {
    const { front, gathered } = await openBusy();
    const session = sessionTo(front);
    const replies = ["one", "two", "three"].map((body) => callOver(session, body));
    const group = await gathered(3);
    expect(group.members.toSorted()).toEqual(["one", "three", "two"]);
    group.answer();
    expect(await Promise.all(replies)).toEqual(["200 one", "200 two", "200 three"]);
  });

  test("one that is told to go alone, or that is left, comes by itself", async () => {
    const { front, until, gathered } = await openBusy();
    const session = sessionTo(front);
    const replies = ["one", "two"].map((body) => callOver(session, body));
    const group = await gathered(2);
    group.tell("one", answerKinds.alone);
    group.tell("two", answerKinds.left, "a name");
    const alone = [await until(4), await until(5)];
    expect(alone.map(({ text, left }) => `${text} ${left}`).toSorted()).toEqual([
      "one undefined",
      `two ${secret} a name`,
    ]);
    for (const each of alone) answer(each);
    expect(await Promise.all(replies)).toEqual(["200 one", "200 two"]);
  });

  test("a stream that is closed takes nothing from the others", async () => {
    const { front, gathered } = await openBusy();
    const session = sessionTo(front);
    const gone = session.request(pseudo).end("one");
    const reply = callOver(session, "two");
    const group = await gathered(2);
    gone.close();
    await once(gone, "close");
    group.answer();
    expect(await reply).toBe("200 two");
  });

  test("who has no answer when the WebSocket ends is told so", async () => {
    const { front, gathered } = await openBusy();
    const session = sessionTo(front);
    const replies = ["one", "two"].map((body) => callOver(session, body));
    (await gathered(2)).socket.terminate();
    for (const reply of await Promise.all(replies)) expect(reply).toMatch(/^502 /);
  });
});

/** A client that has had a call gathered. Requests to paths are answered at once. */
async function openUsed(
  answerPath: GatheringOptions["answerPath"] = ({ url }, response) => response.end(url),
  patience: GatheringOptions["patience"] = {},
) {
  const opened = await openBusy({ answerPath, patience });
  const client = call(opened.front, callOf("one"));
  call(opened.front, callOf("two"));
  (await opened.gathered(2)).answer();
  expect(await client.reply()).toBe("one");
  return { ...opened, client };
}
