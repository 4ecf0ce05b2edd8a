// The product's Worker, far from its Durable Objects: every call to one takes a round trip longer,
// half of it before and half after, and is counted by its name. That includes the calls of the
// segments' entrypoint and those on a subscription. The product is imported unchanged. It runs in
// an isolate without Durable Objects, so that it cannot use what a shard has in memory.

import { FileBucket } from "../../local/bucket.ts";
import type { Env } from "../../worker/core/bindings.ts";
import millrace, { Segments as NearSegments } from "../../worker/index.ts";
import { type Counts, countsPath, viewPath } from "./counts.ts";

interface PlaceEnv extends Env {
  ROUND_TRIP_MS: string;
  /** Of the local server's bucket. */
  FILES?: Pick<Fetcher, "fetch">;
  FILE_KEEPER?: Pick<Fetcher, "fetch">;
}

const counts: Counts = {};
const farEnvs = new WeakMap<Env, Env>();

export class Segments extends NearSegments {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, farEnv(env as PlaceEnv));
  }
}

export default {
  fetch(request, env, ctx): Response | Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === countsPath) return Response.json(counts);
    if (pathname === viewPath) return answerView(env, searchParams.get("shard") ?? "");
    return millrace.fetch(request, farEnv(env), ctx);
  },
} satisfies ExportedHandler<PlaceEnv>;

async function answerView(env: Env, shard: string): Promise<Response> {
  return Response.json(await env.SHARD.getByName(shard).view());
}

function farEnv(env: PlaceEnv): Env {
  const known = farEnvs.get(env);
  if (known !== undefined) return known;
  const roundTripMs = Number(env.ROUND_TRIP_MS);
  const far: Env = {
    ...env,
    SHARD: farNamespace(env.SHARD, "shard", roundTripMs),
    CATALOG: farNamespace(env.CATALOG, "catalog", roundTripMs),
    ITEMS: farNamespace(env.ITEMS, "items", roundTripMs),
    QUEUE: farNamespace(env.QUEUE, "queue", roundTripMs),
    ...bucketOf(env),
  };
  farEnvs.set(env, far);
  return far;
}

function bucketOf({ FILES, FILE_KEEPER }: PlaceEnv): Pick<Env, "SEGMENTS"> {
  if (FILES === undefined || FILE_KEEPER === undefined) return {};
  return { SEGMENTS: intercept(new FileBucket(FILES, FILE_KEEPER), counting("bucket")) };
}

type Objects<T extends Rpc.DurableObjectBranded> = DurableObjectNamespace<T>;

function farNamespace<T extends Rpc.DurableObjectBranded>(
  objects: Objects<T>,
  kind: string,
  roundTripMs: number,
): Objects<T> {
  return intercept(objects, (name, call) => {
    if (name !== "getByName") throw new Error(`${kind}.${name} is not counted here`);
    return intercept(call() as object, travelling(kind, roundTripMs));
  });
}

/** Executes a method call with additional work around it. */
type Around = (name: string, call: () => unknown) => unknown;

function counting(kind: string): Around {
  return (name, call) => {
    count(kind, name);
    return call();
  };
}

/** The result may be callable too, and is equally far away. */
function travelling(kind: string, roundTripMs: number): Around {
  return async (name, call) => {
    count(kind, name);
    const thereMs = Math.floor(roundTripMs / 2);
    await passTime(thereMs);
    try {
      const result = await call();
      if (hasSubscription(result)) {
        result.subscription = intercept(result.subscription, travelling(kind, roundTripMs));
      }
      return result;
    } finally {
      await passTime(roundTripMs - thereMs);
    }
  };
}

function hasSubscription(result: unknown): result is { subscription: object } {
  return typeof result === "object" && result !== null && "subscription" in result;
}

/**
 * The same object, its methods called through `around`. Symbols, such as that of disposal, are not.
 */
function intercept<T extends object>(target: T, around: Around): T {
  return new Proxy(target, {
    get(_, name) {
      // Awaiting the object reads this property; as a call it would be sent to the other side.
      if (name === "then") return undefined;
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (typeof name === "symbol") return member.bind(target) as unknown;
      return (...args: unknown[]) => around(name, () => Reflect.apply(member, target, args));
    },
  });
}

function count(kind: string, name: string): void {
  const key = `${kind}.${name}`;
  counts[key] = (counts[key] ?? 0) + 1;
}

async function passTime(ms: number): Promise<void> {
  if (ms > 0) await new Promise((done) => setTimeout(done, ms));
}
