// A consumer's session at the tip of a shard, as an object that the shard gives to a Worker. All
// calls on it belong to one session, which Cloudflare counts as one request, however long it lasts.
// It ends when the Worker releases it, also because the client has disconnected.
import { RpcTarget } from "cloudflare:workers";
import { isLeaving } from "../core/leaving.ts";
import { asReply, type NextReply, type NextRequest, type Reply } from "../core/rpc.ts";
import type { ReadReply, ReadRequest, ShardView } from "../core/types.ts";
import type { ConsumerSlot, WaitList } from "./waitList.ts";

/** What a subscription needs of the shard. */
export interface SubscribedShard {
  /** Throws `shardNotFound`. */
  view(): ShardView;
  /** Throws `shardNotFound`, `locationNotFound`, `corrupt`. */
  read(request: ReadRequest): ReadReply;
}

export class TipSession extends RpcTarget {
  // A TypeScript-private member without `#` could be called by the other side.
  readonly #shard: SubscribedShard;
  readonly #waiting: WaitList;
  readonly #slot: ConsumerSlot;

  constructor(shard: SubscribedShard, waiting: WaitList, slot: ConsumerSlot) {
    super();
    this.#shard = shard;
    this.#waiting = waiting;
    this.#slot = slot;
  }

  /**
   * Records from an index on, as soon as there are any; none if the time is over or the shard has
   * ended.
   */
  next({ timeoutMs, ...request }: NextRequest): Promise<Reply<NextReply>> {
    return asReply(async () => {
      const { nextIndex, closedMs } = this.#shard.view();
      const isThere = nextIndex > request.index || closedMs !== undefined;
      if (!isThere) await this.#waiting.wait(this.#slot, request.index, timeoutMs);
      return { ...this.#shard.read(request), held: this.#slot.held, isLeaving: isLeaving() };
    });
  }

  /** False when another reader has taken over the consumer. */
  async isHeld(): Promise<boolean> {
    return this.#slot.held;
  }

  [Symbol.dispose](): void {
    this.#waiting.leave(this.#slot);
  }
}
