// Asking leaves nothing in the data folder, and in the bucket of a cluster: neither those who are refused
// nor those who ask for what is not there make an object, however many accounts, regions and names they
// make up.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateStreamCommand, DescribeStreamCommand } from "@aws-sdk/client-kinesis";
import { afterAll, expect, test } from "vitest";
import { postUnsigned } from "../support/unsignedPost.ts";
import { startCluster } from "./cluster.ts";
import { connect } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-unwritten-"));
const file = join(folder, "auth.json");
const key = { accessKeyId: "reader", secretAccessKey: "reading" };
const allow = [{ actions: ["kinesis:Get*"], streams: ["orders-*"] }];
const other = { accessKeyId: "owner", secretAccessKey: "owning", account: "111122223333" };
writeFileSync(
  file,
  JSON.stringify({ principals: [{ ...key, account: "111122223333", allow }, other] }),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const StreamName = "orders-1";
const counts = Array.from({ length: 20 }, (_, i) => i);

test("with keys, whatever account or region is made up", async () => {
  await using server = await startServer({ flags: ["--auth", file] });
  const before = objectFiles(server);
  for (const i of counts) {
    const account = String(200_000_000_000 + i);
    const StreamARN = `arn:aws:kinesis:us-east-1:${account}:stream/${StreamName}`;
    for (const credentials of [key, other]) {
      const client = connect(server.endpoint, {
        credentials,
        region: `xx-made-${i}`,
        maxAttempts: 1,
      });
      for (const input of [{ StreamARN }, { StreamName }]) {
        await expect(client.send(new DescribeStreamCommand(input))).rejects.toThrow();
      }
      client.destroy();
    }
  }
  expect(objectFiles(server)).toEqual(before);
});

test("without keys, in every dialect, and who writes then writes", async () => {
  await using server = await startServer();
  const before = objectFiles(server);
  await askForNothing(server.endpoint);
  expect(objectFiles(server)).toEqual(before);
  await createOne(server);
  expect(objectFiles(server)).toHaveLength(before.length + 2);
});

test("in a cluster, whose bucket gets no record of any object", async () => {
  await using cluster = await startCluster();
  const server = await cluster.start();
  const keys = () =>
    [...cluster.s3.objects.keys()].filter((key) => /\/v1\/do\/|\/written\//.test(key));
  await askForNothing(server.endpoint);
  expect(keys()).toEqual([]);
  await createOne(server);
  expect(keys().filter((key) => key.endsWith("/own.json"))).toHaveLength(2);
  expect(keys().filter((key) => key.includes("/written/"))).toHaveLength(1);
});

async function createOne({ endpoint }: Server): Promise<void> {
  const client = connect(endpoint, {
    credentials: { accessKeyId: "300000000000", secretAccessKey: "any" },
  });
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await client.send(new DescribeStreamCommand({ StreamName }));
  client.destroy();
}

/** 200 requests for what is not there, of many accounts and regions. */
async function askForNothing(endpoint: string): Promise<void> {
  for (const i of counts) {
    const account = String(300_000_000_000 + i);
    const ask = async (path: string, init: RequestInit, status: number) => {
      const reply = await fetch(endpoint + path, init);
      await reply.arrayBuffer();
      expect([path, reply.status]).toEqual([path, status]);
    };
    const session = { "x-v3io-session-key": account };
    await ask("/bigdata/", { headers: session }, 200);
    await ask("/bigdata/a/b", { headers: session }, 404);
    await ask("/bigdata/a/b", { method: "DELETE", headers: session }, 404);
    const get = { ...session, "x-v3io-function": "GetItem" };
    const body = '{"AttributesToGet":"*"}';
    await ask("/bigdata/a/b", { method: "PUT", headers: get, body }, 404);
    const yandex = {
      "content-type": "application/json",
      "x-amz-target": "kinesisApi.DescribeStream",
      authorization: `Bearer ${account}`,
    };
    const named = JSON.stringify({ StreamName });
    await ask("/Root", { method: "POST", headers: yandex, body: named }, 400);
    await ask(`/v1/stream/${StreamName}-${i}`, {}, 404);
    await ask(`/v1/stream/${StreamName}-${i}`, { method: "HEAD" }, 404);
    await ask(`/_millrace/stats?stream=${StreamName}`, {}, 404);
    for (const operation of ["DescribeStream", "ListTagsForStream"]) {
      const reply = await postUnsigned(endpoint, operation, { StreamName }, `xx-made-${i}`);
      expect(await reply.json()).toMatchObject({ __type: "ResourceNotFoundException" });
    }
  }
}

/** Names of the databases of all objects. */
function objectFiles({ data }: Server): string[] {
  return readdirSync(join(data, "do"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\/[0-9a-f]{64}\.sqlite$/.test(name))
    .sort();
}
