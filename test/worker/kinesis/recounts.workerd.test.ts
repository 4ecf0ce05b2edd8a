// How often UpdateShardCount may be called: ten times in 24 hours, each stream by itself. The times
// of earlier calls are written into the catalog, since each call takes seconds.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { StreamDescription } from "../../../worker/core/types.ts";
import { account, ask, createStream, expectRefusal, refusal, region } from "./claims.ts";

const hourMs = 3_600_000;

test("ten times in 24 hours, and again when the first of them is older", async () => {
  const StreamName = await createStream({ ShardCount: 2 });
  const input = { StreamName, TargetShardCount: 3, ScalingType: "UNIFORM_SCALING" };
  const nowMs = Date.now();
  await recount(
    StreamName,
    Array.from({ length: 10 }, (_, i) => nowMs - i * hourMs),
  );
  await expectRefusal(
    "UpdateShardCount",
    input,
    refusal(
      "LimitExceededException",
      "UpdateShardCount cannot be called more than 10 times in 24 hours for " +
        `stream ${StreamName} under account ${account}.`,
    ),
  );
  await ask("UpdateShardCount", { ...input, StreamName: await createStream({ ShardCount: 2 }) });
  await recount(
    StreamName,
    Array.from({ length: 10 }, (_, i) => nowMs - (i + 15) * hourMs),
  );
  expect(await ask("UpdateShardCount", input)).toMatchObject({ TargetShardCount: 3 });
});

/** Says when the stream's shards were recounted before. */
async function recount(name: string, recountsMs: number[]): Promise<void> {
  const catalog = env.CATALOG.getByName(`${account}/${region}`);
  await runInDurableObject(catalog, (_, { storage: { sql } }) => {
    const { description } = sql
      .exec<{ description: string }>("SELECT description FROM stream WHERE name = ?", name)
      .one();
    const stream = JSON.parse(description) as StreamDescription;
    const changed = JSON.stringify({ ...stream, recountsMs });
    sql.exec("UPDATE stream SET description = ? WHERE name = ?", changed, name);
  });
}
