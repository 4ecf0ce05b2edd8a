// What was acknowledged is in the page that says it is up to date, also in one that ends where this isolate, whose
// view of the shard may be a second old, believes the end to be.

import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { generationBytes, pageRecordsMax } from "../../../worker/limits.ts";

const text = { "content-type": "text/plain" };
const json = { "content-type": "application/json" };

const send = (path: string, method = "GET", headers = {}, body?: string | Uint8Array) =>
  exports.default.fetch(`http://localhost${path}`, { method, headers, body: body ?? null });

async function create(headers: HeadersInit, body?: string | Uint8Array): Promise<string> {
  const path = `/v1/stream/${crypto.randomUUID()}`;
  expect((await send(path, "PUT", headers, body)).status).toBe(201);
  return path;
}

async function append(path: string, headers: HeadersInit, body: string): Promise<void> {
  expect((await send(path, "POST", headers, body)).status).toBe(204);
}

/** The last page, which says that there is no more. */
async function lastPage(path: string, query = ""): Promise<string> {
  for (let offset = "-1"; ;) {
    const response = await send(`${path}?offset=${offset}${query}`);
    const page = await response.text();
    if (response.headers.get("stream-up-to-date") !== null) return page;
    offset = response.headers.get("stream-next-offset") ?? "";
  }
}

test("a page of a key behind a generation that was just closed", async () => {
  const path = await create(text, new Uint8Array(generationBytes));
  expect(await lastPage(path, "&key=berlin")).toBe("");
  await append(path, { ...text, "stream-key": "berlin" }, "hello");
  expect(await lastPage(path, "&key=berlin")).toBe("hello");
});

test("a page of a fork that ends where the fork begins", async () => {
  const source = await create(json, JSON.stringify(Array(pageRecordsMax).fill(0)));
  const fork = await create({ ...json, "stream-forked-from": source });
  expect(JSON.parse(await lastPage(fork))).toHaveLength(pageRecordsMax);
  await append(fork, json, "1");
  expect(await lastPage(fork)).toBe("[1]");
});
