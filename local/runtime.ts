/**
 * Runs a bundled Worker on workerd through Miniflare, with its Durable Objects on disk. The address
 * it returns is workerd's own socket for the Worker: there is no proxy and no request passes
 * through Node. Nothing is downloaded, reported or inspected, no signal is handled here, and
 * workerd ends with this process. A workerd that crashes is restarted on the same address, with a
 * warning from Miniflare on stderr; recovery.ts limits how often.
 */
import { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Log, LogLevel, Miniflare, type WorkerOptions, type WorkerdStructuredLog } from "miniflare";
import type { WorkerModules } from "./build.ts";
import { keepFolder } from "./disk.ts";
import type { Failure } from "./failure.ts";
import { keepFiles } from "./keeper.ts";
import { removeEmptyDatabases, removeLeftovers } from "./leftovers.ts";
import { reapWithUs } from "./reaper.ts";
import { createRecovery, restartPausesMs, retry, startFailure } from "./recovery.ts";

/** The compatibility date that the code is written for; wrangler.toml names the same one. */
export const compatibilityDate = "2026-11-01";

/**
 * Part of the path of every object's file, as `<name>-<class>`: with another name the server would
 * find no stored data.
 */
const workerName = "millrace";

const loopback = "127.0.0.1";

export type Bindings = NonNullable<WorkerOptions["config"]["env"]>;
type Manifest = NonNullable<WorkerOptions["config"]["manifest"]>;

export interface RuntimeOptions {
  modules: WorkerModules;
  /** Where objects keep their files; Miniflare may delete `scratch`. */
  folder: { path: string; scratch: string };
  /** Port of workerd's own socket; a free one when undefined. */
  port?: number;
  /** Durable Object classes of the Worker by the name of their binding. */
  objects?: Record<string, string>;
  /**
   * A folder in the data folder that the Worker may read and write, file by file; see keeper.ts.
   */
  files?: { binding: string; keeperBinding: string; folder: string };
  /** Who deletes files of a class's databases, by binding; see keeper.ts. */
  objectKeepers?: Record<string, string>;
  /** Name of a binding by which the Worker sees which objects have files. */
  objectFiles?: string;
  /** All other bindings. */
  bindings?: Bindings;
  /** Deleted by the reaper if this process is killed. */
  temporaryFolder?: string;
  /** Called with the pid of each workerd that is started. */
  onStart?: (pid: number) => void;
  /** Called when workerd has ended and is not restarted. */
  onEnd?: (failure: Failure) => void;
}

export interface Runtime {
  host: string;
  port: number;
  /** Accepts no new connection, closes the idle ones, and resolves when the last reply is sent. */
  drain(): Promise<void>;
  /** Ends workerd at once. */
  dispose(): Promise<void>;
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  let isOver = false;
  let recover: (() => void) | undefined;
  const children = followRuntimes((child) => {
    reapWithUs(child, options.temporaryFolder);
    if (child.pid !== undefined) options.onStart?.(child.pid);
    child.once("exit", () => recover?.());
  });
  for (const name of Object.values(options.objects ?? {})) {
    const folder = databasesOf(options, name);
    await keepFolder(folder);
    removeEmptyDatabases(folder);
  }
  const worker = await describeWorker(options);
  const start = () => startMiniflare(worker, options.folder);
  const miniflare = await retry([start, ...restartPausesMs.map(() => start)], () => false).catch(
    (error: unknown) => {
      children.stopFollowing();
      throw startFailure(error);
    },
  );
  let disposal: Promise<void> | undefined;
  const dispose = () => {
    isOver = true;
    return (disposal ??= miniflare.dispose().finally(() => children.stopFollowing()));
  };
  const port = Number((await miniflare.unsafeGetDirectURL()).port);
  const again = {
    ...worker,
    dev: { ...worker.dev, unsafeDirectSockets: [{ host: loopback, port }] },
  };
  recover = createRecovery({
    ready: () => miniflare.ready,
    start: () => miniflare.setOptions(describeMiniflare(again, options.folder)),
    isOver: () => isOver,
    giveUp: (failure) => options.onEnd?.(failure),
  });
  return {
    host: loopback,
    port,
    dispose,
    async drain() {
      isOver = true;
      const { current } = children;
      if (current === undefined) return;
      // On SIGTERM workerd finishes the requests that it has begun. When Miniflare is disposed in
      // the same turn, it does not treat the end of workerd as a crash.
      const ended = new Promise<void>((done) => current.once("exit", () => done(dispose())));
      current.kill("SIGTERM");
      await ended;
    },
  };
}

async function describeWorker(options: RuntimeOptions): Promise<WorkerOptions> {
  const { modules, port = 0, objects = {}, bindings = {} } = options;
  const files = await describeFiles(options);
  const classes = Object.values(objects);
  return {
    config: {
      name: workerName,
      compatibilityDate,
      manifest: await describeModules(modules),
      exports: Object.fromEntries(
        classes.map((name) => [name, { type: "durable-object", storage: "sqlite" }]),
      ),
      env: {
        ...Object.fromEntries(
          Object.entries(objects).map(([binding, exportName]) => [
            binding,
            { type: "durable-object", worker: workerName, exportName },
          ]),
        ),
        ...files,
        ...describeKeepers(options),
        ...(await describeObjectFiles(options)),
        ...bindings,
      },
    },
    // On one machine a cache beside the store has no use, and Miniflare's cache would write every
    // segment a second time.
    dev: { unsafeDirectSockets: [{ host: loopback, port }], cacheAPI: false },
  };
}

/** The folder that Miniflare keeps the databases of a class's objects in. */
function databasesOf({ folder }: RuntimeOptions, className: string): string {
  return join(folder.path, "do", `${workerName}-${className}`);
}

function describeKeepers(options: RuntimeOptions): Bindings {
  const keepers = Object.entries(options.objectKeepers ?? {});
  return Object.fromEntries(
    keepers.map(([binding, className]) => [
      binding,
      { type: "fetcher", handler: keepFiles(databasesOf(options, className)) },
    ]),
  );
}

async function describeFiles({ files, folder }: RuntimeOptions): Promise<Bindings> {
  if (files === undefined) return {};
  const path = join(folder.path, files.folder);
  await keepFolder(path);
  removeLeftovers(path);
  return {
    [files.binding]: { type: "disk", path, writable: true },
    [files.keeperBinding]: { type: "fetcher", handler: keepFiles(path) },
  };
}

/** Miniflare's folder of the objects' files, by `<name>-<class>`. The Worker only reads it. */
async function describeObjectFiles({ objectFiles, folder }: RuntimeOptions): Promise<Bindings> {
  if (objectFiles === undefined) return {};
  const path = join(folder.path, "do");
  await keepFolder(path);
  return { [objectFiles]: { type: "disk", path } };
}

async function describeModules({ folder, main, wasm }: WorkerModules): Promise<Manifest> {
  const load = async (name: string) => await readFile(join(folder, name));
  const compiled = wasm.map(
    async (name) =>
      [name, { type: "wasm" as const, contents: new Uint8Array(await load(name)) }] as const,
  );
  return {
    mainModule: main,
    modulesRoot: folder,
    modules: {
      [main]: { type: "esm", contents: (await load(main)).toString() },
      ...Object.fromEntries(await Promise.all(compiled)),
    },
  };
}

async function startMiniflare(
  worker: WorkerOptions,
  folder: RuntimeOptions["folder"],
): Promise<Miniflare> {
  const miniflare = withoutSignals(() => createMiniflare(worker, folder));
  try {
    await miniflare.ready;
    return miniflare;
  } catch (error) {
    await miniflare.dispose().catch(() => {});
    throw error;
  }
}

function createMiniflare(worker: WorkerOptions, folder: RuntimeOptions["folder"]): Miniflare {
  const require = createRequire(import.meta.url);
  process.env["WORKERD_BINARY"] = require("workerd").default;
  process.env["MINIFLARE_WORKERD_PATH"] = join(import.meta.dirname, "workerd.sh");
  const temporaryBefore = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder.scratch;
  try {
    return new Miniflare(describeMiniflare(worker, folder));
  } finally {
    if (temporaryBefore === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporaryBefore;
  }
}

function describeMiniflare(worker: WorkerOptions, folder: RuntimeOptions["folder"]) {
  return {
    host: loopback,
    port: 0,
    cf: false as const,
    telemetry: { enabled: false },
    enableDevRegistry: false,
    log: new StderrLog(LogLevel.WARN, { prefix: "millrace" }),
    handleStructuredLogs: printLog,
    resourcePersistencePath: folder.path,
    workers: [worker],
  };
}

/**
 * Miniflare would end the process on a signal before requests could finish. `serve` handles signals
 * itself.
 */
function withoutSignals<T>(create: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const created = create();
  signals.forEach((signal, i) => {
    for (const listener of process.listeners(signal)) {
      if (!before[i]?.has(listener)) process.removeListener(signal, listener);
    }
  });
  return created;
}

/**
 * Notices every workerd that Miniflare starts, also after a crash: Miniflare has no event for it.
 */
function followRuntimes(started: (child: ChildProcess) => void) {
  const follow = (message: unknown) => {
    if (typeof message !== "object" || message === null || !("process" in message)) return;
    const child = message.process;
    if (!(child instanceof ChildProcess)) return;
    child.once("spawn", () => {
      if (child.spawnfile !== process.env["MINIFLARE_WORKERD_PATH"]) return;
      followed.current = child;
      started(child);
    });
  };
  const followed = {
    current: undefined as ChildProcess | undefined,
    stopFollowing: () => unsubscribe("child_process", follow),
  };
  subscribe("child_process", follow);
  return followed;
}

class StderrLog extends Log {
  protected override log(message: string): void {
    console.error(message);
  }
}

/** Prints the Worker's log and workerd's complaints, one line each. */
function printLog({ level, message }: WorkerdStructuredLog): void {
  console.error(`worker ${level}: ${message}`);
}
