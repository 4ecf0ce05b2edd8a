/** Commands for streams and single records, as a user runs them against the real server. */
import { closeSync, existsSync, openSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../../../command/program.ts";
import { Failure } from "../../../local/failure.ts";
import { type Server, startServer } from "../server.ts";
import { type Millrace, millraceAt } from "./millrace.ts";

let server: Server;
let millrace: Millrace;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory"] });
  millrace = millraceAt(server.endpoint);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Runs a command that must succeed without a word on stderr; its lines. */
async function lines(args: string[], input?: string | Uint8Array): Promise<string[]> {
  const { exitCode, stdout, stderr } = await millrace.run(args, input);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.split("\n").slice(0, -1);
}

test("create, ls, describe, delete", async () => {
  expect(await lines(["create", "walks", "--shards", "3", "--retention", "48"])).toEqual([
    "walks: 3 shards, records are kept for 48 hours",
  ]);
  expect(await lines(["create", "runs"])).toEqual(["runs: 1 shard, records are kept for 24 hours"]);
  expect(await lines(["create", "rides", "--on-demand"])).toEqual([
    "rides: 4 shards, records are kept for 24 hours",
  ]);
  expect(await lines(["ls"])).toEqual(["rides", "runs", "walks"]);
  const [head, , , walks] = await lines(["ls", "--long"]);
  expect(head).toMatch(/^name +status +shards +mode +hours +created$/);
  expect(walks).toMatch(/^walks +ACTIVE +3 +PROVISIONED +48 +20/);
  const all = await lines(["ls", "--json"]);
  expect(all.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { name: "rides", mode: "ON_DEMAND", openShards: 4 },
    { name: "runs", openShards: 1 },
    { name: "walks", openShards: 3, retentionHours: 48, status: "ACTIVE" },
  ]);
  const described = await lines(["describe", "walks"]);
  expect(described).toContain("arn        arn:aws:kinesis:us-east-1:000000000000:stream/walks");
  expect(described.slice(-4)).toEqual([
    "shards     3 open, 0 closed",
    "shardId-000000000000  open  00000000-55555555  33.33 %",
    "shardId-000000000001  open  55555555-aaaaaaaa  33.33 %",
    "shardId-000000000002  open  aaaaaaaa-ffffffff  33.33 %",
  ]);
  const refused = await millrace.run(["delete", "rides"]);
  expect(refused).toEqual({
    exitCode: 2,
    stdout: "",
    stderr: "millrace: there is no terminal to ask on: pass --yes\n",
  });
  expect(await lines(["delete", "rides", "--yes"])).toEqual(["rides: deleted"]);
  expect(await lines(["ls"])).toEqual(["runs", "walks"]);
});

test("split and merge: the lineage is drawn", async () => {
  await lines(["create", "lineage"]);
  expect(await lines(["split", "lineage"])).toEqual([
    "shardId-000000000001  00000000-7fffffff",
    "shardId-000000000002  80000000-ffffffff",
  ]);
  const at = String(1n << 126n);
  expect(await lines(["split", "lineage", "1", "--at", at])).toEqual([
    "shardId-000000000003  00000000-3fffffff",
    "shardId-000000000004  40000000-7fffffff",
  ]);
  expect(await lines(["merge", "lineage", "2", "shardId-000000000004"])).toEqual([
    "shardId-000000000005  40000000-ffffffff",
  ]);
  expect((await lines(["describe", "lineage"])).slice(-7)).toEqual([
    "shards     2 open, 4 closed",
    "shardId-000000000000  closed  00000000-ffffffff  100 %",
    "├─ shardId-000000000001  closed  00000000-7fffffff  50 %",
    "│  ├─ shardId-000000000003  open  00000000-3fffffff  25 %",
    "│  └─ shardId-000000000004  closed  40000000-7fffffff  25 %",
    "│     └─ shardId-000000000005  open  40000000-ffffffff  75 %  also from 2",
    "└─ shardId-000000000002  closed  80000000-ffffffff  50 %",
  ]);
  const [json = ""] = await lines(["describe", "lineage", "--json"]);
  const { shards } = JSON.parse(json) as { shards: { id: string; parents: string[] }[] };
  expect(shards[5]?.parents.toSorted()).toEqual([2, 4].map((n) => `shardId-00000000000${n}`));
});

test("put and get: an argument, lines, lines of JSON, and all of stdin", async () => {
  await lines(["create", "puts"]);
  const [receipt = ""] = await lines(["put", "puts", "hello", "--key", "berlin"]);
  expect(receipt).toMatch(/^shardId-000000000000 \d{56}$/);
  await lines(["put", "puts", "--key", "k"], "one\r\ntwo\n\nlast line without an end");
  const records = [
    { partitionKey: "a", data: "ключ\tb" },
    { partitionKey: "b", dataBase64: "AP/+" },
    { PartitionKey: "c", Data: "aGk=", ExplicitHashKey: "7" },
  ];
  const input = records.map((record) => JSON.stringify(record)).join("\n");
  const [placed = ""] = await lines(["put", "puts", "--ndjson", "--json"], input);
  expect(JSON.parse(placed)).toEqual({
    shardId: "shardId-000000000000",
    sequenceNumber: expect.stringMatching(/^\d{56}$/),
  });
  const bytes = Buffer.from([0, 10, 13, 255]);
  expect(await lines(["put", "puts", "--whole", "--key", "w", "--quiet"], bytes)).toEqual([]);

  const time = String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  0  `;
  const texts = await lines(["get", "puts"]);
  const expected = [
    "berlin  hello",
    "k  one",
    "k  two",
    "k  ",
    "k  last line without an end",
    "a  ключ\tb",
    String.raw`b  \x00\xff\xfe`,
    "c  hi",
    String.raw`w  \x00\x0a\x0d\xff`,
  ];
  expect(texts.map((line) => line.replace(new RegExp(time), ""))).toEqual(expected);
  const json = (await lines(["get", "puts", "--format", "json"])).map(
    (line) => JSON.parse(line) as Record<string, string>,
  );
  expect(json[5]).toMatchObject(records[0]!);
  expect(json[6]).toMatchObject(records[1]!);
  expect(json[0]?.["sequenceNumber"]).toBe(receipt.split(" ")[1]);
  expect(await lines(["get", "puts", "--format", "raw", "--limit", "1"])).toEqual(["hello"]);
  expect(await lines(["get", "puts", "--format", "hex", "--key", "b"])).toEqual([
    expect.stringMatching(/ {2}0 {2}b {2}3 bytes$/),
    `  00000000  00 ff fe${" ".repeat(39)}  ...`,
  ]);
  const [, number = ""] = receipt.split(" ");
  expect(await lines(["get", "puts", number, "--format", "raw"])).toEqual(["hello"]);
  expect(await lines(["count", "puts"])).toEqual(["9"]);
  expect(await lines(["count", "puts", "--key", "k", "--json"])).toEqual([
    JSON.stringify({ records: 4 }),
  ]);
  const where = '{"partitionKey":[{"prefix":"ber"}],"data":[{"prefix":"hel"}]}';
  expect(await lines(["count", "puts", "--where", where])).toEqual(["1"]);
  expect(await lines(["get", "puts", "--where", where, "--format", "raw"])).toEqual(["hello"]);
  const tail = ["tail", "puts", "--from", "start", "--no-follow", "--format", "raw"];
  expect(await lines([...tail, "--where", where])).toEqual(["hello"]);
  expect(await lines([...tail, "--where", '{"data":["h\u00e9llo"]}'])).toEqual([]);
  const exported = await millrace.run(["export", "puts", "--where", where]);
  expect(JSON.parse(exported.stdout)).toMatchObject({ partitionKey: "berlin", data: "hello" });
  expect(await lines(["count", "puts", "--apart"])).toEqual(["9"]);
});

describe("a mistake is one line on stderr", () => {
  test.each([
    ["a stream that is not there", ["describe", "none"], 1, /^ResourceNotFoundException: Stream/],
    ["a name that cannot be", ["create", "a b"], 1, /^ValidationException: 1 validation error/],
    ["an endpoint where nothing is", ["ls", "--endpoint", "http://127.0.0.1:9"], 1, /127.0.0.1:9/],
    ["an endpoint that is none", ["ls", "--endpoint", "here"], 2, /^--endpoint here is not valid/],
    ["a command that is not there", ["lss"], 2, /^there is no command "lss"/],
    ["a flag that is not there", ["tail", "s", "--form"], 2, /^unknown option '--form'/],
    ["a missing argument", ["put"], 2, /^missing required argument 'stream'/],
    ["an argument too many", ["ls", "now"], 2, /^too many arguments/],
    ["a format of nobody", ["tail", "runs", "--format", "xml"], 2, /^--format xml is not valid/],
    ["a time that is none", ["get", "runs", "--from", "soon"], 2, /^--from soon is not a time/],
    [
      "a shard that is not there",
      ["get", "runs", "--shard", "7"],
      2,
      /no shard 7: the stream has 0/,
    ],
    ["a number that is none", ["get", "runs", "--limit", "-1"], 2, /^--limit -1 is not valid/],
    ["a hash key too large", ["put", "runs", "x", "--hash-key", "1e9"], 2, /^--hash-key 1e9 is/],
    ["a cut outside of the shard", ["split", "runs", "--at", "0"], 2, /^--at 0 does not cut/],
    ["no shard behind", ["merge", "runs", "0"], 2, /^no shard is behind 0/],
    ["a file that is not there", ["import", "runs", "/none"], 1, /^there is no file \/none/],
    [
      "a state that cannot be written",
      ["tail", "runs", "--state", "/none/state"],
      1,
      /^\/none\/state cannot be written \(ENOENT\)$/,
    ],
    ["a profile that is not there", ["ls", "--profile", "x"], 2, /^there is no profile "x"/],
  ])("%s", async (_why, args, exitCode, line) => {
    vi.stubEnv("AWS_ENDPOINT_URL", server.endpoint);
    vi.stubEnv("HOME", "/nowhere");
    const failure = await runCommand(args).catch((error: unknown) => error);
    vi.unstubAllEnvs();
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ exitCode, message: expect.stringMatching(line) });
    expect(String(failure)).not.toContain("\n");
  });

  test("and nothing on stdout", async () => {
    const ended = await millrace.run(["put", "runs", "--ndjson"], '{"partitionKey":1}\n');
    const stderr = "millrace: line 1: partitionKey is no text\n";
    expect(ended).toEqual({ exitCode: 1, stdout: "", stderr });
  });
});

test("an endpoint without TLS is named as such", async () => {
  const endpoint = server.endpoint.replace("http:", "https:");
  expect(await millrace.run(["ls", "--endpoint", endpoint])).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: `millrace: ${endpoint} does not speak TLS: pass http:// to --endpoint\n`,
  });
});

// Only Linux has a device that is always full.
test.skipIf(!existsSync("/dev/full"))("a full disk behind stdout is one line", async () => {
  const full = openSync("/dev/full", "w");
  const stderr = "millrace: stdout cannot be written (ENOSPC)\n";
  for (const args of [["ls"], ["--help"], ["help", "ls"], ["--version"], ["completion", "bash"]]) {
    expect(await millrace.runInto(full, args)).toEqual({ exitCode: 1, stdout: "", stderr });
  }
  closeSync(full);
});

test("a reader that goes away ends a command without a word", async () => {
  const data = Array.from({ length: 3000 }, (_, i) => `${i} ${"x".repeat(100)}`).join("\n");
  await lines(["put", "runs", "--key", "k", "--quiet"], data);
  const get = millrace.start(["get", "runs", "--format", "raw"]);
  get.closeStdout();
  expect(await get.ended).toMatchObject({ exitCode: 0, stderr: "" });
  const help = millrace.start(["--help"]);
  help.closeStdout();
  expect(await help.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

test("colours are not for pipes, unless they are asked for", async () => {
  const forced = millraceAt(server.endpoint, { FORCE_COLOR: "1" });
  expect((await forced.run(["describe", "runs"])).stdout).toContain("\u001b[");
  expect((await millrace.run(["describe", "runs"])).stdout).not.toContain("\u001b[");
});
