/**
 * Writes the configuration of workerd for one Worker, in the text form of Cap'n Proto (workerd.capnp
 * of the package `workerd` describes it): the Worker with its modules and bindings, Durable Objects
 * with their files on disk, and a socket that leads straight to the Worker. There is no way out to
 * the network. Whatever the Worker asks of this process goes to the address of services.ts.
 */
import type { WorkerModules } from "./build.ts";

/** The compatibility date that the code is written for; wrangler.toml names the same one. */
export const compatibilityDate = "2026-11-01";

/**
 * What a Worker sees under a name. A `service` is one of this process, by the same name; an
 * `entrypoint` is the Worker's own.
 */
export type Binding =
  | { type: "text"; value: string }
  | { type: "disk"; path: string; writable?: boolean }
  | { type: "entrypoint"; entrypoint: string }
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
  /** The entrypoint that gets a socket of its own, on any port. */
  control?: string | undefined;
  /** Where this process serves what the Worker asks of it, and the secret that each request has. */
  services: { address: string; secret: string };
}

/** The names of workerd's sockets. */
export const directSocket = "direct";
export const controlSocket = "control";

/** Headers by which services.ts knows what is asked, and that workerd asks. */
export const serviceHeader = "x-millrace-service";
export const secretHeader = "x-millrace-secret";

export function renderConfig(config: WorkerdConfig): string {
  const { name, host, port, control, objects, objectsFolder } = config;
  const sockets = [
    `(name = ${text(directSocket)}, address = ${text(`${host}:${port}`)}, http = (), service = ${text(name)})`,
  ];
  if (control !== undefined) {
    const service = renderEntrypoint(name, control);
    sockets.push(
      `(name = ${text(controlSocket)}, address = ${text(`${host}:0`)}, http = (), service = ${service})`,
    );
  }
  const bindings = Object.entries(config.bindings);
  const classes = Object.values(objects);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  logging = (structuredLogging = true),
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
