/**
 * Runs a local server: build what has changed, lock the data folder, start workerd, open the public
 * port, print the banner, and stop. After Ctrl-C or SIGTERM, requests have two seconds to finish. A
 * second Ctrl-C does not wait. Three seconds after the first signal the process ends in any case.
 */
import { setTimeout as delay } from "node:timers/promises";
import { stop as stopEsbuild } from "esbuild";
import { hostNameOf, isLoopback } from "../worker/http/hosts.ts";
import { buildAll } from "./build.ts";
import { connectionsMaxFor, readDescriptorLimit } from "./descriptors.ts";
import type { Failure } from "./failure.ts";
import type { ServeFlags } from "./flags.ts";
import { type DataFolder, claimFolder, makeTemporaryFolder } from "./folder.ts";
import { checkPort, type Front, openFront } from "./front.ts";
import { type Bindings, type Runtime, startRuntime } from "./runtime.ts";
import { renderFull, requireSpace, watchSpace } from "./space.ts";

const durableObjects = { SHARD: "Shard", CATALOG: "Catalog", ITEMS: "Items" };

const graceMs = 2000;
const lastResortMs = 2800;

/** npm forwards a Ctrl-C that the terminal has already sent to this process. */
const echoMs = 200;

interface Parts {
  folder?: DataFolder;
  runtime?: Runtime;
  front?: Front;
}

/**
 * Resolves when the server accepts requests. Rejects if it cannot start; nothing is left running.
 */
export async function serve(flags: ServeFlags, version: string): Promise<void> {
  const parts: Parts = {};
  stopOnSignals(parts);
  try {
    await checkPort("127.0.0.1", flags.directPort, "--direct");
    const modules = await buildAll();
    await stopEsbuild();
    // Only the owner may read what is stored. workerd inherits the mask for its own files.
    process.umask(0o077);
    if (!flags.memory) await requireSpace(flags.data);
    const folder = flags.memory ? await makeTemporaryFolder() : await claimFolder(flags.data);
    parts.folder = folder;
    const space = await watchSpace({ folder: folder.path, minFreeBytes: flags.minFreeBytes });
    parts.runtime = await startRuntime({
      modules,
      folder,
      port: flags.directPort,
      objects: durableObjects,
      objectFiles: "OBJECT_FILES",
      files: { binding: "FILES", keeperBinding: "FILE_KEEPER", folder: "bucket" },
      objectKeepers: { SHARD_KEEPER: durableObjects.SHARD },
      bindings: {
        ...readVariables(),
        ...flags.settings,
        ...accessVariables(flags),
        ...doorVariables(flags),
        SPACE: space.handler,
      },
      onStart: (pid) => folder.recordRuntime(pid),
      onEnd: (failure) => endWith(failure, parts),
      ...(flags.memory && { temporaryFolder: folder.path }),
    });
    parts.front = await openFront({
      ...flags,
      upstream: parts.runtime,
      connectionsMax: connectionsMaxFor(readDescriptorLimit()),
    });
    const warnings = isExposed(flags) ? [exposedWarning] : [];
    if ((await space.look()) === 0) warnings.push(renderFull(folder.path, space.minFreeBytes));
    const titled = { title: `Millrace ${version}`, folder: folder.path, warnings };
    console.log(renderBanner(parts.front, parts.runtime, flags, titled));
  } catch (error) {
    await parts.runtime?.dispose();
    parts.folder?.release();
    throw error;
  }
}

const exposedWarning =
  "no access keys are set: everybody on the network may read, write and delete all data";

/** True if the server has no access keys and listens on an address that other machines reach. */
function isExposed({ auth, host }: ServeFlags): boolean {
  const name = hostNameOf(host.includes(":") ? `[${host}]` : host) ?? "";
  return auth === undefined && !isLoopback(name);
}

function renderBanner(
  front: Front,
  direct: Runtime,
  flags: ServeFlags,
  { title, folder, warnings }: { title: string; folder: string; warnings: string[] },
): string {
  const anywhere = flags.host === "0.0.0.0" || flags.host === "::";
  const host = anywhere ? "127.0.0.1" : flags.host;
  const endpoint = `http://${host.includes(":") ? `[${host}]` : host}:${front.port}`;
  const data = flags.memory ? `${folder}, deleted at the end` : folder;
  return `${title}
  endpoint  ${endpoint}${anywhere ? " and all other addresses of this machine" : ""}
  direct    http://${direct.host}:${direct.port} (workerd's own socket: HTTP/1.1 only, no proxy in front)
  data      ${data}
  try       AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1 \\
            aws kinesis list-streams --endpoint-url ${endpoint}
  access    ${renderAccess(flags)}
${warnings.map((warning) => `  warning   ${warning}\n`).join("")}  stop      Ctrl-C`;
}

function renderAccess({ authSource }: ServeFlags): string {
  if (authSource === undefined) return "open: any credentials are accepted";
  return `access keys are required: ${authSource}${authSource === "--auth" ? "" : " in the environment"}`;
}

/** Without keys a local server accepts every caller. A deployed one refuses every caller. */
function accessVariables({ auth }: ServeFlags): Bindings {
  const [name, value] = auth === undefined ? ["MILLRACE_ACCESS", "open"] : ["MILLRACE_AUTH", auth];
  return { [name]: value };
}

/**
 * Hosts and origins that a server without keys accepts besides loopback names and its own pages.
 */
function doorVariables({ host, allowHosts, allowOrigins }: ServeFlags): Bindings {
  return {
    MILLRACE_ALLOW_HOST: [host, ...allowHosts].join(","),
    MILLRACE_ALLOW_ORIGIN: allowOrigins.join(","),
  };
}

function stopOnSignals(parts: Parts): void {
  let stopMs = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (stopMs === 0) {
      stopMs = nowMs;
      setTimeout(() => process.exit(0), lastResortMs).unref();
      void stopParts(parts).then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    } else if (signal === "SIGINT" && nowMs - stopMs > echoMs) process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

/** Ends the process after a failure that leaves nothing to serve with. */
function endWith({ message, exitCode }: Failure, parts: Parts): void {
  console.error(`millrace: ${message}`);
  setTimeout(() => process.exit(exitCode), lastResortMs).unref();
  parts.front?.destroy();
  void stopParts(parts).finally(() => process.exit(exitCode));
}

async function stopParts({ folder, runtime, front }: Parts): Promise<void> {
  const finished = Promise.all([front?.stop(), runtime?.drain()]);
  await Promise.race([finished, delay(graceMs)]);
  front?.destroy();
  await runtime?.dispose();
  folder?.release();
}

function readVariables(): Record<string, string> {
  const ours = Object.entries(process.env).flatMap(([name, value]) =>
    name.startsWith("MILLRACE_") && value !== undefined ? [[name, value]] : [],
  );
  return Object.fromEntries(ours);
}
