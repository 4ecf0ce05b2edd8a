// A change of shards that is cut off: the catalog's object is aborted at each step, and its alarm must take up what was
// begun. And a stream that is deleted while a call of its jobs is still under way.

import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ReshardOrder } from "../../../worker/core/control.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import type { Scope, StreamDescription } from "../../../worker/core/types.ts";
import { setClock } from "../../support/clock.ts";
import { known, linesOf, orders, putTexts, split, stub, texts } from "./resharding.ts";
import { patience } from "../../support/patience.ts";

let scope: Scope;
let catalog: ReturnType<typeof env.CATALOG.getByName>;

beforeEach(() => {
  scope = { account: String(Math.floor(Math.random() * 1e12)).padStart(12, "0"), region: "r" };
  catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
});

afterEach(() => {
  vi.useRealTimers();
});

describe("what is cut off", () => {
  test.each([
    ["after it was written down", "setAlarm"],
    ["when new shards are opened", "open"],
    ["when old shards are closed", "close"],
  ] as const)(
    "%s: the alarm takes it up",
    async (_, step) => {
      const stale = known(await create(2));
      await putTexts(stale, texts(10));
      await cutOff(step);
      const order: ReshardOrder = { kind: "recount", from: 2, to: 3 };
      await catalog.reshardStream("orders", order).catch(() => {});
      const gone = catalog;
      await vi
        .waitUntil(
          () =>
            gone.describeStream("orders").then(
              () => false,
              () => true,
            ),
          { ...patience, interval: 50 },
        )
        .catch(() => {});
      catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
      const begun = unwrap(await catalog.describeStream("orders")).stream;
      expect(begun.status).toBe("UPDATING");
      await runDurableObjectAlarm(catalog);
      const after = unwrap(await catalog.describeStream("orders")).stream;
      expect(after).toMatchObject({ status: "ACTIVE" });
      expect(after.shards.map(({ uid }) => uid)).toEqual(
        [...begun.shards, ...(begun.resharding?.made ?? [])].map(({ uid }) => uid),
      );
      await putTexts(stale, texts(10));
      expect(await linesOf(after.shards)).toHaveLength(20);
    },
    30_000,
  );

  test("a transition that is stretched is not sat out by the alarm, and ends in its time", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      await create(1);
      setClock(Date.now() + 60_000);
      const begun = unwrap(await catalog.reshardStream("orders", split)).stream;
      await abortAllDurableObjects();
      catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
      await runDurableObjectAlarm(catalog);
      const settledNow = async () => unwrap(await catalog.settledStream("orders")).stream.status;
      expect(await settledNow()).toBe("UPDATING");
      vi.setSystemTime(begun.resharding?.notBeforeMs as number);
      await runDurableObjectAlarm(catalog);
      expect(await settledNow()).toBe("ACTIVE");
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });

  test("a transition is over when the clock is set back, and taken up as soon as somebody asks", async () => {
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      await create(1);
      setClock(Date.now() + 60_000);
      unwrap(await catalog.reshardStream("orders", split));
      await abortAllDurableObjects();
      catalog = env.CATALOG.getByName(`${scope.account}/${scope.region}`);
      await runInDurableObject(catalog, async (_, { storage }) => {
        await storage.setAlarm(Date.now() + 60_000);
      });
      vi.setSystemTime(Date.now() - 3 * 86_400_000);
      expect(await statusNow()).toBe("UPDATING");
      // The alarm is set for three days ago now, by the runtime's clock.
      await vi.waitUntil(async () => (await statusNow()) === "ACTIVE", patience);
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });

  test("a deletion in the middle leaves no shard behind", async () => {
    await create(1);
    const begun = unwrap(await catalog.reshardStream("orders", split)).stream;
    unwrap(await catalog.deleteStream("orders"));
    expect(await catalog.describeStream("orders")).toMatchObject({ failed: "streamNotFound" });
    for (const shard of [...begun.shards, ...(begun.resharding?.made ?? [])]) {
      expect(await stub(shard).view()).toMatchObject({ failed: "shardNotFound" });
    }
    await create(1);
  });
});

describe("a deletion that takes its time", () => {
  test("leaves alone a new stream that has got the name meanwhile", async () => {
    const old = await create(1);
    const { isReached, letGo } = await holdNext("destroy");
    const late = catalog.deleteStream("orders");
    await vi.waitUntil(isReached, patience);
    unwrap(await catalog.deleteStream("orders"));
    const stream = await create(1);
    expect(stream.uid).not.toBe(old.uid);
    letGo();
    unwrap(await late);
    expect(unwrap(await catalog.describeStream("orders")).stream.uid).toBe(stream.uid);
    await putTexts(known(stream), ["x"]);
  });

  test("is not undone by a change of shards that was under way", async () => {
    await create(1);
    const { isReached, letGo } = await holdNext("close");
    unwrap(await catalog.reshardStream("orders", split));
    await vi.waitUntil(isReached, patience);
    env.MILLRACE_TRANSITION_MS = "60000";
    try {
      const deletion = catalog.deleteStream("orders");
      await vi.waitUntil(async () => (await statusNow()) === "DELETING", patience);
      letGo();
      unwrap(await deletion);
      expect(await statusNow()).toBe("DELETING");
    } finally {
      delete env.MILLRACE_TRANSITION_MS;
    }
  });
});

async function create(shardCount: number): Promise<StreamDescription> {
  return unwrap(await catalog.createStream(scope, orders(shardCount)));
}

async function statusNow(): Promise<string> {
  return unwrap(await catalog.describeStream("orders")).stream.status;
}

/** The objects of a catalog by which its jobs call shards. */
interface JobsWithin {
  env: typeof env;
  reshardings: { env: typeof env };
}

/** The next of these calls to a shard is held, until it is let go. */
async function holdNext(
  step: "close" | "destroy",
): Promise<{ isReached: () => boolean; letGo: () => void }> {
  const gate = Promise.withResolvers<void>();
  let isFirst = true;
  const { SHARD } = env;
  const held = (shard: ReturnType<typeof stub>) => async () => {
    const wait = isFirst;
    isFirst = false;
    if (wait) await gate.promise;
    return step === "close" ? shard.close() : shard.destroy();
  };
  await runInDurableObject(catalog, (instance) => {
    const object = (instance as unknown as { jobs: JobsWithin }).jobs;
    const shards = {
      getByName: (name: string) =>
        new Proxy(SHARD.getByName(name), {
          get: (target, member) =>
            member === step ? held(target) : (Reflect.get(target, member, target) as unknown),
        }),
    };
    object.env = object.reshardings.env = new Proxy(env, {
      get: (target, member) =>
        member === "SHARD" ? shards : (Reflect.get(target, member, target) as unknown),
    });
  });
  return { isReached: () => !isFirst, letGo: gate.resolve };
}

/** The catalog's object ends when it comes to that step for the first time. */
async function cutOff(step: "setAlarm" | "open" | "close"): Promise<void> {
  await runInDurableObject(catalog, (instance, state) => {
    const end = async (): Promise<never> => {
      await state.storage.sync();
      state.abort("cut off");
      throw new Error("cut off");
    };
    if (step === "setAlarm") {
      const setAlarm = state.storage.setAlarm.bind(state.storage);
      state.storage.setAlarm = async (...when) => {
        await setAlarm(...when);
        await end();
      };
      return;
    }
    const { reshardings } = (instance as unknown as { jobs: JobsWithin }).jobs;
    const { SHARD } = reshardings.env;
    reshardings.env = {
      ...reshardings.env,
      SHARD: {
        getByName: (name: string) =>
          new Proxy(SHARD.getByName(name), {
            get: (target, member) =>
              member === step ? end : (Reflect.get(target, member, target) as unknown),
          }),
      } as unknown as typeof SHARD,
    };
  });
}
