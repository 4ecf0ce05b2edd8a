// Calls of a shard whose object is in this isolate, by memory. A call of the platform goes out of the isolate and comes
// back into it twice; here the caller leaves its call in a list, and the object, which waits for that, takes it up in its
// own turn. Only on the server of one machine (publishedTips.ts: isOnlyIsolate), and only while somebody keeps the object
// awake: its attendant (stream/attendant.ts) holds a WebSocket to it, and hears when the object ends.
//
// A promise is settled for whoever waits for it, in the other's request too: workerd then goes on in the one that waits.
import { StreamError } from "../errors.ts";
import { nearShardsMax } from "../limits.ts";
import type { Env } from "./bindings.ts";
import { isOnlyIsolate } from "./publishedTips.ts";
import type { ShardApi } from "./rpc.ts";

/** What may be called. As with calls of the platform, what an answer rests on is durable before it comes. */
export type NearApi = Pick<ShardApi, "append" | "write" | "appendKept">;

type NearWork<T> = (shard: NearApi) => Promise<T>;

/** A call on its way. */
export interface NearCall {
  /** To be called by the object. */
  run(shard: NearApi): Promise<void>;
  /** There is no answer: nobody knows what became of the call. */
  fail(error: Error): void;
  /** How often the attendant has looked since. */
  looks: number;
}

/** A shard that takes calls from memory. */
export class NearShard {
  private readonly uid: string;
  /** Calls that the object has not taken up. */
  private waiting: NearCall[] = [];
  /** Calls that are not answered, those included. */
  private readonly open = new Set<NearCall>();
  private ring: (() => void) | undefined;
  private isOver = false;
  private wasUsed = true;

  constructor(uid: string) {
    this.uid = uid;
  }

  /** Resolves and rejects as the work does. Rejects if the object ends meanwhile. */
  call<T>(work: NearWork<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { open } = this;
    const call: NearCall = {
      async run(shard) {
        try {
          resolve(await work(shard));
        } catch (error) {
          reject(error);
        } finally {
          open.delete(call);
        }
      },
      fail: reject,
      looks: 0,
    };
    this.wasUsed = true;
    open.add(call);
    this.waiting.push(call);
    this.ring?.();
    return promise;
  }

  /** For the object: the calls that have come, as soon as there are any. Undefined when no more will come. */
  async take(): Promise<NearCall[] | undefined> {
    while (this.waiting.length === 0) {
      if (this.isOver) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.ring = resolve;
      await promise;
      this.ring = undefined;
    }
    const calls = this.waiting;
    this.waiting = [];
    return calls;
  }

  /**
   * For the attendant, each time that it looks. Fails calls that have no answer for so many looks. True if there were no calls
   * since the last one.
   */
  look(looksMax: number): boolean {
    for (const call of this.open) {
      if (++call.looks <= looksMax) continue;
      this.open.delete(call);
      call.fail(new StreamError("unreachable"));
    }
    const isIdle = !this.wasUsed && this.open.size === 0;
    this.wasUsed = false;
    return isIdle;
  }

  /** No more calls are taken; those that have come are carried out. */
  leave(): void {
    if (shards.get(this.uid) === this) shards.delete(this.uid);
    this.isOver = true;
    this.ring?.();
  }

  /** The object is gone. */
  lose(): void {
    this.leave();
    const error = new Error(`the object of shard ${this.uid} has ended`);
    for (const call of this.open) call.fail(error);
    this.open.clear();
  }
}

const shards = new Map<string, NearShard>();

/** Shards that were called once lately, by the attendant's clock. */
const called = new Set<string>();

/** Where an attendant hears of shards that are called often enough for it. */
export class WantedShards {
  private wanted = new Set<string>();
  private ring: (() => void) | undefined;

  add(uid: string): void {
    this.wanted.add(uid);
    this.ring?.();
  }

  /** As soon as there are any. */
  async next(): Promise<Iterable<string>> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ring = resolve;
    if (this.wanted.size === 0) await promise;
    const { wanted } = this;
    this.wanted = new Set();
    return wanted;
  }

  /** There is no attendant any more, unless another one has come. */
  end(): void {
    if (heard === this) heard = undefined;
  }
}

let heard: WantedShards | undefined;

/** For an attendant; the one that came last hears of them. */
export function hearWanted(): WantedShards {
  heard = new WantedShards();
  return heard;
}

/** Undefined if the shard must be called by the platform. A shard that is called again soon gets an attendant, if there is one. */
export function nearShard(env: Env, uid: string): NearShard | undefined {
  if (!isOnlyIsolate(env)) return undefined;
  const near = shards.get(uid);
  if (near === undefined && heard !== undefined) want(heard, uid);
  return near;
}

function want(wanted: WantedShards, uid: string): void {
  if (called.delete(uid)) wanted.add(uid);
  else if (called.size < nearShardsMax) called.add(uid);
}

/** For the attendant, now and then: who was called once before is not called often. */
export function forgetCalled(): void {
  called.clear();
}

/** For the object, which takes calls from now on. */
export function openNear(uid: string): NearShard {
  // It is the same object: what was called by another attendant is carried out.
  shards.get(uid)?.leave();
  const near = new NearShard(uid);
  shards.set(uid, near);
  return near;
}

/** An object of this shard begins: what was called before it is lost. */
export function loseNear(uid: string): void {
  shards.get(uid)?.lose();
}

export function findNear(uid: string): NearShard | undefined {
  return shards.get(uid);
}
