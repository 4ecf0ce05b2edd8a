// The parents of a shard, which it continues after a split or a merge. Their records are handed out
// before its own. Drained parents stay drained, because a closed shard gets no new records.
import type { Env } from "../core/bindings.ts";
import { unwrap } from "../core/rpc.ts";
import { isCode } from "../errors.ts";

export class Parents {
  areDrained: boolean;
  private readonly env: Env;
  private readonly names: readonly string[];

  /** `names` of the queues over them. */
  constructor(env: Env, names: readonly string[]) {
    this.env = env;
    this.names = names;
    this.areDrained = names.length === 0;
  }

  /** Resolves when all parents are drained, or when the time is over. */
  async check(timeoutMs: number): Promise<void> {
    const drained = await Promise.all(this.names.map((name) => this.isDrained(name, timeoutMs)));
    this.areDrained ||= drained.every(Boolean);
  }

  /** A deleted shard counts as drained: it has no records. */
  private async isDrained(name: string, timeoutMs: number): Promise<boolean> {
    try {
      return unwrap(await this.env.QUEUE.getByName(name).drained(timeoutMs)).isDrained;
    } catch (error) {
      if (isCode(error, "queueNotFound", "shardNotFound")) return true;
      throw error;
    }
  }
}
