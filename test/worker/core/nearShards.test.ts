// Calls by memory as lists of promises, without any object: who takes a call, who is told what, and which shards are
// to be attended. test/e2e/nearShards.test.ts has real objects in real workerd.

import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import {
  findNear,
  forgetCalled,
  hearWanted,
  loseNear,
  type NearApi,
  nearShard,
  type NearShard,
  openNear,
  type WantedShards,
} from "../../../worker/core/nearShards.ts";
import { StreamError } from "../../../worker/errors.ts";
import { nearShardsMax } from "../../../worker/limits.ts";

const env = { ONE_ISOLATE: "yes" } as Env;
const elsewhere = {} as Env;
const looksMax = 3;

let uid: string;
let near: NearShard;

beforeEach(() => {
  uid = crypto.randomUUID();
  near = openNear(uid);
});

afterEach(() => {
  near.leave();
  forgetCalled();
});

/** An object that answers with the name of the method, or fails. */
function objectOf(failure?: Error): NearApi {
  const answer = (name: string) => async () => {
    if (failure !== undefined) throw failure;
    return name as never;
  };
  return { append: answer("append"), write: answer("write"), appendKept: answer("appendKept") };
}

function append(to = near): Promise<unknown> {
  const called = to.call((shard) => shard.append([]));
  called.catch(() => undefined);
  return called;
}

/** What became of a promise by now. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = "open";
  promise.then(
    (value) => (state = value),
    (error: unknown) => (state = error),
  );
  await setImmediate();
  return state;
}

function ended(): Error {
  return new Error(`the object of shard ${uid} has ended`);
}

async function runAll(to = near, object = objectOf()): Promise<number> {
  const calls = (await to.take()) ?? [];
  await Promise.all(calls.map((call) => call.run(object)));
  return calls.length;
}

describe("a call", () => {
  test("is answered as the object answers it", async () => {
    const called = append();
    expect(await stateOf(called)).toBe("open");
    expect(await runAll()).toBe(1);
    expect(await called).toBe("append");
  });

  test("fails as the object fails", async () => {
    const called = append();
    await runAll(near, objectOf(new StreamError("overloaded")));
    await expect(called).rejects.toEqual(new StreamError("overloaded"));
  });

  test("is taken at once by an object that waits, and with all that have come, once", async () => {
    const first = near.take();
    const calls = [append(), append()];
    expect((await first)?.length).toBe(2);
    const later = near.take();
    expect(await stateOf(later)).toBe("open");
    calls.push(append());
    expect((await later)?.length).toBe(1);
  });

  test("fails when the object ends, whether it was taken or not", async () => {
    const taken = append();
    await near.take();
    const waiting = append();
    near.lose();
    for (const each of [taken, waiting]) expect(await stateOf(each)).toEqual(ended());
  });

  test("is carried out when the attendant leaves, and then no more are taken", async () => {
    const called = append();
    near.leave();
    expect(findNear(uid)).toBeUndefined();
    expect(await runAll()).toBe(1);
    expect(await called).toBe("append");
    expect(await near.take()).toBeUndefined();
  });

  test("does not come to an object that waits for it when the attendant leaves", async () => {
    const taken = near.take();
    near.leave();
    expect(await taken).toBeUndefined();
  });
});

describe("the attendant's looks", () => {
  test("end a shard that nobody calls: not at the first one after a call", async () => {
    expect(near.look(looksMax)).toBe(false);
    expect(near.look(looksMax)).toBe(true);
    const called = append();
    await runAll();
    await called;
    expect(near.look(looksMax)).toBe(false);
    expect(near.look(looksMax)).toBe(true);
  });

  test("do not end one whose call is not answered, and fail that after a while", async () => {
    const early = append();
    expect(near.look(looksMax)).toBe(false);
    const late = append();
    for (let look = 1; look < looksMax; look++) expect(near.look(looksMax)).toBe(false);
    expect(await stateOf(early)).toBe("open");
    expect(near.look(looksMax)).toBe(false);
    expect(await stateOf(early)).toEqual(new StreamError("unreachable"));
    expect(await stateOf(late)).toBe("open");
    expect(near.look(looksMax)).toBe(true);
    expect(await stateOf(late)).toEqual(new StreamError("unreachable"));
  });

  test("know no call that was answered", async () => {
    const called = append();
    await runAll();
    for (let look = 0; look <= looksMax; look++) near.look(looksMax);
    expect(await called).toBe("append");
  });
});

describe("a shard", () => {
  test("is found only where nobody outside the isolate can be its object", () => {
    expect(nearShard(env, uid)).toBe(near);
    expect(nearShard(elsewhere, uid)).toBeUndefined();
  });

  test("whose object begins anew has lost the calls of before", async () => {
    const called = append();
    loseNear(uid);
    expect(await stateOf(called)).toEqual(ended());
    expect(nearShard(env, uid)).toBeUndefined();
  });

  test("that is opened again goes on with the calls of before", async () => {
    const called = append();
    const again = openNear(uid);
    expect(nearShard(env, uid)).toBe(again);
    expect(await runAll()).toBe(1);
    expect(await called).toBe("append");
    expect(await near.take()).toBeUndefined();
    // The end of the first one does not end the second one.
    near.lose();
    expect(nearShard(env, uid)).toBe(again);
    again.leave();
  });
});

describe("an attendant hears", () => {
  let wanted: WantedShards;

  beforeEach(() => {
    near.leave();
    wanted = hearWanted();
  });

  afterEach(() => wanted.end());

  async function heard(by = wanted): Promise<unknown> {
    const next = await Promise.race([by.next(), Promise.resolve(undefined)]);
    return next && [...next];
  }

  test("of a shard that is called again", async () => {
    nearShard(env, uid);
    expect(await heard()).toBeUndefined();
    nearShard(env, uid);
    expect(await heard()).toEqual([uid]);
    expect(await heard()).toBeUndefined();
  });

  test("while it waits", async () => {
    const next = wanted.next();
    for (let call = 0; call < 2; call++) nearShard(env, uid);
    expect([...(await next)]).toEqual([uid]);
  });

  test("of none that is called once each time that it looks", async () => {
    for (let call = 0; call < 3; call++) {
      nearShard(env, uid);
      forgetCalled();
    }
    expect(await heard()).toBeUndefined();
  });

  test("of none that is called from elsewhere, or is called by memory", async () => {
    for (let call = 0; call < 3; call++) nearShard(elsewhere, uid);
    near = openNear(uid);
    for (let call = 0; call < 3; call++) nearShard(env, uid);
    expect(await heard()).toBeUndefined();
  });

  test("of one that it has not attended, when it is called twice again", async () => {
    for (const expected of [undefined, [uid], undefined, [uid]]) {
      nearShard(env, uid);
      expect(await heard()).toEqual(expected);
    }
  });

  test("of so many shards only that are called now and then", async () => {
    const uids = Array.from({ length: nearShardsMax + 1 }, (_, i) => `${uid}-${i}`);
    for (const each of [...uids, ...uids]) nearShard(env, each);
    expect(await heard()).toEqual(uids.slice(0, -1));
  });

  test("also when another one before it ends after it has come", async () => {
    const later = hearWanted();
    wanted.end();
    for (let call = 0; call < 2; call++) nearShard(env, uid);
    expect(await heard(later)).toEqual([uid]);
    later.end();
    for (let call = 0; call < 2; call++) nearShard(env, uid);
    expect(await heard(later)).toBeUndefined();
  });
});
