// Damage done on purpose to what a shard has stored, and what a reader must be told of it.

import { expect } from "vitest";
import type { StreamError } from "../../worker/errors.ts";
import { sabotage, type ShardStub } from "./shards.ts";
import { evictAll, gatherPage } from "./storage.ts";

/** Changes one bit of the body that begins at `index`, where it is stored; nothing else knows it. */
export async function flipBit(shard: ShardStub, index: number): Promise<void> {
  await sabotage(shard, ({ sql }) => {
    const tables = sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name LIKE 'log%'")
      .toArray();
    for (const { name } of tables) {
      const rows = sql
        .exec<{ body: ArrayBuffer }>(`SELECT body FROM ${name} WHERE id = ?`, index * 8)
        .toArray();
      const row = rows[0];
      if (row === undefined) continue;
      const body = new Uint8Array(row.body);
      body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
      sql.exec(`UPDATE ${name} SET body = ? WHERE id = ?`, body, index * 8);
      return;
    }
    throw new Error(`no body begins at ${index}`);
  });
  await evictAll(shard);
}

/** Reading there fails, and says that nothing is there any more. */
export function expectMissing(shard: ShardStub, index: number, segment: number): Promise<void> {
  return expectDamaged(shard, index, segment, "missing");
}

/** Reading there fails, and says where it is. */
export async function expectDamaged(
  shard: ShardStub,
  index: number,
  segment: number,
  what: unknown = expect.any(String),
): Promise<void> {
  const read = gatherPage(shard, { from: { segment, index } });
  const failure = await read.then(
    () => undefined,
    (error: unknown) => error as StreamError,
  );
  expect(failure).toMatchObject({
    code: "corrupt",
    detail: { shard: shard.name, segment, what },
  });
}
