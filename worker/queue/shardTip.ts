// What a queue knows of its shard: the newest view. A view never goes back, so an older one that
// arrives later changes nothing.
import type { Env } from "../core/bindings.ts";
import { unwrap } from "../core/rpc.ts";
import type { ShardView } from "../core/types.ts";

export class ShardTip {
  nextIndex = 0;
  firstIndex = 0;
  isClosed = false;
  /** False until the shard was asked. */
  isKnown = false;
  private readonly env: Env;
  private readonly uid: string;

  constructor(env: Env, uid: string) {
    this.env = env;
    this.uid = uid;
  }

  /** Throws `shardNotFound`. */
  async refresh(): Promise<void> {
    this.note(unwrap(await this.env.SHARD.getByName(this.uid).view()));
  }

  /** Resolves when the shard has a new record, when it closes, or when the time is over. */
  async watch(timeoutMs: number): Promise<void> {
    const { nextIndex: index } = this;
    this.note(unwrap(await this.env.SHARD.getByName(this.uid).watch({ index, timeoutMs })));
  }

  private note({ nextIndex, firstIndex, closedMs }: ShardView): void {
    this.isKnown = true;
    this.nextIndex = Math.max(this.nextIndex, nextIndex);
    this.firstIndex = Math.max(this.firstIndex, firstIndex);
    this.isClosed ||= closedMs !== undefined;
  }
}
