// Event-stream messages byte by byte: the vectors that the AWS SDKs test theirs with (smithy,
// aws-event-stream), and the messages of a subscription as their headers must stand.

import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  encodeMessage,
  eventMessage,
  exceptionMessage,
  initialResponse,
} from "../../../worker/kinesis/eventstream.ts";
import { decodeMessages } from "./eventReader.ts";

const json = "application/x-amz-json-1.1";

describe("the vectors of the SDKs", () => {
  test.each([
    ["an empty message", {}, "", "000000100000000005c248eb7d98c8ff"],
    [
      "a payload and a header",
      { "content-type": "application/json" },
      "{'foo':'bar'}",
      "0000003d0000002007fd83960c636f6e74656e742d7479706507001061" +
        "70706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1",
    ],
  ])("%s", (_, headers, payload, hex) => {
    expect(Buffer.from(encodeMessage(headers, Buffer.from(payload))).toString("hex")).toBe(hex);
  });
});

test("each kind of message says what it is", () => {
  const payload = Buffer.from("{}");
  const stream = [
    initialResponse(json, payload),
    eventMessage("SubscribeToShardEvent", json, payload),
    exceptionMessage("ResourceInUseException", json, payload),
  ];
  expect(decodeMessages(Buffer.concat(stream)).map(({ headers }) => headers)).toEqual([
    { ":message-type": "event", ":event-type": "initial-response", ":content-type": json },
    { ":message-type": "event", ":event-type": "SubscribeToShardEvent", ":content-type": json },
    {
      ":message-type": "exception",
      ":exception-type": "ResourceInUseException",
      ":content-type": json,
    },
  ]);
});

test("the sums cover everything before them, for payloads of any size", () => {
  for (const length of [0, 1, 15, 16, 17, 1000, 1_048_576]) {
    const message = encodeMessage({ ":a": "b" }, new Uint8Array(length).fill(length));
    const view = new DataView(message.buffer);
    expect(view.getUint32(0)).toBe(message.length);
    expect(view.getUint32(8)).toBe(crc32(message.subarray(0, 8)));
    expect(view.getUint32(message.length - 4)).toBe(crc32(message.subarray(0, -4)));
  }
});
