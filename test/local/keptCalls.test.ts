// Manifests of large puts go by the WebSocket too, here to a plain server in workerd's place. What is kept of a put is
// given back when its call is over, whatever becomes of it, and the connection goes on as before.

import { describe, expect, test, vi } from "vitest";
import { manifestHeader } from "../../worker/engine/putManifest.ts";
import { answerKinds } from "../../worker/http/gathered.ts";
import { patience } from "../support/patience.ts";
import { begins, call, callOf, sessionTo, callOver, turns, untilSeen } from "./gathering-client.ts";
import { answer, openGatheringFront } from "./gathering-front.ts";
import { bodyOf, putsWith } from "./put-requests.ts";

const body = bodyOf(500);

async function open() {
  // Nothing is given back by time alone.
  const puts = putsWith({ keptMs: 3_600_000 });
  return { ...(await openGatheringFront({ puts })), puts, freeBytes: puts.room.freeBytes };
}

/** The id in a manifest. */
function idIn(manifest: string | undefined): string {
  const { id, bodyBytes } = JSON.parse(manifest ?? "");
  expect(bodyBytes).toBe(body.length);
  return id;
}

describe.each(["HTTP/1.1", "HTTP/2"] as const)("over %s", (way) => {
  const begin = begins[way];

  test("a manifest goes by the WebSocket, with the secret, and what is kept ends with the reply", async () => {
    const { front, gatherer, puts, freeBytes, until } = await open();
    const put = begin(front, body.length);
    put.write(body);
    const { message } = await until(1);
    expect(message?.header(manifestHeader)).toEqual([puts.secret]);
    const [manifest = ""] = message?.members ?? [];
    expect(message?.header("content-length")).toEqual([`${manifest.length}`]);
    expect(puts.room.freeBytes).toBeLessThan(freeBytes);
    message?.answer();
    expect(await put.reply()).toBe(`200 ${manifest}`);
    expect(puts.serve(idIn(manifest)).status).toBe(410);
    expect(puts.room.freeBytes).toBe(freeBytes);
    expect(gatherer.room.freeBytes).toBe(64 << 20);
  });

  test("workerd may ask for the body meanwhile", async () => {
    const { front, puts, freeBytes, until } = await open();
    const put = begin(front, body.length);
    put.write(body);
    const { message } = await until(1);
    const served = puts.serve(idIn(message?.members[0]));
    expect(Buffer.concat(served.parts ?? []).equals(body)).toBe(true);
    message?.answer();
    expect(await put.reply()).toMatch(/^200 /);
    served.sent?.();
    expect(puts.room.freeBytes).toBe(freeBytes);
  });

  test("one that is told to go alone arrives as the same manifest, and what is kept ends with the reply", async () => {
    const { front, puts, freeBytes, until } = await open();
    const put = begin(front, body.length);
    put.write(body);
    const { message } = await until(1);
    const [manifest = ""] = message?.members ?? [];
    message?.tell(manifest, answerKinds.alone);
    const alone = await until(2);
    expect(alone).toMatchObject({ members: undefined, text: manifest, manifest: puts.secret });
    expect(puts.room.freeBytes).toBeLessThan(freeBytes);
    answer(alone);
    expect(await put.reply()).toBe(`200 ${manifest}`);
    await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
  });

  test("a page of another origin puts over HTTP", async () => {
    const { front, puts, freeBytes, until } = await open();
    const put = begin(front, body.length, "PutRecords", { origin: "http://localhost:1" });
    put.write(body);
    const alone = await until(1);
    expect(alone).toMatchObject({ members: undefined, manifest: puts.secret });
    answer(alone);
    expect(await put.reply()).toMatch(/^200 /);
    await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
  });

  test("without an answer when the WebSocket ends, nothing is kept", async () => {
    const { front, puts, freeBytes, until } = await open();
    const put = begin(front, body.length);
    put.write(body);
    (await until(1)).message?.socket.terminate();
    expect(await put.reply()).toMatch(/^502 /);
    expect(puts.room.freeBytes).toBe(freeBytes);
  });

  test.each(["answered", "told to go alone", "lost"])(
    "what a client has left behind is kept until its put is %s",
    async (end) => {
      const { arrived, front, puts, freeBytes, until } = await open();
      const put = begin(front, body.length);
      put.write(body);
      const { message } = await until(1);
      put.leave();
      await untilSeen(front);
      expect(puts.room.freeBytes).toBeLessThan(freeBytes);
      if (end === "answered") message?.answer();
      else if (end === "lost") message?.socket.terminate();
      else message?.tell(message.members[0]!, answerKinds.alone);
      await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
      expect(arrived).toHaveLength(1);
    },
  );

  test("a client that leaves in the middle leaves nothing behind", async () => {
    const { arrived, front, puts, freeBytes } = await open();
    const put = begin(front, body.length);
    put.write(body.subarray(0, 200_000));
    await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes - 400_000), patience);
    put.leave();
    await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
    expect(arrived).toEqual([]);
  });

  test.each([500, 1500])(
    "a body of %d records without a manifest passes over HTTP",
    async (count) => {
      const { front, gatherer, puts, freeBytes, until } = await open();
      const unusual = Buffer.from(bodyOf(count).toString().replace('"s"', '"\\u0061"'));
      const put = begin(front, unusual.length);
      put.write(unusual);
      const alone = await until(1);
      expect(alone.members).toBeUndefined();
      expect(alone.manifest).toBeUndefined();
      expect(alone.text === unusual.toString()).toBe(true);
      await vi.waitFor(() => expect(puts.room.freeBytes).toBe(freeBytes), patience);
      expect(gatherer.room.freeBytes).toBe(64 << 20);
      alone.response?.end("done");
      expect(await put.reply()).toBe("200 done");
    },
  );
});

describe("after a manifest, the next call goes by the WebSocket again", () => {
  test("over HTTP/1.1, also after one that went alone", async () => {
    const { front, freeBytes, puts, until } = await open();
    const put = callOf(body.toString(), [], "PutRecords");
    const client = call(front, put);
    answer(await until(1));
    await client.reply();
    client.socket.write(callOf("poll"));
    const poll = await until(2);
    expect(poll.members).toEqual(["poll"]);
    answer(poll);
    expect(await client.reply()).toBe("poll");
    client.socket.write(put);
    const { message } = await until(3);
    message?.tell(message.members[0]!, answerKinds.alone);
    answer(await until(4));
    await client.reply();
    client.socket.write(callOf("last"));
    expect((await until(5)).members).toEqual(["last"]);
    expect(puts.room.freeBytes).toBe(freeBytes);
  });

  test("over HTTP/2, on the same session", async () => {
    const { front, until } = await open();
    const session = sessionTo(front);
    const stream = session.request({
      ":method": "POST",
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.PutRecords",
      "content-length": body.length,
    });
    stream.resume().end(body);
    const put = await until(1);
    expect(put.members).toHaveLength(1);
    const reply = callOver(session, "poll");
    const poll = await until(2);
    expect(poll.members).toEqual(["poll"]);
    answer(poll);
    expect(await reply).toBe("200 poll");
    answer(put);
  });
});

test("puts and the poll behind them on one connection get their replies in their order", async () => {
  const { arrived, front, puts, freeBytes, until } = await open();
  const put = callOf(body.toString(), [], "PutRecords");
  const client = call(front, `${put}${put}${callOf("poll")}`);
  const first = await until(1);
  await turns(100);
  expect(arrived).toHaveLength(1);
  answer(first);
  const replies = [await client.reply()];
  for (const number of [2, 3]) {
    answer(await until(number));
    replies.push(await client.reply());
  }
  const texts = arrived.map(({ members, text }) => members?.[0] ?? text);
  expect(replies).toEqual(texts);
  expect(texts[2]).toBe("poll");
  expect(new Set(replies.slice(0, 2).map(idIn)).size).toBe(2);
  expect(puts.room.freeBytes).toBe(freeBytes);
});

test("behind a put on one connection, an invalid head is answered after it", async () => {
  const { front, puts, freeBytes, until } = await open();
  const client = call(front, `${callOf(body.toString(), [], "PutRecords")}nonsense\r\n\r\n`);
  answer(await until(1));
  expect(await client.all()).toMatch(/^HTTP\/1.1 200 [^]*HTTP\/1.1 400 /);
  expect(puts.room.freeBytes).toBe(freeBytes);
});
