// Carries out what reshardPlan.ts has planned and the catalog has written down. The new shards are
// opened, the old ones closed, and only then is the new map shown: a record is in the old shard or
// refused by it, and whoever is refused finds the new map as soon as there is one. Every step may
// be done again, so a run that was cut off is simply begun anew.
import { hourMs } from "../core/units.ts";
import type { Env } from "../core/bindings.ts";
import { findShard } from "../core/hashRange.ts";
import type { StreamRegistry } from "./registry.ts";
import { finishResharding, waitLeft } from "./reshardPlan.ts";
import { unwrap } from "../core/rpc.ts";
import type { Resharding, ShardDescription, StreamDescription } from "../core/types.ts";
import { visitShards } from "../core/parallel.ts";

interface Run {
  done: Promise<void>;
  abort: AbortController;
}

/** The runs of one catalog: one for each stream at most. */
export class Reshardings {
  private readonly env: Env;
  private readonly streams: StreamRegistry;
  private readonly runs = new Map<string, Run>();

  constructor(env: Env, streams: StreamRegistry) {
    this.env = env;
    this.streams = streams;
  }

  /** Resolves when the stream's resharding is done; whoever asks meanwhile waits for the same run. */
  run(stream: StreamDescription): Promise<void> {
    const { uid } = stream;
    const running = this.runs.get(uid);
    if (running !== undefined) return running.done;
    const abort = new AbortController();
    const done = this.carryOut(stream, abort.signal).finally(() => this.runs.delete(uid));
    this.runs.set(uid, { done, abort });
    return done;
  }

  /** Gives up what has closed no shard yet; in any case nothing is going on afterwards. */
  async stop({ uid }: StreamDescription): Promise<void> {
    const run = this.runs.get(uid);
    run?.abort.abort();
    await run?.done.catch(() => {});
  }

  private async carryOut(stream: StreamDescription, signal: AbortSignal): Promise<void> {
    const plan = this.planOf(stream);
    if (plan === undefined) return;
    const { retentionHours } = stream;
    const earliestMs = plan.notBeforeMs;
    await visitShards(plan.made, (shard) =>
      this.shard(shard).open({ ...shard, retentionHours, earliestMs }),
    );
    if (!(await waited(waitLeft(plan, Date.now()), signal))) return;
    const closing = plan.closing.flatMap(({ index }) => findShard(stream.shards, index) ?? []);
    const ends = await visitShards(closing, async (shard) =>
      unwrap(await this.shard(shard).close()),
    );
    if (this.planOf(stream) === undefined) return;
    const now = this.streams.get(stream.name);
    this.streams.save({ ...finishResharding(now, plan, ends), status: "ACTIVE" });
  }

  /** What is still to be done to the stream, if it is still there and not being deleted. */
  private planOf({ name, uid }: StreamDescription): Resharding | undefined {
    const now = this.streams.find(name);
    return now?.uid === uid && now.status === "UPDATING" ? now.resharding : undefined;
  }

  private shard({ uid }: Pick<ShardDescription, "uid">) {
    return this.env.SHARD.getByName(uid);
  }
}

/** False when it was cut short. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    if (ms > 0) await scheduler.wait(ms, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

/** When the first of the stream's closed shards has no record within retention any more. */
export function nextExpiryMs({ shards, retentionHours }: StreamDescription): number | undefined {
  const times = shards.flatMap(({ closedMs }) => closedMs ?? []);
  return times.length === 0 ? undefined : Math.min(...times) + retentionHours * hourMs + 1;
}

/** Closed shards whose records have all passed retention. */
export function expiredShards(
  { shards, retentionHours }: StreamDescription,
  nowMs: number,
): ShardDescription[] {
  const horizonMs = nowMs - retentionHours * hourMs;
  return shards.filter(({ closedMs }) => closedMs !== undefined && closedMs < horizonMs);
}
