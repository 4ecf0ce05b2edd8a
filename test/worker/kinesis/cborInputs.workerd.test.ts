// Requests in CBOR as the AWS SDK for Java writes them, put together by hand from RFC 8949: it writes maps of
// either length, blobs as byte strings, and times as milliseconds under tag 1.

import { describe, expect, test } from "vitest";
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { checkTypes } from "../../../worker/kinesis/convert.ts";
import { bytes, plain } from "./cbor-text.ts";
import { shapes } from "./shapes.ts";

describe("requests as the AWS SDK for Java writes them", () => {
  const at = 1_622_282_661_795;

  test.each([
    [
      "PutRecord, a map of definite length",
      "PutRecord",
      "a3 6a 'StreamName' 66 'orders' 64 'Data' 45 'hello' 6c 'PartitionKey' 63 'k-1'",
      { StreamName: "orders", Data: Buffer.from("hello"), PartitionKey: "k-1" },
    ],
    [
      "PutRecords, maps and lists of indefinite length",
      "PutRecords",
      `bf 67 'Records' 9f
         bf 64 'Data' 43 00 ff 80 6c 'PartitionKey' 61 'a' ff
         bf 64 'Data' 40 6f 'ExplicitHashKey' 61 '0' 6c 'PartitionKey' 62 c3 a4 ff
       ff 6a 'StreamName' 66 'orders' ff`,
      {
        Records: [
          { PartitionKey: "a", Data: Buffer.from([0, 255, 128]) },
          { PartitionKey: "ä", ExplicitHashKey: "0", Data: Buffer.from("") },
        ],
        StreamName: "orders",
      },
    ],
    [
      "GetShardIterator, a time in milliseconds under tag 1",
      "GetShardIterator",
      `bf 6a 'StreamName' 66 'orders' 67 'ShardId' 74 'shardId-000000000000'
         71 'ShardIteratorType' 6c 'AT_TIMESTAMP'
         69 'Timestamp' c1 1b 00 00 01 79 b7 94 ef a3 ff`,
      {
        ShardId: "shardId-000000000000",
        ShardIteratorType: "AT_TIMESTAMP",
        StreamName: "orders",
        Timestamp: at,
      },
    ],
    [
      "a time without a tag",
      "ListStreamConsumers",
      "a1 77 'StreamCreationTimestamp' 1b 00 00 01 79 b7 94 ef a3",
      { StreamCreationTimestamp: at },
    ],
    [
      "a time as a float",
      "ListStreamConsumers",
      "a1 77 'StreamCreationTimestamp' c1 fb 42 77 9b 79 4e fa 30 00",
      { StreamCreationTimestamp: at },
    ],
    [
      "a time as digits",
      "ListStreamConsumers",
      "a1 77 'StreamCreationTimestamp' 6d '1622282661795'",
      { StreamCreationTimestamp: at },
    ],
    [
      "absent members as null",
      "ListStreams",
      "a3 65 'Limit' f6 69 'NextToken' f6 78 18 'ExclusiveStartStreamName' 61 'a'",
      { ExclusiveStartStreamName: "a" },
    ],
    ["an empty input", "ListStreams", "bf ff", {}],
  ] as const)("%s", (_, operation, text, input) => {
    const body = bytes(text);
    const source = { format: "cbor", bodyBytes: body.length } as const;
    const read = checkTypes(shapes[operation], decodeCbor(body), source);
    expect(plain(read)).toEqual(plain(input));
  });

  test("base64 text is taken for bytes, as JSON has them", () => {
    const decoded = decodeCbor(bytes("a1 64 'Data' 64 'aGk='"));
    const { Data } = checkTypes(shapes.PutRecord, decoded, { format: "cbor", bodyBytes: 20 });
    expect(Buffer.from(Data ?? []).toString()).toBe("hi");
  });
});
