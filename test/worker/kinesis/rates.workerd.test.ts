// The limits of the control plane over HTTP, inside workerd: with MILLRACE_LIMITS=kinesis an operation
// that comes too often is refused, by a clock that is the test's; without it nothing is.

import { noonMs, setClock } from "../../support/clock.ts";
import { exports, env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { authorizationFor, kinesisOver } from "./client.ts";

const send = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

let account: string;

beforeEach(() => {
  setClock(noonMs);
  env.MILLRACE_LIMITS = "kinesis";
  // Every test has an account of its own.
  account = String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(12, "2");
});

afterEach(() => {
  delete env.MILLRACE_LIMITS;
  delete env.MILLRACE_TRANSITION_MS;
  vi.useRealTimers();
});

describe("calls a second", () => {
  const stream = { StreamName: "s" };

  test.each([
    ["DescribeLimits", {}, 1],
    ["ListStreams", {}, 5],
    ["CreateStream", { StreamName: "s" }, 5],
    ["DeleteStream", stream, 5],
    ["AddTagsToStream", { ...stream, Tags: { a: "1" } }, 5],
    ["RemoveTagsFromStream", { ...stream, TagKeys: ["a"] }, 5],
    ["ListTagsForStream", stream, 5],
    ["DescribeAccountSettings", {}, 5],
    ["DescribeStream", stream, 10],
    ["DescribeStreamSummary", stream, 20],
  ])(
    "%s %j: %i for an account, and as many again a second later",
    async (operation, input, count) => {
      const other = operation === "DescribeLimits" ? "ListStreams" : "DescribeLimits";
      for (const second of [0, 1]) {
        setClock(noonMs + second * 1000);
        for (let i = 0; i < count; i++) expect(await nameOf(operation, input)).not.toBe(tooOften);
        const { status, error } = await call(operation, input);
        expect([status, error]).toEqual([
          400,
          { name: tooOften, message: `Rate exceeded for account ${account}.` },
        ]);
      }
      expect(await nameOf(other, {})).toBe("");
    },
  );

  test("come back evenly", async () => {
    for (let i = 0; i < 5; i++) await call("ListStreams", {});
    setClock(noonMs + 199);
    expect(await nameOf("ListStreams", {})).toBe(tooOften);
    setClock(noonMs + 200);
    expect(await nameOf("ListStreams", {})).toBe("");
    expect(await nameOf("ListStreams", {})).toBe(tooOften);
  });

  test("for a stream are each stream's own", async () => {
    for (const StreamName of ["a", "b"]) await call("CreateStream", { StreamName, ShardCount: 1 });
    for (let i = 0; i < 5; i++) expect((await listConsumers("a")).status).toBe(200);
    expect((await listConsumers("a")).error).toEqual({
      name: tooOften,
      message: `Rate exceeded for stream a under account ${account}.`,
    });
    expect((await listConsumers("b")).status).toBe(200);
  });

  test("are counted only for what is well formed", async () => {
    for (let i = 0; i < 10; i++) {
      expect(await nameOf("ListStreams", { Limit: 0 })).toBe("ValidationException");
    }
    expect(await nameOf("ListStreams", {})).toBe("");
  });

  test("are not counted unless that is asked for", async () => {
    delete env.MILLRACE_LIMITS;
    for (let i = 0; i < 20; i++) expect(await nameOf("ListStreams", {})).toBe("");
  });
});

describe("things that are CREATING at once", () => {
  beforeEach(() => {
    env.MILLRACE_TRANSITION_MS = "5000";
  });

  test("streams: five", async () => {
    for (let i = 0; i < 5; i++) {
      expect(await nameOf("CreateStream", { StreamName: `${i}`, ShardCount: 1 })).toBe("");
    }
    setClock(noonMs + 1000);
    const { error } = await call("CreateStream", { StreamName: "one-more", ShardCount: 1 });
    expect(error).toEqual({
      name: tooOften,
      message:
        "This request would exceed the limit of 5 streams in the CREATING state " +
        `for the account ${account} in us-east-1.`,
    });
    setClock(noonMs + 5000);
    expect(await nameOf("CreateStream", { StreamName: "one-more", ShardCount: 1 })).toBe("");
  });

  test("consumers of a stream: five", async () => {
    await call("CreateStream", { StreamName: "s", ShardCount: 1 });
    setClock(noonMs + 5000);
    const register = (ConsumerName: string) =>
      call("RegisterStreamConsumer", { StreamARN: arnOf("s"), ConsumerName });
    for (let i = 0; i < 5; i++) expect((await register(`${i}`)).status).toBe(200);
    setClock(noonMs + 6000);
    expect((await register("one-more")).error).toEqual({
      name: tooOften,
      message:
        "This request would exceed the limit of 5 consumers in the CREATING state " +
        `for stream s under account ${account}.`,
    });
    setClock(noonMs + 10_000);
    expect((await register("one-more")).status).toBe(200);
  });
});

test("a setting that cannot be meant is an error, not a default", async () => {
  env.MILLRACE_LIMITS = "kinesys";
  expect((await call("ListStreams", {})).status).toBe(500);
});

const tooOften = "LimitExceededException";

function call(operation: string, input: object) {
  return send(operation, input, { authorization: authorizationFor("us-east-1", account) });
}

async function nameOf(operation: string, input: object): Promise<string> {
  return (await call(operation, input)).error.name;
}

function arnOf(stream: string): string {
  return `arn:aws:kinesis:us-east-1:${account}:stream/${stream}`;
}

function listConsumers(stream: string) {
  return call("ListStreamConsumers", { StreamARN: arnOf(stream) });
}
