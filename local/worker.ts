// The Worker as the local server runs it: the deployed one, with a folder of files for a bucket, and without
// the empty database that workerd leaves of an object that has deleted all it had.
import edge, { Segments as EdgeSegments, Shard as EdgeShard } from "../worker/index.ts";
import type { Env } from "../worker/core/bindings.ts";
import { FileBucket } from "./bucket.ts";

export { Catalog, Items } from "../worker/index.ts";

interface LocalEnv extends Env {
  /** The bucket's folder, and who keeps it; without them there is no bucket. */
  FILES?: Pick<Fetcher, "fetch">;
  FILE_KEEPER?: Pick<Fetcher, "fetch">;
  /** Keeps the folder of the shards' databases. */
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
   * Once for all who ask: a stream may be deleted by many at a time, and workerd fails where the file is gone
   * that it means to empty.
   */
  override destroy(): Promise<void> {
    this.#removal ??= this.#remove().catch((error: unknown) => {
      this.#removal = undefined;
      throw error;
    });
    return this.#removal;
  }

  /** A uid is given once, so nothing will be written to the database that workerd still has open. */
  async #remove(): Promise<void> {
    await super.destroy();
    const file = `${this.ctx.id.toString()}.sqlite`;
    const body = JSON.stringify([file, `${file}-wal`, `${file}-shm`]);
    const reply = await this.#keeper?.fetch("http://keeper/delete", { method: "POST", body });
    // What stays is removed when the server starts again.
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
