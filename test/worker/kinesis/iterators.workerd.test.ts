// Shard iterators over HTTP, inside workerd: where each type begins, how long one lives, and that
// nothing passes for an iterator but one that this scope has issued. The clock is the test's.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { exports } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { authorizationFor, base64, kinesisOver, textIn } from "./client.ts";

const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

const ttlMs = 300_000;
const account = "000000000000";

let stream: string;
const shardId = "shardId-000000000000";

beginAtNoon();

describe("where an iterator begins", () => {
  /** Milliseconds after noon at which one record each arrives, "0" to "3". */
  const arrivals = [0, 1500, 1500, 4250];
  let numbers: string[];

  beforeAll(async () => {
    setClock(noonMs);
    stream = await createStream();
    numbers = [];
    for (const [i, ms] of arrivals.entries()) {
      setClock(noonMs + ms);
      numbers.push(await put(`${i}`));
    }
  });

  beforeEach(() => setClock(noonMs + 10_000));

  test("TRIM_HORIZON: at the oldest record", async () => {
    expect(await textsFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["0", "1", "2", "3"]);
  });

  test("LATEST: after the newest record", async () => {
    expect(await textsFrom({ ShardIteratorType: "LATEST" })).toEqual([]);
  });

  test.each([0, 1, 2, 3])("AT_SEQUENCE_NUMBER and AFTER_SEQUENCE_NUMBER: record %i", async (i) => {
    const all = ["0", "1", "2", "3"];
    const StartingSequenceNumber = numbers[i];
    const at = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber };
    const after = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber };
    expect(await textsFrom(at)).toEqual(all.slice(i));
    expect(await textsFrom(after)).toEqual(all.slice(i + 1));
  });

  test("the shard's starting number: both types begin at the oldest record", async () => {
    const { text } = await kinesis("DescribeStream", { StreamName: stream });
    const StartingSequenceNumber = /"StartingSequenceNumber":"(\d+)"/.exec(text)?.[1];
    for (const ShardIteratorType of ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]) {
      const texts = await textsFrom({ ShardIteratorType, StartingSequenceNumber });
      expect(texts).toEqual(["0", "1", "2", "3"]);
    }
  });

  test.each([
    [-86_400, ["0", "1", "2", "3"]],
    [0, ["0", "1", "2", "3"]],
    [0.001, ["1", "2", "3"]],
    [1.5, ["1", "2", "3"]],
    [1.5004, ["1", "2", "3"]],
    [1.501, ["3"]],
    [4.25, ["3"]],
    [4.251, []],
    [10, []],
  ])("AT_TIMESTAMP: %f seconds after noon", async (seconds, expected) => {
    const Timestamp = noonMs / 1000 + seconds;
    expect(await textsFrom({ ShardIteratorType: "AT_TIMESTAMP", Timestamp })).toEqual(expected);
  });

  test("AT_TIMESTAMP in the future is refused", async () => {
    const timestampMs = noonMs + 11_000;
    const input = { ShardIteratorType: "AT_TIMESTAMP", Timestamp: timestampMs / 1000 };
    await expectRefusal("GetShardIterator", { ...target(), ...input }, "InvalidArgumentException", [
      `timestampInMillis: ${timestampMs}, currentTimestampInMillis: ${noonMs + 10_000}`,
    ]);
  });

  test("LATEST, then a record, then GetRecords: the record", async () => {
    const iterator = await iteratorFor({ ShardIteratorType: "LATEST" });
    const number = await put("new");
    const { output } = await kinesis("GetRecords", { ShardIterator: iterator });
    expect(output.Records.map(textIn)).toEqual(["new"]);
    expect(output.Records[0]?.SequenceNumber).toBe(number);
    numbers.push(number);
    const at = { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: number };
    expect(await textsFrom(at)).toEqual([]);
  });

  test("a number that the shard has not given yet is refused", async () => {
    const future = (BigInt(numbers.at(-1) ?? 0) + (5n << 80n)).toString();
    const input = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: future };
    await expectRefusal("GetShardIterator", { ...target(), ...input }, "InvalidArgumentException", [
      `StartingSequenceNumber ${future} used in GetShardIterator on shard ${shardId}`,
      `in stream ${stream} under account ${account} is invalid.`,
    ]);
  });
});

describe("how long an iterator lives", () => {
  beforeEach(async () => {
    stream = await createStream();
    await put("a");
  });

  test("five minutes to the millisecond", async () => {
    const iterator = await iteratorFor({ ShardIteratorType: "TRIM_HORIZON" });
    setClock(noonMs + ttlMs);
    const { output } = await kinesis("GetRecords", { ShardIterator: iterator });
    expect(output.Records.map(textIn)).toEqual(["a"]);
    setClock(noonMs + ttlMs + 1);
    await expectRefusal("GetRecords", { ShardIterator: iterator }, "ExpiredIteratorException", [
      "Iterator expired. The iterator was created at time Tue Jan 01 12:00:00 UTC 2036 while " +
        "right now it is Tue Jan 01 12:05:00 UTC 2036 which is further in the future than the " +
        "tolerated delay of 300000 milliseconds.",
    ]);
  });

  test("the next one lives five minutes of its own", async () => {
    let iterator = await iteratorFor({ ShardIteratorType: "LATEST" });
    for (let minute = 4; minute <= 40; minute += 4) {
      setClock(noonMs + minute * 60_000);
      const { status, output } = await kinesis("GetRecords", { ShardIterator: iterator });
      expect(status).toBe(200);
      iterator = output.NextShardIterator;
    }
  });

  test("a page token also expires after five minutes", async () => {
    await createStream();
    const { output } = await kinesis("ListStreams", { Limit: 1 });
    const { NextToken } = output;
    setClock(noonMs + ttlMs);
    expect((await kinesis("ListStreams", { NextToken })).status).toBe(200);
    setClock(noonMs + ttlMs + 1);
    await expectRefusal("ListStreams", { NextToken }, "ExpiredNextTokenException", []);
  });
});

describe("what passes for an iterator", () => {
  let iterator: string;

  beforeEach(async () => {
    stream = await createStream();
    await put("a");
    iterator = await iteratorFor({ ShardIteratorType: "TRIM_HORIZON" });
  });

  test("one that was issued, with or without quotes around it", async () => {
    for (const text of [iterator, `"${iterator}"`]) {
      const { output } = await kinesis("GetRecords", { ShardIterator: text });
      expect(output.Records.map(textIn)).toEqual(["a"]);
    }
  });

  test("as long as the service's: 152 bytes and blocks of 16, whatever the stream is called", async () => {
    for (let length = 1; length <= 128; length += length < 20 ? 1 : 27) {
      stream = await createStream(crypto.randomUUID().repeat(4).slice(0, length));
      const first = await iteratorFor({ ShardIteratorType: "TRIM_HORIZON" });
      const { output } = await kinesis("GetRecords", { ShardIterator: first });
      for (const text of [first, output.NextShardIterator]) {
        const bytes = Buffer.from(text, "base64");
        expect(bytes.subarray(0, 8).toString("hex")).toBe("0000000000000001");
        expect(bytes.length).toBeGreaterThanOrEqual(152);
        expect((bytes.length - 152) % 16).toBe(0);
        expect(text.length).toBeLessThanOrEqual(512);
      }
    }
  });

  test("none in which a single bit has changed, wherever it is", async () => {
    const bytes = Buffer.from(iterator, "base64");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      await expectInvalid(changed.toString("base64"));
    }
  });

  test.each<[string, (iterator: string) => string]>([
    ["cut short", (iterator) => iterator.slice(0, -24)],
    ["made longer", (iterator) => base64(Buffer.from(iterator, "base64").toString("latin1") + "x")],
    ["not base64", (iterator) => `${iterator.slice(0, -4)}!!!!`],
    ["with a character too many", (iterator) => `${iterator}A`],
    ["of zeros", (iterator) => base64(new Uint8Array(Buffer.from(iterator, "base64").length))],
    ["one word", () => "iterator"],
  ])("none that is %s", async (_, change) => {
    await expectInvalid(change(iterator));
  });

  test("none of another region or account", async () => {
    for (const authorization of [
      authorizationFor("eu-west-1"),
      authorizationFor("us-east-1", "123456789012"),
    ]) {
      const input = { ShardIterator: iterator };
      const { status, error } = await kinesis("GetRecords", input, { authorization });
      expect([status, error.name]).toEqual([400, "InvalidArgumentException"]);
    }
  });

  test("no page token, and an iterator is no page token", async () => {
    await createStream();
    const { output } = await kinesis("ListStreams", { Limit: 1 });
    await expectInvalid(output.NextToken);
    await expectRefusal("ListStreams", { NextToken: iterator }, "InvalidArgumentException", []);
  });

  test("none into a stream that was deleted, also when one of its name is there again", async () => {
    const number = await put("b");
    await kinesis("DeleteStream", { StreamName: stream });
    const gone = `Shard ${shardId} in stream ${stream} under account ${account} does not exist`;
    const input = { ShardIterator: iterator };
    await expectRefusal("GetRecords", input, "ResourceNotFoundException", [gone]);
    await createStream(stream);
    await put("new");
    await expectRefusal("GetRecords", input, "ResourceNotFoundException", [gone]);
    expect(await textsFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["new"]);
    setClock(noonMs + 60_000);
    await kinesis("DeleteStream", { StreamName: stream });
    await createStream(stream);
    const old = { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: number };
    await expectRefusal("GetShardIterator", { ...target(), ...old }, "InvalidArgumentException", [
      "is invalid because it did not come from this stream.",
    ]);
  });
});

function target(): { StreamName: string; ShardId: string } {
  return { StreamName: stream, ShardId: shardId };
}

async function createStream(StreamName: string = crypto.randomUUID()): Promise<string> {
  expect((await kinesis("CreateStream", { StreamName, ShardCount: 1 })).status).toBe(200);
  return StreamName;
}

async function put(text: string): Promise<string> {
  const input = { StreamName: stream, PartitionKey: "key", Data: base64(text) };
  const { status, output } = await kinesis("PutRecord", input);
  expect(status).toBe(200);
  return output.SequenceNumber;
}

async function iteratorFor(input: object): Promise<string> {
  const { output } = await kinesis("GetShardIterator", { ...target(), ...input });
  return output.ShardIterator;
}

async function textsFrom(input: object): Promise<string[]> {
  const iterator = await iteratorFor(input);
  const { status, output } = await kinesis("GetRecords", { ShardIterator: iterator });
  expect(status).toBe(200);
  expect(output.MillisBehindLatest).toBe(0);
  return output.Records.map(textIn);
}

async function expectInvalid(ShardIterator: string): Promise<void> {
  const input = { ShardIterator };
  await expectRefusal("GetRecords", input, "InvalidArgumentException", ["Invalid ShardIterator."]);
}

async function expectRefusal(
  operation: string,
  input: object,
  name: string,
  words: string[],
): Promise<void> {
  const { status, error } = await kinesis(operation, input);
  expect([status, error.name]).toEqual([400, name]);
  for (const word of words) expect(error.message).toContain(word);
}
