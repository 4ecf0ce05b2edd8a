// Emptying a server between tests: what is gone, what is there again, and who may not ask for it.

import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  GetRecordsCommand,
  ListStreamsCommand,
  ListTagsForStreamCommand,
  PutRecordCommand,
  RegisterStreamConsumerCommand,
} from "@aws-sdk/client-kinesis";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sendRaw } from "./raw.ts";
import { connect, iteratorFor, readShard } from "./sdk.ts";
import { type Server, startServer } from "./server.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-reset-"));
const StreamName = "orders";
let server: Server;

beforeAll(async () => {
  const flags = ["--memory", "--streams", "orders:2", "--transition-ms", "400"];
  server = await startServer({ flags });
});

afterAll(async () => {
  await server.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function reset(query = "", endpoint = server.endpoint): Promise<Response> {
  return await fetch(`${endpoint}/_millrace/reset${query}`, { method: "POST" });
}

function connectAs(accessKeyId: string, region = "us-east-1") {
  return connect(server.endpoint, { region, credentials: { accessKeyId, secretAccessKey: "x" } });
}

const put = () =>
  new PutRecordCommand({ StreamName, PartitionKey: "a", Data: new TextEncoder().encode("one") });

describe("reset", () => {
  test("leaves the wanted streams as they were at the start, and nothing else", async () => {
    const kinesis = connect(server.endpoint);
    const { ShardId, SequenceNumber } = await kinesis.send(put());
    await kinesis.send(new AddTagsToStreamCommand({ StreamName, Tags: { a: "b" } }));
    const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
    await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "c" }));
    await kinesis.send(new CreateStreamCommand({ StreamName: "more", ShardCount: 3 }));
    const ShardIteratorType = "TRIM_HORIZON" as const;
    const old = await iteratorFor(kinesis, {
      StreamName,
      ShardId: ShardId ?? "",
      ShardIteratorType,
    });
    const atEnd = await iteratorFor(kinesis, {
      StreamName,
      ShardId: ShardId ?? "",
      ShardIteratorType: "AFTER_SEQUENCE_NUMBER",
      StartingSequenceNumber: SequenceNumber,
    });
    const { Records } = await kinesis.send(new GetRecordsCommand({ ShardIterator: atEnd }));
    expect(Records).toEqual([]);

    expect(await (await reset()).json()).toEqual({ reset: "all" });

    expect((await kinesis.send(new ListStreamsCommand({}))).StreamNames).toEqual([StreamName]);
    for (const index of [0, 1]) {
      expect(await readShard(kinesis, StreamName, index)).toEqual([]);
    }
    const { Tags } = await kinesis.send(new ListTagsForStreamCommand({ StreamName }));
    expect(Tags).toEqual([]);
    for (const ShardIterator of [old, atEnd]) {
      await expect(kinesis.send(new GetRecordsCommand({ ShardIterator }))).rejects.toThrow(
        /iterator/i,
      );
    }
    await kinesis.send(put());
  });

  test("removes all accounts and regions, and the objects of v3io containers", async () => {
    const others = [connectAs("111122223333"), connectAs("111122223333", "eu-west-1")];
    for (const other of others) {
      await other.send(new CreateStreamCommand({ StreamName: "theirs", ShardCount: 1 }));
    }
    await fetch(`${server.endpoint}/users/note`, { method: "PUT", body: "text" });
    await reset();
    for (const other of others) {
      expect((await other.send(new ListStreamsCommand({}))).StreamNames).toEqual([]);
    }
    expect((await fetch(`${server.endpoint}/users/note`)).status).toBe(404);
  });

  test("of one account leaves the others alone, and may be repeated without end", async () => {
    const [mine, other] = [connectAs("111122223333"), connectAs("444455556666")];
    const StreamName = "theirs";
    for (const each of [mine, other]) {
      await each.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    }
    for (let round = 0; round < 8; round++) {
      expect((await reset("?account=111122223333")).status).toBe(200);
      expect((await mine.send(new ListStreamsCommand({}))).StreamNames).toEqual([]);
      await mine.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    }
    expect((await other.send(new ListStreamsCommand({}))).StreamNames).toEqual([StreamName]);
  });

  test("leaves no file of a shard behind", async () => {
    await reset();
    const files = readdirSync(join(server.data, "do", "millrace-Shard"));
    expect(files.filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))).toHaveLength(2);
  });
});

describe("is refused", () => {
  test.each([
    ["another method", "GET /_millrace/reset HTTP/1.1", [], 405],
    ["a web page", "POST /_millrace/reset HTTP/1.1", ["Origin: http://page.example"], 403],
    [
      "a page without an origin",
      "POST /_millrace/reset HTTP/1.1",
      ["Sec-Fetch-Site: cross-site"],
      403,
    ],
    ["an account that is none", "POST /_millrace/reset?account=1 HTTP/1.1", [], 400],
    ["a stream", "POST /_millrace/reset?stream=orders HTTP/1.1", [], 400],
  ])("%s", async (_why, line, headers, status) => {
    const kinesis = connect(server.endpoint);
    await kinesis.send(new CreateStreamCommand({ StreamName: "kept", ShardCount: 1 }));
    const head = [line, "Host: localhost", "Content-Length: 0", ...headers];
    expect((await sendRaw(server.endpoint, head)).status).toBe(status);
    expect((await kinesis.send(new ListStreamsCommand({}))).StreamNames).toContain("kept");
    await reset();
  });

  test("another name for this machine", async () => {
    const head = ["POST /_millrace/reset HTTP/1.1", "Host: page.example", "Content-Length: 0"];
    expect((await sendRaw(server.endpoint, head)).status).toBe(403);
  });

  test("a server with keys, which everybody may ask whether it is up", async () => {
    const auth = join(scratch, "keys.json");
    const v3io = { accessKey: "the-key" };
    const principal = { accessKeyId: "a", secretAccessKey: "b", account: "111122223333", v3io };
    writeFileSync(auth, JSON.stringify({ principals: [principal] }));
    await using closed = await startServer({
      flags: ["--memory", "--auth", auth, "--streams", "a"],
    });
    const headers = { "x-v3io-session-key": "the-key" };
    const reply = await fetch(`${closed.endpoint}/_millrace/reset`, { method: "POST", headers });
    expect(reply.status).toBe(403);
    expect(await reply.json()).toEqual({
      error: "Forbidden",
      message: "A server with access keys is not emptied.",
    });
    const credentials = { accessKeyId: "a", secretAccessKey: "b" };
    const kinesis = connect(closed.endpoint, { credentials });
    expect((await kinesis.send(new ListStreamsCommand({}))).StreamNames).toEqual(["a"]);
    expect(await (await fetch(`${closed.endpoint}/_millrace/health`)).json()).toEqual({
      status: "ok",
    });
  });
});
