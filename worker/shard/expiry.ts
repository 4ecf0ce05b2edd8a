// What the alarm does about a stream of Durable Streams as a whole: it has an expired one removed, and
// removes a shard that its catalog never came to know, because the creation was cut off.
import type { Env } from "../core/bindings.ts";
import { type Failure, unwrap } from "../core/rpc.ts";
import type { ShardLife } from "../core/durable.ts";
import { tierRetryMs } from "../limits.ts";
import { isCode } from "../errors.ts";
import type { ShardStore } from "./store.ts";

export interface ExpiringShard {
  destroy(): Promise<void>;
  /** Stores that the catalog knows the stream. */
  noteKnown(life: ShardLife): Promise<void>;
  wakeBy(timeMs: number): Promise<void>;
}

export class Expiry {
  private readonly env: Env;
  private readonly shard: ExpiringShard;

  constructor(env: Env, shard: ExpiringShard) {
    this.env = env;
    this.shard = shard;
  }

  /** True if nothing else is to be done for the shard now. */
  async run(store: ShardStore, expired: ShardLife | undefined, nowMs: number): Promise<boolean> {
    const { life, uid } = store.description;
    try {
      if (expired !== undefined) return await this.remove(expired);
      if (life === undefined || life.isKnown === true) return false;
      if (await this.isKnown(life)) await this.shard.noteKnown(life);
      else {
        // The shard is removed last: until then the alarm comes again if something fails.
        if (life.source !== undefined) await this.env.SHARD.getByName(life.source).releaseFork(uid);
        await this.shard.destroy();
        return true;
      }
    } catch (error) {
      console.error(`the catalog could not be asked about shard ${uid}`, error);
      await this.shard.wakeBy(nowMs + tierRetryMs);
    }
    return false;
  }

  /** The catalog removes the stream, and with it this shard. */
  private async remove({ stream, streamUid, ...scope }: ShardLife): Promise<boolean> {
    const order = async (): Promise<object> =>
      unwrap(await this.catalogOf(scope).deleteStream(stream, true, streamUid));
    try {
      // In a cluster the catalog, or a shard that it calls, may just have moved to another instance; it can be
      // reached by now. The order names the stream by its uid, so it may be given twice.
      await order().catch((error: unknown) => {
        if (!isCode(error, "unreachable")) throw error;
        return order();
      });
    } catch (error) {
      if (!isCode(error, "streamNotFound")) throw error;
      if (isUnknown({ failed: error.code, detail: error.detail })) await this.shard.destroy();
    }
    return true;
  }

  private async isKnown({ stream, streamUid, ...scope }: ShardLife): Promise<boolean> {
    const reply = await this.catalogOf(scope).describeStream(stream);
    if (!("failed" in reply)) return reply.stream.uid === streamUid;
    return !isUnknown(reply);
  }

  private catalogOf({ account, region }: Pick<ShardLife, "account" | "region">) {
    return this.env.CATALOG.getByName(`${account}/${region}`);
  }
}

/** False for a stream that was deleted and is kept for its forks: they need its records. */
function isUnknown({ failed, detail }: Failure): boolean {
  return failed === "streamNotFound" && !("isKept" in detail);
}
