// Retention and monitoring over HTTP, inside workerd: setting them, what describing the
// stream then says, and that a retention reaches every shard, also when it is cut off on its way.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { sabotage } from "../../support/shards.ts";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  readShard,
  refusal,
  region,
  summaryOf,
} from "./claims.ts";
import { base64, textIn } from "./client.ts";

const hourMs = 3_600_000;

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream({ ShardCount: 2 });
});

describe("retention", () => {
  test.each([
    ["IncreaseStreamRetentionPeriod", 8760],
    ["IncreaseStreamRetentionPeriod", 24],
    ["DecreaseStreamRetentionPeriod", 24],
  ])("%s to %i hours", async (operation, RetentionPeriodHours) => {
    expect(await ask(operation, { StreamARN: arnOf(stream), RetentionPeriodHours })).toEqual({});
    expect(await summaryOf(stream)).toMatchObject({ RetentionPeriodHours, StreamStatus: "ACTIVE" });
  });

  test.each([
    [
      "IncreaseStreamRetentionPeriod",
      23,
      "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) " +
        "is too short.",
    ],
    [
      "DecreaseStreamRetentionPeriod",
      1,
      "Minimum allowed retention period is 24 hours. Requested retention period (1 hours) " +
        "is too short.",
    ],
    [
      "IncreaseStreamRetentionPeriod",
      8761,
      "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) " +
        "is too long.",
    ],
    [
      "IncreaseStreamRetentionPeriod",
      47,
      "Requested retention period (47 hours) for stream ~ can not be shorter than existing " +
        "retention period (48 hours). Use DecreaseRetentionPeriod API.",
    ],
    [
      "DecreaseStreamRetentionPeriod",
      49,
      "Requested retention period (49 hours) for stream ~ can not be longer than existing " +
        "retention period (48 hours). Use IncreaseRetentionPeriod API.",
    ],
  ])("%s to %i hours is refused", async (operation, RetentionPeriodHours, message) => {
    await increase(48);
    await expectRefusal(
      operation,
      { StreamName: stream, RetentionPeriodHours },
      refusal("InvalidArgumentException", message.replace("~", stream)),
    );
    expect(await summaryOf(stream)).toMatchObject({ RetentionPeriodHours: 48 });
  });

  test("is looked at after the stream", () =>
    expectRefusal(
      "IncreaseStreamRetentionPeriod",
      { StreamName: "nowhere", RetentionPeriodHours: 1 },
      refusal("ResourceNotFoundException", `Stream nowhere under account ${account} not found.`),
    ));

  test("every shard keeps its records as long as was said last", async () => {
    await putIntoEach();
    await increase(48);
    setClock(noonMs + 47 * hourMs);
    expect(await readEach()).toEqual([["0"], ["1"]]);
    await ask("DecreaseStreamRetentionPeriod", { StreamName: stream, RetentionPeriodHours: 24 });
    expect(await readEach()).toEqual([[], []]);
  });

  test("a change that is cut off is UPDATING, and the alarm takes it up", async () => {
    await putIntoEach();
    const catalog = catalogOf(env, { account, region });
    await sabotage(catalog, (storage, state) => {
      const setAlarm = storage.setAlarm.bind(storage);
      storage.setAlarm = async (...when) => {
        await setAlarm(...when);
        await storage.sync();
        state.abort("cut off");
      };
    });
    const input = { StreamName: stream, RetentionPeriodHours: 48 };
    expect((await kinesis("IncreaseStreamRetentionPeriod", input)).status).toBe(500);
    expect(await summaryOf(stream)).toMatchObject({ StreamStatus: "UPDATING" });
    await expectRefusal(
      "IncreaseStreamRetentionPeriod",
      input,
      refusal(
        "ResourceInUseException",
        `Stream ${stream} under account ${account} not ACTIVE, instead in state UPDATING`,
      ),
    );
    expect(await runDurableObjectAlarm(catalogOf(env, { account, region }))).toBe(true);
    expect(await summaryOf(stream)).toMatchObject({
      StreamStatus: "ACTIVE",
      RetentionPeriodHours: 48,
    });
    setClock(noonMs + 47 * hourMs);
    expect(await readEach()).toEqual([["0"], ["1"]]);
  });
});

describe("monitoring", () => {
  const every = [
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
  ];

  test.each([
    ["Enable", ["OutgoingBytes"], ["IncomingBytes", "OutgoingBytes"]],
    ["Enable", ["IncomingBytes"], ["IncomingBytes"]],
    ["Enable", ["ALL"], every],
    ["Enable", ["ALL", "IncomingBytes"], every],
    ["Disable", ["OutgoingBytes"], ["IncomingBytes"]],
    ["Disable", ["IncomingBytes", "OutgoingBytes"], []],
    ["Disable", ["ALL"], []],
  ])("%s %j after IncomingBytes: %j", async (verb, ShardLevelMetrics, desired) => {
    await monitor("Enable", ["IncomingBytes"]);
    expect(await monitor(verb, ShardLevelMetrics)).toEqual({
      StreamName: stream,
      StreamARN: arnOf(stream),
      CurrentShardLevelMetrics: ["IncomingBytes"],
      DesiredShardLevelMetrics: desired,
    });
    expect(await summaryOf(stream)).toMatchObject({
      EnhancedMonitoring: [{ ShardLevelMetrics: desired }],
      StreamStatus: "ACTIVE",
    });
  });
});

function increase(RetentionPeriodHours: number) {
  return ask("IncreaseStreamRetentionPeriod", { StreamName: stream, RetentionPeriodHours });
}

/** One record into each of the two shards: their indexes. */
async function putIntoEach(): Promise<void> {
  for (const [i, ExplicitHashKey] of ["0", (1n << 127n).toString()].entries()) {
    const record = { Data: base64(`${i}`), PartitionKey: "k", ExplicitHashKey };
    await ask("PutRecord", { StreamName: stream, ...record });
  }
}

async function readEach(): Promise<string[][]> {
  const ids = ["shardId-000000000000", "shardId-000000000001"];
  const pages = await Promise.all(ids.map((id) => readShard(stream, id)));
  return pages.map((records) => records.map(textIn));
}

function monitor(verb: string, ShardLevelMetrics: readonly string[]) {
  return ask(`${verb}EnhancedMonitoring`, { StreamName: stream, ShardLevelMetrics });
}
