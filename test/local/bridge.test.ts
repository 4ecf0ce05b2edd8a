// Large puts over HTTP/2 through the front, to a plain server in workerd's place: each stream has a manifest of its
// own, and what is kept of it ends with it, whatever other streams of the session do.

import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { expect, onTestFinished, test, vi } from "vitest";
import type { KeptPuts } from "../../local/keptPuts.ts";
import { patience } from "../support/patience.ts";
import { openPutFront, type Ways } from "./put-front.ts";
import { bodyOf, putsWith } from "./put-requests.ts";

const body = bodyOf(500);
const part = body.subarray(0, 200_000);

const asSent = { url: "/", secret: undefined, isWhole: false };

test("a put arrives as its manifest, and is dropped with its reply", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, session } = await open(puts);
  expect(await replyTo(put(session).end(body))).toBe("200 done");
  expect(arrived).toMatchObject([{ url: "/", secret: puts.secret, isWhole: true }]);
  const { id, bodyBytes } = JSON.parse(arrived[0]!.text);
  expect(bodyBytes).toBe(body.length);
  expect(puts.serve(id).status).toBe(410);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a reply drops what is kept of its own stream only", async () => {
  const puts = putsWith();
  const { arrived, session } = await open(puts, { isSlow: (number) => number === 0 });
  put(session).end(body);
  await vi.waitFor(() => expect(arrived[0]?.isWhole).toBe(true), patience);
  expect(await replyTo(put(session).end(body))).toBe("200 done");
  const [first, second] = arrived.map(({ text }) => JSON.parse(text).id);
  expect(puts.serve(second).status).toBe(410);
  expect(puts.serve(first).status).toBe(200);
});

test("what is kept stays when its client gives up: workerd may be writing it", async () => {
  const puts = putsWith();
  const { arrived, session, server } = await open(puts, { isSlow: () => true });
  const stream = put(session).end(body);
  const [[connection]] = await Promise.all([once(server, "connection"), once(stream, "response")]);
  stream.close();
  await once(connection, "close");
  expect(puts.serve(JSON.parse(arrived[0]!.text).id).status).toBe(200);
});

test("puts that wait for a connection to workerd all arrive", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, session } = await open(puts, { connectionsMax: 1 });
  const unusual = Buffer.from(body.toString().replace('"s"', '"\\u0061"'));
  const bodies = [unusual, body, body, body];
  const streams = bodies.map((each) => put(session, each.length).end(each));
  const replies = await Promise.all(streams.map(replyTo));
  expect(replies).toEqual(bodies.map(() => "200 done"));
  expect(arrived.every(({ isWhole }) => isWhole)).toBe(true);
  expect(arrived.some(({ text }) => text === unusual.toString())).toBe(true);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a request without a length, or of another kind, arrives as it was sent", async () => {
  const { arrived, session } = await open(putsWith());
  await replyTo(put(session, null).end(body));
  await replyTo(put(session, body.length, { expect: "100-continue" }).end(body));
  await replyTo(
    put(session, body.length, { "x-amz-target": "Kinesis_20131202.PutRecord" }).end(body),
  );
  const same = { ...asSent, isWhole: true, text: body.toString() };
  expect(arrived).toEqual([same, same, same]);
});

test("without room, or without a manifest, a put arrives as it was sent", async () => {
  const puts = putsWith({ keptBytes: body.length });
  const { arrived, session } = await open(puts);
  await replyTo(put(session).end(body));
  puts.room.free(body.length);
  const unusual = Buffer.from(body.toString().replace('"s"', '"\\u0061"'));
  await replyTo(put(session, unusual.length).end(unusual));
  expect(arrived).toEqual([
    { ...asSent, isWhole: true, text: body.toString() },
    { ...asSent, isWhole: true, text: unusual.toString() },
  ]);
  expect(puts.room.freeBytes).toBe(body.length * 2);
});

test("what came of a body arrives when its client is silent", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, session } = await open(puts, { bodySilenceMs: 50 });
  const stream = put(session);
  stream.write(part);
  await replyTo(stream);
  expect(arrived).toEqual([{ ...asSent, text: part.toString() }]);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("a body that takes two seconds passes from then on as it comes", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, session } = await open(puts);
  const stream = put(session);
  stream.write(part);
  const reserved = freeBytes - 2 * part.length;
  await vi.waitFor(() => expect(puts.room.freeBytes).toBe(reserved), { ...patience, interval: 1 });
  expect(arrived).toEqual([]);
  vi.advanceTimersByTime(2000);
  vi.useRealTimers();
  await vi.waitFor(() => expect(arrived[0]?.text.length).toBe(part.length), patience);
  expect(puts.room.freeBytes).toBe(freeBytes);
  expect(await replyTo(stream.end(body.subarray(part.length)))).toBe("200 done");
  expect(arrived).toEqual([{ ...asSent, isWhole: true, text: body.toString() }]);
});

test.each<[string, (stream: ClientHttp2Stream) => void]>([
  ["closes its stream", (stream) => stream.close()],
  ["sends less than it has announced", (stream) => stream.end()],
  ["sends more than it has announced", (stream) => stream.end(Buffer.alloc(body.length))],
  ["leaves", (stream) => stream.session?.destroy()],
])("a client that %s in the middle of a body leaves nothing behind", async (_, leave) => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { arrived, session } = await open(puts);
  const stream = put(session);
  stream.write(part);
  await vi.waitFor(() => expect(puts.room.freeBytes).toBeLessThan(freeBytes), patience);
  stream.resume();
  leave(stream);
  await closeOf(stream);
  await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
  expect(arrived).toEqual([]);
});

test("the end of the server leaves nothing behind", async () => {
  const puts = putsWith();
  const { freeBytes } = puts.room;
  const { session, front } = await open(puts);
  put(session).write(part);
  await vi.waitFor(() => expect(puts.room.freeBytes).toBeLessThan(freeBytes), patience);
  front.destroy();
  await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
});

test("without workerd a put is a 502", async () => {
  const { session, server } = await open(putsWith());
  server.close();
  server.closeAllConnections();
  expect(await replyTo(put(session).end(body))).toBe("502 workerd does not answer\n");
});

async function open(puts: KeptPuts, ways: Ways = {}) {
  const opened = await openPutFront(puts, ways);
  const { host, port } = opened.front;
  const session = connect(`http://${host}:${port}`);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return { ...opened, session };
}

function put(
  session: ClientHttp2Session,
  length: number | null = body.length,
  further: Record<string, string> = {},
): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "Kinesis_20131202.PutRecords",
    ...(length !== null && { "content-length": length }),
    ...further,
  });
  stream.on("error", () => {});
  return stream;
}

function closeOf(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((done) => {
    if (stream.destroyed) done();
    else stream.once("close", () => done());
  });
}

/** Status and body. */
async function replyTo(stream: ClientHttp2Stream): Promise<string> {
  const [headers] = await once(stream, "response");
  let text = `${headers[":status"]} `;
  for await (const piece of stream) text += piece;
  return text;
}
