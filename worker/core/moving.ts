// Calls to an object that moves from one instance of a cluster to another: its instance stops, or
// has died and its lease runs out. A call that fails for that reason is made again for a bounded
// time, and then refused as `unreachable`, which each dialect answers as an error to retry. So is one that is not answered in
// time: an instance that is frozen, or whose network is gone, keeps the calls that are on their way to it, also when another one
// has taken its objects. What may
// run twice is simply called again. An append carries a token by which the shard knows it again
// (shard/appendTokens.ts). Anything else may have been done, so it is not repeated: the refusal
// comes when the object can be reached, and the caller decides.
import { StreamError } from "../errors.ts";
import { movingAnswerMs, movingLongAnswerMs, movingMsMax, movingPauseMs } from "../limits.ts";
import type { Env } from "./bindings.ts";
import type { ItemsApi } from "./itemTypes.ts";
import type { ShardQueueApi } from "./queueTypes.ts";
import type { AppendToken, CatalogApi, ShardApi } from "./rpc.ts";

/** What workerd tells of a failed call, as a property of the error. */
interface CallFailure {
  retryable?: boolean;
  overloaded?: boolean;
}

type Stub = Record<string, (...parameters: unknown[]) => Promise<unknown>>;
type Namespace = { getByName(name: string): object };

/**
 * What is done when a call fails: it is made again, because it changes nothing, or the same when it
 * runs twice, and "long" ones may take their time; it is made again with the token by which it is known; or it is not repeated.
 */
type Manner = "again" | "long" | "token" | "once";

const ofShards: Record<keyof ShardApi, Manner> = {
  open: "again",
  begin: "again",
  write: "token",
  look: "again",
  readNext: "again",
  fork: "again",
  releaseFork: "again",
  retire: "again",
  append: "token",
  appendEach: "once",
  appendEachHanded: "once",
  appendHanded: "once",
  appendKept: "once",
  close: "long",
  read: "again",
  view: "again",
  segment: "again",
  filters: "again",
  skip: "long",
  retain: "long",
  stats: "again",
  seek: "again",
  subscribe: "again",
  watch: "again",
  admit: "again",
  spend: "again",
  destroy: "long",
};

const ofCatalogs: Record<keyof CatalogApi, Manner> = {
  createStream: "once",
  createDurable: "once",
  describeStream: "again",
  listStreams: "again",
  listDirectory: "again",
  deleteStream: "once",
  changeStream: "once",
  reshardStream: "once",
  settledStream: "long",
  registerConsumer: "once",
  deregisterConsumer: "once",
  createQueue: "once",
  describeQueue: "again",
  listQueues: "again",
  updateQueue: "once",
  deleteQueue: "once",
  countQueues: "again",
  readTags: "again",
  changeTags: "again",
  changePolicy: "again",
  account: "again",
  commitAccount: "once",
  takePermit: "again",
  cursorKey: "again",
  findCursorKey: "again",
  takeTurns: "again",
};

/** A record that was handed out in vain is handed out again after its visibility timeout. */
const ofQueues: Record<keyof ShardQueueApi, Manner> = {
  open: "again",
  configure: "again",
  receive: "again",
  ready: "again",
  settle: "again",
  giveBack: "again",
  drained: "long",
  stats: "again",
  destroy: "long",
};

const ofItems: Record<keyof ItemsApi, Manner> = {
  getItem: "again",
  putItem: "once",
  scanItems: "again",
  getObject: "again",
  putObject: "once",
  deleteItem: "once",
  listDirectory: "again",
  clearDirectory: "long",
  isOccupied: "again",
};

/** The objects of a class: how they are called, and a call that only tells whether they can be reached. */
interface Objects {
  manners: Readonly<Record<string, Manner>>;
  probe: readonly [name: string, ...parameters: unknown[]];
}

const shards: Objects = { manners: ofShards, probe: ["view"] };
const catalogs: Objects = { manners: ofCatalogs, probe: ["findCursorKey"] };
const queues: Objects = { manners: ofQueues, probe: ["stats"] };
const containers: Objects = { manners: ofItems, probe: ["isOccupied", "", ""] };

/** The bindings with patience for objects that move. */
export function withPatience(env: Env): Env {
  return {
    ...env,
    SHARD: patient(env.SHARD, shards),
    CATALOG: patient(env.CATALOG, catalogs),
    ITEMS: patient(env.ITEMS, containers),
    QUEUE: patient(env.QUEUE, queues),
  };
}

function patient<Binding extends Namespace>(binding: Binding, objects: Objects): Binding {
  return new Proxy(binding, {
    get(target, property) {
      if (property === "getByName") return (name: string) => patientStub(target, objects, name);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function patientStub(binding: Namespace, { manners, probe }: Objects, name: string): object {
  // A stub that has failed may stay broken, so each attempt asks for a new one.
  const call = (method: string, parameters: readonly unknown[]) => {
    const stub = binding.getByName(name) as Stub;
    return stub[method]?.(...parameters);
  };
  return new Proxy(
    {},
    {
      get(_, method) {
        if (typeof method !== "string" || method === "then") return undefined;
        return (...parameters: unknown[]) => {
          const attempt = () => call(method, parameters);
          switch (manners[method]) {
            case "again":
              return untilReached(attempt, waitOf(parameters));
            case "long":
              return untilReached(attempt, movingLongAnswerMs);
            case "token":
              return withToken((token) => call(method, [...parameters, token]));
            default:
              return once(attempt, () => call(probe[0], probe.slice(1)));
          }
        };
      },
    },
  );
}

type Attempt = () => Promise<unknown> | undefined;

function withToken(offer: (token: AppendToken) => ReturnType<Attempt>): Promise<unknown> {
  const token: AppendToken = { id: crypto.randomUUID(), isRepeated: false };
  return untilReached(() => {
    const offered = offer({ ...token });
    token.isRepeated = true;
    return offered;
  });
}

/** How long a call may wait at its object for what it asks for. */
function waitOf(parameters: readonly unknown[]): number {
  for (const each of parameters) {
    const { timeoutMs } = (each ?? {}) as { timeoutMs?: unknown };
    if (typeof timeoutMs === "number") return timeoutMs;
  }
  return 0;
}

/** Not repeated. If it fails, waits until the object can be reached, so that the caller's retry is. */
async function once(attempt: Attempt, probe: Attempt): Promise<unknown> {
  try {
    return await answered(attempt, movingLongAnswerMs);
  } catch (error) {
    if (!isMoving(error)) throw error;
    await untilReached(probe);
    throw new StreamError("unreachable");
  }
}

/** `waitMs` is how long the object may take with the call. */
async function untilReached(attempt: Attempt, waitMs = 0): Promise<unknown> {
  const endMs = Date.now() + movingMsMax + waitMs;
  for (let pauseMs = movingPauseMs; ; pauseMs = Math.min(pauseMs * 2, 8 * movingPauseMs)) {
    try {
      return await answered(attempt, movingAnswerMs + waitMs);
    } catch (error) {
      if (!isMoving(error)) throw error;
      if (Date.now() + pauseMs > endMs) throw new StreamError("unreachable");
      await new Promise<void>((done) => setTimeout(done, pauseMs));
    }
  }
}

class Unanswered extends Error {
  readonly retryable = true;
}

/** Throws Unanswered when the time is over; what comes later of the attempt is of no interest. */
export async function answered<T>(
  attempt: () => Promise<T> | undefined,
  limitMs: number,
): Promise<T | undefined> {
  const { promise: isLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Unanswered("no answer in time")), limitMs);
  try {
    return await Promise.race([attempt(), isLate]);
  } finally {
    clearTimeout(timer);
  }
}

function isMoving(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { retryable, overloaded } = error as CallFailure;
  return retryable === true && overloaded !== true;
}
