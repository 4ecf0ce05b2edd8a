// Carries out a plan of reshardPlan.ts that the catalog has stored. It opens the new shards, closes
// the old ones, and then stores the new map. So a record is in the old shard or was refused by it,
// and a refused writer finds the new map as soon as it exists. Every step may be repeated, so an
// interrupted run is simply started again.
import { hourMs } from "../core/units.ts";
import type { Env } from "../core/bindings.ts";
import { StreamError } from "../errors.ts";
import { findShard } from "../core/hashRange.ts";
import type { QueueJobs } from "./queueJobs.ts";
import type { StreamRegistry } from "./registry.ts";
import { finishResharding, waitLeft } from "./reshardPlan.ts";
import { keepsAll, laterLifeOf } from "./shardLife.ts";
import { unwrap } from "../core/rpc.ts";
import type { Resharding, ShardDescription, StreamDescription } from "../core/types.ts";
import { visitShards } from "../core/parallel.ts";

interface Execution {
  done: Promise<void>;
  abort: AbortController;
}

/** The runs of one catalog: one for each stream at most. */
export class Reshardings {
  private readonly env: Env;
  private readonly streams: StreamRegistry;
  private readonly queues: QueueJobs;
  private readonly runs = new Map<string, Execution>();

  constructor(env: Env, streams: StreamRegistry, queues: QueueJobs) {
    this.env = env;
    this.streams = streams;
    this.queues = queues;
  }

  /** Resolves when the stream's resharding is done; concurrent callers wait for the same run. */
  run(stream: StreamDescription): Promise<void> {
    const { uid } = stream;
    const running = this.runs.get(uid);
    if (running !== undefined) return running.done;
    const abort = new AbortController();
    const done = this.carryOut(stream, abort.signal).finally(() => this.runs.delete(uid));
    this.runs.set(uid, { done, abort });
    return done;
  }

  /** Stops the run if it has not closed a shard yet. When this resolves, no run is active. */
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
    const life = laterLifeOf(stream, Date.now());
    await visitShards(plan.made, (shard) =>
      this.shard(shard).open({ ...shard, retentionHours, earliestMs, ...(life && { life }) }),
    );
    await this.queues.openShards(stream, plan.made);
    if (!(await waited(waitLeft(plan, Date.now()), signal))) return;
    const closing = plan.closing.flatMap(({ index }) => findShard(stream.shards, index) ?? []);
    const ends = await visitShards(closing, async (shard) =>
      unwrap(await this.shard(shard).close()),
    );
    if (this.planOf(stream) === undefined) return;
    const now = this.streams.get(stream.name);
    this.streams.save({ ...finishResharding(now, plan, ends), status: "ACTIVE" });
  }

  /** The open plan of the stream, if the stream exists and is not being deleted. */
  private planOf({ name, uid }: StreamDescription): Resharding | undefined {
    const now = this.streams.find(name);
    return now?.uid === uid && now.status === "UPDATING" ? now.resharding : undefined;
  }

  private shard({ uid }: Pick<ShardDescription, "uid">) {
    return this.env.SHARD.getByName(uid);
  }
}

/**
 * Throws `streamClosed` if a shard that would be continued was closed by the stream's writer for ever, and
 * `streamNotFound` if the stream has expired.
 */
export async function requireUnclosed(
  env: Env,
  { name, shards }: StreamDescription,
  { closing }: Resharding,
): Promise<void> {
  const parents = closing.flatMap(({ index }) => findShard(shards, index) ?? []);
  const views = await visitShards(parents, async ({ uid }) => {
    const reply = await env.SHARD.getByName(uid).view();
    const isExpired = "failed" in reply && reply.failed === "shardNotFound";
    if (isExpired) throw new StreamError("streamNotFound", { stream: name });
    return unwrap(reply);
  });
  if (views.some(({ isFinal }) => isFinal)) throw new StreamError("streamClosed", { stream: name });
}

/** False if the wait was aborted. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    if (ms > 0) await scheduler.wait(ms, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

/** The time at which the records of the first closed shard have all expired. */
export function nextExpiryMs(stream: StreamDescription): number | undefined {
  const { shards, retentionHours } = stream;
  if (keepsAll(stream)) return undefined;
  const times = shards.flatMap(({ closedMs }) => closedMs ?? []);
  return times.length === 0 ? undefined : Math.min(...times) + retentionHours * hourMs + 1;
}

/** Closed shards whose records have all expired. */
export function expiredShards(stream: StreamDescription, nowMs: number): ShardDescription[] {
  const { shards, retentionHours } = stream;
  if (keepsAll(stream)) return [];
  const horizonMs = nowMs - retentionHours * hourMs;
  return shards.filter(({ closedMs }) => closedMs !== undefined && closedMs < horizonMs);
}
