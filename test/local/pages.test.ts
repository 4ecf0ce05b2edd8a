/** What the pages of docs/ give to be copied works: the environment of OPERATING, the consumer of CLIENTS. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { formatLine } from "../../command/record/line.ts";

const root = resolve(import.meta.dirname, "..", "..");
const scratch = mkdtempSync(join(root, "build", "pages-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The block of a page that begins with these characters. */
function blockOf(page: string, language: string, begin: string): string {
  const text = readFileSync(join(root, "docs", page), "utf8");
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))];
  const block = blocks.map(([, body = ""]) => body).find((body) => body.startsWith(begin));
  if (block === undefined) throw new Error(`${page} has no block that begins with ${begin}`);
  return block;
}

test("OPERATING: the staging environment has every binding of the deployment, and a bucket of its own", () => {
  const own = join(root, "wrangler.toml");
  const config = join(scratch, "wrangler.toml");
  writeFileSync(
    config,
    `${readFileSync(own, "utf8")}\n${blockOf("OPERATING.md", "toml", "[env.staging]")}`,
  );
  const production = readConfig({ config: own });
  const staging = readConfig({ config, env: "staging" });
  expect(staging.name).toBe("millrace-staging");
  expect(staging.durable_objects).toEqual(production.durable_objects);
  expect(staging.exports).toEqual(production.exports);
  expect(staging.cache).toEqual(production.cache);
  expect(staging.compatibility_date).toBe(production.compatibility_date);
  expect(production.r2_buckets).toMatchObject([{ binding: "SEGMENTS" }]);
  expect(staging.r2_buckets).toMatchObject([{ binding: "SEGMENTS" }]);
  expect(staging.r2_buckets).not.toEqual(production.r2_buckets);
});

test("CLIENTS: a handler for Lambda gets the records of a tail as Lambda gives them", () => {
  writeFileSync(join(scratch, "consumer.js"), blockOf("CLIENTS.md", "js", "// consumer.js"));
  const handler =
    "export const handler = async (event) => console.log(JSON.stringify(event.Records[0]));";
  writeFileSync(join(scratch, "handler.js"), handler);
  const common = {
    shardId: "shardId-000000000001",
    partitionKey: "k",
    arrivedMs: 1_500_000_000_123,
  };
  const input = [Buffer.from("hé"), Buffer.from([255])]
    .map((data, i) => `${formatLine({ ...common, sequenceNumber: String(i), data })}\n`)
    .join("");
  const output = execFileSync(process.execPath, ["consumer.js"], {
    cwd: scratch,
    input,
    encoding: "utf8",
  });
  const records = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(records).toMatchObject([
    {
      eventSource: "aws:kinesis",
      eventID: "shardId-000000000001:0",
      kinesis: { data: "aMOp", partitionKey: "k", approximateArrivalTimestamp: 1_500_000_000.123 },
    },
    { kinesis: { data: "/w==", sequenceNumber: "1" } },
  ]);
});
