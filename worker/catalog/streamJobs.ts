// The changes of streams that concern several objects: creating, deleting, retention, resharding. A
// job is stored with the stream before it begins, then carried out, then marked as done. Every step
// may run twice, so the alarm of the catalog simply repeats what was interrupted. It also ends
// states whose time is over, and deletes closed shards whose records have expired.
import type { Env } from "../core/bindings.ts";
import { visitShards } from "../core/parallel.ts";
import { readSettings } from "../core/settings.ts";
import type {
  Resharding,
  ShardDescription,
  StreamDescription,
  StreamStatus,
} from "../core/types.ts";
import { forgetDelayMs, resumeDelayMs } from "../limits.ts";
import { hasWorkLeft, settleStream } from "./lifecycle.ts";
import type { QueueJobs } from "./queueJobs.ts";
import type { StreamRegistry } from "./registry.ts";
import { waitLeft } from "./reshardPlan.ts";
import { expiredShards, nextExpiryMs, Reshardings } from "./reshardRunner.ts";

export class StreamJobs {
  private readonly env: Env;
  private readonly storage: DurableObjectStorage;
  private readonly streams: StreamRegistry;
  private readonly queues: QueueJobs;
  private readonly reshardings: Reshardings;
  private readonly onGone: (stream: StreamDescription) => Promise<void>;

  /** `onGone` is called when the shards of a deleted stream are gone; it may be called twice. */
  constructor(
    env: Env,
    storage: DurableObjectStorage,
    streams: StreamRegistry,
    queues: QueueJobs,
    onGone: (stream: StreamDescription) => Promise<void>,
  ) {
    this.onGone = onGone;
    this.env = env;
    this.storage = storage;
    this.streams = streams;
    this.queues = queues;
    this.reshardings = new Reshardings(env, streams, queues);
  }

  /**
   * Resumes interrupted jobs, and ends states whose time is over, which reading them does. Deletes
   * closed shards that had expired at `setForMs`, the time for which the alarm was set.
   */
  async resumeAll(setForMs: number): Promise<void> {
    for (const stream of this.streams.busy()) {
      if (!hasWorkLeft(stream)) continue;
      try {
        await this.resume(stream);
      } catch (error) {
        console.error(`resuming ${stream.name} failed`, error);
        await this.wakeBy(Date.now() + resumeDelayMs);
      }
    }
    for (const stream of this.streams.busy()) await this.expire(stream, setForMs);
    let nextMs = Infinity;
    for (const stream of this.streams.busy()) {
      nextMs = Math.min(nextMs, stream.settlesMs ?? Infinity, this.expiryWakeMs(stream));
    }
    if (nextMs < Infinity) await this.wakeBy(nextMs);
  }

  /** Stores what must be done, and sets the alarm that resumes it. */
  async begin(stream: StreamDescription): Promise<void> {
    this.streams.save(stream);
    await this.wakeBy(Date.now() + resumeDelayMs);
  }

  /** Stores the stream in the state that its transition has now. */
  async settle(stream: StreamDescription): Promise<void> {
    settleStream(stream, Date.now(), readSettings(this.env).transitionMs);
    this.streams.save(stream);
    if (stream.settlesMs !== undefined) await this.wakeBy(stream.settlesMs);
  }

  /** Also corrects an alarm that is far ahead because the clock was set back. */
  async wakeSoon(): Promise<void> {
    const [timeMs, alarmMs] = [Date.now() + resumeDelayMs, await this.storage.getAlarm()];
    if (alarmMs === null || alarmMs > timeMs) await this.storage.setAlarm(timeMs);
  }

  async finishCreating(stream: StreamDescription): Promise<StreamDescription | undefined> {
    await visitShards(stream.shards, (shard) => {
      const { retentionHours } = stream;
      const earliestMs = Math.min(shard.createdMs, Date.now());
      return this.shard(shard).open({ ...shard, retentionHours, earliestMs });
    });
    return this.finish(stream, "CREATING");
  }

  async finishDeleting(stream: StreamDescription): Promise<void> {
    await this.reshardings.stop(stream);
    const { shards, resharding } = stream;
    await visitShards([...shards, ...(resharding?.made ?? [])], (shard) =>
      this.shard(shard).destroy(),
    );
    await this.onGone(stream);
    const now = this.streams.find(stream.name);
    if (now?.uid !== stream.uid) return;
    if (readSettings(this.env).transitionMs === 0) this.streams.remove(now);
    else if (hasWorkLeft(now)) await this.settle(now);
  }

  /** A shard that does not exist any more need not know. */
  async finishRetaining(stream: StreamDescription): Promise<void> {
    await visitShards(stream.shards, async (shard) =>
      this.shard(shard).retain(stream.retentionHours),
    );
    const now = await this.finish(stream, "UPDATING");
    if (now !== undefined) await this.wakeToExpire(now);
  }

  async finishResharding(stream: StreamDescription): Promise<void> {
    await this.reshardings.run(stream);
    const now = this.streams.find(stream.name);
    if (now !== undefined) await this.wakeToExpire(now);
  }

  private async resume(stream: StreamDescription): Promise<void> {
    if (stream.status === "CREATING") await this.finishCreating(stream);
    else if (stream.status === "DELETING") await this.finishDeleting(stream);
    else if (stream.retaining === true) await this.finishRetaining(stream);
    else if (stream.resharding !== undefined)
      await this.resumeResharding(stream.resharding, stream);
  }

  /** The alarm does not wait for the end of a prolonged transition. */
  private async resumeResharding(plan: Resharding, stream: StreamDescription): Promise<void> {
    const isSoon = waitLeft(plan, Date.now()) <= resumeDelayMs;
    await (isSoon ? this.finishResharding(stream) : this.wakeBy(plan.notBeforeMs));
  }

  /** Removes closed shards whose records have expired; from the list last. */
  private async expire(stream: StreamDescription, nowMs: number): Promise<void> {
    const expired = expiredShards(stream, nowMs);
    if (expired.length === 0 || stream.status !== "ACTIVE") return;
    await this.queues.closeShards(stream, expired);
    await visitShards(expired, (shard) => this.shard(shard).destroy());
    const now = this.streams.find(stream.name);
    if (now?.uid !== stream.uid) return;
    const uids = new Set(expired.map(({ uid }) => uid));
    this.streams.save({ ...now, shards: now.shards.filter(({ uid }) => !uids.has(uid)) });
  }

  private async wakeToExpire(stream: StreamDescription): Promise<void> {
    const timeMs = this.expiryWakeMs(stream);
    if (timeMs < Infinity) await this.wakeBy(timeMs);
  }

  private expiryWakeMs(stream: StreamDescription): number {
    const [timeMs = Infinity, nowMs] = [nextExpiryMs(stream), Date.now()];
    return timeMs > nowMs ? timeMs : nowMs + forgetDelayMs;
  }

  /**
   * Marks the work as done and returns the stream; undefined if the stream is not in that state any
   * more.
   */
  private async finish(
    { name, uid }: StreamDescription,
    status: StreamStatus,
  ): Promise<StreamDescription | undefined> {
    const now = this.streams.find(name);
    if (now?.uid !== uid || now.status !== status || !hasWorkLeft(now)) return undefined;
    delete now.retaining;
    await this.settle(now);
    return now;
  }

  /** Sets the alarm to that time, unless it is set earlier. */
  private async wakeBy(timeMs: number): Promise<void> {
    const alarmMs = await this.storage.getAlarm();
    await this.storage.setAlarm(Math.min(alarmMs ?? timeMs, timeMs));
  }

  private shard(shard: ShardDescription) {
    return this.env.SHARD.getByName(shard.uid);
  }
}
