// Clients that are not ours, against the real server: the protocol's TypeScript client, and EventSource in a real browser
// with the chat of examples/live.
import { createServer, type Server as FileServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DurableStream, IdempotentProducer, stream } from "@durable-streams/client";
import { startBrowser } from "../support/browser.ts";
import { type Server, startServer } from "./server.ts";

const example = join(resolve(import.meta.dirname, "..", ".."), "examples/live/index.html");

let server: Server;
let files: FileServer;
let origin: string;

beforeAll(async () => {
  files = createServer((_, reply) => {
    reply.setHeader("content-type", "text/html").end(readFileSync(example));
  }).listen(0, "127.0.0.1");
  await once(files, "listening");
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  server = await startServer({ flags: ["--memory", "--allow-origin", origin] });
});

afterAll(async () => {
  files.close();
  await server[Symbol.asyncDispose]();
});

describe("the TypeScript client", () => {
  test.each(["sse", "long-poll"] as const)(
    "appends as a producer, and follows: %s",
    async (live) => {
      const url = `${server.endpoint}/v1/stream/client-${live}`;
      const handle = await DurableStream.create({ url, contentType: "application/json" });
      const reader = await stream<{ n: number }>({ url, offset: "-1", live });
      const seen: number[] = [];
      const reading = (async () => {
        for await (const { n } of reader.jsonStream()) seen.push(n);
      })();
      const producer = new IdempotentProducer(handle, "p", { autoClaim: true });
      for (let n = 0; n < 200; n++) producer.append(JSON.stringify({ n }));
      await producer.close();
      await reading;
      expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
    },
  );
});

describe("EventSource in Chromium", () => {
  test("two pages of the chat see what either says, and what was said before", async () => {
    await using browser = await startBrowser();
    const url = `${origin}/?server=${encodeURIComponent(server.endpoint)}&room=test`;
    const [one, two] = [await browser.newPage(), await browser.newPage()];
    await one.goto(url);
    await one.fill("#text", "hello <b>there</b>");
    await one.press("#text", "Enter");
    await one.locator("li", { hasText: "guest: hello <b>there</b>" }).waitFor();
    await two.goto(url);
    await two.locator("li", { hasText: "hello" }).waitFor();
    await two.fill("#name", "two");
    await two.fill("#text", "and hello back");
    await two.press("#text", "Enter");
    for (const page of [one, two]) {
      await page.locator("li", { hasText: "two: and hello back" }).waitFor();
      expect(await page.locator("li").count()).toBe(2);
    }
    expect(await one.locator("#state").textContent()).toBe("live");
  });
});
