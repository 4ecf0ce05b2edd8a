// What an account has and may have, over HTTP, inside workerd: its limits, its one setting, and the
// channels that it cannot have here. Every test has an account of its own.

import { noonMs, setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { authorizationFor, kinesisOver } from "./client.ts";

const send = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

const noon = noonMs / 1000;
const dayMs = 24 * 3_600_000;

let account: string;

beforeEach(() => {
  setClock(noonMs);
  account = String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(12, "1");
});

afterEach(() => {
  delete env.MILLRACE_LIMITS;
  vi.useRealTimers();
});

describe("limits", () => {
  test("count open shards and on-demand streams of all streams, as they come and go", async () => {
    const none = {
      ShardLimit: 20_000,
      OpenShardCount: 0,
      OnDemandStreamCount: 0,
      OnDemandStreamCountLimit: 50,
      ChannelCount: 0,
      ChannelCountLimit: 0,
    };
    expect(await limits()).toEqual(none);
    await ask("CreateStream", { StreamName: "a", ShardCount: 3 });
    await ask("CreateStream", { StreamName: "b" });
    expect(await limits()).toEqual({ ...none, OpenShardCount: 7, OnDemandStreamCount: 1 });
    await ask("UpdateStreamMode", {
      StreamARN: `arn:aws:kinesis:us-east-1:${account}:stream/b`,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
    expect(await limits()).toEqual({ ...none, OpenShardCount: 7 });
    await ask("DeleteStream", { StreamName: "a" });
    expect(await limits()).toEqual({ ...none, OpenShardCount: 4 });
  });

  test("are each account's and region's own", async () => {
    await ask("CreateStream", { StreamName: "a", ShardCount: 3 });
    const elsewhere = { authorization: authorizationFor("eu-west-1", account) };
    const { output } = await send("DescribeLimits", {}, elsewhere);
    expect(output).toMatchObject({ OpenShardCount: 0 });
  });

  test.each([
    ["us-east-1", 20_000],
    ["us-west-2", 20_000],
    ["eu-west-1", 20_000],
    ["us-east-2", 6000],
    ["eu-central-1", 6000],
    ["cn-north-1", 6000],
  ])("are those of the region: %s has %i shards", async (region, ShardLimit) => {
    const elsewhere = { authorization: authorizationFor(region, account) };
    const { output } = await send("DescribeLimits", {}, elsewhere);
    expect(output).toMatchObject({ ShardLimit, OnDemandStreamCountLimit: 50 });
  });

  test("the fifty-first stream on demand is refused where limits are kept, made so or turned so", async () => {
    const createOnDemand = (i: number) => ask("CreateStream", { StreamName: `stream-${i}` });
    for (let i = 0; i < 50; i++) await createOnDemand(i);
    await ask("CreateStream", { StreamName: "provisioned", ShardCount: 1 });
    env.MILLRACE_LIMITS = "kinesis";
    const update = {
      StreamARN: `arn:aws:kinesis:us-east-1:${account}:stream/provisioned`,
      StreamModeDetails: { StreamMode: "ON_DEMAND" },
    };
    for (const reply of [
      await call("CreateStream", { StreamName: "one-more" }),
      await call("UpdateStreamMode", update),
    ]) {
      expect([reply.status, reply.error]).toEqual([
        400,
        {
          name: "LimitExceededException",
          message:
            "This request would exceed the limit of 50 on-demand streams " +
            `for the account ${account} in us-east-1.`,
        },
      ]);
    }
    await ask("DeleteStream", { StreamName: "stream-0" });
    await ask("UpdateStreamMode", update);
    delete env.MILLRACE_LIMITS;
    await createOnDemand(51);
  });

  test("shards have the region's limit where limits are kept", async () => {
    env.MILLRACE_LIMITS = "kinesis";
    const elsewhere = { authorization: authorizationFor("eu-central-1", account) };
    const create = { StreamName: "wide", ShardCount: 6001 };
    const { status, error } = await send("CreateStream", create, elsewhere);
    expect([status, error.name]).toEqual([400, "LimitExceededException"]);
    expect(error.message).toContain("Current shard count for the account: 0. Limit: 6000. ");
  });

  test("an account that is full says how many shards it has, and how many it was to have", async () => {
    await ask("CreateStream", { StreamName: "a", ShardCount: 2 });
    await ask("CreateStream", { StreamName: "b", ShardCount: 1 });
    const { status, error } = await call("CreateStream", { StreamName: "c", ShardCount: 19_998 });
    expect([status, error.name]).toEqual([400, "LimitExceededException"]);
    expect(error.message).toContain(
      "Current shard count for the account: 3. Limit: 20000. " +
        "Number of additional shards that would have resulted from this request: 19998.",
    );
  });
});

describe("the commitment to a minimum of throughput", () => {
  const started = { StartedAt: noon, EarliestAllowedEndAt: noon + 86_400 };
  const on = { Status: "ENABLED", ...started };
  const ending = { Status: "ENABLED_UNTIL_EARLIEST_ALLOWED_END", ...started };

  test("is none at first, and ending none changes nothing", async () => {
    expect(await commitment()).toEqual({ Status: "DISABLED" });
    expect(await commit("DISABLED")).toEqual({ Status: "DISABLED" });
  });

  test("begins at once, and asking again does not begin it anew", async () => {
    expect(await commit("ENABLED")).toEqual(on);
    setClock(noonMs + 1000);
    expect(await commit("ENABLED")).toEqual(on);
    expect(await commitment()).toEqual(on);
  });

  test("ended within its first day, it ends then", async () => {
    await commit("ENABLED");
    setClock(noonMs + 1000);
    expect(await commit("DISABLED")).toEqual(ending);
    setClock(noonMs + dayMs - 1);
    expect(await commitment()).toEqual(ending);
    setClock(noonMs + dayMs);
    expect(await commitment()).toEqual({
      Status: "DISABLED",
      ...started,
      EndedAt: noon + 86_400,
    });
  });

  test("by a clock that is set back it does not last longer than its day", async () => {
    await commit("ENABLED");
    await commit("DISABLED");
    setClock(noonMs - dayMs);
    expect(await commitment()).toMatchObject({ Status: "DISABLED" });
  });

  test("its end can be called off until then", async () => {
    await commit("ENABLED");
    await commit("DISABLED");
    setClock(noonMs + dayMs - 1);
    expect(await commit("ENABLED")).toEqual(on);
    setClock(noonMs + dayMs);
    expect(await commitment()).toEqual(on);
  });

  test("ended after its first day, it ends at once, and another may begin", async () => {
    await commit("ENABLED");
    setClock(noonMs + dayMs + 1000);
    expect(await commit("DISABLED")).toEqual({
      Status: "DISABLED",
      ...started,
      EndedAt: noon + 86_401,
    });
    setClock(noonMs + dayMs + 2000);
    expect(await commit("ENABLED")).toEqual({
      Status: "ENABLED",
      StartedAt: noon + 86_402,
      EarliestAllowedEndAt: noon + 86_402 + 86_400,
    });
  });
});

describe("channels", () => {
  const unavailable = {
    name: "InvalidArgumentException",
    message:
      "Channels are not available here: nothing is delivered to Amazon S3. " +
      "Read the stream with GetRecords or SubscribeToShard.",
  };
  const ChannelARN = "arn:aws:kinesis:us-east-1:000000000000:channel/c";
  const notFound = {
    name: "ResourceNotFoundException",
    message: `Channel ${ChannelARN} not found: channels are not available here.`,
  };
  const create = {
    ChannelName: "c",
    ServiceExecutionRoleARN: "arn:aws:iam::000000000000:role/r",
    StreamConfigurationList: [
      {
        StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s",
        RecordConfiguration: { RecordFormatType: "JSON" },
      },
    ],
  };

  test.each([
    ["CreateChannel", create, unavailable],
    ["ListChannels", {}, unavailable],
    ["DescribeChannel", { ChannelARN }, notFound],
    ["UpdateChannel", { ChannelARN }, notFound],
    ["DeleteChannel", { ChannelARN }, notFound],
  ])("%s says that there are none here", async (operation, input, error) => {
    const reply = await call(operation, input);
    expect([reply.status, reply.error]).toEqual([400, error]);
  });

  test("an input that is wrong is told what is wrong with it", async () => {
    const { error } = await call("CreateChannel", { ...create, ChannelName: "" });
    expect(error.name).toBe("ValidationException");
  });
});

function call(operation: string, input: object) {
  return send(operation, input, { authorization: authorizationFor("us-east-1", account) });
}

async function ask(operation: string, input: object): Promise<Record<string, unknown>> {
  const { status, error, output } = await call(operation, input);
  expect([status, error.message]).toEqual([200, ""]);
  return output as unknown as Record<string, unknown>;
}

function limits() {
  return ask("DescribeLimits", {});
}

async function commitment() {
  return (await ask("DescribeAccountSettings", {}))["MinimumThroughputBillingCommitment"];
}

async function commit(Status: string) {
  const input = { MinimumThroughputBillingCommitment: { Status } };
  return (await ask("UpdateAccountSettings", input))["MinimumThroughputBillingCommitment"];
}
