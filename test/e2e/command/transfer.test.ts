/**
 * tail, export and import: they follow a stream across splits and merges, and when they are killed
 * and run again they go on.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KinesisClient } from "../../../command/service/client.ts";
import { untilActive } from "../../../command/stream/stream.ts";
import { Putter } from "../../../command/writing/putter.ts";
import { type Server, startServer } from "../server.ts";
import { aggregate } from "./aggregate.ts";
import { openGate } from "./gate.ts";
import { type Millrace, millraceAt } from "./millrace.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-command-"));
let server: Server;
let millrace: Millrace;
let client: KinesisClient;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory"] });
  millrace = millraceAt(server.endpoint);
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  client = new KinesisClient({ endpoint: server.endpoint, region: "us-east-1", credentials });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

async function createStream(StreamName: string, ShardCount: number): Promise<void> {
  await client.call("CreateStream", { StreamName, ShardCount });
  await untilActive(client, StreamName);
}

/** Puts numbered records; key `k<i modulo 5>`. */
async function putNumbers(stream: string, from: number, to: number, filling = ""): Promise<void> {
  const putter = new Putter(client, stream);
  for (let i = from; i < to; i++) {
    await putter.add({ partitionKey: `k${i % 5}`, data: Buffer.from(`${i} ${filling}`) });
  }
  await putter.flush();
}

async function reshard(operation: string, StreamName: string, input: object): Promise<void> {
  await client.call(operation, { StreamName, ...input });
  await untilActive(client, StreamName);
}

interface Printed {
  partitionKey: string;
  data: string;
}

function numbersOf(lines: readonly string[]): { key: string; number: number }[] {
  return lines.map((line) => {
    const { partitionKey, data } = JSON.parse(line) as Printed;
    return { key: partitionKey, number: parseInt(data, 10) };
  });
}

test("a tail that is killed and run again loses nothing, across a split and a merge", async () => {
  await createStream("followed", 2);
  const state = join(scratch, "tail.state");
  const args = ["tail", "followed", "--format", "json", "--state", state, "--poll", "20ms"];
  const first = millrace.start(args);
  // New records are those after its start, which its state marks.
  await untilFile(state);
  await putNumbers("followed", 0, 300);
  const seen = await first.untilLines(200);
  first.kill("SIGKILL");
  await first.ended;

  await putNumbers("followed", 300, 400);
  await reshard("SplitShard", "followed", {
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: String(1n << 125n),
  });
  await putNumbers("followed", 400, 500);
  const second = millrace.start(args);
  await second.untilLines(100);
  second.kill("SIGKILL");
  const { stdout } = await second.ended;
  seen.push(...stdout.split("\n").slice(0, -1));

  await reshard("MergeShards", "followed", {
    ShardToMerge: "shardId-000000000003",
    AdjacentShardToMerge: "shardId-000000000001",
  });
  await putNumbers("followed", 500, 600);
  const third = millrace.start([...args, "--no-follow"]);
  const { exitCode, stderr, stdout: rest } = await third.ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  seen.push(...rest.split("\n").slice(0, -1));

  const numbers = numbersOf(seen);
  expect(new Set(numbers.map(({ number }) => number)).size).toBe(600);
  // A repeated record comes where its first time was, so the first times are in order.
  for (let key = 0; key < 5; key++) {
    const own = [
      ...new Set(numbers.filter((each) => each.key === `k${key}`).map(({ number }) => number)),
    ];
    expect(own).toEqual(own.toSorted((a, b) => a - b));
  }
});

test("a tail follows a key through a split and a merge while it runs, until Ctrl-C", async () => {
  await createStream("live", 1);
  const state = join(scratch, "live.state");
  const args = ["tail", "live", "--key", "k3", "--format", "json", "--poll", "20ms"];
  const tail = millrace.start([...args, "--state", state]);
  await untilFile(state);
  await putNumbers("live", 0, 50);
  await reshard("SplitShard", "live", {
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: String(1n << 127n),
  });
  await putNumbers("live", 50, 100);
  await reshard("MergeShards", "live", {
    ShardToMerge: "shardId-000000000001",
    AdjacentShardToMerge: "shardId-000000000002",
  });
  await putNumbers("live", 100, 150);
  const lines = await tail.untilLines(30);
  tail.kill("SIGINT");
  expect(await tail.ended).toMatchObject({ exitCode: 0, stderr: "" });
  const expected = Array.from({ length: 30 }, (_, i) => ({ key: "k3", number: i * 5 + 3 }));
  expect(numbersOf(lines)).toEqual(expected);
});

test("aggregates of the KPL are taken apart, or printed as they are", async () => {
  await createStream("kpl", 1);
  const parts = [
    { key: "a", data: Buffer.from("first") },
    { key: "b", hashKey: "17", data: Buffer.from([0xff]) },
    { key: "a", data: Buffer.from("third") },
  ];
  const putter = new Putter(client, "kpl");
  const data = aggregate(parts);
  await putter.add({ partitionKey: "whole", data });
  await putter.add({ partitionKey: "plain", data: data.subarray(0, -1) });
  await putter.flush();
  const json = await millrace.run([
    "tail",
    "kpl",
    "--from",
    "start",
    "--no-follow",
    "--format",
    "json",
  ]);
  const records = json.stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as object);
  expect(records).toMatchObject([
    { partitionKey: "a", data: "first", subSequenceNumber: 0 },
    { partitionKey: "b", dataBase64: "/w==", explicitHashKey: "17", subSequenceNumber: 1 },
    { partitionKey: "a", data: "third", subSequenceNumber: 2 },
    { partitionKey: "plain" },
  ]);
  const raw = await millrace.run([
    "get",
    "kpl",
    "--aggregates",
    "--format",
    "json",
    "--limit",
    "1",
  ]);
  expect(JSON.parse(raw.stdout)).toMatchObject({
    partitionKey: "whole",
    dataBase64: data.toString("base64"),
  });
});

test("an export that is killed and run again has every record once", async () => {
  await createStream("exported", 2);
  await putNumbers("exported", 0, 900, "x".repeat(20_000));
  const file = join(scratch, "exported.ndjson");
  await using gate = await openGate(server.endpoint, "GetRecords", 2);
  const killed = millraceAt(gate.endpoint).start(["export", "exported", file]);
  await gate.held;
  killed.kill("SIGKILL");
  await killed.ended;
  const before = readFileSync(file, "utf8").split("\n").length - 1;
  expect(before).toBeLessThan(900);
  // A kill in the middle of a write leaves a part of a page.
  appendFileSync(file, '{"partitionKey":"k0","data":"0 x"}\n{"partitionKey":"k1","da');

  const { exitCode, stderr } = await millrace.run(["export", "exported", file]);
  expect(stderr).toMatch(/^900 records, 18\.\d MB/);
  expect(exitCode).toBe(0);
  const numbers = numbersOf(readFileSync(file, "utf8").split("\n").slice(0, -1));
  expect(numbers.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 900 }, (_, i) => i),
  );
  const again = await millrace.run(["export", "exported", file]);
  expect(again.stderr).toBe(`millrace: ${file} is there already: pass --force to write over it\n`);
  expect(again.exitCode).toBe(1);
});

test("an import that is killed and run again leaves nothing out, and what it exports is the same", async () => {
  await createStream("imported", 1);
  const file = join(scratch, "import.ndjson");
  const lines = Array.from({ length: 1200 }, (_, i) =>
    JSON.stringify({
      partitionKey: `k${i % 5}`,
      ...(i % 2 ? { data: `${i}é` } : { dataBase64: "AP8=" }),
    }),
  );
  writeFileSync(file, lines.join("\n"));
  const state = join(scratch, "import.state");
  const args = ["import", "imported", file, "--state", state];
  await using gate = await openGate(server.endpoint, "PutRecords", 1);
  const killed = millraceAt(gate.endpoint).start(args);
  await gate.held;
  killed.kill("SIGKILL");
  await killed.ended;
  expect(await millrace.run(["count", "imported"])).toMatchObject({ stdout: "500\n" });
  const resumed = await millrace.run(args);
  expect(resumed).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^1,200 records, /) });
  const { stdout } = await millrace.run(["export", "imported"]);
  const members = stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, string>)
    .map(({ partitionKey, data, dataBase64 }) =>
      JSON.stringify({ partitionKey, data, dataBase64 }),
    );
  expect(members).toEqual(lines);
});

test("a state of an earlier stream of the name, or of anything else, is refused", async () => {
  const state = join(scratch, "other.state");
  writeFileSync(state, "{}");
  const args = ["tail", "kpl", "--state", state, "--no-follow"];
  const odd = await millrace.run(args);
  expect(odd).toMatchObject({ exitCode: 1, stdout: "" });
  expect(odd.stderr).toMatch(/^millrace: \S+other\.state is not a state file: [^\n]+\n$/);
  rmSync(state);
  await millrace.run(args);
  await client.call("DeleteStream", { StreamName: "kpl" });
  await createStream("kpl", 1);
  expect((await millrace.run(args)).stderr).toMatch(
    /is the state of an earlier stream of this name/,
  );
});

/** Resolves when the file is there. */
async function untilFile(path: string): Promise<void> {
  for (;;) {
    try {
      readFileSync(path);
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 5));
    }
  }
}
