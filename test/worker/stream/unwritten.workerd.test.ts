// What is answered for a catalog, or a container's objects, that nobody has written to is what an empty one
// answers itself; what writes goes on to it, and so does everything once there is something.

import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { noAttributes } from "../../../worker/v3io/places.ts";
import { UnwrittenItems } from "../../../worker/items/unwritten.ts";
import type { ItemsApi } from "../../../worker/core/itemTypes.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { type CatalogApi, unwrap } from "../../../worker/core/rpc.ts";
import type { Writing } from "../../../worker/core/writing.ts";
import { UnwrittenCatalog } from "../../../worker/stream/unwritten.ts";

afterEach(() => {
  vi.useRealTimers();
});

const never: Writing = { isWritten: async () => false, begin: async () => {} };
const always: Writing = { ...never, isWritten: async () => true };
const place = { path: "a/b", owner: "" };
const listing = { after: "", limit: 10, directoriesOnly: false };
const scan = { after: "", limit: 10, selection: noAttributes, part: { index: 0, count: 1 } };

test.each<[string, (catalog: CatalogApi) => Promise<unknown>]>([
  ["describeStream", (catalog) => catalog.describeStream("s")],
  ["listStreams", (catalog) => catalog.listStreams("", 10)],
  ["listStreams of a path", (catalog) => catalog.listStreams("", 10, "/local/")],
  ["listDirectory", (catalog) => catalog.listDirectory(undefined, "", 10)],
  ["listDirectory of a path", (catalog) => catalog.listDirectory("/local/", "", 10)],
  ["deleteStream", (catalog) => catalog.deleteStream("s")],
  ["changeStream", (catalog) => catalog.changeStream("s", { kind: "mode", mode: "ON_DEMAND" })],
  ["reshardStream", (catalog) => catalog.reshardStream("s", { kind: "recount", from: 1, to: 2 })],
  ["settledStream", (catalog) => catalog.settledStream("s")],
  ["registerConsumer", (catalog) => catalog.registerConsumer("s", "c")],
  ["deregisterConsumer", (catalog) => catalog.deregisterConsumer("s", { name: "c" })],
  ["readTags", (catalog) => catalog.readTags({ stream: "s" })],
  ["changeTags", (catalog) => catalog.changeTags({ stream: "s" }, { remove: ["a"] })],
  ["changePolicy", (catalog) => catalog.changePolicy({ stream: "s" }, "{}")],
  [
    "createQueue",
    (catalog) =>
      catalog.createQueue({
        name: "q",
        stream: "s",
        position: { type: "LATEST" },
        visibilitySeconds: 30,
      }),
  ],
  ["describeQueue", (catalog) => catalog.describeQueue("q")],
  ["listQueues", (catalog) => catalog.listQueues(undefined, 10)],
  ["updateQueue", (catalog) => catalog.updateQueue("q", { visibilitySeconds: 1 })],
  ["deleteQueue", (catalog) => catalog.deleteQueue("q")],
  ["countQueues", (catalog) => catalog.countQueues("s")],
  ["readTags of a queue", (catalog) => catalog.readTags({ queue: "q" })],
  ["changeTags of a queue", (catalog) => catalog.changeTags({ queue: "q" }, { remove: ["a"] })],
  ["changePolicy of a queue", (catalog) => catalog.changePolicy({ queue: "q" }, "{}")],
  ["account", (catalog) => catalog.account()],
  ["commitAccount", (catalog) => catalog.commitAccount(false)],
  ["takePermit", (catalog) => catalog.takePermit("ListStreams", 5)],
  ["findCursorKey", (catalog) => catalog.findCursorKey()],
])("catalog: %s", async (_, ask) => {
  const catalog = freshCatalog();
  const answer = await ask(
    new UnwrittenCatalog(crypto.randomUUID(), unreachable<CatalogApi>(catalog), never),
  );
  expect(answer).toEqual(await ask(catalog));
  expect(answer).toEqual(await ask(new UnwrittenCatalog("any", catalog, always)));
});

test.each<[string, (items: ItemsApi) => Promise<unknown>]>([
  ["getItem", (items) => items.getItem(place, noAttributes)],
  ["getObject", (items) => items.getObject(place)],
  ["deleteItem", (items) => items.deleteItem(place)],
  ["scanItems", (items) => items.scanItems({ ...scan, directory: { path: "a/", owner: "" } })],
  [
    "scanItems at the root",
    (items) => items.scanItems({ ...scan, directory: { path: "", owner: "" } }),
  ],
  [
    "listDirectory",
    (items) => items.listDirectory({ ...listing, directory: { path: "", owner: "" } }),
  ],
  ["isOccupied", (items) => items.isOccupied("a/", "")],
])("items: %s", async (_, ask) => {
  const items = env.ITEMS.getByName(crypto.randomUUID());
  const answer = await ask(new UnwrittenItems(unreachable<ItemsApi>(items), never));
  expect(answer).toEqual(await ask(items));
  expect(answer).toEqual(await ask(new UnwrittenItems(items, always)));
});

test("what comes too often is refused here too", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const stub = unreachable<CatalogApi>(freshCatalog());
  const catalog = new UnwrittenCatalog(crypto.randomUUID(), stub, never);
  const taken: boolean[] = [];
  for (let i = 0; i < 3; i++) taken.push(await catalog.takePermit("ListStreams", 1));
  expect(taken).toEqual([true, false, false]);
  expect(await catalog.takePermit("DescribeStream", 1)).toBe(true);
});

test("what writes goes on to it", async () => {
  const stub = freshCatalog();
  const catalog = new UnwrittenCatalog("any", stub, never);
  const key = await catalog.cursorKey();
  expect(await stub.findCursorKey()).toEqual({ key });
  const { commitment } = unwrap(await catalog.commitAccount(true));
  expect(unwrap(await stub.account()).commitment).toEqual(commitment);
  const spec = { name: "s", shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalog.createStream({ account: "111122223333", region: "us-east-1" }, spec));
  expect(await catalog.takeTurns("s", 2)).toBe(0);
  expect(await stub.takeTurns("s", 1)).toBe(2);
  const objects = env.ITEMS.getByName(crypto.randomUUID());
  const items = new UnwrittenItems(objects, never);
  unwrap(await items.putObject(place, new Uint8Array(1), false));
  unwrap(
    await items.putItem(place, {
      change: { kind: "merge", attributes: new Map() },
      newOnly: false,
    }),
  );
  expect(unwrap(await objects.getObject(place)).body).toEqual(new Uint8Array(1));
  await items.clearDirectory("a/");
  expect(await objects.isOccupied("a/", "")).toBe(false);
});

function freshCatalog() {
  return catalogOf(env, { account: crypto.randomUUID(), region: "us-east-1" });
}

/** One that must not be called. */
function unreachable<Api extends object>(api: Api): Api {
  return new Proxy(api, {
    get(_, name) {
      throw new Error(`${String(name)} was called`);
    },
  });
}
