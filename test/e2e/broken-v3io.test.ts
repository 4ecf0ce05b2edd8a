// Everything that a v3io client can get wrong, sent to the real local server over HTTP: each is
// refused with the name, number, status and bytes of the Iguazio web API reference, stores nothing,
// and the next request is answered as if nothing had been (sound.ts).

import { expect, test } from "vitest";
import { base64 } from "../worker/kinesis/client.ts";
import { errorText } from "../worker/v3io/client.ts";
import { keepSound, StreamName } from "./sound.ts";

const { v3io } = keepSound();

const mebibyte = 1024 * 1024;
const start = "AQAAAAAAAAAAAAAAAAAAAA==";
const invalid = errorText(-201326592, "InvalidArgumentException");
const path = `/bigdata/${StreamName}`;
const notFound = "ResourceNotFoundException";

test.each<[string, string, string, object | string | undefined]>([
  ["no body", "PutRecords", path, undefined],
  ["half an object", "PutRecords", path, '{"Records":['],
  ["no JSON at all", "PutRecords", path, "Records=none"],
  ["null", "PutRecords", path, "null"],
  ["a list", "PutRecords", path, "[]"],
  ["records that are no list", "PutRecords", path, { Records: "none" }],
  ["no records", "PutRecords", path, { Records: [] }],
  ["1001 records", "PutRecords", path, { Records: Array(1001).fill(0) }],
  ["a body above the limit", "PutRecords", path, " ".repeat(16 * mebibyte + 1)],
  ["an unknown function", "Nothing", path, {}],
  ["a name of every object", "constructor", path, {}],
  ["no stream", "DescribeStream", "/", {}],
  ["no stream, only a container", "DescribeStream", "/bigdata/", {}],
  ["a path that is not encoded right", "DescribeStream", "/bigdata/%zz", {}],
  ["a name that is a number", "DescribeStream", "/bigdata/", { StreamName: 5 }],
  ["no shard", "GetRecords", path, { Location: start }],
  ["a shard that is no number", "GetRecords", `${path}/first`, { Location: start }],
  ["no location", "GetRecords", `${path}/0`, {}],
  ["a location that is not base64", "GetRecords", `${path}/0`, { Location: "forged" }],
  ["no type of seek", "Seek", `${path}/0`, {}],
  ["an unknown type of seek", "Seek", `${path}/0`, { Type: "NEWEST" }],
  ["half a time", "Seek", `${path}/0`, { Type: "TIME", TimestampSec: 1 }],
  ["a stream without shards", "CreateStream", "/bigdata/new", { ShardCount: 0 }],
])("%s: InvalidArgumentException", async (_, name, path, body) => {
  const reply = await v3io(name, path, body);
  expect([reply.status, reply.text]).toEqual([400, invalid]);
  expect(reply.headers.get("content-type")).toBe("application/json");
});

test.each<[string, string, object]>([
  ["DescribeStream", "/bigdata/nowhere", {}],
  ["PutRecords", "/bigdata/nowhere", { Records: [{ Data: "" }] }],
  ["Seek", "/bigdata/nowhere/0", { Type: "EARLIEST" }],
  ["GetRecords", "/bigdata/nowhere/0", { Location: start }],
])("%s of an unknown stream: 404", async (name, path, body) => {
  const { status, text, output } = await v3io(name, path, body);
  expect([status, text]).toEqual([404, errorText(output.ErrorCode, notFound)]);
});

test("a forged location, and one beyond the end: IllegalLocationException", async () => {
  for (const Location of [base64("forged location!"), "AQAAAAAAAAD/////AAAAAA=="]) {
    const { status, text, output } = await v3io("GetRecords", `${path}/0`, { Location });
    expect(output.ErrorCode).toBeLessThan(0);
    const expected = errorText(output.ErrorCode, "IllegalLocationException");
    expect([status, text]).toEqual([400, expected]);
  }
});

test("a shard that is not there: ShardIDOutOfRangeException", async () => {
  const { status, text } = await v3io("GetRecords", `${path}/1`, { Location: start });
  const expected = errorText(-201326594, "ShardIDOutOfRangeException");
  expect([status, text]).toEqual([400, expected]);
});

test("records that cannot be taken fail alone", async () => {
  const Records = [
    { Data: "", PartitionKey: "k".repeat(257) },
    { Data: "", ClientInfo: base64(new Uint8Array(17)) },
    { Data: base64(new Uint8Array(2 * mebibyte + 1)) },
    { Data: "%" },
    {},
    null,
    { Data: "", ShardId: 1 },
  ];
  const { status, output } = await v3io("PutRecords", path, { Records });
  expect([status, output.FailedRecordCount]).toEqual([200, Records.length]);
  const names = output.Records.map(({ ErrorMessage }) => ErrorMessage);
  const bad = "InvalidArgumentException";
  expect(names).toEqual([bad, bad, bad, bad, bad, bad, "ShardIDOutOfRangeException"]);
});
