// The v3io face over HTTP, inside workerd: streams and how they are addressed, and what becomes of
// each record of a PutRecords. Errors have the names, numbers and bytes of the Iguazio web API
// reference.

import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { base64, kinesisOver, textIn } from "../kinesis/client.ts";
import { errorText, v3ioOver, type V3ioRecord } from "./client.ts";

const send = (at: string, init?: RequestInit) =>
  exports.default.fetch(`http://localhost${at}`, init);
const v3io = v3ioOver(send);
const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

const start = "AQAAAAAAAAAAAAAAAAAAAA==";
const invalid = errorText(-201326592, "InvalidArgumentException");

let stream: string;
let path: string;

beforeEach(async () => {
  stream = crypto.randomUUID();
  path = `/bigdata/dir/${stream}`;
  await v3io("CreateStream", path, { ShardCount: 3, RetentionPeriodHours: 24 });
});

describe("streams", () => {
  test("CreateStream: 204 without a body, and the stream is there at once", async () => {
    const other = `/bigdata/${crypto.randomUUID()}/`;
    const body = { ShardCount: 7, RetentionPeriodHours: 48 };
    const created = await v3io("CreateStream", other, body, "POST");
    expect([created.status, created.text]).toEqual([204, ""]);
    const { status, headers, output } = await v3io("DescribeStream", other);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json");
    expect(output).toEqual({ ShardCount: 7, RetentionPeriodHours: 48 });
  });

  test.each([{}, { ShardCount: null }, { RetentionPeriodHours: 24 }, { ShardCount: 1 }])(
    "CreateStream: %j is one shard that keeps its records for a day",
    async (body) => {
      const other = `/bigdata/${crypto.randomUUID()}/`;
      expect((await v3io("CreateStream", other, body)).status).toBe(204);
      const { output } = await v3io("DescribeStream", other);
      expect(output).toEqual({ ShardCount: 1, RetentionPeriodHours: 24 });
    },
  );

  test("CreateStream: a second one of that path is refused with 409", async () => {
    const body = { ShardCount: 1, RetentionPeriodHours: 1 };
    const { status, output } = await v3io("CreateStream", path, body);
    expect([status, output.ErrorMessage]).toEqual([409, "ResourceInUseException"]);
    expect(output.ErrorCode).toBeLessThan(0);
    expect((await v3io("DescribeStream", path)).output.ShardCount).toBe(3);
  });

  test.each([
    { ShardCount: 0, RetentionPeriodHours: 1 },
    { ShardCount: 4097, RetentionPeriodHours: 1 },
    { ShardCount: 1.5, RetentionPeriodHours: 1 },
    { ShardCount: "1", RetentionPeriodHours: 1 },
    { ShardCount: 1, RetentionPeriodHours: 0 },
    { ShardCount: 1, RetentionPeriodHours: 8761 },
  ])("CreateStream: %j is refused", async (body) => {
    const { status, text } = await v3io("CreateStream", `/bigdata/${crypto.randomUUID()}`, body);
    expect([status, text]).toEqual([400, invalid]);
  });

  test.each(["DescribeStream", "PutRecords", "Seek", "GetRecords"])(
    "%s: a stream that is not there is 404 by name",
    async (name) => {
      const Records = [{ Data: "" }];
      const body = { Records, ShardId: 0, Type: "EARLIEST", Location: start };
      const { status, output } = await v3io(name, `/bigdata/${crypto.randomUUID()}/`, body);
      expect([status, output.ErrorMessage]).toEqual([404, "ResourceNotFoundException"]);
      expect(output.ErrorCode).toBeLessThan(0);
    },
  );

  test("DescribeStream: slashes before, between and behind do not matter, nor does the verb", async () => {
    const paths = [`${path}/`, `/${path}`, `//bigdata//dir///${stream}//`, path];
    for (const each of paths) {
      for (const method of ["PUT", "POST"]) {
        const { status, output } = await v3io("DescribeStream", each, undefined, method);
        expect([status, output.ShardCount]).toEqual([200, 3]);
      }
    }
    const byName = await v3io("DescribeStream", "/bigdata/dir/", { StreamName: stream });
    expect(byName.output.ShardCount).toBe(3);
  });

  test("Seek and GetRecords: stream and shard in the path, the shard or both in the body", async () => {
    await put([{ Data: base64("a"), ShardId: 2 }]);
    const forms: [string, object][] = [
      [`${path}/2`, {}],
      [`${path}/2/`, {}],
      [path, { ShardId: 2 }],
      [`${path}/`, { ShardId: 2 }],
      ["/bigdata/dir/", { StreamName: stream, ShardId: 2 }],
    ];
    for (const [each, names] of forms) {
      const { output } = await v3io("SeekShard", each, { ...names, Type: "EARLIEST" });
      const page = await v3io("GetRecords", each, { ...names, Location: output.Location });
      expect(page.output.Records.map(textIn)).toEqual(["a"]);
    }
  });

  test("a stream that is being deleted is not there any more", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      await v3io("DescribeStream", path);
      expect((await send(`${path}/`, { method: "DELETE" })).status).toBe(204);
      const { status, output } = await v3io("DescribeStream", path);
      expect([status, output.ErrorMessage]).toEqual([404, "ResourceNotFoundException"]);
      expect((await v3io("PutRecords", path, { Records: [{ Data: "" }] })).status).toBe(404);
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });

  test("a stream below the root is not seen by Kinesis, nor the other way round", async () => {
    const input = { StreamName: stream };
    expect((await kinesis("DescribeStream", input)).error.name).toBe("ResourceNotFoundException");
    await kinesis("CreateStream", { ...input, ShardCount: 1 });
    expect((await v3io("DescribeStream", path)).output.ShardCount).toBe(3);
    expect((await v3io("DescribeStream", `/bigdata/${stream}`)).output.ShardCount).toBe(1);
    expect((await v3io("DescribeStream", `/users/${stream}`)).status).toBe(404);
  });
});

describe("PutRecords", () => {
  test("sequence numbers count from 1 in each shard", async () => {
    const first = await put([
      { Data: base64("a"), ShardId: 1 },
      { Data: base64("b"), ShardId: 1 },
      { Data: base64("c"), ShardId: 0 },
    ]);
    expect(first).toEqual([
      { SequenceNumber: 1, ShardId: 1 },
      { SequenceNumber: 2, ShardId: 1 },
      { SequenceNumber: 1, ShardId: 0 },
    ]);
    const [next] = await put([{ Data: base64("d"), ShardId: 1 }]);
    expect(next).toEqual({ SequenceNumber: 3, ShardId: 1 });
  });

  test("records of one key stay together, and go where Kinesis would send them", async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `key ${i % 20}`);
    const outcomes = await put(keys.map((PartitionKey) => ({ Data: "", PartitionKey })));
    const shardByKey = new Map(keys.map((key, i) => [key, outcomes[i]?.ShardId]));
    expect(outcomes.map(({ ShardId }) => ShardId)).toEqual(keys.map((key) => shardByKey.get(key)));
    expect(new Set(shardByKey.values()).size).toBe(3);
    const root = crypto.randomUUID();
    await kinesis("CreateStream", { StreamName: root, ShardCount: 3 });
    const Records = keys.map((PartitionKey) => ({ PartitionKey, Data: "" }));
    const { output } = await kinesis("PutRecords", { StreamName: root, Records });
    const shards = output.Records.map(({ ShardId }) => Number(ShardId.slice(-12)));
    expect(shards).toEqual(outcomes.map(({ ShardId }) => ShardId));
  });

  test("records with neither shard nor key take turns, over calls too", async () => {
    const first = await put([{ Data: "" }, { Data: "" }, { Data: "", ShardId: 0 }, { Data: "" }]);
    const second = await put([{ Data: "" }, { Data: "", PartitionKey: "" }]);
    const turns = [...first.filter((_, i) => i !== 2), ...second].map(({ ShardId }) => ShardId);
    expect(turns).toEqual([0, 1, 2, 0, 1]);
  });

  test("a record that cannot be taken fails alone, each for its own reason", async () => {
    const bad = { ErrorCode: -201326592, ErrorMessage: "InvalidArgumentException" };
    const noSuchShard = { ErrorCode: -201326594, ErrorMessage: "ShardIDOutOfRangeException" };
    const records: [object, object][] = [
      [
        { Data: base64("good"), ShardId: 0 },
        { SequenceNumber: 1, ShardId: 0 },
      ],
      [{ Data: base64("x"), ShardId: 3 }, noSuchShard],
      [{ ShardId: 0 }, bad],
      [{ Data: "%%%%", ShardId: 0 }, bad],
      [{ Data: "abc", ShardId: 0 }, bad],
      [{ Data: "-_-_", ShardId: 0 }, bad],
      [{ Data: "QR==", ShardId: 0 }, bad],
      [{ Data: 7, ShardId: 0 }, bad],
      [{ Data: "", ShardId: -1 }, bad],
      [{ Data: "", ShardId: "0" }, bad],
      [{ Data: "", ShardId: 0, PartitionKey: "k".repeat(257) }, bad],
      [{ Data: "", ShardId: 0, PartitionKey: 5 }, bad],
      [{ Data: "", ShardId: 0, ClientInfo: base64(new Uint8Array(17)) }, bad],
      [{ Data: base64(new Uint8Array(2 * 1024 * 1024 + 1)), ShardId: 0 }, bad],
      [
        { Data: base64("also good"), ShardId: 0 },
        { SequenceNumber: 2, ShardId: 0 },
      ],
    ];
    const Records = records.map(([record]) => record);
    const { status, output } = await v3io("PutRecords", path, { Records });
    expect(status).toBe(200);
    expect(output.FailedRecordCount).toBe(13);
    expect(output.Records).toEqual(records.map(([, outcome]) => outcome));
    const page = await v3io("GetRecords", `${path}/0`, { Location: start });
    expect(page.output.Records.map(textIn)).toEqual(["good", "also good"]);
  });

  test.each<[string, object]>([
    ["no records", { Records: [] }],
    ["no list of records", {}],
    ["1001 records", { Records: Array.from({ length: 1001 }, () => ({ Data: "" })) }],
  ])("%s: the whole call is refused", async (_, body) => {
    const { status, text } = await v3io("PutRecords", path, body);
    expect([status, text]).toEqual([400, invalid]);
  });

  test("1000 records, and records of 2 MiB, are taken", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({ Data: base64(`${i}`), ShardId: 1 }));
    const outcomes = await put(many);
    expect(outcomes.map(({ SequenceNumber }) => SequenceNumber)).toEqual(many.map((_, i) => i + 1));
    const large = base64(new Uint8Array(2 * 1024 * 1024).fill(1));
    expect(await put([{ Data: large, ShardId: 1 }])).toMatchObject([{ SequenceNumber: 1001 }]);
  });
});

async function put(Records: object[]): Promise<V3ioRecord[]> {
  const { status, output } = await v3io("PutRecords", path, { Records }, "POST");
  expect([status, output.FailedRecordCount]).toEqual([200, 0]);
  return output.Records;
}
