// The limits of reading, from the Worker's side: a call is counted before it is served, and what it hands
// out afterwards, where the service's limits are kept (core/settings.ts). The shard does the counting
// (shard/shardQuota.ts). Without limits nobody is asked.
import type { QuotaKind } from "../core/types.ts";
import type { Env } from "../core/bindings.ts";
import { engine } from "../engine/instance.ts";
import { readSettings } from "../core/settings.ts";
import type { Page } from "./reader.ts";
import { unwrap } from "../core/rpc.ts";

/** Throws `overloaded` for a call that comes too soon. */
export async function admitCall(env: Env, uid: string, kind: QuotaKind): Promise<void> {
  if (readSettings(env).limits === "none") return;
  unwrap(await env.SHARD.getByName(uid).admit(kind));
}

export async function spendPage(env: Env, uid: string, { runs }: Page): Promise<void> {
  if (readSettings(env).limits === "none") return;
  const bytes = runs.reduce((sum, { chunk, from, to }) => {
    return sum + engine.payloadBytes(chunk, from, to);
  }, 0);
  await env.SHARD.getByName(uid).spend(bytes);
}
