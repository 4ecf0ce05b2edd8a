// The Worker as the local server runs it: the deployed one, with two changes. Its bucket is a
// folder of files. The empty database that workerd leaves of a removed object is deleted.
import edge, { Segments as EdgeSegments, Shard as EdgeShard } from "../worker/index.ts";
import type { Env } from "../worker/core/bindings.ts";
import { forgetShard } from "../worker/stream/written.ts";
import { FileBucket } from "./bucket.ts";

export { Catalog, Items } from "../worker/index.ts";

interface LocalEnv extends Env {
  /** The bucket's folder and the service that syncs it; without them there is no bucket. */
  FILES?: Pick<Fetcher, "fetch">;
  FILE_KEEPER?: Pick<Fetcher, "fetch">;
  /** Deletes files in the folder of the shards' databases. */
  SHARD_KEEPER?: Pick<Fetcher, "fetch">;
}

export class Shard extends EdgeShard {
  readonly #keeper: LocalEnv["SHARD_KEEPER"];
  #removal: Promise<void> | undefined;

  constructor(ctx: DurableObjectState, env: LocalEnv) {
    super(ctx, withBucket(env));
    this.#keeper = env.SHARD_KEEPER;
  }

  /**
   * Runs once for all concurrent callers. Several clients may delete a stream at the same time, and
   * workerd fails if it is to empty a database whose file is deleted.
   */
  override destroy(): Promise<void> {
    this.#removal ??= this.#remove().catch((error: unknown) => {
      this.#removal = undefined;
      throw error;
    });
    return this.#removal;
  }

  /**
   * A uid is used once, so nothing is written any more to the database that workerd still has open.
   */
  async #remove(): Promise<void> {
    await super.destroy();
    forgetShard(this.ctx.id.name ?? "");
    const file = `${this.ctx.id.toString()}.sqlite`;
    const body = JSON.stringify([file, `${file}-wal`, `${file}-shm`]);
    const reply = await this.#keeper?.fetch("http://keeper/delete", { method: "POST", body });
    // A file that remains is deleted at the next start of the server.
    if (reply?.ok === false) console.warn(`removing ${file} failed`, await reply.text());
  }
}

export class Segments extends EdgeSegments {
  constructor(ctx: ExecutionContext, env: LocalEnv) {
    super(ctx, withBucket(env));
  }
}

export default edge;

function withBucket({ FILES, FILE_KEEPER, ...env }: LocalEnv): Env {
  if (FILES === undefined || FILE_KEEPER === undefined) return env;
  return { ...env, SEGMENTS: new FileBucket(FILES, FILE_KEEPER, env.SPACE) };
}
