// The Worker as the local server runs it: the deployed one, with three changes. Its bucket is a
// folder of files. The empty database that workerd leaves of a removed object is deleted. And the
// store can be emptied (control.ts).
import edge, {
  Catalog as EdgeCatalog,
  Items as EdgeItems,
  Segments as EdgeSegments,
  Shard as EdgeShard,
  ShardQueue as EdgeShardQueue,
} from "../worker/index.ts";
import { unwrap } from "../worker/core/rpc.ts";
import type { Env } from "../worker/core/bindings.ts";
import { expectLeaving } from "../worker/core/leaving.ts";
import { manifestHeader } from "../worker/engine/putManifest.ts";
import { gatheredHeader, leftReplyHeader } from "../worker/http/gathered.ts";
import { openKept, openKeptCall } from "../worker/http/keptBody.ts";
import { openChannel, serveLeft } from "../worker/gathered.ts";
import { runtimeOf, serve } from "../worker/serve.ts";
import { withPatience } from "../worker/core/moving.ts";
import { forgetShard } from "../worker/stream/written.ts";
import { FileBucket } from "./bucket.ts";
import { S3Bucket, type S3Settings } from "./s3Bucket.ts";

export { Control, Reset } from "./control.ts";

interface LocalEnv extends Env {
  /** The bucket's folder and the service that syncs it; without them there is no bucket. */
  FILES?: Pick<Fetcher, "fetch">;
  FILE_KEEPER?: Pick<Fetcher, "fetch">;
  /** Deletes files in the folder of the shards' databases. */
  SHARD_KEEPER?: Pick<Fetcher, "fetch">;
  /** The same for queues over shards. */
  QUEUE_KEEPER?: Pick<Fetcher, "fetch">;
  /** By which the front is known; see worker/http/keptBody.ts. */
  FRONT_SECRET?: string;
  /** The bucket of a cluster: S3Settings as JSON, and the way there. */
  MILLRACE_S3?: string;
  S3?: Pick<Fetcher, "fetch">;
}

export class Shard extends EdgeShard {
  readonly #removal: Removal;

  constructor(ctx: DurableObjectState, env: LocalEnv) {
    super(ctx, prepare(env));
    this.#removal = new Removal(ctx.id, env.SHARD_KEEPER);
  }

  override destroy(): Promise<void> {
    return this.#removal.run(async () => {
      await super.destroy();
      forgetShard(this.ctx.id.name ?? "");
    });
  }
}

export class ShardQueue extends EdgeShardQueue {
  readonly #removal: Removal;

  constructor(ctx: DurableObjectState, env: LocalEnv) {
    super(ctx, prepare(env));
    this.#removal = new Removal(ctx.id, env.QUEUE_KEEPER);
  }

  override destroy(): Promise<void> {
    return this.#removal.run(() => super.destroy());
  }
}

/**
 * Removes an object with its file, once for all concurrent callers: several clients may delete a
 * stream at the same time, and workerd fails if it is to empty a database whose file is deleted. The
 * names of these objects are used once, so nothing is written any more to the database that workerd
 * still has open.
 */
class Removal {
  readonly #id: DurableObjectId;
  readonly #keeper: Pick<Fetcher, "fetch"> | undefined;
  #running: Promise<void> | undefined;

  constructor(id: DurableObjectId, keeper: Pick<Fetcher, "fetch"> | undefined) {
    this.#id = id;
    this.#keeper = keeper;
  }

  /** A removal that failed may be tried again. */
  run(empty: () => Promise<void>): Promise<void> {
    this.#running ??= this.#remove(empty).catch((error: unknown) => {
      this.#running = undefined;
      throw error;
    });
    return this.#running;
  }

  async #remove(empty: () => Promise<void>): Promise<void> {
    await empty();
    const file = `${this.#id.toString()}.sqlite`;
    const body = JSON.stringify([file, `${file}-wal`, `${file}-shm`]);
    const reply = await this.#keeper?.fetch("http://keeper/delete", { method: "POST", body });
    // A file that remains is deleted at the next start of the server.
    if (reply?.ok === false) console.warn(`removing ${file} failed`, await reply.text());
  }
}

export class Catalog extends EdgeCatalog {
  constructor(ctx: DurableObjectState, env: LocalEnv) {
    super(ctx, inCluster(env));
  }

  /** Ends the time for which --transition-ms keeps a stream CREATING whose shards are there. */
  async activate(name: string): Promise<void> {
    const { settlesMs, settlingMs: _, ...stream } = this.streams.get(name);
    if (settlesMs !== undefined) this.streams.save({ ...stream, status: "ACTIVE" });
  }

  /**
   * Deletes all streams, and everything else that the catalog stores. False, and nothing is done, if
   * it is not that account's, or has no stream by which to tell.
   */
  async clear(account?: string): Promise<boolean> {
    const streams = [...this.streams.all()];
    if (account !== undefined && streams[0]?.account !== account) return false;
    for (const queue of this.queues.all()) {
      unwrap(await this.deleteQueue(queue.id));
      // Also one that is DELETING for a while.
      this.queues.remove(queue);
    }
    for (const { name } of streams) unwrap(await this.deleteStream(name, true));
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    return true;
  }

  async end(): Promise<void> {
    this.ctx.abort("the store was emptied");
  }
}

export class Items extends EdgeItems {
  async clear(): Promise<boolean> {
    await this.ctx.storage.deleteAll();
    return true;
  }

  async end(): Promise<void> {
    this.ctx.abort("the store was emptied");
  }
}

export class Segments extends EdgeSegments {
  constructor(ctx: ExecutionContext, env: LocalEnv) {
    super(ctx, prepare(env));
  }
}

export default {
  fetch: (request, env, ctx) => edge.fetch(request, forRequests(env).direct, ctx),
} satisfies ExportedHandler<LocalEnv>;

/** Has a socket of its own: whoever sends a request to it reads orders of pages. */
export const front = {
  fetch(request, env, ctx) {
    const { FRONT, FRONT_SECRET: secret } = env;
    const runtime = runtimeOf(forRequests(env).byFront, ctx);
    if (FRONT === undefined || secret === undefined) return serve(request, runtime);
    const { headers } = request;
    if (headers.get(gatheredHeader) === secret) {
      return openChannel(runtime, (call) => openKeptCall(call, FRONT, secret));
    }
    const [known, left] = (headers.get(leftReplyHeader) ?? "").split(" ", 2);
    if (known === secret && left !== undefined) return serveLeft(request, left, runtime);
    if (!headers.has(manifestHeader)) return serve(request, runtime);
    return openKept(request, FRONT, secret).then((sent) => serve(sent, runtime));
  },
} satisfies ExportedHandler<LocalEnv>;

function prepare(env: LocalEnv): Env {
  return inCluster(withBucket(env));
}

/** Objects of a cluster move from one instance to another. */
function inCluster<Bindings extends LocalEnv>(env: Bindings): Bindings {
  if (env.S3 === undefined) return env;
  expectLeaving();
  return { ...env, ...withPatience(env) };
}

/** What all requests of this isolate get, by where they came in. */
interface SharedEnv {
  of: LocalEnv;
  direct: LocalEnv;
  byFront: LocalEnv;
}

let shared: SharedEnv | undefined;

function forRequests(env: LocalEnv): SharedEnv {
  if (shared?.of !== env) {
    const bucket = clusterBucket(env);
    const marks = bucket === undefined ? {} : { OBJECT_MARKS: bucket };
    const direct = { ...prepare(env), ...marks };
    shared = { of: env, direct, byFront: { ...direct, BY_FRONT: true } };
  }
  return shared;
}

/** The segments are in a folder of files; in a cluster, in the bucket that the instances share. */
function withBucket(env: LocalEnv): LocalEnv {
  const { FILES, FILE_KEEPER, ...rest } = env;
  const shared = clusterBucket(env);
  if (shared !== undefined) return { ...rest, SEGMENTS: shared };
  if (FILES === undefined || FILE_KEEPER === undefined) return rest;
  return { ...rest, SEGMENTS: new FileBucket(FILES, FILE_KEEPER, env.SPACE) };
}

function clusterBucket({ MILLRACE_S3, S3 }: LocalEnv): S3Bucket | undefined {
  if (MILLRACE_S3 === undefined || S3 === undefined) return undefined;
  const settings: S3Settings = JSON.parse(MILLRACE_S3);
  return new S3Bucket({ ...settings, prefix: `${settings.prefix}millrace/` }, S3);
}
