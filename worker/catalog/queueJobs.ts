// Queues of streams: they are created, changed and deleted like streams, by a change that is stored
// first and then carried out at the queue's object of every shard. Each step may run twice, so the
// catalog's alarm takes up what was interrupted. The objects are opened here and nowhere else: one that
// is called and was not opened says that its queue is not there.
import type { Env } from "../core/bindings.ts";
import { visitShards } from "../core/parallel.ts";
import {
  type QueueChange,
  type QueueDescription,
  type QueueSpec,
  shardQueueName,
  type ShardQueueOrder,
} from "../core/queueTypes.ts";
import { unwrap } from "../core/rpc.ts";
import { readSettings } from "../core/settings.ts";
import type { ShardDescription, StreamDescription } from "../core/types.ts";
import { hourMs } from "../core/units.ts";
import { isCode, StreamError } from "../errors.ts";
import { creationsMax, queueInFlightMax, queueReceiveMax, resumeDelayMs } from "../limits.ts";
import { hasWorkLeft, settleStream } from "./lifecycle.ts";
import type { QueueRegistry } from "./queueRegistry.ts";
import type { StreamRegistry } from "./registry.ts";
import { requireActive } from "./streamChanges.ts";
import { withPolicy } from "./consumers.ts";
import { changeTags, type TagTable } from "./tags.ts";

export class QueueJobs {
  private readonly env: Env;
  private readonly storage: DurableObjectStorage;
  private readonly registry: QueueRegistry;
  private readonly streams: StreamRegistry;
  private readonly tags: TagTable;

  constructor(
    env: Env,
    storage: DurableObjectStorage,
    registry: QueueRegistry,
    streams: StreamRegistry,
    tags: TagTable,
  ) {
    this.env = env;
    this.storage = storage;
    this.registry = registry;
    this.streams = streams;
    this.tags = tags;
  }

  /** `max`: how many queues and consumers the stream may have together. */
  async create(spec: QueueSpec, max: number): Promise<QueueDescription> {
    const { limits } = readSettings(this.env);
    const stream = this.streams.get(spec.stream);
    requireActive(stream);
    const { account, region, name, uid, mode } = stream;
    if (limits === "kinesis" && mode !== "ON_DEMAND") {
      throw new StreamError("wrongMode", { stream: name, mode });
    }
    if (this.registry.findByName(spec.name) !== undefined) {
      throw new StreamError("queueExists", { queue: spec.name });
    }
    if (stream.consumers.length + this.count(name) >= max) {
      throw new StreamError("tooManyQueues", { limit: max });
    }
    if (limits === "kinesis") this.checkChanging();
    changeTags(new Map(), { put: spec.tags ?? new Map() });
    const nowMs = Date.now();
    const earliestMs = Math.max(stream.createdMs, nowMs - stream.retentionHours * hourMs);
    const { position, visibilitySeconds, receivesMax } = spec;
    const queue: QueueDescription = {
      account,
      region,
      id: newQueueId(),
      name: spec.name,
      stream: name,
      streamUid: uid,
      streamCreatedMs: stream.createdMs,
      status: "CREATING",
      createdMs: nowMs,
      positionType: position.type,
      ...(position.type === "AT_TIMESTAMP" && { positionMs: position.timeMs }),
      effectiveMs: effectiveMs(position, earliestMs, nowMs),
      visibilitySeconds,
      ...(receivesMax !== undefined && { receivesMax }),
    };
    this.registry.save(queue);
    if (spec.tags !== undefined) this.tags.change(queue.id, { put: spec.tags });
    await this.carryOut(queue);
    return queue;
  }

  /** Returns the queue with its new attributes, UPDATING. */
  async update(id: string, change: QueueChange): Promise<QueueDescription> {
    const queue = this.registry.get(id);
    if (queue.status !== "ACTIVE") {
      throw new StreamError("queueNotActive", { queue: id, status: queue.status });
    }
    const { visibilitySeconds = queue.visibilitySeconds, receivesMax = queue.receivesMax } = change;
    const { receivesMax: _, ...rest } = queue;
    const bare: QueueDescription = { ...rest, status: "UPDATING", visibilitySeconds };
    const changed =
      receivesMax === null || receivesMax === undefined ? bare : { ...bare, receivesMax };
    await this.carryOut(changed);
    return changed;
  }

  /** A queue in any state can be deleted. */
  async delete(id: string): Promise<void> {
    const queue = this.registry.get(id);
    if (queue.status === "DELETING" && !hasWorkLeft(queue)) return;
    const { settlesMs: _, settlingMs: __, ...rest } = queue;
    await this.carryOut({ ...rest, status: "DELETING" });
  }

  changePolicy(id: string, policy: string | null): void {
    const queue = this.registry.get(id);
    if (queue.status === "CREATING" || queue.status === "DELETING") {
      throw new StreamError("queueNotActive", { queue: id, status: queue.status });
    }
    this.registry.save(withPolicy(queue, policy));
  }

  count(stream: string): number {
    return this.registry.of(stream).length;
  }

  /** Throws `queuesExist`. */
  requireNone(stream: string): void {
    if (this.count(stream) > 0) throw new StreamError("queuesExist", { stream });
  }

  /** New shards of a stream are delivered by all of its queues, from their first record on. */
  async openShards(stream: StreamDescription, made: readonly ShardDescription[]): Promise<void> {
    const all = [...stream.shards, ...made];
    for (const queue of this.registry.of(stream.name)) {
      if (queue.status === "DELETING") continue;
      const oldest = { ...queue, positionType: "TRIM_HORIZON" as const };
      await visitShards(made, (shard) => this.open(oldest, shard, all));
      const now = this.registry.find(queue.id);
      if (now !== undefined && now.status !== "DELETING") continue;
      // It was deleted meanwhile.
      await visitShards(made, ({ uid }) => this.object(uid, queue.id).destroy());
    }
  }

  /** Shards of a stream that are removed, and with them what its queues know of them. */
  async closeShards(stream: StreamDescription, gone: readonly ShardDescription[]): Promise<void> {
    for (const { id } of this.registry.of(stream.name)) {
      await visitShards(gone, ({ uid }) => this.object(uid, id).destroy());
    }
  }

  /** Takes up what was interrupted, and wakes again when a state ends by itself. */
  async resumeAll(): Promise<void> {
    for (const queue of this.registry.all()) {
      try {
        if (hasWorkLeft(queue)) await this.finish(queue);
      } catch (error) {
        console.error(`resuming queue ${queue.name} failed`, error);
        await this.wakeBy(Date.now() + resumeDelayMs);
      }
      const settlesMs = this.registry.find(queue.id)?.settlesMs;
      if (settlesMs !== undefined) await this.wakeBy(settlesMs);
    }
  }

  /** Stores what must be done, sets the alarm that resumes it, and does it. */
  private async carryOut(queue: QueueDescription): Promise<void> {
    this.registry.save(queue);
    await this.wakeBy(Date.now() + resumeDelayMs);
    await this.finish(queue);
  }

  private async finish(queue: QueueDescription): Promise<void> {
    const { id, status, stream: name, streamUid } = queue;
    const stream = this.streams.find(name);
    const shards = stream?.uid === streamUid ? [...stream.shards] : [];
    // Shards that are being made are opened by what makes them.
    const isNew = status === "CREATING";
    if (!isNew && stream?.resharding !== undefined) shards.push(...stream.resharding.made);
    await visitShards(shards, async (shard) => {
      if (status === "CREATING") return this.open(queue, shard, shards);
      if (status === "DELETING") return this.object(shard.uid, id).destroy();
      return this.configure(queue, shard);
    });
    const now = this.registry.find(id);
    if (now?.status !== status || !hasWorkLeft(now)) return;
    const { transitionMs } = readSettings(this.env);
    if (status === "DELETING" && transitionMs === 0) return this.registry.remove(now);
    settleStream(now, Date.now(), transitionMs);
    this.registry.save(now);
    if (now.settlesMs !== undefined) await this.wakeBy(now.settlesMs);
  }

  /** A shard that has expired meanwhile has nothing to deliver. */
  private async open(
    queue: QueueDescription,
    shard: ShardDescription,
    all: readonly ShardDescription[],
  ): Promise<void> {
    try {
      unwrap(await this.object(shard.uid, queue.id).open(this.orderFor(queue, shard, all)));
    } catch (error) {
      if (!isCode(error, "shardNotFound")) throw error;
    }
  }

  private async configure(queue: QueueDescription, { uid }: ShardDescription): Promise<void> {
    try {
      unwrap(await this.object(uid, queue.id).configure(attributesOf(queue)));
    } catch (error) {
      if (!isCode(error, "queueNotFound")) throw error;
    }
  }

  private orderFor(
    queue: QueueDescription,
    { uid, parents = [] }: ShardDescription,
    all: readonly ShardDescription[],
  ): ShardQueueOrder {
    const { limits } = readSettings(this.env);
    const open = all.filter(({ closedMs }) => closedMs === undefined).length;
    // Nobody counts over all shards: each has its share.
    const share = Math.max(Math.floor(queueInFlightMax / Math.max(open, 1)), queueReceiveMax);
    const { positionType: type, positionMs: timeMs = 0 } = queue;
    return {
      name: shardQueueName(uid, queue.id),
      shard: uid,
      parents: all
        .filter(({ index }) => parents.includes(index))
        .map((parent) => shardQueueName(parent.uid, queue.id)),
      ...attributesOf(queue),
      inFlightMax: limits === "kinesis" ? share : queueInFlightMax,
      position: type === "AT_TIMESTAMP" ? { type, timeMs } : { type },
    };
  }

  /** Sets the catalog's alarm to that time, unless it is set earlier. */
  private async wakeBy(timeMs: number): Promise<void> {
    const alarmMs = await this.storage.getAlarm();
    await this.storage.setAlarm(Math.min(alarmMs ?? timeMs, timeMs));
  }

  private object(shardUid: string, id: string) {
    return this.env.QUEUE.getByName(shardQueueName(shardUid, id));
  }

  /** Of the whole account, as the service counts them. */
  private checkChanging(): void {
    const changing = this.registry.all().filter(isChanging).length;
    if (changing >= creationsMax) {
      throw new StreamError("tooManyQueues", { limit: creationsMax, changing });
    }
  }
}

function isChanging({ status }: QueueDescription): boolean {
  return status === "CREATING" || status === "DELETING";
}

function attributesOf({ visibilitySeconds, receivesMax }: QueueDescription) {
  return receivesMax === undefined ? { visibilitySeconds } : { visibilitySeconds, receivesMax };
}

function effectiveMs(position: QueueSpec["position"], earliestMs: number, nowMs: number): number {
  if (position.type === "LATEST") return nowMs;
  if (position.type === "TRIM_HORIZON") return earliestMs;
  return Math.max(position.timeMs, earliestMs);
}

const idLetters = "abcdefghijklmnopqrstuvwxyz";
const idSigns = `${idLetters}0123456789`;
const idLength = 20;

/** A label of a host name, because SDKs call a queue by a host that begins with its id. */
function newQueueId(): string {
  const bytes = crypto.getRandomValues(new Uint32Array(idLength));
  return Array.from(bytes, (random, i) => {
    const signs = i === 0 ? idLetters : idSigns;
    return signs[random % signs.length];
  }).join("");
}
