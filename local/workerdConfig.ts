/**
 * Writes the configuration of workerd for one Worker, in the text form of Cap'n Proto (workerd.capnp
 * of the package `workerd` describes it): the Worker with its modules and bindings, Durable Objects
 * with their files on disk, and a socket that leads straight to the Worker. It reaches no other server
 * than those it is given. Whatever the Worker asks of this process goes to the address of services.ts.
 */
import type { WorkerModules } from "./build.ts";

/** The compatibility date that the code is written for; wrangler.toml names the same one. */
export const compatibilityDate = "2026-11-01";

/**
 * What a Worker sees under a name. A `service` is one of this process, by the same name; an
 * `entrypoint` is the Worker's own. There is no other way out to the network than `server`.
 */
export type Binding =
  | { type: "text"; value: string }
  | { type: "disk"; path: string; writable?: boolean }
  | { type: "entrypoint"; entrypoint: string }
  /** One server on the network, `host:port`. */
  | { type: "server"; address: string; tls: boolean }
  | { type: "service" };

export interface WorkerdConfig {
  /** Part of the path of every object's file, as `<name>-<class>`. */
  name: string;
  modules: WorkerModules;
  /** The bytes of each compiled module, by its name. */
  wasm: Readonly<Record<string, Uint8Array>>;
  /** The source of the main module. */
  source: string;
  /** Durable Object classes by the name of their binding. */
  objects: Readonly<Record<string, string>>;
  objectsFolder: string;
  bindings: Readonly<Record<string, Binding>>;
  host: string;
  /** Of the Worker's socket. */
  port: number;
  /** The entrypoint for the front: it gets a socket of its own. */
  front?: { entrypoint: string; port: number } | undefined;
  /** The entrypoint that gets a socket of its own, on any port. */
  control?: string | undefined;
  /** Set when this workerd shares its objects with others. */
  cluster?: ClusterConfig | undefined;
  /** Where this process serves what the Worker asks of it, and the secret that each request has. */
  services: { address: string; secret: string };
}

/** The names of workerd's sockets. */
export const directSocket = "direct";
export const frontSocket = "front";
export const controlSocket = "control";

/** An instance of a cluster; see ClusterConfig in workerd.capnp. */
export interface ClusterConfig {
  /** `s3://bucket/prefix` */
  bucket: string;
  /** `aws_endpoint=…` and others; what is missing comes from the environment. */
  bucketOptions: readonly string[];
  /** Where this instance listens for the others. */
  address: string;
  /** Where the others reach it, if not at `address`. */
  advertise?: string;
  key: string;
  /** How long a stop may take, in milliseconds. */
  stopMs?: number;
  /** Divides the times of leases; only for tests. */
  timeDivisor?: number;
}

/** Headers by which services.ts knows what is asked, and that workerd asks. */
export const serviceHeader = "x-millrace-service";
export const secretHeader = "x-millrace-secret";

/**
 * V8 collects garbage in the Worker's own thread. The heap is small, and threads beside it cost more than
 * they save: a poll takes 10 % less processor time, a page 4 %, a put 2 %. It collects all of the heap when there are
 * 64 MB, not 10, also after a pause: each time it forgets what code was compiled for, and compiles that anew. That
 * was a tenth of a put of 500 small records.
 */
const v8Flags = [
  "--single-threaded-gc",
  "--initial-old-space-size=64",
  "--no-memory-reducer",
  "--no-flush-bytecode",
];

export function renderConfig(config: WorkerdConfig): string {
  const { name, host, port, front, control, objects, objectsFolder } = config;
  const socket = (its: string, itsPort: number, service: string) =>
    `(name = ${text(its)}, address = ${text(`${host}:${itsPort}`)}, http = (), service = ${service})`;
  const sockets = [socket(directSocket, port, text(name))];
  if (front !== undefined) {
    sockets.push(socket(frontSocket, front.port, renderEntrypoint(name, front.entrypoint)));
  }
  if (control !== undefined) {
    sockets.push(socket(controlSocket, 0, renderEntrypoint(name, control)));
  }
  const bindings = Object.entries(config.bindings);
  const classes = Object.values(objects);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  logging = (structuredLogging = true),
  v8Flags = ${list(v8Flags.map(text))},${renderCluster(config.cluster)}
  sockets = ${list(sockets)},
  services = ${list([
    `(name = ${text(name)}, worker = (
      compatibilityDate = ${text(compatibilityDate)},
      modules = ${list(renderModules(config))},
      bindings = ${list([
        ...bindings.map(([binding, value]) => renderBinding(binding, value, name)),
        ...Object.entries(objects).map(([binding, className]) => renderObject(binding, className)),
      ])},
      durableObjectNamespaces = ${list(classes.map((className) => renderClass(name, className)))},
      durableObjectStorage = ${classes.length === 0 ? "(none = void)" : `(localDisk = "objects")`}))`,
    `(name = "internet", network = (allow = []))`,
    `(name = "objects", disk = (path = ${text(objectsFolder)}, writable = true))`,
    ...bindings.flatMap(([binding, value]) => renderService(binding, value, config.services)),
  ])});
`;
}

function renderCluster(cluster: ClusterConfig | undefined): string {
  if (cluster === undefined) return "";
  const { bucket, bucketOptions, address, advertise, key, stopMs, timeDivisor } = cluster;
  const fields = [
    `bucket = ${text(bucket)}`,
    `bucketOptions = ${list(bucketOptions.map(text))}`,
    `address = ${text(address)}`,
    ...(advertise === undefined ? [] : [`advertise = ${text(advertise)}`]),
    `key = ${text(key)}`,
    ...(stopMs === undefined ? [] : [`stopTimeoutMs = ${stopMs}`]),
    ...(timeDivisor === undefined ? [] : [`unsafeTimeDivisor = ${timeDivisor}`]),
  ];
  return `\n  cluster = (${fields.join(", ")}),`;
}

function renderModules({ modules, source, wasm }: WorkerdConfig): string[] {
  const compiled = Object.entries(wasm).map(
    ([name, bytes]) => `(name = ${text(name)}, wasm = 0x"${Buffer.from(bytes).toString("hex")}")`,
  );
  return [`(name = ${text(modules.main)}, esModule = ${text(source)})`, ...compiled];
}

function renderBinding(name: string, binding: Binding, worker: string): string {
  if (binding.type === "text") return `(name = ${text(name)}, text = ${text(binding.value)})`;
  if (binding.type === "entrypoint") {
    return `(name = ${text(name)}, service = ${renderEntrypoint(worker, binding.entrypoint)})`;
  }
  return `(name = ${text(name)}, service = ${text(serviceName(name))})`;
}

function renderEntrypoint(worker: string, entrypoint: string): string {
  return `(name = ${text(worker)}, entrypoint = ${text(entrypoint)})`;
}

function renderObject(name: string, className: string): string {
  return `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`;
}

function renderClass(name: string, className: string): string {
  const key = text(`${name}-${className}`);
  return `(className = ${text(className)}, uniqueKey = ${key}, enableSql = true)`;
}

function renderService(
  name: string,
  binding: Binding,
  { address, secret }: WorkerdConfig["services"],
): string[] {
  if (binding.type === "text" || binding.type === "entrypoint") return [];
  if (binding.type === "server") {
    const tlsOptions = "(trustBrowserCas = true)";
    const protocol = binding.tls
      ? `https = (options = (), tlsOptions = ${tlsOptions})`
      : "http = ()";
    const server = `(address = ${text(binding.address)}, ${protocol})`;
    return [`(name = ${text(serviceName(name))}, external = ${server})`];
  }
  if (binding.type === "disk") {
    const { path, writable = false } = binding;
    return [
      `(name = ${text(serviceName(name))}, disk = (path = ${text(path)}, writable = ${writable}))`,
    ];
  }
  const headers = list([
    `(name = ${text(serviceHeader)}, value = ${text(name)})`,
    `(name = ${text(secretHeader)}, value = ${text(secret)})`,
  ]);
  const http = `(injectRequestHeaders = ${headers})`;
  return [
    `(name = ${text(serviceName(name))}, external = (address = ${text(address)}, http = ${http}))`,
  ];
}

function serviceName(binding: string): string {
  return `service:${binding}`;
}

function list(items: readonly string[]): string {
  return `[${items.join(",\n    ")}]`;
}

/** A string in quotes. Cap'n Proto knows the escapes of C, but not those for code points. */
function text(value: string): string {
  const escaped = value.replaceAll(/["\\\p{Cc}]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
  );
  return `"${escaped}"`;
}
