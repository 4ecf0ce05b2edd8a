// The Worker as the local server runs it: the deployed one, with a folder of files for a bucket.
import edge, { Segments as EdgeSegments, Shard as EdgeShard } from "../worker/index.ts";
import type { Env } from "../worker/env.ts";
import { FileBucket } from "./bucket.ts";

export { Catalog, Items } from "../worker/index.ts";

interface LocalEnv extends Env {
  /** The bucket's folder; without it there is no bucket. */
  FILES?: Pick<Fetcher, "fetch">;
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

/** Of R2 the Worker asks no more than a FileBucket has. */
function withBucket({ FILES, ...env }: LocalEnv): Env {
  if (FILES === undefined) return env;
  return { ...env, SEGMENTS: new FileBucket(FILES) as unknown as R2Bucket };
}
