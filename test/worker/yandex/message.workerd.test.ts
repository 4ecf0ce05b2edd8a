// From a decoded body to a typed input: spellings, types, lists, and every way of being refused. Texts of
// YDB json_proto_conversion.cpp.

import { describe, expect, test } from "vitest";
import { putRecords } from "../../../worker/yandex/actions/put.ts";
import { getShardIterator } from "../../../worker/yandex/actions/read.ts";
import { createStream, listStreams } from "../../../worker/yandex/actions/streams.ts";
import { YandexError } from "../../../worker/yandex/errors.ts";
import { operations } from "../../../worker/yandex/operations.ts";
import { type Fields, readMessage } from "../../../worker/yandex/shapeTypes.ts";
import { parseSequenceNumber, parseShardId, shardIdOf } from "../../../worker/yandex/shards.ts";

describe("readMessage", () => {
  test("members by any spelling, nested ones too; those that are not there are not there", () => {
    const body = {
      stream_name: "s",
      shardCount: 3,
      StreamModeDetails: { streamMode: "ON_DEMAND" },
      partitioning_settings: { MinActivePartitions: 1 },
    };
    expect(readMessage(createStream.input, body)).toEqual({
      StreamName: "s",
      ShardCount: 3,
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
      PartitioningSettings: { MinActivePartitions: 1 },
    });
  });

  test("bytes as they are, or in base64; times in milliseconds; a list of records", () => {
    const Data = new Uint8Array([1, 2]);
    const body = { Records: [{ Data }, { Data: "AQI=", PartitionKey: "k" }] };
    const { Records } = readMessage(putRecords.input, body);
    const data = Records?.map((record) => Buffer.from(record.Data ?? []).toString("hex"));
    expect(data).toEqual(["0102", "0102"]);
    expect(readMessage(getShardIterator.input, { Timestamp: 1.5 })).toEqual({ Timestamp: 1500 });
    expect(readMessage(getShardIterator.input, { Timestamp: 2n })).toEqual({ Timestamp: 2000 });
  });

  test.each([
    ["LATEST", "LATEST"],
    ["5", "LATEST"],
    ["AT_TIMESTAMPS", undefined],
    ["0", undefined],
    ["6", undefined],
    ["", undefined],
  ])("an iterator's type %j is %s", (given, type) => {
    const { ShardIteratorType } = readMessage(getShardIterator.input, {
      ShardIteratorType: given,
    });
    expect(ShardIteratorType).toBe(type);
  });

  test.each([undefined, null])("%s: no body at all", (value) => {
    expect(refusal(() => readMessage(listStreams.input, value))).toEqual([
      "MissingParameter",
      "Top level of json value is not a map",
    ]);
  });

  test.each<[unknown, string]>([
    [{ Unknown: 1 }, "Unexpected json key: Unknown"],
    [{ constructor: 1 }, "Unexpected json key: constructor"],
    [{ StreamName: "a", Stream_Names: 1 }, "Unexpected json key: Stream_Names"],
    [{ StreamName: 10 }, type("string", "number")],
    [{ StreamName: null }, type("string", "null")],
    [{ StreamName: ["a"] }, type("string", "array")],
    [{ StreamName: "\ud800" }, "[json.exception.type_error.316] invalid UTF-8 text"],
    [{ ShardCount: "100" }, type("number", "string")],
    [{ ShardCount: true }, type("number", "boolean")],
    [{ ShardCount: {} }, type("number", "object")],
    [{ StreamModeDetails: "ON_DEMAND" }, type("object", "string")],
    [{ StreamModeDetails: { Mode: 1 } }, "Unexpected json key: Mode"],
    [[], type("object", "array")],
    ["text", type("object", "string")],
    [new Uint8Array(1), type("object", "binary")],
  ])("%j is refused: %s", (body, message) => {
    expect(refusal(() => readMessage(createStream.input, body))).toEqual([
      "InvalidArgumentException",
      message,
    ]);
  });
});

describe("whole numbers", () => {
  const members = [...operations.values()].flatMap(({ name, input }) =>
    integersIn(input).map((path) => ({ input, path, title: `${name} ${path.join(".")}` })),
  );

  test("are members of operations", () => {
    expect(members.map(({ title }) => title)).toContain("CreateStream ShardCount");
    expect(members.length).toBeGreaterThan(20);
  });

  test.each(members)("$title: only what 32 bits hold", ({ input, path }) => {
    const read = (value: unknown) => readMessage(input, bodyWith(path, value));
    const refused = (value: unknown) => refusal(() => read(value)).join(": ");
    const whole = "is not a whole number";
    const range = "is out of range";
    for (const good of [0, -0, 7, -7, 7n, 1e1, 2 ** 31 - 1, -(2 ** 31)]) read(good);
    for (const [wrong, why] of [
      ...[0.5, -0.5, 3.9, 1e-300, 2 ** 31 - 0.5].map((value) => [value, whole] as const),
      ...[2 ** 31, -(2 ** 31) - 1, 1e300, 2n ** 64n, -(2n ** 64n)].map((n) => [n, range] as const),
      ...[Infinity, -Infinity, NaN, 2n ** 2000n].map((value) => [value, range] as const),
    ]) {
      expect(refused(wrong)).toBe(`InvalidArgumentException: number ${Number(wrong)} ${why}`);
    }
    for (const wrong of ["7", "", true, null, [], [7], {}]) {
      expect(refused(wrong)).toMatch(/^InvalidArgumentException: .* must be number, but is/);
    }
  });
});

describe("shards and sequence numbers", () => {
  test.each([
    ["shard-000000", 0],
    ["shard-000199", 199],
    ["shard-1000000", 1_000_000],
    ["shard-0000001", undefined],
    ["shard-1", undefined],
    ["shardId-000000000000", undefined],
    ["", undefined],
    ["zzzz", undefined],
  ])("%j is %s", (id, index) => {
    expect(parseShardId(id)).toBe(index);
    if (index !== undefined) expect(shardIdOf(index)).toBe(id);
  });

  test.each([
    ["0", 0],
    ["0000", 0],
    ["001122", 1122],
    [" 7", 7],
    ["+7", 7],
    ["7 and more", 7],
    ["18446744073709551615", 2 ** 50 - 1],
    ["18446744073709551616", undefined],
    ["9".repeat(50), undefined],
    [`${"0".repeat(50)}7`, 7],
    ["-1", undefined],
    ["garbage", undefined],
    ["", undefined],
  ])("sequence number %j is %s", (text, index) => {
    expect(parseSequenceNumber(text)).toBe(index);
  });
});

/** Paths of the integers of an input, through its messages. */
function integersIn(fields: Fields): string[][] {
  return Object.entries(fields).flatMap(([name, field]) => {
    if (field.type === "integer") return [[name]];
    if (field.type !== "message") return [];
    return integersIn(field.fields).map((path) => [name].concat(path));
  });
}

function bodyWith(path: readonly string[], value: unknown): object {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

function type(wanted: string, is: string): string {
  return `[json.exception.type_error.302] type must be ${wanted}, but is ${is}`;
}

function refusal(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof YandexError) return [error.name, error.message];
    throw error;
  }
  return [];
}
