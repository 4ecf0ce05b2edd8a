// checkTypes: what each wire type accepts, what it becomes, and what is answered to the rest.
import { describe, expect, test } from "vitest";
import { checkTypes } from "../../../worker/kinesis/convert.ts";
import { errorBody, KinesisError } from "../../../worker/kinesis/errors.ts";
import {
  boolean,
  integer,
  list,
  long,
  map,
  type StructureShape,
  structure,
  text,
} from "../../../worker/kinesis/shapeTypes.ts";
import { isOperation, shapes } from "./shapes.ts";
import { memberTypes, typeMessages } from "./type-table.ts";

const json = { format: "json", bodyBytes: 1024 } as const;
const cbor = { format: "cbor", bodyBytes: 1024 } as const;

/** What the face would answer, or the value when nothing is wrong. */
function attempt(shape: StructureShape, decoded: unknown, source: typeof json | typeof cbor) {
  try {
    return checkTypes(shape, decoded, source);
  } catch (error) {
    if (error instanceof KinesisError) return errorBody(error);
    throw error;
  }
}

function shapeOf(operation: string): StructureShape {
  if (!isOperation(operation)) throw new Error(`no operation ${operation}`);
  return shapes[operation];
}

/** `Records.0.Data` and a value: the input that has it there. */
function placeAt(path: string, value: unknown): unknown {
  return path
    .split(".")
    .toReversed()
    .reduce((content, piece) => (piece === "0" ? [content] : { [piece]: content }), value);
}

const refused = (message: string) => ({ __type: "SerializationException", Message: message });

describe("types: a wrong value is refused as kinesalite refuses it", () => {
  for (const [operation, members] of Object.entries(memberTypes)) {
    test(operation, () => {
      for (const [path, type] of Object.entries(members)) {
        for (const [value, message] of typeMessages[type]) {
          const input = placeAt(path, JSON.parse(value));
          expect(attempt(shapeOf(operation), input, json), `${path} = ${value}`).toEqual(
            refused(message),
          );
        }
      }
    });
  }
});

describe("types: what is accepted", () => {
  const { PutRecord, PutRecords, AddTagsToStream, GetShardIterator, GetRecords } = shapes;

  test("members that the shape does not have are dropped, null is absence", () => {
    const input = { StreamName: "s", Limit: null, Nonsense: 1, toString: "x" };
    expect(checkTypes(shapes.DescribeStream, input, json)).toEqual({ StreamName: "s" });
    expect(checkTypes(PutRecords, { Records: [{ Other: 1, Data: null }] }, json)).toEqual({
      Records: [{}],
    });
  });

  test("a null among the items of a list or map stays, to be refused by the constraints", () => {
    expect(checkTypes(PutRecords, { Records: [null] }, json)).toEqual({ Records: [null] });
    expect(checkTypes(AddTagsToStream, { Tags: { a: null } }, json)).toEqual({
      Tags: new Map([["a", null]]),
    });
  });

  test("the first wrong member in the order of the shape is the one named", () => {
    const input = { StreamName: 1, Data: 2, PartitionKey: true };
    expect(attempt(PutRecord, input, json)).toEqual(
      refused("class java.lang.Boolean can not be converted to an String"),
    );
  });

  test.each([
    [1, 1],
    [1.9, 1],
    [-1.5, -2],
    [2147483648, 2147483647],
    [Number.POSITIVE_INFINITY, 2147483647],
    [Number.NEGATIVE_INFINITY, -2147483648],
  ])("an Integer of %d is %d", (given, read) => {
    expect(checkTypes(GetRecords, { Limit: given }, json)).toEqual({ Limit: read });
  });

  test("a Long is rounded down and not clamped to 32 bits", () => {
    const shape = structure({ Size: long() });
    expect(checkTypes(shape, { Size: 2147483648.5 }, json)).toEqual({ Size: 2147483648 });
    expect(attempt(shape, { Size: "1" }, json)).toEqual(
      refused("class java.lang.String can not be converted to an Long"),
    );
  });

  test.each([
    [true, { DryRun: true }],
    [false, { DryRun: false }],
    ["yes", refused("'YES' can not be converted to an Boolean")],
    [
      1,
      refused(
        "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted " +
          "to an Boolean",
      ),
    ],
    [[], refused("Start of list found where not expected")],
    [{}, refused("Start of structure or map found where not expected.")],
  ])("a Boolean of %j", (given, answer) => {
    expect(attempt(GetRecords, { DryRun: given }, json)).toEqual(answer);
  });

  test.each([
    [1_704_164_645.678, 1_704_164_645_678],
    [1_459_799_926.48, 1_459_799_926_480],
    [0, 0],
    [-1.5, -1500],
    [1_622_282_661_795, 1_622_282_661_795_000],
    [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
  ])("a JSON Timestamp of %d seconds is %d ms", (given, ms) => {
    expect(checkTypes(GetShardIterator, { Timestamp: given }, json)).toEqual({ Timestamp: ms });
  });

  test.each([
    [1_704_164_645_678, 1_704_164_645_678],
    [1_704_164_645_678n, 1_704_164_645_678],
    [1_704_164_645_678.4, 1_704_164_645_678],
    ["1704164645678", 1_704_164_645_678],
  ])("a CBOR Timestamp of %s is in ms already", (given, ms) => {
    expect(checkTypes(GetShardIterator, { Timestamp: given }, cbor)).toEqual({ Timestamp: ms });
  });

  test("a CBOR Timestamp of other text is refused", () => {
    expect(attempt(GetShardIterator, { Timestamp: "2026-01-01" }, cbor)).toEqual(
      refused("class java.lang.String can not be converted to milliseconds since epoch"),
    );
  });

  test("a CBOR Blob is the bytes as they came, or base64", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(checkTypes(PutRecord, { Data: bytes }, cbor).Data).toBe(bytes);
    expect(checkTypes(PutRecord, { Data: "AQID" }, cbor)).toEqual({ Data: bytes });
  });

  test("CBOR bytes are taken for nothing but a Blob", () => {
    const bytes = Uint8Array.of(1);
    expect(attempt(PutRecord, { PartitionKey: bytes }, cbor)).toEqual(
      refused("class java.nio.HeapByteBuffer can not be converted to an String"),
    );
    expect(attempt(PutRecords, { Records: bytes }, cbor)).toEqual(refused("Expected list or null"));
    expect(attempt(PutRecords, { Records: [bytes] }, cbor)).toEqual(refused("Expected null"));
    expect(attempt(AddTagsToStream, { Tags: bytes }, cbor)).toEqual(
      refused("Expected map or null"),
    );
  });

  test("CBOR integers may be big, and what is not a number is refused", () => {
    expect(checkTypes(GetRecords, { Limit: 5n }, cbor)).toEqual({ Limit: 5 });
    expect(attempt(GetRecords, { Limit: Number.NaN }, cbor)).toEqual(
      refused(
        "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted " +
          "to an Integer",
      ),
    );
  });

  test("a map keeps keys that mean something to JavaScript", () => {
    const input = JSON.parse('{"Tags":{"__proto__":"a","constructor":"b"}}');
    expect(checkTypes(AddTagsToStream, input, json).Tags).toEqual(
      new Map([
        ["__proto__", "a"],
        ["constructor", "b"],
      ]),
    );
  });

  test("an input that is a list is refused as a structure", () => {
    expect(attempt(shapes.ListStreams, [], json)).toEqual(
      refused("Start of list found where not expected"),
    );
  });

  test("nested lists, maps and structures are converted all the way", () => {
    const shape = structure({
      Outer: list(structure({ Inner: map(text(), integer(), 0, 9), Flag: boolean }), 0, 9),
    });
    expect(checkTypes(shape, { Outer: [{ Inner: { a: 1.5 }, Flag: true }] }, json)).toEqual({
      Outer: [{ Inner: new Map([["a", 1]]), Flag: true }],
    });
  });
});
