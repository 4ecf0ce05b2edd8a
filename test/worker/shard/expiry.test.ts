// A shard whose stream is over asks the catalog to remove it. In a cluster the catalog may be on its way to
// another instance at that moment.
import { expect, test } from "vitest";
import type { Env } from "../../../worker/core/bindings.ts";
import type { ShardLife } from "../../../worker/core/durable.ts";
import { Expiry } from "../../../worker/shard/expiry.ts";
import type { ShardStore } from "../../../worker/shard/store.ts";
import { StreamError } from "../../../worker/errors.ts";

const life: ShardLife = {
  account: "a",
  region: "r",
  stream: "brief",
  streamUid: "uid",
  mediaType: "text/plain",
};
const store = { description: { uid: "shard", life } } as unknown as ShardStore;

/** What is asked of other objects and of the shard, in order; those named `failing` fail once. */
function expiryOf(failing: Record<string, object>, source?: string) {
  const asked: string[] = [];
  const ask =
    (name: string, reply?: object) =>
    async (...parameters: unknown[]) => {
      asked.push([name, ...parameters].join(" "));
      const { [name]: failure } = failing;
      delete failing[name];
      if (failure instanceof Error) throw failure;
      return failure ?? reply;
    };
  const unknown = { failed: "streamNotFound", detail: { stream: "brief" } };
  const catalog = {
    deleteStream: ask("deleteStream", { deleted: true }),
    describeStream: ask("describeStream", unknown),
  };
  const env = {
    CATALOG: { getByName: () => catalog },
    SHARD: { getByName: () => ({ releaseFork: ask("releaseFork") }) },
  } as unknown as Env;
  const shard = {
    destroy: async () => void (await ask("destroy")()),
    noteKnown: async () => void (await ask("noteKnown")()),
    wakeBy: async () => void (await ask("wakeBy")()),
  };
  if (source !== undefined) {
    Object.assign(store.description, { life: { ...life, source } });
  }
  return { expiry: new Expiry(env, shard), asked };
}

const order = "deleteStream brief true uid";
const moved = new StreamError("unreachable");

test.each([
  ["a catalog that has moved", moved],
  ["one that did not reach a shard that has moved", { failed: "unreachable", detail: {} }],
])("%s is told again at once", async (_, failure) => {
  const { expiry, asked } = expiryOf({ deleteStream: failure });
  expect(await expiry.run(store, life, 0)).toBe(true);
  expect(asked).toEqual([order, order]);
});

test("a refusal is not the end: the alarm comes again", async () => {
  const { expiry, asked } = expiryOf({ deleteStream: { failed: "commitFailed", detail: {} } });
  expect(await expiry.run(store, life, 0)).toBe(false);
  expect(asked).toEqual([order, "wakeBy"]);
});

test("after any other failure the alarm comes again", async () => {
  const { expiry, asked } = expiryOf({ deleteStream: new Error("broken") });
  expect(await expiry.run(store, life, 0)).toBe(false);
  expect(asked).toEqual([order, "wakeBy"]);
});

test("a fork that nobody knows stays until its source has let it go", async () => {
  const { expiry, asked } = expiryOf({ releaseFork: new Error("broken") }, "source");
  expect(await expiry.run(store, undefined, 0)).toBe(false);
  expect(await expiry.run(store, undefined, 0)).toBe(true);
  const [describe, release] = ["describeStream brief", "releaseFork shard"];
  expect(asked).toEqual([describe, release, "wakeBy", describe, release, "destroy"]);
});
