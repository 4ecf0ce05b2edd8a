import { describe, expect, test } from "vitest";
import { KinesisError } from "../../../worker/kinesis/errors.ts";
import {
  consumerArn,
  parseConsumerArn,
  parseResourceArn,
  parseStreamArn,
  resolveStream,
  streamArn,
} from "../../../worker/kinesis/names.ts";

const address = { account: "123456789012", region: "eu-west-1", name: "my.stream_1-a" };

const consumer = { ...address, consumer: "app", createdSeconds: 1_700_000_000 };

const arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/my.stream_1-a";

describe("names: ARNs", () => {
  test("a stream's is written and read", () => {
    expect(streamArn(address)).toBe(arn);
    expect(parseStreamArn(arn)).toEqual(address);
  });

  test("a consumer's ends in its creation time", () => {
    expect(consumerArn(consumer)).toBe(`${arn}/consumer/app:1700000000`);
    expect(parseConsumerArn(consumerArn(consumer))).toEqual(consumer);
  });

  test.each([
    ["cn-north-1", "aws-cn"],
    ["us-gov-west-1", "aws-us-gov"],
    ["us-east-1", "aws"],
  ])("%s is in the partition %s", (region, partition) => {
    const text = streamArn({ ...address, region });
    expect(text.startsWith(`arn:${partition}:kinesis:${region}:`)).toBe(true);
    expect(parseStreamArn(text)).toEqual({ ...address, region });
  });

  test("a resource is a stream or a consumer", () => {
    expect(parseResourceArn(arn)).toEqual(address);
    expect(parseResourceArn(consumerArn(consumer))).toEqual(consumer);
  });

  test.each([
    "",
    "my-stream",
    `${arn}/consumer/app`,
    `${arn}/consumer/app:1700000000/x`,
    "arn:aws:kinesis:eu-west-1:12345678901:stream/s",
    "arn:aws:kinesis:eu-west-1:123456789012:stream/",
    "arn:aws:kinesis:eu-west-1:123456789012:stream/a*b",
    `arn:aws:kinesis:eu-west-1:123456789012:stream/${"a".repeat(129)}`,
    "arn:aws:sqs:eu-west-1:123456789012:stream/s",
    `${arn}\n`,
  ])("%j names no stream and no consumer", (text) => {
    expect(parseResourceArn(text)).toBeUndefined();
  });
});

describe("names: the stream of a request", () => {
  const home = { account: "000000000000", region: "us-east-1" };

  test("a name is at home, an ARN brings its own account and region", () => {
    expect(resolveStream({ StreamName: "s" }, home)).toEqual({ ...home, name: "s" });
    expect(resolveStream({ StreamARN: arn }, home)).toEqual(address);
    expect(resolveStream({ StreamARN: arn, StreamName: address.name }, home)).toEqual(address);
  });

  test.each([
    [{}, "ValidationException"],
    [{ StreamName: "other", StreamARN: arn }, "InvalidArgumentException"],
    [{ StreamARN: `${arn}/consumer/app:1` }, "InvalidArgumentException"],
  ])("%j names none", (reference, name) => {
    expect(() => resolveStream(reference, home)).toThrow(KinesisError);
    expect(() => resolveStream(reference, home)).toThrow(expect.objectContaining({ name }));
  });
});
