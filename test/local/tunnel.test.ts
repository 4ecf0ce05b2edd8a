// Large puts through the front, to a plain server in workerd's place: it gets a manifest where it can, and otherwise
// what the client has sent, in order; and a client that goes away in between leaves nothing behind.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import type { KeptPuts } from "../../local/keptPuts.ts";
import { patience } from "../support/patience.ts";
import { openPutFront, type Ways } from "./put-front.ts";
import { bodyOf, headOf, putLines, putsWith } from "./put-requests.ts";

const body = bodyOf(500);
const part = body.subarray(0, 200_000);
const get = "GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n";

const asSent = { url: "/", secret: undefined, isWhole: false };

test("a put arrives as its manifest between other requests, in their order", async () => {
  const puts = putsWith();
  const { arrived, client } = await open(puts);
  const text = `${get}${headOf(body.length)}${body.toString()}${get}`;
  client.end(text);
  const replies = await readAll(client);
  expect(replies.match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
  expect(arrived.map(({ url, secret }) => [url, secret])).toEqual([
    ["/small", undefined],
    ["/", puts.secret],
    ["/small", undefined],
  ]);
  expect(JSON.parse(arrived[1]!.text).bodyBytes).toBe(body.length);
});

test("what is kept is dropped when the reply has come", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, client } = await open(puts);
  client.write(headOf(body.length));
  client.write(body);
  await once(client, "data");
  const { id } = JSON.parse(arrived[0]!.text);
  expect(puts.serve(id).status).toBe(410);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("what a reply is awaited for stays while more requests come, also when another reply has begun", async () => {
  const puts = putsWith();
  const { arrived, client } = await open(puts, { isSlow: () => true });
  client.write(`${get}${headOf(body.length)}${body.toString()}`);
  await Promise.all([
    once(client, "data"),
    vi.waitFor(() => expect(arrived[1]?.isWhole).toBe(true), patience),
  ]);
  client.write(get);
  await vi.waitFor(() => expect(arrived).toHaveLength(3), patience);
  const { id } = JSON.parse(arrived[1]!.text);
  expect(puts.serve(id).status).toBe(200);
});

test("without room a put arrives as it was sent", async () => {
  const { arrived, client } = await open(putsWith({ keptBytes: 0 }));
  client.end(`${headOf(body.length)}${body.toString()}`);
  await readAll(client);
  expect(arrived).toEqual([{ ...asSent, isWhole: true, text: body.toString() }]);
});

test("a body without a manifest arrives as it was sent", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, client } = await open(puts);
  const unusual = Buffer.from(body.toString().replace('"s"', '"\\u0061"'));
  client.end(`${headOf(unusual.length)}${unusual.toString()}`);
  await readAll(client);
  expect(arrived).toEqual([{ ...asSent, isWhole: true, text: unusual.toString() }]);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("what came of a body arrives when its client ends", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, client } = await open(puts);
  client.end(`${headOf(body.length)}${part.toString()}`);
  await readAll(client);
  expect(arrived).toEqual([{ ...asSent, text: part.toString() }]);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("what came of a body arrives when its client is silent", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, client } = await open(puts, { bodySilenceMs: 50 });
  client.write(`${headOf(body.length)}${part.toString()}`);
  await readAll(client);
  expect(arrived).toEqual([{ ...asSent, text: part.toString() }]);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a client that is gone in the middle of a body leaves nothing behind", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, client } = await open(puts);
  client.write(`${headOf(body.length)}${part.toString()}`);
  await vi.waitFor(() => expect(puts.room.freeBytes).toBeLessThan(freeBytes), patience);
  client.resetAndDestroy();
  await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
  expect(arrived).toEqual([]);
});

test("the end of the server leaves nothing behind", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { client, front } = await open(puts);
  client.write(`${headOf(body.length)}${part.toString()}`);
  await vi.waitFor(() => expect(puts.room.freeBytes).toBeLessThan(freeBytes), patience);
  front.destroy();
  await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
});

test("two puts that are sent at once arrive in their order, as their manifests", async () => {
  const { arrived, client } = await open(putsWith());
  const other = bodyOf(450);
  client.end(
    `${headOf(body.length)}${body.toString()}${headOf(other.length)}${other.toString()}${get}`,
  );
  expect((await readAll(client)).match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
  const lengths = arrived.slice(0, 2).map(({ text }) => JSON.parse(text).bodyBytes);
  expect(lengths).toEqual([body.length, other.length]);
});

test("a put of HTTP/1.0 arrives as its manifest", async () => {
  const puts = putsWith();
  const { arrived, client } = await open(puts);
  client.end(`${headOf(body.length, putLines.with(0, "POST / HTTP/1.0"))}${body.toString()}`);
  expect(await readAll(client)).toMatch(/^HTTP\/1.1 200 OK/);
  expect(arrived).toMatchObject([{ secret: puts.secret, isWhole: true }]);
});

test.each([
  ["ends", (idle: Socket) => idle.end()],
  ["resets", (idle: Socket) => idle.resetAndDestroy()],
])(
  "workerd %s a connection that is idle while a body comes: the put takes another",
  async (_, close) => {
    const puts = putsWith();
    const { freeBytes } = puts.room;
    const { arrived, client, server } = await open(puts);
    client.write(get);
    const [opened] = await once(server, "connection");
    await once(client, "data");
    client.write(`${headOf(body.length)}${part.toString()}`);
    await vi.waitFor(() => expect(puts.room.freeBytes).toBeLessThan(freeBytes), patience);
    const idle: Socket = opened;
    close(idle);
    if (!idle.destroyed) await once(idle, "close");
    client.end(body.subarray(part.length));
    expect(await readAll(client)).toMatch(/^HTTP\/1.1 200 OK/);
    expect(arrived[1]).toMatchObject({ secret: puts.secret, isWhole: true });
  },
);

test("a body that takes two seconds passes from then on as it comes", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, client } = await open(puts);
  client.write(`${headOf(body.length)}${part.toString()}`);
  await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes - 2 * part.length), {
    ...patience,
    interval: 1,
  });
  expect(arrived).toEqual([]);
  vi.advanceTimersByTime(2000);
  vi.useRealTimers();
  await vi.waitFor(() => expect(arrived[0]?.text.length).toBe(part.length), patience);
  expect(puts.room.freeBytes).toBe(freeBytes);
  client.end(body.subarray(part.length));
  await readAll(client);
  expect(arrived).toEqual([{ ...asSent, isWhole: true, text: body.toString() }]);
});

test("clients that announce bodies and send none take no room from others", async () => {
  const puts = putsWith({ keptBytes: 4 << 20 });
  const { arrived, client, front } = await open(puts);
  const silent = Array.from({ length: 50 }, () => connect(front.port, front.host));
  onTestFinished(() => silent.forEach((each) => each.destroy()));
  await Promise.all(
    silent.map((each) => new Promise((done) => each.write(headOf(2_500_000), done))),
  );
  client.end(`${headOf(body.length)}${body.toString()}`);
  await readAll(client);
  expect(arrived).toMatchObject([{ secret: puts.secret, isWhole: true }]);
});

async function open(puts: KeptPuts, ways: Ways = {}) {
  const { front, ...rest } = await openPutFront(puts, ways);
  const client = connect({ host: front.host, port: front.port, allowHalfOpen: true });
  client.on("error", () => {});
  onTestFinished(() => void client.destroy());
  return { ...rest, front, client };
}

async function readAll(client: Socket): Promise<string> {
  let text = "";
  for await (const part of client) text += part;
  return text;
}
