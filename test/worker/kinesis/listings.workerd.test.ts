// Page tokens of ListShards and ListStreams over HTTP, inside workerd: what a token says already and
// may not be said beside it, and that it carries the filter of the page before it.

import { beforeEach, describe, expect, test } from "vitest";
import { account, arnOf, ask, createStream, expectRefusal, refusal, summaryOf } from "./claims.ts";

const shardIds = [0, 1, 2, 3].map((index) => `shardId-00000000000${index}`);

let stream: string;

beforeEach(async () => {
  stream = await createStream({ ShardCount: 4 });
});

describe("a token of ListShards", () => {
  const besides: [string, () => object][] = [
    ["StreamName", () => ({ StreamName: stream })],
    ["StreamARN", () => ({ StreamARN: arnOf(stream) })],
    ["StreamCreationTimestamp", () => ({ StreamCreationTimestamp: 1 })],
    ["ExclusiveStartShardId", () => ({ ExclusiveStartShardId: shardIds[0] })],
    ["ShardFilter", () => ({ ShardFilter: { Type: "AT_LATEST" } })],
  ];

  test.each(besides)("is refused beside %s, which the refusal names", async (member, input) => {
    const NextToken = await tokenAfter(1);
    await expectRefusal("ListShards", { NextToken, ...input() }, notTogether(member));
    await expectRefusal("ListShards", { NextToken: "no token", ...input() }, notTogether(member));
  });

  test("is refused beside several for the first of them", async () => {
    const NextToken = await tokenAfter(1);
    for (const [i, [member]] of besides.entries()) {
      const inputs = besides.slice(i).map(([, input]) => input());
      const input = Object.assign({ NextToken }, ...inputs) as object;
      await expectRefusal("ListShards", input, notTogether(member));
    }
  });

  test("goes on with the filter of its page, in pages of another size", async () => {
    const ShardFilter = { Type: "AFTER_SHARD_ID", ShardId: shardIds[0] };
    const first = await ask("ListShards", { StreamName: stream, ShardFilter, MaxResults: 1 });
    expect(idsIn(first)).toEqual([shardIds[1]]);
    const rest = await ask("ListShards", { NextToken: first["NextToken"], MaxResults: 2 });
    expect(idsIn(rest)).toEqual([shardIds[2], shardIds[3]]);
    expect(rest).not.toHaveProperty("NextToken");
  });

  test("means nothing for a stream that was made again under the name", async () => {
    const NextToken = await tokenAfter(1);
    await ask("DeleteStream", { StreamName: stream });
    await ask("CreateStream", { StreamName: stream, ShardCount: 4 });
    const gone = `Stream ${stream} under account ${account} not found.`;
    await expectRefusal("ListShards", { NextToken }, refusal("ResourceNotFoundException", gone));
  });

  test("goes on after the shard that its page began after", async () => {
    const ExclusiveStartShardId = shardIds[1];
    const input = { StreamName: stream, ExclusiveStartShardId, MaxResults: 1 };
    const first = await ask("ListShards", input);
    expect(idsIn(first)).toEqual([shardIds[2]]);
    expect(idsIn(await ask("ListShards", { NextToken: first["NextToken"] }))).toEqual([
      shardIds[3],
    ]);
  });
});

test("ListShards of a stream that was created in another second finds none", async () => {
  const { StreamCreationTimestamp: created } = await summaryOf(stream);
  const sameSecond = Math.floor(Number(created)) + 0.5;
  const input = { StreamName: stream, StreamCreationTimestamp: sameSecond };
  expect(idsIn(await ask("ListShards", input))).toEqual(shardIds);
  const none = `Stream ${stream} under account ${account} not found.`;
  await expectRefusal(
    "ListShards",
    { ...input, StreamCreationTimestamp: sameSecond - 1 },
    refusal("ResourceNotFoundException", none),
  );
});

test("a token of ListStreams counts more than the name that the first page began after", async () => {
  await createStream();
  const { NextToken, StreamNames } = await ask("ListStreams", { Limit: 1 });
  const [first = ""] = StreamNames as string[];
  const next = await ask("ListStreams", { NextToken, ExclusiveStartStreamName: "-", Limit: 1 });
  const [second = ""] = next["StreamNames"] as string[];
  expect(second > first).toBe(true);
});

async function tokenAfter(MaxResults: number): Promise<unknown> {
  return (await ask("ListShards", { StreamName: stream, MaxResults }))["NextToken"];
}

function idsIn({ Shards }: Record<string, unknown>): string[] {
  return (Shards as { ShardId: string }[]).map(({ ShardId }) => ShardId);
}

function notTogether(member: string) {
  return refusal(
    "InvalidArgumentException",
    `NextToken and ${member} cannot be provided together.`,
  );
}
