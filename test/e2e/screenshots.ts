/**
 * Takes the pictures of the console that the documents show, from a server with made-up traffic:
 * `npx node test/e2e/screenshots.ts [FOLDER]`. The folder is docs/console unless named.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { startBrowser } from "../support/browser.ts";
import { startServer } from "./server.ts";

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, "..", "..", "docs", "console"));
const cities = ["berlin", "paris", "lima", "osaka", "accra", "turin"];
const states = ["started", "paid", "failed", "finished"];

mkdirSync(folder, { recursive: true });
await using server = await startServer({ flags: ["--memory"], runMs: 300_000 });
const client = new KinesisClient({
  endpoint: server.endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});
for (const [StreamName, ShardCount] of [
  ["orders", 2],
  ["payments", 1],
  ["rides", 2],
] as const) {
  await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
}
for (const [ShardToSplit, NewStartingHashKey] of [
  ["shardId-000000000000", "60000000000000000000000000000000000000"],
  ["shardId-000000000003", "120000000000000000000000000000000000000"],
]) {
  await client.send(
    new SplitShardCommand({ StreamName: "rides", ShardToSplit, NewStartingHashKey }),
  );
}

const over = new AbortController();
const traffic = Promise.all([
  keepPutting("rides", 40, 100),
  keepPutting("orders", 8, 250),
  keepPutting("payments", 3, 700),
]);

await using browser = await startBrowser();
const pages = [
  ["streams", "", 14_000],
  ["records", "streams/rides/records?from=oldest", 3000],
  ["shards", "streams/rides/shards", 3000],
  ["charts", "streams/rides/charts", 14_000],
] as const;
for (const [name, path, waitMs] of pages) await shoot(name, path, waitMs, "light", 1280);
await shoot("records-dark", "streams/rides/records?from=oldest", 3000, "dark", 1280);
await shoot("records-phone", "streams/rides/records?from=oldest", 3000, "light", 390);
over.abort();
await traffic;

async function shoot(
  name: string,
  path: string,
  waitMs: number,
  colorScheme: "light" | "dark",
  width: number,
): Promise<void> {
  const page = await browser.newPage({
    locale: "en-US",
    viewport: { width, height: width < 500 ? 800 : 720 },
    colorScheme,
  });
  await page.goto(`${server.endpoint}/_millrace/console/${path}`);
  await delay(waitMs);
  if (path.includes("/records")) await page.locator(".records [role=option]").nth(5).click();
  if (path.includes("/shards")) await page.locator(".band button").first().click();
  await delay(300);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(`${name}.png`);
  await page.close();
}

async function keepPutting(StreamName: string, count: number, pauseMs: number): Promise<void> {
  for (let turn = 0; !over.signal.aborted; turn++) {
    // More and less in turn, so that the charts have a shape.
    const records = Math.ceil(count * (0.6 + 0.4 * Math.sin(turn / 9)));
    const Records = Array.from({ length: records }, (_, i) => ({
      PartitionKey: cities[(turn * 7 + i * 3) % cities.length] ?? "",
      Data: new TextEncoder().encode(JSON.stringify(rideOf(turn * 100 + i))),
    }));
    await client.send(new PutRecordsCommand({ StreamName, Records }));
    await delay(pauseMs);
  }
}

function rideOf(number: number): object {
  return {
    id: `r-${1000 + number}`,
    status: states[number % states.length],
    amount: ((number * 37) % 9000) / 100,
    driver: { name: `driver ${number % 40}`, rating: 4 + (number % 10) / 10 },
  };
}
