// The shards that continue a closed one. For a moment after a shard has closed, the catalog does not
// show its children.
import type { Env } from "../core/bindings.ts";
import { childrenOf } from "../core/hashRange.ts";
import type { Scope, ShardDescription } from "../core/types.ts";
import { StreamError } from "../errors.ts";
import { findStream, refreshStream, settledStream } from "./directory.ts";

/** The shards that continue a closed one; none while the catalog does not show them. */
export function findChildren(
  env: Env,
  scope: Scope,
  name: string,
  shardIndex: number,
): Promise<ShardDescription[]> {
  return firstChildren([findStream, refreshStream], env, scope, name, shardIndex);
}

/** The same, when the catalog shows them. Throws `shardNotFound` if there are none. */
export async function waitForChildren(
  env: Env,
  scope: Scope,
  name: string,
  shardIndex: number,
): Promise<ShardDescription[]> {
  const finders = [findStream, refreshStream, settledStream];
  const children = await firstChildren(finders, env, scope, name, shardIndex);
  if (children.length === 0) throw new StreamError("shardNotFound");
  return children;
}

async function firstChildren(
  finders: readonly (typeof findStream)[],
  env: Env,
  scope: Scope,
  name: string,
  shardIndex: number,
): Promise<ShardDescription[]> {
  for (const find of finders) {
    const { description } = await find(env, scope, name);
    const children = childrenOf(description.shards, shardIndex);
    if (children.length > 0) return children;
  }
  return [];
}
