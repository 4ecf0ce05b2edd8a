// What the local server does to its store as a whole, inside the Worker: it makes the streams of
// --streams, and empties the store for the next test. The Worker reaches it by a binding, this
// machine's server by a socket of its own with a secret (workerdConfig.ts). The deployed Worker has
// none of it.
import { WorkerEntrypoint, waitUntil } from "cloudflare:workers";
import { defaultRegion } from "../worker/core/defaults.ts";
import type { Env } from "../worker/core/bindings.ts";
import { leave } from "../worker/core/leaving.ts";
import type { StreamSpec } from "../worker/core/rpc.ts";
import { readContainers } from "../worker/core/settings.ts";
import { isCode } from "../worker/errors.ts";
import { catalogOf, forgetAll } from "../worker/stream/directory.ts";
import { forgetAllQueues } from "../worker/stream/queueDirectory.ts";
import { Streams } from "../worker/stream/streams.ts";

/** As in Kinesis. */
const retentionHours = 24;

/** An object that can be emptied. */
interface Clearable {
  /** Removes everything, if it belongs to that account; false if it does not. */
  clear(account?: string): Promise<boolean>;
  /** Ends the object, so that the next call finds a new one. Always rejects. */
  end(): Promise<void>;
}

/** The local server's catalog: see worker.ts. */
interface Activating {
  activate(name: string): Promise<void>;
}

/** The streams of --streams with the counts of their shards, and the account that gets them. */
export interface WantedStreams {
  counts: Record<string, number>;
  account: string;
}

interface ControlEnv extends Env {
  MILLRACE_CONTROL_SECRET?: string;
  /** WantedStreams, as JSON. */
  MILLRACE_STREAMS?: string;
}

/** The Worker's way: see operator/reset.ts. */
export class Reset extends WorkerEntrypoint<ControlEnv> {
  override async fetch(request: Request): Promise<Response> {
    const { account }: { account?: string } = await request.json();
    await reset(this.env, account);
    return new Response(null, { status: 204 });
  }
}

/** The server's way: POST /streams, /leave, and /reset with the account, if it is one. */
export class Control extends WorkerEntrypoint<ControlEnv> {
  override async fetch(request: Request): Promise<Response> {
    const { MILLRACE_CONTROL_SECRET: secret } = this.env;
    if (secret === undefined || request.headers.get("x-millrace-secret") !== secret) {
      return new Response(null, { status: 403 });
    }
    const { pathname } = new URL(request.url);
    if (pathname === "/streams") await makeStreams(this.env);
    else if (pathname === "/leave") leave();
    else {
      const { account }: { account?: string } = await request.json();
      await reset(this.env, account);
    }
    return new Response(null, { status: 204 });
  }
}

/** Makes the wanted streams, which can be used at once. Existing ones stay as they are. */
async function makeStreams(env: ControlEnv): Promise<void> {
  if (env.MILLRACE_STREAMS === undefined) return;
  const { counts, account }: WantedStreams = JSON.parse(env.MILLRACE_STREAMS);
  const streams = new Streams({ env, waitUntil });
  const scope = { account, region: defaultRegion };
  for (const [name, shardCount] of Object.entries(counts)) {
    const spec: StreamSpec = { name, shardCount, mode: "PROVISIONED", retentionHours };
    try {
      await streams.create(scope, spec);
      const catalog = catalogOf(env, scope) as unknown as Activating;
      await catalog.activate(name);
    } catch (error) {
      if (!isCode(error, "streamExists")) throw error;
    }
  }
}

/**
 * Empties the store: streams with all that belongs to them, and the objects of v3io containers; of
 * one account, or of all. What this isolate remembers of them is forgotten too. Then the wanted
 * streams are there again.
 */
async function reset(env: ControlEnv, account: string | undefined): Promise<void> {
  const containers = readContainers(env).map((name) => `${account}/${defaultRegion}/${name}`);
  const own =
    account === undefined ? undefined : new Set(containers.map((name) => idOf(env.ITEMS, name)));
  const items = await listObjects(env, "Items");
  await Promise.all([
    ...(await listObjects(env, "Catalog")).map((id) => clear(env.CATALOG, id, account)),
    ...items.filter((id) => own?.has(id) ?? true).map((id) => clear(env.ITEMS, id, undefined)),
  ]);
  forgetAll();
  forgetAllQueues();
  await makeStreams(env);
}

function idOf(namespace: Env["ITEMS"], name: string): string {
  return namespace.idFromName(name).toString();
}

async function clear(
  namespace: Env["ITEMS"] | Env["CATALOG"],
  id: string,
  account: string | undefined,
): Promise<void> {
  const object = namespace.get(namespace.idFromString(id)) as unknown as Clearable;
  if (!(await object.clear(account))) return;
  await object.end().catch(() => {});
}

/** The ids of the objects of a class that have a file (stream/written.ts). */
async function listObjects({ OBJECT_FILES: files }: Env, className: string): Promise<string[]> {
  const reply = await files?.fetch(`http://files/millrace-${className}/`);
  if (reply?.ok !== true) return [];
  const entries: { name: string }[] = await reply.json();
  return entries.flatMap(({ name }) => /^([\da-f]{64})\.sqlite$/.exec(name)?.slice(1) ?? []);
}
