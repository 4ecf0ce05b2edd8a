/**
 * doctor: a folder that a server has written is sound, also one of an earlier version; each kind of
 * damage is named with its place; nothing in the folder changes, and a folder in use is refused.
 */
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkFolder } from "../../../command/doctor/folder.ts";
import { KinesisClient } from "../../../command/service/client.ts";
import {
  buildFilter,
  decodeFilters,
  encodeFilters,
  KeyHashes,
} from "../../../worker/core/keyFilter.ts";
import { untilActive } from "../../../command/stream/stream.ts";
import { Putter } from "../../../command/writing/putter.ts";
import {
  bindChunk,
  CHUNK_HEADER_BYTES,
  readHeader,
  writeBodyChecksum,
} from "../../../worker/engine/chunk.ts";
import { countTails, listGenerations, shardFiles, statsOf, untilSeen } from "../data-folder.ts";
import { startServer } from "../server.ts";
import { unpackArchive, writeFolder } from "../stored/archive.ts";
import { millraceAt } from "./millrace.ts";

const scratch = mkdtempSync(join(tmpdir(), "millrace-doctor-test-"));
const folder = join(scratch, "data");
const millrace = millraceAt("http://127.0.0.1:9");
/**
 * By index: 0 was split, 1 has a generation in the bucket, 2 and 3 have a few records; 4 is of another stream, whose
 * records a queue has handed out.
 */
const uids: string[] = [];

beforeAll(async () => {
  await using server = await startServer({ data: folder });
  const { endpoint } = server;
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new KinesisClient({ endpoint, region: "us-east-1", credentials });
  const StreamName = "orders";
  await client.call("CreateStream", { StreamName, ShardCount: 2 });
  await untilActive(client, StreamName);
  const putter = new Putter(client, StreamName);
  const put = async (explicitHashKey: bigint, count: number, bytes: number): Promise<void> => {
    const record = { partitionKey: "ключ", explicitHashKey: String(explicitHashKey) };
    for (let i = 0; i < count; i++) {
      await putter.add({ ...record, data: Buffer.alloc(bytes, `${i} `) });
    }
    await putter.flush();
  };
  await put(1n << 127n, 160, 70_000);
  await untilSeen("a generation in the bucket", () => listGenerations(folder).includes("freed"));
  await put(1n << 127n, 20, 100);
  await put(0n, 2000, 1000);
  await client.call("SplitShard", {
    StreamName,
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: String(1n << 126n),
  });
  await untilActive(client, StreamName);
  await put(0n, 5, 10);
  await put(0n, 5, 10);
  await put(0n, 5, 10);
  await fetch(`${endpoint}/bigdata/notes/one`, {
    method: "PUT",
    headers: { "X-v3io-function": "PutItem", "Content-Type": "application/json" },
    body: JSON.stringify({ Item: { name: { S: "x" } } }),
  });
  // A queue with records in flight, and a stream with a producer of Durable Streams.
  const arn = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
  await client.call("CreateQueue", {
    QueueName: "work",
    StreamConfigurationList: [{ StreamARN: arn, StartingPosition: { Type: "TRIM_HORIZON" } }],
    Tags: { a: "b" },
  });
  const QueueARN = await untilReceived(client);
  expect(QueueARN).toContain(":queue/");
  const writer = { "Content-Type": "text/plain", "Producer-Id": "p", "Producer-Epoch": "0" };
  const address = `${endpoint}/v1/stream/durable`;
  await fetch(address, { method: "PUT", headers: { "Content-Type": "text/plain" } });
  // One that was not used since.
  await fetch(`${address}-new`, { method: "PUT", headers: writer, body: "hello" });
  const headers = { ...writer, "Producer-Seq": "0" };
  const appended = await fetch(address, { method: "POST", headers, body: "hello" });
  expect(appended.ok).toBe(true);
  const origin = { "Stream-Forked-From": "/v1/stream/durable" };
  const forked = await fetch(`${address}-fork`, { method: "PUT", headers: origin });
  expect(forked.ok).toBe(true);
  await split(client, "durable-fork");
  // One that its writer has closed.
  const end = { "Content-Type": "text/plain", "Stream-Closed": "true" };
  await fetch(`${address}-closed`, { method: "PUT", headers: end, body: "the end" });
  await makeDrained(client);
  for (const name of [StreamName, "drained"]) {
    for (const { shard } of await statsOf(server, name)) uids.push(shard);
  }

  const { exitCode, stdout, stderr } = await millrace.run(["doctor", folder]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toContain(`${folder} is in use by the server with pid ${server.pid}: stop it`);
  await server.stop();
});

afterAll(() => {
  rmSync(scratch, { recursive: true });
});

test("a folder of a server that was stopped is sound, and stays as it is", async () => {
  const before = hashFolder(folder);
  const { exitCode, stdout, stderr } = await millrace.run(["doctor", folder]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(
    /^checked \d+ databases, 6 streams, 10 shards, 2,200 records in \d+ stored bodies of [\d.]+ MB, 2 objects: all sound\n$/,
  );
  expect(hashFolder(folder)).toBe(before);
});

test("a folder of version 0.1.0 is sound", () => {
  const old = join(scratch, "old");
  const archive = readFileSync(join(import.meta.dirname, "..", "stored", "0.1.0.folder"));
  writeFolder(old, unpackArchive(archive).files);
  const { problems, counts } = checkFolder(old, () => {});
  expect(problems).toEqual([]);
  expect(counts.shards).toBeGreaterThan(1);
});

describe("damage is named", () => {
  const cases: [what: string, damage: (data: string) => unknown, expected: RegExp[]][] = [
    [
      "a byte of the only copy of a segment",
      (data) => flip(objectOf(data, 1, 2), 5000),
      [/^shard \S+-1, segment 2: bad body checksum \(bucket\/segments\/\S+-1\/2\)$/],
    ],
    [
      "a byte of one of two copies",
      (data) => flip(objectOf(data, 0, 0), 5000),
      [/-0, segment 0: bad body checksum; another copy is intact \(bucket/],
    ],
    [
      "a row whose copy in the bucket is gone too",
      (data) => {
        unlinkSync(objectOf(data, 0, 0));
        changeShard(data, 0, "UPDATE log_0 SET body = zeroblob(length(body)) WHERE segment = 0");
      },
      [/-0, segment 0: bad magic \(do\/millrace-Shard\//],
    ],
    [
      "an object that is gone",
      (data) => unlinkSync(objectOf(data, 1, 3)),
      [/-1, segment 3: missing \(bucket/],
    ],
    [
      "objects that have changed places",
      (data) => {
        renameSync(objectOf(data, 1, 1), join(data, "x"));
        renameSync(objectOf(data, 1, 2), objectOf(data, 1, 1));
        renameSync(join(data, "x"), objectOf(data, 1, 2));
      },
      [/-1, segment 1: its first index: \d+, and its row says/, /-1, segment 2: its first index/],
    ],
    [
      "an object of another shard",
      (data) => cpSync(objectOf(data, 0, 0), objectOf(data, 1, 0)),
      [/-1, segment 0: bad header checksum, or another shard's/],
    ],
    [
      "an object that no row lists",
      (data) => cpSync(objectOf(data, 1, 0), objectOf(data, 1, 99)),
      [/-1, segment 99: no row lists it/],
    ],
    [
      "a row of the tail that is gone",
      (data) => changeShard(data, 2, "DELETE FROM log_0 WHERE id = 40"),
      [/-2, segment 0: 5 records before index 10 have no row/],
    ],
    [
      "the last rows of a closed shard",
      (data) => changeShard(data, 0, "DELETE FROM log_0 WHERE id = (SELECT max(id) FROM log_0)"),
      [/-0: the shard was closed at index 2000, and its rows end at \d+/],
    ],
    [
      "a row that says other times",
      (data) => changeShard(data, 2, "UPDATE log_0 SET last_ms = last_ms - 1 WHERE id = 0"),
      [/its records arrived before/, /tail from index 0: its last arrival: \d+, and its row says/],
    ],
    [
      "a generation whose row is gone",
      (data) => changeShard(data, 1, "DELETE FROM generation"),
      [/^shard \S+-1, segment 0: no row lists it/],
    ],
    [
      "a list of segments that is of other records",
      (data) => changeShard(data, 1, "UPDATE generation SET next_index = next_index + 1"),
      [/generation 0: its records are not those of its segments/],
    ],
    [
      "a body whose records contradict one another, with good checksums",
      (data) => rewriteTail(data, 2),
      [/-2, tail from index 0: record 1 has a key that is not UTF-8/],
    ],
    [
      "a table that is of no generation",
      (data) => changeShard(data, 2, "CREATE TABLE log_7 (id INTEGER)"),
      [/-2: log_7 is of no generation/],
    ],
    [
      "the description of a shard",
      (data) => changeShard(data, 2, "UPDATE shard SET description = '{}'"),
      [/^shard: the description of a shard.uid is no text/, /no database has \S+-2/],
    ],
    [
      "the description of a stream",
      (data) =>
        changeCatalog(
          data,
          "UPDATE stream SET description = replace(description, '\"name\"', '\"n\"')",
        ),
      [/^stream orders: the description of a stream.name is no text/],
    ],
    [
      "a stream whose open shards leave out hash keys",
      (data) =>
        changeCatalog(
          data,
          "UPDATE stream SET description = replace(description, '80000000', '90000000')",
        ),
      [
        /^stream orders, shard 1: no open shard has the hash keys before it/,
        /-1: its hashStart is not what stream/,
      ],
    ],
    [
      "a shard without its database",
      (data) => unlinkSync(fileOf(data, 2)),
      [/^stream orders, shard 2: no database has \S+-2/],
    ],
    [
      "a database that is cut off",
      (data) => truncateSync(fileOf(data, 0), 10_000),
      [/^database: SQLite says: /, /no database has \S+-0/],
    ],
    [
      "filters of keys",
      (data) => changeShard(data, 1, "UPDATE generation SET keys = x'00'"),
      [/-1, generation 0, filters of keys: no filters of keys/],
    ],
    [
      "filters of keys that lack a key",
      (data) => changeShard(data, 1, "UPDATE generation SET keys = ?", otherFilters(data)),
      [/-1, segment 0: its filter of keys lacks keys of its records/],
    ],
    [
      "the appends of a cluster",
      (data) => {
        changeShard(data, 2, "CREATE TABLE appends (commit_number INTEGER, tokens TEXT)");
        const late = [{ token: "t", receipts: [{ firstIndex: 99, timeMs: 1 }] }];
        changeShard(data, 2, "INSERT INTO appends VALUES (1, '[]'), (2, '[{}]')");
        changeShard(data, 2, "INSERT INTO appends VALUES (3, ?)", JSON.stringify(late));
      },
      [
        /-2, appends of commit 2: one is no append/,
        /-2, appends of commit 3: one is at index 99, and the shard's records end at \d+/,
      ],
    ],
    [
      "a source that does not know its fork",
      (data) => {
        for (const file of shardFiles(data)) {
          const has = "SELECT 1 AS a FROM sqlite_master WHERE name = 'fork'";
          if (change(file, has) !== undefined) change(file, "DELETE FROM fork");
        }
      },
      [/^stream durable-fork: shard \S+-0 does not keep its records for it/],
    ],
    [
      "a source of a fork without its database",
      (data) => {
        for (const file of shardFiles(data)) {
          const has = "SELECT 1 AS a FROM sqlite_master WHERE name = 'fork'";
          if (change(file, has) !== undefined) unlinkSync(file);
        }
      },
      [
        /^stream durable-fork: its records before index 1 are in shard \S+-0, which has no database/,
      ],
    ],
    [
      "the state of a queue",
      (data) => change(fileIn(data, "ShardQueue"), "INSERT INTO delivery VALUES (77, x'4d4c')"),
      [/^queue \S+, row 77: short/],
    ],
    [
      "the last row of an open shard, whose record a queue has handed out",
      (data) => change(fileOf(data, 4), "DELETE FROM log_0 WHERE id = 16"),
      [
        /^queue \S+: records up to 2 were handed out, and shard \S+-0 ends at 2: its last rows are lost \(do/,
      ],
    ],
    [
      "the settings of a queue",
      (data) => change(fileIn(data, "ShardQueue"), "UPDATE queue SET settings = '{}'"),
      [/^queue: the description of a queue over a shard.name is no text/],
    ],
    [
      "the writers of a stream",
      (data) => {
        for (const file of shardFiles(data)) {
          const has = "SELECT 1 AS a FROM pragma_table_info('log_0') WHERE name = 'writers'";
          if (change(file, has) === undefined) continue;
          change(file, "UPDATE log_0 SET writers = '{\"producers\":1}' WHERE writers IS NOT NULL");
        }
      },
      [/writers 0: the state of the writers.producers is no list/],
    ],
    [
      "an object's attributes",
      (data) =>
        change(
          fileIn(data, "Items"),
          "UPDATE item SET attributes = '[[1]]' WHERE path LIKE '%one'",
        ),
      [/^item notes\/one: the list of attributes\[0\] is no pair/],
    ],
  ];

  test.each(cases)("%s", (_what, damage, expected) => {
    const data = mkdtempSync(join(scratch, "case-"));
    try {
      cpSync(folder, data, { recursive: true });
      damage(data);
      const { problems } = checkFolder(data, () => {});
      const lines = problems.map(({ file, place, what }) => `${place}: ${what} (${file})`);
      for (const line of expected) expect(lines).toContainEqual(expect.stringMatching(line));
    } finally {
      rmSync(data, { recursive: true });
    }
  });
});

test("problems are lines of text or JSON, and exit code 1; a folder that is none is a mistake", async () => {
  const data = join(scratch, "broken");
  cpSync(folder, data, { recursive: true });
  unlinkSync(objectOf(data, 1, 0));
  const text = await millrace.run(["doctor", data]);
  expect(text).toMatchObject({ exitCode: 1, stderr: "" });
  expect(text.stdout).toMatch(
    /^problem: shard \S+-1, segment 0: missing \(bucket\/\S+\)\nchecked .*: 1 problem\n$/,
  );
  const json = await millrace.run(["doctor", data, "--json"]);
  const lines = json.stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as object);
  expect(lines).toMatchObject([
    { kind: "problem", what: "missing", place: expect.stringContaining("segment 0") },
    { kind: "counts", problems: 1, streams: 6, shards: 10 },
  ]);
  const none = await millrace.run(["doctor", scratch]);
  expect(none).toMatchObject({ exitCode: 2, stdout: "" });
  expect(none.stderr).toMatch(/^millrace: \S+ is not the data folder of a server: [^\n]+\n$/);
});

async function split(client: KinesisClient, StreamName: string): Promise<void> {
  const NewStartingHashKey = String(1n << 127n);
  const ShardToSplit = "shardId-000000000000";
  await client.call("SplitShard", { StreamName, ShardToSplit, NewStartingHashKey });
  await untilActive(client, StreamName);
}

/** Receives from the queue until it has given records; its ARN. */
async function untilReceived(client: KinesisClient): Promise<string> {
  const [queue] = (await client.call("ListQueues", {})).objects("QueueSummaries");
  const QueueARN = queue?.text("QueueARN") ?? "";
  await receiveSome(client, QueueARN);
  return QueueARN;
}

async function receiveSome(client: KinesisClient, QueueARN: string) {
  for (;;) {
    const reply = await client.call("ReceiveQueueRecords", { QueueARN, WaitTimeSeconds: 1 });
    const records = reply.objects("QueueRecords");
    if (records.length > 0) return records;
  }
}

/** A stream of three records, each in a row, that a queue's worker has received and acknowledged. */
async function makeDrained(client: KinesisClient): Promise<void> {
  const StreamName = "drained";
  await client.call("CreateStream", { StreamName, ShardCount: 1 });
  await untilActive(client, StreamName);
  for (const Data of ["MQ==", "Mg==", "Mw=="]) {
    await client.call("PutRecord", { StreamName, PartitionKey: "k", Data });
  }
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
  const StreamConfigurationList = [{ StreamARN, StartingPosition: { Type: "TRIM_HORIZON" } }];
  const queue = { QueueName: StreamName, StreamConfigurationList };
  const reply = await client.call("CreateQueue", queue);
  const QueueARN = reply.object("QueueDescription").text("QueueARN");
  const records = await receiveSome(client, QueueARN);
  const Entries = records.map((record) => ({ ReceiptHandle: record.text("ReceiptHandle") }));
  await client.call("AcknowledgeQueueRecords", { QueueARN, Entries });
}

function hashFolder(path: string): string {
  const hash = createHash("sha256");
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted()) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

function objectOf(data: string, shard: number, segment: number): string {
  return join(data, "bucket", "segments", uids[shard] ?? "", String(segment));
}

function fileOf(data: string, shard: number): string {
  const query = "SELECT json_extract(description, '$.uid') AS uid FROM shard";
  const file = shardFiles(data).find((path) => change(path, query)?.["uid"] === uids[shard]);
  if (file === undefined) throw new Error(`no database of shard ${shard}`);
  return file;
}

function fileIn(data: string, kind: string): string {
  return filesIn(data, kind)[0] ?? "";
}

function filesIn(data: string, kind: string): string[] {
  const path = join(data, "do", `millrace-${kind}`);
  const names = readdirSync(path).filter((each) => /^[0-9a-f]{64}\.sqlite$/.test(each));
  return names.map((name) => join(path, name));
}

function changeShard(
  data: string,
  shard: number,
  statement: string,
  ...bindings: SQLInputValue[]
): void {
  change(fileOf(data, shard), statement, ...bindings);
}

/** Filters for the segments of shard 1's first generation that have another key. */
function otherFilters(data: string): Uint8Array {
  const row = change(fileOf(data, 1), "SELECT keys FROM generation");
  const keys = new KeyHashes(1);
  keys.add(new TextEncoder().encode("another"));
  return encodeFilters(decodeFilters(row?.["keys"] as Uint8Array).map(() => buildFilter(keys)));
}

function changeCatalog(data: string, statement: string): void {
  change(fileIn(data, "Catalog"), statement);
}

/** Returns the first row of a query. */
function change(file: string, statement: string, ...bindings: SQLInputValue[]) {
  const database = new DatabaseSync(file);
  try {
    return database.prepare(statement).get(...bindings);
  } finally {
    database.close();
  }
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Moves the end of a record of the first chunk behind the payload, and makes the checksums anew. */
function rewriteTail(data: string, shard: number): void {
  const file = fileOf(data, shard);
  const row = change(file, "SELECT body FROM log_0 WHERE id = 0");
  const body = row?.["body"];
  if (!(body instanceof Uint8Array)) throw new Error("no chunk");
  const header = readHeader(body);
  if (header.endWidth === 0) {
    // Records of one size: the stride says where each ends.
    new DataView(body.buffer, body.byteOffset).setUint32(36, header.stride + 1, true);
  } else body[CHUNK_HEADER_BYTES] = 255;
  writeBodyChecksum(body);
  bindChunk(body, uids[shard] ?? "");
  change(file, "UPDATE log_0 SET body = ? WHERE id = 0", body);
}

test("the samples are what the cases need: a tail of three chunks, and a generation in the bucket", () => {
  expect(countTails(folder).get(uids[2] ?? "")).toBe(3);
  expect(listGenerations(folder)).toEqual(["freed"]);
});
