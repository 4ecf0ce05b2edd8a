/**
 * Runs a bundled Worker on workerd, with its Durable Objects on disk. The address it returns is
 * workerd's own socket for the Worker: there is no proxy and no request passes through Node. Nothing
 * is downloaded, reported or inspected, and workerd ends with this process. A workerd that crashes
 * is restarted on the same address, with a line in the log; recovery.ts limits how often. Several
 * runtimes may be in one process.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { WorkerModules } from "./build.ts";
import { keepFolder } from "./disk.ts";
import type { Failure } from "./failure.ts";
import { KeptPuts } from "./keptPuts.ts";
import { keepFiles } from "./keeper.ts";
import { removeEmptyDatabases, removeLeftovers } from "./leftovers.ts";
import { frontEngine, PageSender } from "./pageSender.ts";
import { reapWithUs } from "./reaper.ts";
import { createRecovery, restartPausesMs, retry, startFailure } from "./recovery.ts";
import { type Handler, openServices } from "./services.ts";
import { inspectorSocket, startWorkerd, type Workerd, type WorkerdLog } from "./workerd.ts";
import {
  type Binding,
  type ClusterConfig,
  controlSocket,
  directSocket,
  frontSocket,
  renderConfig,
  secretHeader,
  type WorkerdConfig,
} from "./workerdConfig.ts";

export type { Handler } from "./services.ts";

/**
 * Part of the path of every object's file, as `<name>-<class>`: with another name the server would
 * find no stored data.
 */
const workerName = "millrace";

const loopback = "127.0.0.1";

/** A text, or what this process answers to the Worker's requests. */
export type Bindings = Record<string, string | Handler>;

export interface RuntimeOptions {
  modules: WorkerModules;
  /** Where objects keep their files; `scratch` holds files of this run. */
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
  /** Entrypoints of the Worker by the name of their binding. */
  entrypoints?: Record<string, string>;
  /**
   * An entrypoint that only this process may call: `tell` of the runtime. It gets the secret by
   * which it knows that.
   */
  control?: { entrypoint: string; secretBinding: string };
  /**
   * The entrypoint of the front's own socket, the binding by which it has pages printed, and that of the secret by which it
   * knows what only the front sends. With `puts` and a folder of files, the front keeps bodies of puts.
   */
  front?: {
    entrypoint: string;
    binding: string;
    secretBinding: string;
    puts?: { hashes: boolean };
  };
  /** Set when the objects are shared with other instances; their files are then a copy. */
  cluster?: ClusterConfig;
  /** Servers on the network that the Worker reaches, by binding: URLs without a path. */
  servers?: Record<string, string>;
  /** All other bindings. */
  bindings?: Bindings;
  /** True to open workerd's inspector, for whoever looks into the isolate's memory. */
  inspect?: boolean;
  /** Deleted by the reaper if this process is killed. */
  temporaryFolder?: string;
  /** Called with the pid of each workerd that is started. */
  onStart?: (pid: number) => void;
  /** Called when workerd has ended and is not restarted. */
  onEnd?: (failure: Failure) => void;
  /** Takes the lines of the Worker's log and of ours; stderr when undefined. */
  log?: (line: string) => void;
}

export interface Runtime {
  host: string;
  port: number;
  /** The port of the front's socket, and what the front does for the Worker. */
  front: ({ port: number } & FrontHelpers) | undefined;
  /** Port of the inspector of the first workerd, if it was asked for. */
  inspectorPort: number | undefined;
  /** Posts JSON to the entrypoint for control. Rejects with what workerd says if that fails. */
  tell(path: string, order: object): Promise<void>;
  /** Accepts no new connection, closes the idle ones, and resolves when the last reply is sent. */
  drain(): Promise<void>;
  /** Ends workerd at once. */
  dispose(): Promise<void>;
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { log = console.error } = options;
  const ownObjects = options.cluster === undefined ? (options.objects ?? {}) : {};
  for (const name of Object.values(ownObjects)) {
    const folder = databasesOf(options, name);
    await keepFolder(folder);
    removeEmptyDatabases(folder);
  }
  const { front } = options;
  const helpers = front && helpersOf(options, log);
  const { bindings, handlers } = await gatherBindings(options, helpers?.puts);
  if (front !== undefined && helpers !== undefined) {
    handlers[front.binding] = handlerOf(helpers);
    bindings[front.binding] = { type: "service" };
    bindings[front.secretBinding] = { type: "text", value: helpers.secret };
  }
  const services = await openServices(handlers);
  const { control } = options;
  if (control !== undefined) {
    bindings[control.secretBinding] = { type: "text", value: services.secret };
  }
  const described = await describeWorker(options);
  const { cluster } = options;
  const config = { ...described, control: control?.entrypoint, bindings, services, cluster };
  const socketCount = [true, front, control, cluster].filter((one) => one !== undefined).length;
  let isOver = false;
  let recover: (() => void) | undefined;
  let current: ChildProcess | undefined;
  let controlPort: number | undefined;
  const onSpawn = (child: ChildProcess) => {
    current = child;
    reapWithUs(child, options.temporaryFolder);
    if (child.pid !== undefined) options.onStart?.(child.pid);
  };
  // The Worker's log of requests has that level to itself (worker/http/requestLog.ts).
  const logEntry = ({ level, message }: WorkerdLog) =>
    log(level === "debug" ? message : `worker ${level}: ${message}`);
  const start = async (port: number, frontPort: number): Promise<Workerd> => {
    const { scratch } = options.folder;
    const itsFront = front && { entrypoint: front.entrypoint, port: frontPort };
    const text = renderConfig({ ...config, port, front: itsFront });
    const workerd = await startWorkerd({
      config: text,
      socketCount,
      inspect: options.inspect ?? false,
      scratch,
      log: logEntry,
      onSpawn,
    });
    controlPort = workerd.ports.get(controlSocket);
    workerd.child.once("exit", () => recover?.());
    // It may have been asked to end while it started.
    if (isOver) workerd.child.kill("SIGKILL");
    return workerd;
  };
  const { port = 0 } = options;
  const attempts = [0, ...restartPausesMs].map(() => () => start(port, 0));
  const first = await retry(attempts, () => false, log).catch((error: unknown) => {
    services.close();
    throw startFailure(error);
  });
  const directPort = first.ports.get(directSocket) ?? port;
  const frontPort = first.ports.get(frontSocket) ?? 0;
  recover = createRecovery({
    start: () => start(directPort, frontPort),
    isOver: () => isOver,
    giveUp: (failure) => options.onEnd?.(failure),
    isEndless: cluster !== undefined,
    log,
  });
  const end = async (signal: NodeJS.Signals) => {
    isOver = true;
    await endChild(current, signal);
  };
  return {
    host: loopback,
    port: directPort,
    front: helpers && { port: frontPort, ...helpers },
    inspectorPort: first.ports.get(inspectorSocket),
    async tell(path, order) {
      const reply = await fetch(`http://${loopback}:${controlPort}${path}`, {
        method: "POST",
        headers: { [secretHeader]: services.secret },
        body: JSON.stringify(order),
      });
      if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    },
    async dispose() {
      await end("SIGKILL");
      services.close();
    },
    // On SIGTERM workerd finishes the requests that it has begun.
    drain: () => end("SIGTERM"),
  };
}

/** What the front does for the Worker. */
interface FrontHelpers {
  /** What the Worker knows the front by. */
  secret: string;
  pages: PageSender;
  puts: KeptPuts | undefined;
}

/** Undefined if the Worker has no engine. */
function helpersOf(
  { modules, front, files }: RuntimeOptions,
  log: (line: string) => void,
): FrontHelpers | undefined {
  const file = moduleFile(modules, "engine.wasm");
  if (file === undefined) return undefined;
  const engine = frontEngine(file);
  const hashes = files && front?.puts?.hashes;
  const secret = randomBytes(16).toString("hex");
  const puts = hashes === undefined ? undefined : new KeptPuts({ engine, hashes, log, secret });
  return { secret, pages: new PageSender(engine, log), puts };
}

/** Serves `body/<id>` of KeptPuts, and what PageSender serves. */
function handlerOf({ pages, puts }: FrontHelpers): Handler {
  return async (call) => {
    const [, id] = /^body\/([\w-]+)$/.exec(call.path) ?? [];
    return id === undefined || puts === undefined ? await pages.handler(call) : puts.serve(id);
  };
}

async function endChild(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  // So that the process does not end before workerd has.
  child.ref();
  child.kill(signal);
  await ended;
}

async function describeWorker(
  options: RuntimeOptions,
): Promise<Omit<WorkerdConfig, "bindings" | "services">> {
  const { modules, port = 0, objects = {} } = options;
  const load = async (name: string) => await readFile(join(modules.folder, name));
  const wasm = modules.wasm.map(async (name) => [name, await load(name)] as const);
  return {
    name: workerName,
    modules,
    source: (await load(modules.main)).toString(),
    wasm: Object.fromEntries(await Promise.all(wasm)),
    objects,
    objectsFolder: objectsFolder(options),
    host: loopback,
    port,
  };
}

interface Gathered {
  bindings: Record<string, Binding>;
  handlers: Record<string, Handler>;
}

async function gatherBindings(options: RuntimeOptions, puts?: KeptPuts): Promise<Gathered> {
  const { files, objectFiles, folder } = options;
  const handlers: Record<string, Handler> = {};
  const bindings: Record<string, Binding> = {};
  const serve = (name: string, handler: Handler) => {
    handlers[name] = handler;
    bindings[name] = { type: "service" };
  };
  for (const [name, value] of Object.entries(options.bindings ?? {})) {
    if (typeof value === "string") bindings[name] = { type: "text", value };
    else serve(name, value);
  }
  for (const [name, entrypoint] of Object.entries(options.entrypoints ?? {})) {
    bindings[name] = { type: "entrypoint", entrypoint };
  }
  for (const [name, className] of Object.entries(options.objectKeepers ?? {})) {
    serve(name, keepFiles(databasesOf(options, className)));
  }
  if (files !== undefined) {
    const path = join(folder.path, files.folder);
    await keepFolder(path);
    removeLeftovers(path);
    bindings[files.binding] = { type: "disk", path, writable: true };
    const scanner = moduleFile(options.modules, "scan.wasm");
    serve(files.keeperBinding, keepFiles(path, scanner, puts));
  }
  for (const [name, url] of Object.entries(options.servers ?? {})) {
    const { protocol, host, port } = new URL(url);
    const tls = protocol === "https:";
    bindings[name] = {
      type: "server",
      address: port === "" ? `${host}:${tls ? 443 : 80}` : host,
      tls,
    };
  }
  const objects = objectsFolder(options);
  await keepFolder(objects);
  // The Worker only reads it: a folder for each class, by `<name>-<class>`.
  if (objectFiles !== undefined) bindings[objectFiles] = { type: "disk", path: objects };
  return { bindings, handlers };
}

/** The file of a compiled module of the Worker, if it has one of this name. */
function moduleFile({ folder, wasm }: WorkerModules, name: string): string | undefined {
  const path = wasm.find((each) => basename(each) === name);
  return path && join(folder, path);
}

/** The folder that workerd keeps the databases of a class's objects in. */
function databasesOf(options: RuntimeOptions, className: string): string {
  return join(objectsFolder(options), `${workerName}-${className}`);
}

/** workerd does not take over objects of before the cluster, so they are not in its folder. */
function objectsFolder({ folder, cluster }: RuntimeOptions): string {
  return join(folder.path, cluster === undefined ? "do" : "cluster");
}
