// A consumer's reading at the tip of a shard, as an object that the shard hands to a Worker: calls on it
// belong to one session, which Cloudflare counts as one request however long it lasts. It is
// gone when the Worker lets go of it, also when that was because its client went away.
import { RpcTarget } from "cloudflare:workers";
import { asReply, type NextReply, type NextRequest, type Reply } from "../core/rpc.ts";
import type { ReadReply, ReadRequest, ShardView } from "../core/types.ts";
import type { Place, WaitingRoom } from "./waitList.ts";

/** The shard, as far as a subscription goes. */
export interface SubscribedShard {
  /** Throws `shardNotFound`. */
  view(): ShardView;
  /** Throws `shardNotFound`, `locationNotFound`, `corrupt`. */
  read(request: ReadRequest): ReadReply;
}

export class Subscription extends RpcTarget {
  // A private member that is not `#` could be called from afar.
  readonly #shard: SubscribedShard;
  readonly #room: WaitingRoom;
  readonly #place: Place;

  constructor(shard: SubscribedShard, room: WaitingRoom, place: Place) {
    super();
    this.#shard = shard;
    this.#room = room;
    this.#place = place;
  }

  /** Records from an index on as soon as there are any; none when the time is up or the shard has ended. */
  next({ timeoutMs, ...request }: NextRequest): Promise<Reply<NextReply>> {
    return asReply(async () => {
      const { nextIndex, closedMs } = this.#shard.view();
      const isThere = nextIndex > request.index || closedMs !== undefined;
      if (!isThere) await this.#room.wait(this.#place, request.index, timeoutMs);
      return { ...this.#shard.read(request), held: this.#place.held };
    });
  }

  /** False once somebody else reads as the consumer. */
  async isHeld(): Promise<boolean> {
    return this.#place.held;
  }

  [Symbol.dispose](): void {
    this.#room.leave(this.#place);
  }
}
