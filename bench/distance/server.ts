// One workerd with two stores of streams, one with a bucket and one without, and in front of each a
// Worker for each distance from it: `node bench/distance/server.ts --data DIR --round-trips 0,5,50`.
// A store is the product as it is built for serving; a Worker is the product's too, wrapped by
// worker.ts. All have their own isolate, and each Worker a socket of its own. The addresses
// are printed as JSON; the server ends on a signal, and workerd with it however it ends.

import { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stop as stopEsbuild } from "esbuild";
import { Miniflare, Response as MiniflareResponse, type WorkerOptions } from "miniflare";
import { buildAll, buildWorker, type WorkerModules } from "../../local/build.ts";
import { keepFiles } from "../../local/keeper.ts";
import { reapWithUs } from "../../local/reaper.ts";
import { compatibilityDate } from "../../local/workerdConfig.ts";
import type { Place } from "./places.ts";
import { root } from "../tools/process.ts";

const loopback = "127.0.0.1";
const objects = { SHARD: "Shard", CATALOG: "Catalog", ITEMS: "Items", QUEUE: "ShardQueue" };
const buildFolder = join(root, "build");
const farFolder = "distance";
const bucketFolder = "bucket";

const { values } = parseArgs({
  options: { data: { type: "string" }, "round-trips": { type: "string" } },
});
const { data = "", "round-trips": roundTrips = "" } = values;
const bucketPath = join(data, bucketFolder);
/** Of the local server's bucket (local/bucket.ts). */
const bucketBindings = {
  FILES: { type: "disk" as const, path: bucketPath, writable: true },
  FILE_KEEPER: { type: "fetcher" as const, handler: keepBucket },
};
const placed = roundTrips.split(",").flatMap((text) =>
  [true, false].map((bucket) => {
    const name = `place-${text}-${bucket ? "bucket" : "plain"}`;
    return { name, roundTripMs: Number(text), bucket };
  }),
);

const product = await load(await buildAll(), "");
const entry = join(root, "bench", "distance", "worker.ts");
const far = await load(await buildWorker(entry, join(buildFolder, farFolder)), farFolder);
await stopEsbuild();
reapWorkerd();
mkdirSync(join(data, bucketFolder), { recursive: true });
const miniflare = new Miniflare({
  host: loopback,
  port: 0,
  cf: false,
  telemetry: { enabled: false },
  enableDevRegistry: false,
  handleStructuredLogs: ({ level, message }) => console.error(`worker ${level}: ${message}`),
  resourcePersistencePath: data,
  workers: [
    ...[true, false].map((bucket) => describeStore(bucket)),
    ...placed.map((place) => describePlace(place)),
  ],
});
await miniflare.ready;
const places = await Promise.all(
  placed.map(async ({ name, roundTripMs, bucket }): Promise<Place> => {
    const { port } = await miniflare.unsafeGetDirectURL(name);
    return { roundTripMs, bucket, address: { host: loopback, port: Number(port) } };
  }),
);
console.log(`places ${JSON.stringify(places)}`);
console.log(`endpoint http://${loopback}:${places[0]?.address.port}`);

/** The keeper, for Miniflare, which has classes of its own for requests and replies. */
async function keepBucket(request: { url: string; text: () => Promise<string> }) {
  const path = new URL(request.url).pathname.slice(1);
  const { status, body } = await keepFiles(bucketPath)({
    path,
    body: Buffer.from(await request.text()),
  });
  return new MiniflareResponse(body ?? null, { status });
}

function storeName(bucket: boolean): string {
  return bucket ? "store-bucket" : "store-plain";
}

function describeStore(bucket: boolean): WorkerOptions {
  const name = storeName(bucket);
  return {
    config: {
      name,
      compatibilityDate,
      manifest: product,
      exports: Object.fromEntries(
        Object.values(objects).map((each) => [each, { type: "durable-object", storage: "sqlite" }]),
      ),
      env: bindings(name, bucket),
    },
    dev: { cacheAPI: false },
  };
}

function describePlace({ name, roundTripMs, bucket }: (typeof placed)[number]): WorkerOptions {
  const distance = { ROUND_TRIP_MS: { type: "text" as const, value: String(roundTripMs) } };
  return {
    config: {
      name,
      compatibilityDate,
      manifest: far,
      env: { ...bindings(storeName(bucket), bucket), ...distance },
    },
    dev: { unsafeDirectSockets: [{ host: loopback, port: 0 }], cacheAPI: false },
  };
}

function bindings(store: string, bucket: boolean): NonNullable<WorkerOptions["config"]["env"]> {
  return {
    ...Object.fromEntries(
      Object.entries(objects).map(([binding, exportName]) => [
        binding,
        { type: "durable-object" as const, worker: store, exportName },
      ]),
    ),
    ...(bucket && bucketBindings),
    MILLRACE_ACCESS: { type: "text", value: "open" },
  };
}

/** A bundle's modules, by their paths in the build folder; `under` is the bundle's own one in it. */
async function load({ folder, main, wasm }: WorkerModules, under: string) {
  const mainModule = join(under, main);
  const engines = wasm.map(async (name) => {
    const contents = new Uint8Array(await readFile(join(folder, name)));
    return [join(under, name), { type: "wasm" as const, contents }] as const;
  });
  const contents = (await readFile(join(folder, main))).toString();
  return {
    mainModule,
    modulesRoot: buildFolder,
    modules: {
      [mainModule]: { type: "esm" as const, contents },
      ...Object.fromEntries(await Promise.all(engines)),
    },
  };
}

/** Miniflare ends workerd when it can; this is for when it cannot. */
function reapWorkerd(): void {
  const workerd: unknown = createRequire(import.meta.url)("workerd").default;
  subscribe("child_process", (message) => {
    if (typeof message !== "object" || message === null || !("process" in message)) return;
    const child = message.process;
    if (!(child instanceof ChildProcess)) return;
    child.once("spawn", () => {
      if (child.spawnfile === workerd) reapWithUs(child);
    });
  });
}
