/**
 * The local server as a program: it starts, tells where it is, and stops. After Ctrl-C or SIGTERM,
 * requests have two seconds to finish. A second Ctrl-C does not wait. Three seconds after the first
 * signal the process ends in any case. It also ends, in the same way, with the process that it was
 * told to watch, and with the npm that started it.
 */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { readVersion } from "./clone.ts";
import { clusterStopMs } from "./clusterFlags.ts";
import { Failure, errorCode } from "./failure.ts";
import type { ServeFlags } from "./flags.ts";
import { findLauncher, findNpm, watchProcess } from "./parent.ts";
import { type LocalServer, openServer } from "./server.ts";

const lastResortMs = 2800;

/** An instance of a cluster hands its objects to the others first. */
const clusterResortMs = clusterStopMs + lastResortMs;

/**
 * V8 collects when the heap has grown by this part. Bodies that are received count for it, and the heap
 * itself is 15 MB: with V8's own choice half of the processor time for uploads is the collector's. With
 * this one at most 135 MB wait for it, and batches cost 7 to 15 % less than with 60 MB.
 */
const heapGrowth = "--heap-growing-percent=900";

/** npm forwards a Ctrl-C that the terminal has already sent to this process. */
const echoMs = 200;

/** Resolves when the server accepts requests. Rejects with a Failure if it cannot start. */
export async function serve(flags: ServeFlags): Promise<void> {
  // Only the owner may read what is stored.
  process.umask(0o077);
  setFlagsFromString(heapGrowth);
  const { readyFile } = flags;
  if (readyFile !== undefined) rmSync(readyFile, { force: true });
  const running: Running = {};
  const resortMs = flags.cluster === undefined ? lastResortMs : clusterResortMs;
  const end = endOf(running, readyFile, resortMs);
  stopOnSignals(() => end(0));
  for (const pid of [flags.parentPid, findLauncher(), findNpm()]) {
    if (pid !== undefined) watchProcess(pid, () => end(0));
  }
  running.server = openServer(flags, {
    variables: readVariables(),
    log: console.error,
    onEnd: ({ message, exitCode }) => {
      console.error(`millrace: ${message}`);
      end(exitCode, "abort");
    },
    keepsProcess: true,
  });
  const server = await running.server;
  if (running.isEnding) return;
  const facts = `${JSON.stringify(describe(server))}\n`;
  if (readyFile !== undefined) writeReadyFile(readyFile, facts);
  // Nobody has to read it, or to keep it: the server serves all the same.
  process.stdout.on("error", (error) => {
    console.error(`millrace: stdout cannot be written (${errorCode(error)})`);
  });
  process.stdout.write(flags.json ? facts : `${renderBanner(server, flags)}\n`);
}

interface Running {
  server?: Promise<LocalServer>;
  isEnding?: boolean;
}

/** What programs need to know of a server; a line of JSON for --json and --ready-file. */
function describe({ endpoint, direct, folder, ca }: LocalServer) {
  return {
    endpoint,
    direct,
    data: folder,
    ...(ca && { ca: ca.file }),
    pid: process.pid,
    version: readVersion(),
  };
}

/** Renamed, so that a reader gets the whole file or none. */
function writeReadyFile(path: string, facts: string): void {
  try {
    writeFileSync(`${path}.draft`, facts);
    renameSync(`${path}.draft`, path);
  } catch (error) {
    throw new Failure(`--ready-file ${path} cannot be written (${errorCode(error)})`);
  }
}

function renderBanner(server: LocalServer, flags: ServeFlags): string {
  const { endpoint, isEverywhere, direct, folder, ca, warnings } = server;
  const { cluster } = flags;
  const kept = cluster === undefined ? folder : `${folder}, a copy of ${cluster.workerd.bucket}`;
  const data = flags.memory ? `${folder}, deleted at the end` : kept;
  return `Millrace ${readVersion()}
  endpoint  ${endpoint}${isEverywhere ? " and all other addresses of this machine" : ""}
  direct    ${direct} (workerd's own socket: HTTP/1.1 only, no proxy in front)
  console   ${endpoint}/ in a browser
  data      ${data}
  try       ${renderKeys(flags)} AWS_DEFAULT_REGION=us-east-1 \\
            aws kinesis list-streams --endpoint-url ${endpoint}
  access    ${renderAccess(flags)}
${ca === undefined ? "" : renderTrust(ca.file)}${warnings.map((warning) => `  warning   ${warning}\n`).join("")}  stop      Ctrl-C`;
}

/** How programs come to trust the server's own certificate, one line for each SDK. */
function renderTrust(file: string): string {
  return `  tls       trust ${file}:
            JavaScript  NODE_EXTRA_CA_CERTS=${file} node ...
            Python      AWS_CA_BUNDLE=${file} python ...  (the AWS CLI too)
            Go          AWS_CA_BUNDLE=${file} go run ...
            Java        keytool -importcert -noprompt -alias millrace -file ${file} -cacerts -storepass changeit
`;
}

/** A server with keys knows them, but does not print them. */
function renderKeys({ authSource }: ServeFlags): string {
  const [id, secret] = authSource === undefined ? ["local", "local"] : ["...", "..."];
  return `AWS_ACCESS_KEY_ID=${id} AWS_SECRET_ACCESS_KEY=${secret}`;
}

function renderAccess({ authSource }: ServeFlags): string {
  if (authSource === undefined) return "open: any credentials are accepted";
  return `access keys are required: ${authSource}${authSource === "--auth" ? "" : " in the environment"}`;
}

type End = (exitCode: number, how?: "stop" | "abort") => void;

/** Ends the process once, when the server has stopped or its time is over. */
function endOf(running: Running, readyFile: string | undefined, resortMs: number): End {
  return (exitCode, how = "stop") => {
    if (running.isEnding) return;
    running.isEnding = true;
    setTimeout(() => process.exit(exitCode), resortMs).unref();
    if (readyFile !== undefined) rmSync(readyFile, { force: true });
    void stop(running, how).then(
      () => process.exit(exitCode),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
}

/** A server that is still starting is stopped when it has started. */
async function stop({ server }: Running, how: "stop" | "abort"): Promise<void> {
  const started = await server?.catch(() => undefined);
  await started?.[how]();
}

function stopOnSignals(end: () => void): void {
  let stopMs = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (stopMs === 0) {
      stopMs = nowMs;
      end();
    } else if (signal === "SIGINT" && nowMs - stopMs > echoMs) process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

function readVariables(): Record<string, string> {
  const ours = Object.entries(process.env).flatMap(([name, value]) =>
    name.startsWith("MILLRACE_") && value !== undefined ? [[name, value]] : [],
  );
  return Object.fromEntries(ours);
}
