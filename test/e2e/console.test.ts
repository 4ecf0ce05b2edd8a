// The console in a real Chromium, against the real server.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import axe from "axe-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
} from "@aws-sdk/client-kinesis";
import { postUnsigned } from "../support/unsignedPost.ts";
import { startBrowser } from "../support/browser.ts";
import { isWider, openWatched, type Watched } from "../support/consolePage.ts";
import { type Server, startServer } from "./server.ts";

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer({ flags: ["--memory"] })]);
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

/** Paths below the console, with what is there when the page is complete. */
const pages = [
  ["server", "Requests, a second"],
  ["", "seen"],
  ["streams/seen/records", "live"],
  ["streams/seen/shards", "All shards"],
  ["streams/seen/charts", "Records in, a second"],
  ["streams/seen/queues", "No queue yet."],
  ["streams/seen/consumers", "No consumer is registered."],
  ["streams/seen/settings", "Its name there:"],
] as const;

// Scripts for the page are texts: the types of a page's globals are not those of a Worker.

const runAxe = `axe.run().then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => id + " " + nodes[0].html))`;

const watchFrames = `
  window.frameTimes = [];
  let last = performance.now();
  const note = (now) => {
    window.frameTimes.push(now - last);
    last = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);`;

const readFrames = `(() => {
  const times = window.frameTimes.slice(1).sort((a, b) => a - b);
  return {
    p95: times[Math.floor(times.length * 0.95)],
    rows: document.querySelectorAll("[role=option]").length,
  };
})()`;

const strangeLanguage = `Object.defineProperty(Navigator.prototype, "language", {
  get: () => "en-US@posix",
});`;

function openPage(url: string, context?: BrowserContext): Promise<Watched> {
  return openWatched(browser, url, context);
}

function clientOf({ endpoint }: Server, accessKeyId = "local", secretAccessKey = "local") {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey },
  });
}

async function makeStream(name: string, ShardCount = 1): Promise<KinesisClient> {
  const client = clientOf(server);
  await client.send(new CreateStreamCommand({ StreamName: name, ShardCount }));
  return client;
}

function arnOf(stream: string): string {
  return `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`;
}

function put(client: KinesisClient, StreamName: string, PartitionKey: string, text: string) {
  const Data = new TextEncoder().encode(text);
  return client.send(new PutRecordCommand({ StreamName, PartitionKey, Data }));
}

/** Receives the record of a queue as often as it takes to become a dead letter. */
async function dieInQueue(QueueARN: string): Promise<void> {
  for (;;) {
    const input = { QueueARN, WaitTimeSeconds: 1, VisibilityTimeoutSeconds: 0 };
    const reply = await postUnsigned(server.endpoint, "ReceiveQueueRecords", input);
    if (!reply.ok) throw new Error(await reply.text());
    const { QueueRecords }: { QueueRecords: object[] } = await reply.json();
    if (QueueRecords.length === 0) return;
  }
}

/** The rows of the list of records. */
function recordsIn(page: Page): Locator {
  return page.getByRole("listbox", { name: "records" }).getByRole("option");
}

function recordsUrl(stream: string, query = ""): string {
  return `${server.endpoint}/_millrace/console/streams/${stream}/records${query}`;
}

describe("console", () => {
  it("a stream is created, and a record that is put appears by itself", async () => {
    const { page, faults } = await openPage(server.endpoint);
    await page.getByRole("button", { name: "Create stream" }).click();
    await page.getByLabel("Name").fill("rides");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: "rides" }).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await put(clientOf(server), "rides", "berlin", '{"distance": 12}');
    const record = recordsIn(page).filter({ hasText: "berlin" });
    await record.click();
    await page.getByRole("complementary", { name: "record" }).getByText("distance").waitFor();
    await page.getByRole("button", { name: "Put a record" }).click();
    await page.getByLabel("Partition key", { exact: true }).fill("paris");
    await page.getByLabel("Data", { exact: true }).fill("bonjour");
    await page.getByRole("button", { name: "Put", exact: true }).click();
    await page.getByText(/Stored in shardId-000000000000 as \d+/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await recordsIn(page).filter({ hasText: "bonjour" }).waitFor();
    expect(faults).toEqual([]);
  });

  it("a shard is split and merged, and the lineage shows it", async () => {
    const client = await makeStream("splits");
    await put(client, "splits", "before", "1");
    const { page, faults } = await openPage(
      `${server.endpoint}/_millrace/console/streams/splits/shards`,
    );
    await page.getByRole("button", { name: "shard 0, 100.0 % of the keys" }).click();
    await page.getByRole("button", { name: "Split here" }).click();
    const tree = page.getByRole("group", { name: "lineage of the shards" });
    await tree.getByRole("button", { name: "shard 0, closed" }).waitFor();
    await page.getByRole("button", { name: "shard 1, 50.0 % of the keys" }).click();
    await page.getByRole("button", { name: "Merge with 2" }).click();
    await tree.getByRole("button", { name: "shard 3, open" }).waitFor();
    await put(client, "splits", "after", "2");
    await page.getByRole("link", { name: "Records" }).click();
    await page.getByLabel("read from").selectOption("oldest");
    await recordsIn(page).nth(1).waitFor();
    expect(await page.locator(".records .key").allTextContents()).toEqual(["before", "after"]);
    expect(faults).toEqual([]);
  });

  it("a stream that is made anew under an open page is another one to it", async () => {
    const client = await makeStream("remade", 2);
    await put(client, "remade", "earlier", "one");
    const { page } = await openPage(recordsUrl("remade", "?from=oldest"));
    await recordsIn(page).filter({ hasText: "earlier" }).waitFor();
    await client.send(new DeleteStreamCommand({ StreamName: "remade" }));
    await makeStream("remade");
    await put(client, "remade", "later", "two");
    await recordsIn(page).filter({ hasText: "later" }).waitFor();
    expect(await recordsIn(page).count()).toBe(1);
    await page.close();
  });

  it("a page without TLS, where browsers have less cryptography, puts records without a key", async () => {
    const client = await makeStream("plain");
    await put(client, "plain", "first", "one");
    const context = await browser.newContext({ locale: "en-US" });
    await context.addInitScript("delete Crypto.prototype.randomUUID");
    const { page, faults } = await openPage(recordsUrl("plain", "?from=oldest"), context);
    await recordsIn(page).filter({ hasText: "first" }).waitFor();
    await page.getByRole("button", { name: "Put a record" }).click();
    await page.getByLabel("Data", { exact: true }).fill("keyless");
    await page.getByRole("button", { name: "Put", exact: true }).click();
    await recordsIn(page).filter({ hasText: "keyless" }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("a band of many shards does not make the page wider", async () => {
    await makeStream("banded", 300);
    const { page, faults } = await openPage(
      `${server.endpoint}/_millrace/console/streams/banded/shards`,
    );
    await page.getByRole("button", { name: /^shard 299,/ }).waitFor();
    expect(await page.evaluate<boolean>(isWider)).toBe(false);
    expect(faults).toEqual([]);
    await page.close();
  });

  it("a tail goes on after the server was killed and started again, with nothing lost or twice", async () => {
    await using first = await startServer({});
    const { data } = first;
    const port = Number(new URL(first.endpoint).port);
    const client = clientOf(first);
    await client.send(new CreateStreamCommand({ StreamName: "kept", ShardCount: 1 }));
    await put(client, "kept", "one", "1");
    const { page } = await openPage(
      `${first.endpoint}/_millrace/console/streams/kept/records?from=oldest`,
    );
    await recordsIn(page).filter({ hasText: "one" }).waitFor();
    await first.kill9();
    await page.getByText("the server does not answer; trying again").waitFor();
    await using second = await startServer({ data, port });
    await put(clientOf(second), "kept", "two", "2");
    await recordsIn(page).filter({ hasText: "two" }).waitFor();
    expect(await page.locator(".records .key").allTextContents()).toEqual(["one", "two"]);
  });

  it("a closed server refuses a wrong key in words, and serves a right one", async () => {
    await using closed = await startClosedServer();
    const { page, faults } = await openPage(closed.endpoint);
    await page.getByRole("heading", { name: "Access keys" }).waitFor();
    await page.getByLabel("Access key id").fill("owner");
    await page.getByLabel("Secret access key").fill("wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("The server refused these keys.").waitFor();
    await page.getByLabel("Access key id").fill("owner");
    await page.getByLabel("Secret access key").fill("a long random text");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Streams", exact: true }).waitFor();
    const client = clientOf(closed, "owner", "a long random text");
    await client.send(new CreateStreamCommand({ StreamName: "secret", ShardCount: 1 }));
    await page.getByRole("link", { name: "secret" }).click();
    await page.getByText("live", { exact: true }).waitFor();
    await put(client, "secret", "key", "hidden");
    await recordsIn(page).filter({ hasText: "hidden" }).waitFor();
    await page.getByRole("button", { name: "Put a record" }).waitFor();
    await page.getByRole("button", { name: "sign out" }).click();
    await page.getByRole("heading", { name: "Access keys" }).waitFor();
    await page.getByLabel("Access key id").fill("guest");
    await page.getByLabel("Secret access key").fill("another random text");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Put a record" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Shards" }).click();
    await page.getByRole("button", { name: "shard 0, 100.0 % of the keys" }).click();
    await page.getByRole("region", { name: "shardId-000000000000" }).waitFor();
    expect(await page.getByRole("button", { name: "Split here" }).count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it("axe finds nothing serious on any page, and none is wider than the screen, light or dark, wide or narrow", async () => {
    const client = await makeStream("seen", 2);
    await put(client, "seen", "key", '{"a": 1}');
    const context = await browser.newContext({ locale: "en-US" });
    const found: string[] = [];
    for (const [colorScheme, width] of [
      ["light", 1280],
      ["dark", 390],
    ] as const) {
      const look = async ([path, text]: (typeof pages)[number]) => {
        const { page } = await openPage(`${server.endpoint}/_millrace/console/${path}`, context);
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.getByText(text, { exact: true }).first().waitFor();
        await page.evaluate(axe.source);
        const serious = await page.evaluate<string[]>(runAxe);
        if (await page.evaluate<boolean>(isWider)) found.push(`${path}: wider than the screen`);
        found.push(...serious.map((fault) => `${path} ${colorScheme}: ${fault}`));
        await page.close();
      };
      await Promise.all(pages.map(look));
    }
    expect(found).toEqual([]);
  });

  it("5,000 records a second are shown, none is lost, and the page stays small", async () => {
    // Twice as many records as the page keeps.
    const seconds = 8;
    const client = await makeStream("flood", 2);
    const { page, faults } = await openPage(recordsUrl("flood", "?from=oldest"));
    await page.getByText("live", { exact: true }).waitFor();
    await page.evaluate(watchFrames);
    const Records = Array.from({ length: 250 }, (_, i) => ({
      PartitionKey: `key-${i}`,
      Data: new TextEncoder().encode(JSON.stringify({ number: i, text: "x".repeat(150) })),
    }));
    const beganMs = performance.now();
    for (let batch = 0; batch < seconds * 20; batch++) {
      await client.send(new PutRecordsCommand({ StreamName: "flood", Records }));
      // In step with the clock: 20 batches a second.
      const dueMs = beganMs + (batch + 1) * 50;
      await delay(Math.max(0, dueMs - performance.now()));
    }
    await page.getByText(`${(seconds * 5000).toLocaleString("en")} records`).waitFor();
    const { p95, rows } = await page.evaluate<{ p95: number; rows: number }>(readFrames);
    console.log(`5,000 records/s for ${seconds} s: p95 of the frame time ${p95.toFixed(1)} ms`);
    expect(rows).toBeLessThan(100);
    expect(faults).toEqual([]);
  });

  it("data is decoded as what it is", async () => {
    const client = await makeStream("kinds");
    const { gzipSync } = await import("node:zlib");
    const Records = [
      { PartitionKey: "json", Data: new TextEncoder().encode('{"a": [1, {"b": null}]}') },
      { PartitionKey: "gzip", Data: gzipSync('{"zipped": true}') },
      { PartitionKey: "deep", Data: Buffer.from("[".repeat(5000) + "]".repeat(5000)) },
      { PartitionKey: "cbor", Data: new Uint8Array([0xa1, 0x61, 0x78, 0x01]) },
      { PartitionKey: "bytes", Data: new Uint8Array([0, 255, 1]) },
    ];
    await client.send(new PutRecordsCommand({ StreamName: "kinds", Records }));
    const { page, faults } = await openPage(recordsUrl("kinds", "?from=oldest"));
    const labels = new Map<string, string[]>();
    for (const { PartitionKey } of Records) {
      await recordsIn(page).filter({ hasText: PartitionKey }).first().click();
      const detail = page.getByRole("complementary", { name: "record" });
      await detail.getByRole("heading", { name: PartitionKey }).waitFor();
      await detail.getByRole("button", { name: "hex", exact: true }).waitFor();
      labels.set(
        PartitionKey,
        await detail
          .getByRole("group", { name: "shown as" })
          .locator("[aria-pressed]")
          .allTextContents(),
      );
    }
    expect(Object.fromEntries(labels)).toEqual({
      json: ["JSON", "text", "hex"],
      gzip: ["gzip: JSON", "gzip: text", "gzip: hex", "hex"],
      deep: ["JSON", "text", "hex"],
      cbor: ["CBOR", "hex"],
      bytes: ["hex"],
    });
    expect(faults).toEqual([]);
  });

  it("records are filtered by key and by content, and the pattern can be put together", async () => {
    const client = await makeStream("sifted");
    const { page, faults } = await openPage(recordsUrl("sifted", "?from=oldest"));
    for (const [key, status, amount] of [
      ["eu-1", "failed", 150],
      ["eu-2", "paid", 500],
      ["us-1", "failed", 50],
    ] as const) {
      await put(client, "sifted", key, JSON.stringify({ status, amount }));
    }
    await recordsIn(page).nth(2).waitFor();
    const keys = page.locator(".records .key");
    await page.getByLabel("partition key", { exact: true }).fill("eu-*");
    await page.getByRole("button", { name: "Filter" }).click();
    await recordsIn(page).filter({ hasText: "us-1" }).waitFor({ state: "detached" });
    await recordsIn(page).nth(1).waitFor();
    expect(await keys.allTextContents()).toEqual(["eu-1", "eu-2"]);
    await page.getByLabel("partition key", { exact: true }).fill("");
    await page.getByRole("button", { name: "build" }).click();
    await page.getByLabel("Member").fill("amount");
    await page.getByLabel("Condition").selectOption(">");
    await page.getByLabel("Value").fill("100");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("Member").fill("status");
    await page.getByLabel("Condition").selectOption("is");
    await page.getByLabel("Value").fill("failed");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("button", { name: "Filter" }).click();
    await recordsIn(page).filter({ hasText: "eu-2" }).waitFor({ state: "detached" });
    await recordsIn(page).first().waitFor();
    expect(await keys.allTextContents()).toEqual(["eu-1"]);
    await put(client, "sifted", "us-2", '{"status": "failed", "amount": 101}');
    await recordsIn(page).nth(1).waitFor();
    expect(await keys.allTextContents()).toEqual(["eu-1", "us-2"]);
    await page.getByLabel("pattern for the data").fill('{"status": "failed"}');
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("alert").getByText("InvalidArgumentException").waitFor();
    expect(faults).toEqual([]);
  });

  it("a time is picked on the histogram of arrivals", async () => {
    const client = await makeStream("timed");
    await put(client, "timed", "old", "1");
    const { page, faults } = await openPage(
      `${server.endpoint}/_millrace/console/streams/timed/charts`,
    );
    await page.getByRole("button", { name: /: 1 record$/ }).click();
    await recordsIn(page).filter({ hasText: "old" }).waitFor();
    expect(await page.getByLabel("read from").inputValue()).toBe("time");
    expect(faults).toEqual([]);
  });

  it("who reads is charted with what is left for it, and so are queues", async () => {
    const client = await makeStream("lagging");
    for (const text of ["1", "2", "3"]) await put(client, "lagging", "key", text);
    await client.send(
      new RegisterStreamConsumerCommand({ StreamARN: arnOf("lagging"), ConsumerName: "bills" }),
    );
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName: "lagging",
        ShardId: "shardId-000000000000",
        ShardIteratorType: "TRIM_HORIZON",
      }),
    );
    await client.send(new GetRecordsCommand({ ShardIterator, Limit: 1 }));
    await postUnsigned(server.endpoint, "CreateQueue", {
      QueueName: "left",
      StreamConfigurationList: [
        { StreamARN: arnOf("lagging"), StartingPosition: { Type: "TRIM_HORIZON" } },
      ],
    });
    const charts = `${server.endpoint}/_millrace/console/streams/lagging/charts`;
    const { page, faults } = await openPage(charts);
    for (const label of [
      "Readers behind, records, of lagging: 2 now",
      "Records left in queues, of lagging: 3 now",
    ]) {
      await page.getByRole("img", { name: label }).waitFor();
    }
    await page.getByRole("link", { name: "Consumers" }).click();
    await page.getByRole("cell", { name: "not subscribed" }).waitFor();
    expect(faults).toEqual([]);
  });

  it("a language that Intl refuses is no reason for an empty page", async () => {
    const context = await browser.newContext();
    await context.addInitScript({ content: strangeLanguage });
    const { page, faults } = await openPage(server.endpoint, context);
    await page.getByRole("heading", { name: "Streams", exact: true }).waitFor();
    expect(faults).toEqual([]);
  });

  it("of a long list only the rows in sight ask, a call each", async () => {
    const streams = Array.from({ length: 40 }, (_, i) => `many-${String(i).padStart(2, "0")}`);
    await Promise.all(streams.map((stream) => makeStream(stream)));
    const { page } = await openPage("about:blank");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(server.endpoint);
    await page.getByRole("searchbox").fill("many-");
    await page.getByRole("row").filter({ hasText: "many-00" }).getByText("24 h").waitFor();
    const last = page.getByRole("row").filter({ hasText: "many-39" });
    const aboutLast = () => asked.filter((url) => url.includes("many-39"));
    expect(aboutLast()).toEqual([]);
    await last.scrollIntoViewIfNeeded();
    await last.getByText("24 h").waitFor();
    expect(aboutLast().some((url) => url.includes("/_millrace/stats"))).toBe(true);
  });

  it("a queue is created, its dead letters are received, restored and acknowledged", async () => {
    const client = await makeStream("queued");
    await put(client, "queued", "key", "letter");
    const { page, faults } = await openPage(
      `${server.endpoint}/_millrace/console/streams/queued/queues`,
    );
    await page.getByLabel("New queue").fill("mails");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const row = page.getByRole("row").filter({ hasText: "mails" });
    await row.getByText("active").waitFor();
    const arn = (await row.locator(".mono").textContent()) ?? "";
    await row.getByRole("cell", { name: "1", exact: true }).waitFor();
    await dieInQueue(arn);
    await row.getByRole("button", { name: "dead letters" }).click();
    const letters = page.getByRole("region", { name: "dead letters of mails" });
    await letters.getByRole("button", { name: "Receive" }).click();
    await letters.getByText("letter", { exact: true }).waitFor();
    await letters.getByRole("button", { name: "restore" }).click();
    await letters.getByText("letter", { exact: true }).waitFor({ state: "detached" });
    await dieInQueue(arn);
    await letters.getByRole("button", { name: "Receive" }).click();
    await letters.getByRole("button", { name: "acknowledge" }).click();
    await letters.getByText("letter", { exact: true }).waitFor({ state: "detached" });
    await letters.getByRole("button", { name: "Receive" }).click();
    await letters.getByText("No dead letter is there now.").waitFor();
    expect(faults).toEqual([]);
  });

  it("a stream is deleted only when its name was typed", async () => {
    await makeStream("doomed");
    const { page } = await openPage(server.endpoint);
    await page.getByRole("button", { name: "delete doomed" }).click();
    const remove = page.getByRole("button", { name: "Delete", exact: true });
    expect(await remove.isDisabled()).toBe(true);
    await page.getByLabel("Type doomed to confirm").fill("doomed");
    await remove.click();
    await page.getByRole("link", { name: "doomed" }).waitFor({ state: "detached" });
    await page.goto(recordsUrl("doomed"));
    await page.getByText("Stream doomed under account 000000000000 not found.").waitFor();
  });
});

async function startClosedServer(): Promise<Server> {
  const file = join(mkdtempSync(join(tmpdir(), "millrace-test-")), "auth.json");
  const account = "111122223333";
  const owner = { accessKeyId: "owner", secretAccessKey: "a long random text", account };
  const guest = {
    accessKeyId: "guest",
    secretAccessKey: "another random text",
    account,
    allow: [{ actions: ["kinesis:Get*", "kinesis:List*", "kinesis:Describe*"], streams: ["*"] }],
  };
  writeFileSync(file, JSON.stringify({ principals: [owner, guest] }));
  return await startServer({ flags: ["--memory", "--auth", file] });
}
