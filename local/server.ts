/**
 * A local server: check the ports, find what workerd runs, lock the data folder, start workerd and
 * open the public port. It belongs to no program: serve.ts gives it signals and a banner, and
 * package/startMillrace.ts gives it to tests. Several may be in one process.
 */
import { setTimeout as delay } from "node:timers/promises";
import { defaultAccount } from "../worker/core/defaults.ts";
import { hostNameOf, isLoopback } from "../worker/http/hosts.ts";
import { findModules } from "./clone.ts";
import { keepCertificate, type OwnIdentity } from "./certificate.ts";
import type { WantedStreams } from "./control.ts";
import { type BucketWatch, watchBucket } from "./bucketWatch.ts";
import { checkClusterBucket } from "./clusterBucket.ts";
import { type ClusterFlags, clusterStopMs } from "./clusterFlags.ts";
import { connectionsMaxFor, readDescriptorLimit } from "./descriptors.ts";
import { type Failure, messageOf } from "./failure.ts";
import type { ServeFlags } from "./flags.ts";
import { type DataFolder, claimFolder, makeTemporaryFolder } from "./folder.ts";
import { checkPort, type Front, openFront } from "./front.ts";
import { createGatherer } from "./gatherer.ts";
import { type Bindings, type Runtime, type RuntimeOptions, startRuntime } from "./runtime.ts";
import type { Identity } from "./tlsLayer.ts";
import type { Upstream } from "./upstream.ts";
import { renderFull, requireSpace, watchSpace } from "./space.ts";

const durableObjects = { SHARD: "Shard", CATALOG: "Catalog", ITEMS: "Items", QUEUE: "ShardQueue" };

/** Everything is in the data folder. */
const ownStorage = {
  objectFiles: "OBJECT_FILES",
  files: { binding: "FILES", keeperBinding: "FILE_KEEPER", folder: "bucket" },
  entrypoints: { RESET: "Reset" },
  objectKeepers: { SHARD_KEEPER: durableObjects.SHARD, QUEUE_KEEPER: durableObjects.QUEUE },
};

/** Everything is in the bucket of the cluster. */
function sharedStorage({ workerd, s3 }: ClusterFlags): Partial<RuntimeOptions> {
  return { cluster: workerd, servers: { S3: s3.endpoint } };
}

/** How long requests may take to finish when the server stops. */
const graceMs = 2000;

export interface LocalServer {
  /** Where clients connect: a URL. */
  endpoint: string;
  /** True if it listens on all addresses of the machine. */
  isEverywhere: boolean;
  /** workerd's own socket: a URL. */
  direct: string;
  /** The folder that keeps the data. */
  folder: string;
  /** The authority that signed the server's own certificate. */
  ca?: { file: string; text: string };
  /** What the operator should know, one line each. */
  warnings: string[];
  /** Empties the store, or what one account has in it. */
  reset(account?: string): Promise<void>;
  /** Lets requests finish for two seconds, and ends workerd. Resolves when nothing is left. */
  stop(): Promise<void>;
  /** As `stop`, but waits for no request. */
  abort(): Promise<void>;
}

export interface ServerOptions {
  /** Variables for the Worker besides those of the flags. */
  variables: Record<string, string>;
  /** Takes the lines of the log. */
  log: (line: string) => void;
  /** Called when workerd has ended and cannot be started again. */
  onEnd: (failure: Failure) => void;
  /** True if the server keeps its process alive. */
  keepsProcess: boolean;
}

interface Parts {
  watch?: BucketWatch;
  folder?: DataFolder;
  runtime?: Runtime;
  upstream?: Upstream;
  front?: Front;
}

/**
 * Resolves when the server accepts requests. Rejects with a Failure if it cannot start; nothing is
 * left running.
 */
export async function openServer(flags: ServeFlags, options: ServerOptions): Promise<LocalServer> {
  const { variables, log, onEnd, keepsProcess } = options;
  const { cluster } = flags;
  const parts: Parts = {};
  try {
    await checkPort(flags.host, flags.port, "--port");
    await checkPort("127.0.0.1", flags.directPort, "--direct");
    if (cluster !== undefined) await checkClusterBucket(cluster.s3);
    const modules = await findModules((what) => log(`millrace: ${what}`));
    if (!flags.memory) await requireSpace(flags.data);
    const folder = flags.memory ? await makeTemporaryFolder() : await claimFolder(flags.data);
    parts.folder = folder;
    const { minFreeBytes: least } = flags;
    const space = await watchSpace({ folder: folder.path, minFreeBytes: least, log });
    const watch = cluster && watchBucket(cluster.s3, log);
    if (watch !== undefined) parts.watch = watch;
    const runtime = await startRuntime({
      modules,
      folder,
      port: flags.directPort,
      objects: durableObjects,
      ...(cluster === undefined ? ownStorage : sharedStorage(cluster)),
      front: {
        entrypoint: "front",
        binding: "FRONT",
        secretBinding: "FRONT_SECRET",
        puts: { hashes: flags.auth !== undefined },
      },
      control: { entrypoint: "Control", secretBinding: "MILLRACE_CONTROL_SECRET" },
      bindings: {
        ...variables,
        ...flags.settings,
        ...accessVariables(flags),
        ...doorVariables(flags),
        ...streamVariables(flags),
        ...(cluster !== undefined && { MILLRACE_S3: JSON.stringify(cluster.s3) }),
        // One workerd runs the Worker and all objects, and nobody else has the data.
        ...(cluster === undefined && { ONE_ISOLATE: "yes" }),
        ...(watch !== undefined && { CLUSTER: watch.handler }),
        SPACE: space.handler,
      },
      onStart: (pid) => folder.recordRuntime(pid),
      onEnd,
      log,
      ...(flags.memory && { temporaryFolder: folder.path }),
    });
    parts.runtime = runtime;
    const identity = await identityOf(flags, folder.path);
    const upstream = {
      ...upstreamOf(runtime),
      ...(watch !== undefined && { trouble: watch.trouble }),
    };
    parts.upstream = upstream;
    const front = await openFront({
      ...flags,
      identity,
      upstream,
      connectionsMax: connectionsMaxFor(readDescriptorLimit()),
      keepsProcess,
      log,
    });
    parts.front = front;
    // By it shards are attended; those of a cluster are not.
    if (cluster === undefined) parts.upstream?.gatherer?.keepOpen();
    if (flags.streams !== undefined) await runtime.tell("/streams", {});
    const warnings = isExposed(flags) ? [exposedWarning] : [];
    if ((await space.look()) === 0) warnings.push(renderFull(folder.path, space.minFreeBytes));
    const isEverywhere = flags.host === "0.0.0.0" || flags.host === "::";
    return {
      endpoint: urlOf(
        identity === undefined ? "http" : "https",
        isEverywhere ? "127.0.0.1" : flags.host,
        front.port,
      ),
      isEverywhere,
      direct: urlOf("http", runtime.host, runtime.port),
      folder: folder.path,
      ...(isOwn(identity) && { ca: { file: identity.caFile, text: identity.ca } }),
      warnings,
      reset: (account) => runtime.tell("/reset", { account }),
      stop: () => (cluster === undefined ? stopParts(parts) : leaveCluster(parts, log)),
      abort: () => {
        front.destroy();
        return stopParts(parts);
      },
    };
  } catch (error) {
    parts.watch?.stop();
    parts.front?.destroy();
    await parts.runtime?.dispose();
    parts.folder?.release();
    throw error;
  }
}

function upstreamOf({ host, port, front }: Runtime): Upstream {
  if (front === undefined) return { host, port };
  const { pages, puts, secret } = front;
  const socket = { host, port: front.port };
  return { ...socket, pages, puts, gatherer: createGatherer(socket, secret) };
}

/** The certificate of --tls has the names by which the server is reached. */
async function identityOf(
  { tls, host, allowHosts }: ServeFlags,
  folder: string,
): Promise<Identity | OwnIdentity | undefined> {
  if (tls !== "made") return tls;
  const names = [host, ...allowHosts].filter((name) => !["*", "0.0.0.0", "::"].includes(name));
  return await keepCertificate(folder, names);
}

function isOwn(identity: Identity | OwnIdentity | undefined): identity is OwnIdentity {
  return identity !== undefined && "caFile" in identity;
}

function urlOf(scheme: "http" | "https", host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

const exposedWarning =
  "no access keys are set: everybody on the network may read, write and delete all data";

/** True if the server has no access keys and listens on an address that other machines reach. */
function isExposed({ auth, host }: ServeFlags): boolean {
  const name = hostNameOf(host.includes(":") ? `[${host}]` : host) ?? "";
  return auth === undefined && !isLoopback(name);
}

/** Without keys a local server accepts every caller. A deployed one refuses every caller. */
function accessVariables({ auth }: ServeFlags): Bindings {
  return auth === undefined ? { MILLRACE_ACCESS: "open" } : { MILLRACE_AUTH: auth };
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

/** The streams belong to the first principal's account, without keys to the default one. */
function streamVariables({ streams: counts, auth }: ServeFlags): Bindings {
  if (counts === undefined) return {};
  const wanted: WantedStreams = { counts, account: defaultAccount };
  if (auth !== undefined) {
    // flags.ts has checked the document.
    const { principals }: { principals: [{ account: string }] } = JSON.parse(auth);
    wanted.account = principals[0].account;
  }
  return { MILLRACE_STREAMS: JSON.stringify(wanted) };
}

/**
 * Hands the objects to the other instances, which takes seconds. Requests are served meanwhile: by
 * what is here still, or by those who have it now.
 */
async function leaveCluster(parts: Parts, log: (line: string) => void): Promise<void> {
  parts.watch?.leave();
  // Without it the objects that somebody waits at move later.
  await parts.runtime
    ?.tell("/leave", {})
    .catch((error: unknown) => log(`millrace: ${messageOf(error)}`));
  // Otherwise workerd would wait for its WebSocket, and stay for all the time that it may.
  void parts.upstream?.gatherer?.stop();
  await Promise.race([parts.runtime?.drain(), delay(clusterStopMs + graceMs)]);
  await stopParts(parts);
}

async function stopParts({ folder, runtime, front, watch }: Parts): Promise<void> {
  watch?.stop();
  const finished = Promise.all([front?.stop(), runtime?.drain()]);
  // A timer that goes on would keep a program alive after its tests.
  const grace = new AbortController();
  const isOver = delay(graceMs, undefined, grace).catch(() => {});
  await Promise.race([finished, isOver]);
  grace.abort();
  front?.destroy();
  await runtime?.dispose();
  folder?.release();
}
