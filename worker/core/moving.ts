// Calls to an object that moves from one instance of a cluster to another: its instance stops, or
// has died and its lease runs out. A call that fails for that reason is made again for a bounded
// time, and then refused as `unreachable`, which each dialect answers as an error to retry. What may
// run twice is simply called again. An append carries a token by which the shard knows it again
// (shard/appendTokens.ts). Anything else may have been done, so it is not repeated: the refusal
// comes when the object can be reached, and the caller decides.
import { StreamError } from "../errors.ts";
import { movingMsMax, movingPauseMs } from "../limits.ts";
import type { Env } from "./bindings.ts";
import type { AppendToken } from "./rpc.ts";

/** What workerd tells of a failed call, as a property of the error. */
interface CallFailure {
  retryable?: boolean;
  overloaded?: boolean;
}

type Stub = Record<string, (...parameters: unknown[]) => Promise<unknown>>;
type Namespace = { getByName(name: string): object };

/** Calls that change nothing, or the same when they run again. */
const repeatable: Readonly<Record<string, ReadonlySet<string>>> = {
  SHARD: new Set([
    "open",
    "begin",
    "close",
    "read",
    "view",
    "segment",
    "skip",
    "retain",
    "stats",
    "seek",
    "subscribe",
    "admit",
    "destroy",
  ]),
  CATALOG: new Set([
    "describeStream",
    "listStreams",
    "listDirectory",
    "settledStream",
    "readTags",
    "changeTags",
    "changePolicy",
    "account",
    "takePermit",
    "takeTurns",
    "cursorKey",
    "findCursorKey",
  ]),
  // A record that was handed out in vain is handed out again after its visibility timeout.
  QUEUE: new Set([
    "open",
    "configure",
    "receive",
    "ready",
    "settle",
    "giveBack",
    "drained",
    "stats",
    "destroy",
  ]),
  ITEMS: new Set([
    "getItem",
    "scanItems",
    "getObject",
    "listDirectory",
    "clearDirectory",
    "isOccupied",
  ]),
};

/** A call that asks nothing of an object, to know whether it can be reached. */
const harmless: Readonly<Record<string, [name: string, ...parameters: unknown[]]>> = {
  SHARD: ["view"],
  CATALOG: ["findCursorKey"],
};

/** The bindings with patience for objects that move. */
export function withPatience(env: Env): Env {
  return {
    ...env,
    SHARD: patient(env.SHARD, "SHARD"),
    CATALOG: patient(env.CATALOG, "CATALOG"),
    ITEMS: patient(env.ITEMS, "ITEMS"),
    QUEUE: patient(env.QUEUE, "QUEUE"),
  };
}

function patient<Objects extends Namespace>(objects: Objects, binding: string): Objects {
  return new Proxy(objects, {
    get(target, property) {
      if (property !== "getByName") return Reflect.get(target, property, target) as unknown;
      return (name: string) => patientStub(target, binding, name);
    },
  });
}

function patientStub(objects: Namespace, binding: string, name: string): object {
  // A stub that has failed may stay broken, so each attempt asks for a new one.
  const call = (method: string, parameters: readonly unknown[]) => {
    const stub = objects.getByName(name) as Stub;
    return stub[method]?.(...parameters);
  };
  return new Proxy(
    {},
    {
      get(_, method) {
        if (typeof method !== "string" || method === "then") return undefined;
        return (...parameters: unknown[]) => {
          if (method === "append") return append(call, parameters);
          const repeats = repeatable[binding]?.has(method) === true;
          return repeats
            ? untilReached(() => call(method, parameters))
            : once(call, binding, method, parameters);
        };
      },
    },
  );
}

type Call = (method: string, parameters: readonly unknown[]) => Promise<unknown> | undefined;

function append(call: Call, parameters: readonly unknown[]): Promise<unknown> {
  const token: AppendToken = { id: crypto.randomUUID(), isRepeated: false };
  return untilReached(() => {
    const offered = call("append", [...parameters, { ...token }]);
    token.isRepeated = true;
    return offered;
  });
}

/** Not repeated. If it fails, waits until the object can be reached, so that the caller's retry is. */
async function once(
  call: Call,
  binding: string,
  method: string,
  parameters: readonly unknown[],
): Promise<unknown> {
  try {
    return await call(method, parameters);
  } catch (error) {
    if (!isMoving(error)) throw error;
    const asked = harmless[binding];
    if (asked !== undefined) {
      const [name, ...with_] = asked;
      await untilReached(() => call(name, with_));
    }
    throw new StreamError("unreachable");
  }
}

async function untilReached(attempt: () => Promise<unknown> | undefined): Promise<unknown> {
  const endMs = Date.now() + movingMsMax;
  for (let pauseMs = movingPauseMs; ; pauseMs = Math.min(pauseMs * 2, 8 * movingPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isMoving(error)) throw error;
      if (Date.now() + pauseMs > endMs) throw new StreamError("unreachable");
      await new Promise<void>((done) => setTimeout(done, pauseMs));
    }
  }
}

function isMoving(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { retryable, overloaded } = error as CallFailure;
  return retryable === true && overloaded !== true;
}
