// The Worker as the local server runs it: the deployed one, with a folder of files for a bucket.
import edge, { Segments as EdgeSegments, Shard as EdgeShard } from "../worker/index.ts";
import type { Env } from "../worker/env.ts";
import { FileBucket } from "./bucket.ts";

export { Catalog, Items } from "../worker/index.ts";

interface LocalEnv extends Env {
  /** The bucket's folder, and who keeps it; without them there is no bucket. */
  FILES?: Pick<Fetcher, "fetch">;
  FILE_KEEPER?: Pick<Fetcher, "fetch">;
}

export class Shard extends EdgeShard {
  constructor(ctx: DurableObjectState, env: LocalEnv) {
    super(ctx, withBucket(env));
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
