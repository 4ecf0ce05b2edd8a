// A JSON text of many values would take an isolate's memory and seconds to build, and each message is a record.

import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { requestItemsMax } from "../../../worker/limits.ts";
import { base64, kinesisOver } from "../kinesis/client.ts";

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));
const json = { "content-type": "application/json" };
const name = crypto.randomUUID();
const path = `/v1/stream/${name}`;

const send = (method: string, target: string, body?: string) =>
  exports.default.fetch(`http://localhost${target}`, { method, headers: json, body: body ?? null });

/** Lists count as a value too. */
const tooMany = {
  messages: JSON.stringify(Array(requestItemsMax).fill(1)),
  "a list in a message": `[[${"1,".repeat(requestItemsMax)}1]]`,
  objects: `[${"{},".repeat(requestItemsMax)}{}]`,
  "members of an object": JSON.stringify(
    Object.fromEntries(Array.from({ length: requestItemsMax + 1 }, (_, i) => [i, 0])),
  ),
  depth: "[".repeat(requestItemsMax + 1) + "]".repeat(requestItemsMax + 1),
};

test.each(Object.entries(tooMany))("too many %s are refused, and not stored", async (_of, body) => {
  const other = `/v1/stream/${crypto.randomUUID()}`;
  for (const [method, target] of [
    ["PUT", other],
    ["POST", path],
  ] as const) {
    await send("PUT", path);
    const reply = await send(method, target, body);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toEqual({
      error: {
        code: "INVALID_JSON",
        message: `The body is not valid JSON, or has more than ${requestItemsMax} values.`,
      },
    });
  }
  expect((await send("HEAD", other)).status).toBe(404);
  expect(await (await send("GET", `${path}?offset=-1`)).json()).toEqual([]);
});

test("as many as may be are stored", async () => {
  const messages = Array.from({ length: requestItemsMax - 1 }, (_, i) => i);
  const all = `/v1/stream/${crypto.randomUUID()}`;
  expect((await send("PUT", all, JSON.stringify(messages))).status).toBe(201);
  const found: number[] = [];
  for (let offset = "-1"; found.length < messages.length;) {
    const page = await send("GET", `${all}?offset=${offset}`);
    found.push(...(await page.json<number[]>()));
    offset = page.headers.get("stream-next-offset") ?? "";
  }
  expect(found).toEqual(messages);
});

test("commas and brackets in texts are not counted", async () => {
  const text = "[{,".repeat(requestItemsMax);
  const one = `/v1/stream/${crypto.randomUUID()}`;
  expect((await send("PUT", one, JSON.stringify([text]))).status).toBe(201);
  expect(await (await send("GET", `${one}?offset=-1`)).json()).toEqual([text]);
});

test("what another dialect has put, of too many values, is shown as bytes", async () => {
  await send("PUT", path);
  const Data = base64(tooMany["objects"]);
  expect((await kinesis("PutRecord", { StreamName: name, PartitionKey: "k", Data })).status).toBe(
    200,
  );
  expect(await (await send("GET", `${path}?offset=-1`)).json()).toEqual([{ $binary: Data }]);
});
