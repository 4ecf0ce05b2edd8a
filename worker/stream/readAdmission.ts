// The quotas of reads, on the Worker's side, where the service's limits apply (core/settings.ts). A
// call is counted before it is served, and its bytes afterwards. The shard counts
// (shard/shardQuota.ts). Without limits no shard is asked.
import type { QuotaKind } from "../core/types.ts";
import type { Env } from "../core/bindings.ts";
import { engine } from "../engine/instance.ts";
import { readSettings } from "../core/settings.ts";
import type { Page } from "./reader.ts";
import { unwrap } from "../core/rpc.ts";

/** Throws `overloaded` for a call above the rate. */
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
