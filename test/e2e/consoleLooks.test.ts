// The console where something is unusual: names and records of the greatest length, a keyboard alone, addresses that are
// opened again, and answers that come late.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { isWider, openWatched } from "../support/consolePage.ts";
import { postUnsigned } from "../support/unsignedPost.ts";
import { type Server, startServer } from "./server.ts";

let browser: Browser;
let server: Server;
let context: BrowserContext;

beforeAll(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer({ flags: ["--memory"] })]);
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 720 } });
});

afterEach(() => context.close());

const focused = `document.activeElement.getAttribute("aria-label")`;

async function open(path: string): Promise<Page> {
  const { page } = await openWatched(
    browser,
    `${server.endpoint}/_millrace/console/${path}`,
    context,
  );
  return page;
}

async function ask(operation: string, input: object): Promise<void> {
  const reply = await postUnsigned(server.endpoint, operation, input);
  if (!reply.ok) throw new Error(await reply.text());
}

async function makeStream(StreamName: string, records: Record<string, string> = {}): Promise<void> {
  await ask("CreateStream", { StreamName, ShardCount: 1 });
  for (const [PartitionKey, text] of Object.entries(records)) {
    await ask("PutRecord", {
      StreamName,
      PartitionKey,
      Data: Buffer.from(text).toString("base64"),
    });
  }
}

/** Records without data, with keys that count. */
function putMany(StreamName: string, key: string, count = 300): Promise<void> {
  const Records = Array.from({ length: count }, (_, i) => ({
    PartitionKey: `${key} ${i}`,
    Data: "",
  }));
  return ask("PutRecords", { StreamName, Records });
}

function recordsIn(page: Page): Locator {
  return page.getByRole("listbox", { name: "records" }).getByRole("option");
}

function detailIn(page: Page): Locator {
  return page.getByRole("complementary", { name: "record" });
}

/** The row is, or comes, within the list's box. */
async function expectInSight(list: Locator, row: Locator): Promise<void> {
  await row.waitFor();
  const isInSight = async () => {
    const [box, part] = [await list.boundingBox(), await row.boundingBox()];
    if (box === null || part === null) return false;
    return part.y >= box.y && part.y + part.height <= box.y + box.height;
  };
  await expect.poll(isInSight).toBe(true);
}

/** The page at a path, when it has a text, at two widths. */
async function expectNarrow([path, text]: readonly [string, string]): Promise<void> {
  const page = await open(path);
  await page.getByText(text).first().waitFor();
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate<boolean>(isWider), `${path} at ${width}`).toBe(false);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
  const cut = await page.evaluate<number>(
    `[...document.querySelectorAll("table")].filter((one) => one.offsetWidth > one.parentElement.clientWidth).length`,
  );
  expect(cut, path).toBe(0);
}

it("names of the greatest length make no page wider, and push no column out of sight", async () => {
  const name = "n".repeat(128);
  await makeStream(name);
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${name}`;
  await ask("TagResource", {
    ResourceARN: StreamARN,
    Tags: { ["k".repeat(128)]: "v".repeat(256) },
  });
  await ask("CreateQueue", { QueueName: name, StreamConfigurationList: [{ StreamARN }] });
  await ask("RegisterStreamConsumer", { StreamARN, ConsumerName: name });
  const stream = `streams/${name}`;
  await Promise.all(
    (
      [
        ["", "24 h"],
        [`${stream}/records`, "Pause"],
        [`${stream}/settings`, "vvv"],
        [`${stream}/queues`, "queue/"],
        [`${stream}/consumers`, "consumer/"],
      ] as const
    ).map(expectNarrow),
  );
});

it("of a very long text the beginning is shown, and it is put again as it is", async () => {
  await makeStream("long", { key: "0123456789".repeat(60_000) });
  const page = await open("streams/long/records?from=oldest");
  await recordsIn(page).first().click();
  const text = (await detailIn(page).locator("pre").textContent()) ?? "";
  expect(text.slice(-60)).toContain("… 400,000 characters more; copy has all");
  await detailIn(page).getByRole("button", { name: "put again" }).click();
  await page.getByLabel(/^Data: the bytes of the record/).waitFor();
  await page.getByRole("button", { name: "Put", exact: true }).click();
  await page.getByText("Stored in shardId-000000000000").waitFor();
  const sizes = page.locator(".records .size");
  await expect.poll(() => sizes.allTextContents()).toEqual(["600 kB", "600 kB"]);
});

it("a keyboard moves through the records, and stays where a record or a shard was closed", async () => {
  await makeStream("keys", { one: "1", two: "2", three: "3" });
  const page = await open("streams/keys/records?from=oldest");
  await recordsIn(page).nth(2).waitFor();
  const heading = detailIn(page).getByRole("heading");
  await page.getByRole("listbox", { name: "records" }).focus();
  for (const [key, chosen] of [
    ["ArrowUp", "three"],
    ["Home", "one"],
    ["ArrowDown", "two"],
    ["End", "three"],
  ] as const) {
    await page.keyboard.press(key);
    await heading.filter({ hasText: chosen }).waitFor();
  }
  await page.keyboard.press("Escape");
  await heading.waitFor({ state: "detached" });
  await page.keyboard.press("ArrowDown");
  await detailIn(page).getByRole("button", { name: "close" }).press("Enter");
  await heading.waitFor({ state: "detached" });
  expect(await page.evaluate(focused)).toBe("records");
  await page.getByRole("link", { name: "Shards" }).click();
  const shard = page.getByRole("button", { name: "shard 0, 100.0 % of the keys" });
  await shard.press("Enter");
  const card = page.getByRole("region", { name: "shardId-000000000000" });
  await card.getByRole("button", { name: "close" }).press("Enter");
  await card.waitFor({ state: "detached" });
  expect(await page.evaluate(focused)).toBe("shard 0, 100.0 % of the keys");
});

it("the newest record stays in sight while the end was, and what was scrolled to stays otherwise", async () => {
  await makeStream("followed");
  await putMany("followed", "early");
  const page = await open("streams/followed/records?from=oldest");
  const list = page.getByRole("listbox", { name: "records" });
  const rows = recordsIn(page);
  await expectInSight(list, rows.filter({ hasText: "early 299" }));
  await putMany("followed", "late");
  await expectInSight(list, rows.filter({ hasText: "late 299" }));
  await list.press("Home");
  await page.keyboard.press("Escape");
  const first = rows.filter({ has: page.getByTitle("early 0", { exact: true }) });
  await expectInSight(list, first);
  await putMany("followed", "later");
  await page.getByText("900 records").waitFor();
  await expectInSight(list, first);
});

it("on a phone a record that was chosen is in sight, and stays there when others arrive", async () => {
  await makeStream("phone");
  await putMany("phone", "early", 100);
  const page = await open("streams/phone/records?from=oldest");
  await page.setViewportSize({ width: 390, height: 800 });
  const chosen = recordsIn(page).filter({ hasText: "early 99" });
  await chosen.click();
  await detailIn(page).getByRole("heading").waitFor();
  const { y } = (await detailIn(page).boundingBox()) ?? { y: Infinity };
  expect(y).toBeLessThan(700);
  await putMany("phone", "late");
  await page.getByText("400 records").waitFor();
  await expectInSight(page.getByRole("listbox", { name: "records" }), chosen);
});

it("a reload, the way back and a link show the same records", async () => {
  await makeStream("again", { "eu-1": '{"a":1}', "eu-2": '{"a":2}', "us-1": '{"a":1}' });
  const page = await open("streams/again/records");
  const keys = page.locator(".records .key");
  const expectKeys = (...wanted: string[]) =>
    expect.poll(() => keys.allTextContents()).toEqual(wanted);
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByLabel("read from").selectOption("oldest");
  await expectKeys("eu-1", "eu-2", "us-1");
  await page.getByLabel("partition key", { exact: true }).fill("eu-*");
  await page.getByRole("button", { name: "Filter" }).click();
  await expectKeys("eu-1", "eu-2");
  await page.getByLabel("pattern for the data").fill('{"a": [1]}');
  await page.getByRole("button", { name: "Filter" }).click();
  await expectKeys("eu-1");
  await page.reload();
  await expectKeys("eu-1");
  expect(await page.getByLabel("partition key", { exact: true }).inputValue()).toBe("eu-*");
  await page.goBack();
  await expectKeys("eu-1", "eu-2");
  expect(await page.getByLabel("pattern for the data").inputValue()).toBe("");
  await page.goBack();
  await expectKeys("eu-1", "eu-2", "us-1");
  await page.getByRole("link", { name: "Records" }).click();
  await expectKeys();
});

it("a pattern of an address that is no JSON is refused in words", async () => {
  await makeStream("broken");
  const page = await open("streams/broken/records?where=%7B");
  await page.getByRole("alert").getByText("JSON").waitFor();
  await page.getByRole("button", { name: "clear" }).click();
  await page.getByText("live", { exact: true }).waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
});

it("a shard of an address that the stream does not have is named, and nothing is called live", async () => {
  await makeStream("sharded");
  const page = await open("streams/sharded/records?shard=shardId-000000000009");
  await page.getByRole("alert").getByText("The stream has no shardId-000000000009.").waitFor();
  await page.getByRole("status").getByText("stopped", { exact: true }).waitFor();
});

it("of a stream that was deleted nothing says that it is active", async () => {
  await makeStream("leaving");
  const page = await open("streams/leaving/records");
  await page.getByText("live", { exact: true }).waitFor();
  await ask("DeleteStream", { StreamName: "leaving" });
  await page.getByText("Stream leaving under account 000000000000 not found.").waitFor();
  await page.getByRole("status").getByText("stopped", { exact: true }).waitFor();
  expect(await page.getByText("active", { exact: true }).count()).toBe(0);
});

it("a name that no stream has is told as such", async () => {
  await makeStream("sought");
  const page = await open("");
  await page.getByRole("searchbox").fill("souk");
  await page.getByText("No stream has “souk” in its name.").waitFor();
});

it("a queue is deleted when that was confirmed", async () => {
  await makeStream("queues");
  const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/queues";
  await ask("CreateQueue", { QueueName: "mails", StreamConfigurationList: [{ StreamARN }] });
  const page = await open("streams/queues/queues");
  const remove = page.getByRole("button", { name: "delete queue mails" });
  await remove.click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await remove.click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("No queue yet.").waitFor();
});

it("a key that may not list shards is told so", async () => {
  const allow = [{ actions: ["kinesis:DescribeStreamSummary"], streams: ["*"] }];
  const guest = { accessKeyId: "guest", secretAccessKey: "s", account: "000000000000", allow };
  const file = join(mkdtempSync(join(tmpdir(), "millrace-test-")), "auth.json");
  writeFileSync(file, JSON.stringify({ principals: [guest] }));
  await using closed = await startServer({
    flags: ["--memory", "--auth", file, "--streams", "hidden"],
  });
  const keys = JSON.stringify({ ...guest, region: "us-east-1" });
  await context.addInitScript(`sessionStorage.setItem("millrace.credentials", '${keys}')`);
  const { page } = await openWatched(
    browser,
    `${closed.endpoint}/_millrace/console/streams/hidden/shards`,
    context,
  );
  await page.getByRole("alert").getByText("kinesis:ListShards").first().waitFor();
});

it("an answer that comes after that to a later question is not shown", async () => {
  await makeStream("first");
  const page = await open("");
  await page.getByRole("link", { name: "first" }).waitFor();
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let isHeld = false;
  await page.route("**/", async (route) => {
    const target = route.request().headers()["x-amz-target"] ?? "";
    if (!target.endsWith("ListStreams") || isHeld) return route.continue();
    isHeld = true;
    const response = await route.fetch();
    asked.resolve();
    await held.promise;
    return route.fulfill({ response });
  });
  await asked.promise;
  await makeStream("second");
  await page.getByRole("button", { name: "Create stream" }).click();
  // The list is asked for again when a dialog is closed.
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("link", { name: "second" }).waitFor();
  const late = page.waitForEvent("requestfinished", (request) =>
    (request.headers()["x-amz-target"] ?? "").endsWith("ListStreams"),
  );
  held.resolve();
  await late;
  await page.evaluate(
    "new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))",
  );
  expect(await page.getByRole("link", { name: "second" }).count()).toBe(1);
});
