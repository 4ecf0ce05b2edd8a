// The shards that a shard continues: their records are handed out before its own. Once they all have
// been, that stays so.
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

  /** Resolves when all of them are drained, or in time. */
  async check(timeoutMs: number): Promise<void> {
    const drained = await Promise.all(this.names.map((name) => this.isDrained(name, timeoutMs)));
    this.areDrained ||= drained.every(Boolean);
  }

  /** A shard that is gone has no record left. */
  private async isDrained(name: string, timeoutMs: number): Promise<boolean> {
    try {
      return unwrap(await this.env.QUEUE.getByName(name).drained(timeoutMs)).isDrained;
    } catch (error) {
      if (isCode(error, "queueNotFound", "shardNotFound")) return true;
      throw error;
    }
  }
}
