/**
 * The flags of the local server, checked. A wrong one is a Failure of one line that names the flag.
 * Nothing is guessed, and nothing is started. The help page is in command/start.ts.
 */
import { readFileSync } from "node:fs";
import { AuthConfigError, readAuthDocument } from "../worker/auth/config.ts";
import { hostNameOf } from "../worker/http/hosts.ts";
import { readContainers, readSettings, type SettingVariables } from "../worker/core/settings.ts";
import { shardsMax } from "../worker/limits.ts";
import { type ClusterFlags, type ClusterFlagValues, readCluster } from "./clusterFlags.ts";
import { Failure, errorCode, messageOf } from "./failure.ts";
import { controlFlags, controlVariables } from "./controlFlags.ts";
import { type ControlVariables, readControls } from "../worker/core/controls.ts";
import { readCertificate } from "./certificate.ts";
import { startOf } from "./process.ts";
import type { Identity } from "./tlsLayer.ts";

/** The flags as they are on the command line, by their names in camel case. */
export interface FlagValues extends ClusterFlagValues {
  port?: string;
  host?: string;
  direct?: string;
  data?: string;
  minFree?: string;
  memory?: boolean;
  auth?: string;
  allowHost?: string[];
  allowOrigin?: string[];
  containers?: string;
  limits?: string;
  transitionMs?: string;
  longPollMs?: string;
  streams?: string;
  iteratorTtl?: string;
  latency?: string;
  errorRate?: string[];
  log?: string;
  tls?: boolean;
  cert?: string;
  key?: string;
  json?: boolean;
  readyFile?: string;
  parent?: string;
}

export interface ServeFlags {
  port: number;
  host: string;
  /** Port of workerd's own socket; 0 takes a free one. */
  directPort: number;
  data: string;
  /** Free space that the disk of the data folder must keep; the default when undefined. */
  minFreeBytes: number | undefined;
  memory: boolean;
  /** The document of access keys; without it every caller is accepted. */
  auth?: string;
  /** Where the user gave the document. */
  authSource?: "--auth" | "MILLRACE_AUTH";
  /** Hosts and origins that a server without keys accepts besides its own. */
  allowHosts: string[];
  allowOrigins: string[];
  /** Variables for the Worker. */
  settings: WorkerVariables;
  /** Streams that are made at the start unless they exist, with the counts of their shards. */
  streams?: Record<string, number>;
  /** The certificate: one that the server makes and keeps, or this one. No TLS if undefined. */
  tls?: "made" | Identity;
  /** Tell where the server is as a line of JSON. */
  json: boolean;
  /** A file that gets that line when the server accepts requests. */
  readyFile?: string;
  /** The server ends with this process. */
  parentPid?: number;
  /** Set when the server is one of several that share their objects. */
  cluster?: ClusterFlags;
}

type WorkerVariables = SettingVariables & ControlVariables;

/** Variables of the environment. */
type Variables = Readonly<Record<string, string | undefined>>;

/** Throws a Failure with exit code 2 if a value, or a variable behind it, is wrong. */
export function readFlags(values: FlagValues, env: Variables = process.env): ServeFlags {
  const { memory = false, host = "127.0.0.1", data = ".millrace" } = values;
  if (memory && values.data !== undefined) {
    throw new Failure("--memory keeps no data: leave out --data, or leave out --memory", 2);
  }
  if (host === "") throw new Failure("--host needs an address, such as 127.0.0.1", 2);
  if (data === "") throw new Failure("--data needs a folder, such as .millrace", 2);
  const port = parsePort("--port", values.port ?? "4567");
  const directPort = parsePort("--direct", values.direct ?? "0");
  const minFreeBytes = parseMinFree(values.minFree);
  const auth = readAuth(values.auth, env);
  const settings = readSettingFlags(values, env);
  const allowHosts = parseList("--allow-host", values.allowHost, isHostPattern, "millrace");
  const origin = "http://localhost:3000";
  const allowOrigins = parseList("--allow-origin", values.allowOrigin, isOrigin, origin);
  const streams = parseStreams(values.streams);
  const tls = readTls(values);
  const parentPid = parseParent(values.parent);
  const cluster = readCluster(values, env);
  if (values.readyFile === "") throw new Failure("--ready-file needs the path of a file", 2);
  return {
    port,
    host,
    directPort,
    data,
    minFreeBytes,
    memory,
    settings,
    allowHosts,
    allowOrigins,
    json: values.json ?? false,
    ...(streams !== undefined && { streams }),
    ...(tls !== undefined && { tls }),
    ...(values.readyFile !== undefined && { readyFile: values.readyFile }),
    ...(parentPid !== undefined && { parentPid }),
    ...(cluster !== undefined && { cluster }),
    ...auth,
  };
}

/** The values of a flag that may be given several times, each time with a list between commas. */
function parseList(
  flag: string,
  texts: string[] = [],
  isGood: (text: string) => boolean,
  example: string,
): string[] {
  const items = texts.flatMap((text) => text.split(",").map((item) => item.trim()));
  const wrong = items.find((item) => item !== "*" && !isGood(item));
  if (wrong === undefined) return items;
  throw new Failure(`${flag} "${wrong}" is not valid: pass a value such as ${example}, or *`, 2);
}

/** A name or an address, without a port: every port is accepted. */
function isHostPattern(text: string): boolean {
  return hostNameOf(text) !== undefined && !/:\d*$/.test(text);
}

/** An origin as browsers write it: scheme, host, and the port unless it is the scheme's default. */
function isOrigin(text: string): boolean {
  return text === "null" || URL.parse(text)?.origin === text;
}

/** The variable that each flag stands for. */
const settingFlags = [
  { flag: "--limits", value: "limits", variable: "MILLRACE_LIMITS" },
  { flag: "--transition-ms", value: "transitionMs", variable: "MILLRACE_TRANSITION_MS" },
  { flag: "--long-poll-ms", value: "longPollMs", variable: "MILLRACE_LONG_POLL_MS" },
  { flag: "--containers", value: "containers", variable: "MILLRACE_V3IO_CONTAINERS" },
] as const;

/** The flags as variables of the Worker, checked by the Worker's own code. */
function readSettingFlags(values: FlagValues, env: Variables): WorkerVariables {
  const settings: WorkerVariables = {
    ...Object.fromEntries(
      settingFlags.flatMap(({ value, variable }) =>
        values[value] === undefined ? [] : [[variable, values[value]]],
      ),
    ),
    ...controlVariables(values),
  };
  try {
    readSettings({ ...env, ...settings });
    readContainers({ ...env, ...settings });
    readControls({ ...env, ...settings });
    return settings;
  } catch (error) {
    let what = messageOf(error);
    for (const { flag, variable } of [...settingFlags, ...controlFlags]) {
      if (settings[variable] !== undefined) what = what.replace(variable, flag);
    }
    throw new Failure(what, 2);
  }
}

/** The document in the flag's file, else the one in the environment. */
function readAuth(
  path: string | undefined,
  { MILLRACE_AUTH: document }: Variables,
): Pick<ServeFlags, "auth" | "authSource"> {
  if (path !== undefined) return { auth: readAuthFile(path), authSource: "--auth" };
  if (document === undefined) return {};
  try {
    readAuthDocument(document);
    return { auth: document, authSource: "MILLRACE_AUTH" };
  } catch (error) {
    if (!(error instanceof AuthConfigError)) throw error;
    throw new Failure(`MILLRACE_AUTH in the environment: ${error.message}`, 2);
  }
}

/** The file's text. Throws a Failure unless it is a document with at least one principal. */
function readAuthFile(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    readAuthDocument(text);
    return text;
  } catch (error) {
    if (error instanceof AuthConfigError) throw new Failure(`--auth ${path}: ${error.message}`, 2);
    throw new Failure(`--auth ${path} cannot be read (${errorCode(error)})`, 2);
  }
}

function parseMinFree(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * (1 << 20);
  throw new Failure(`--min-free ${text} is not valid: pass a number of megabytes, such as 128`, 2);
}

/** `orders:4,clicks`: names as Kinesis has them, and how many shards, 1 if not said. */
function parseStreams(text: string | undefined): Record<string, number> | undefined {
  if (text === undefined) return undefined;
  const streams = text.split(",").map((item) => {
    const [, name, count = "1"] = /^([\w.-]{1,128})(?::(\d{1,5}))?$/.exec(item.trim()) ?? [];
    if (name !== undefined && Number(count) >= 1 && Number(count) <= shardsMax) {
      return [name, Number(count)] as const;
    }
    const what = `--streams "${item}" is not valid: pass names with counts of shards`;
    throw new Failure(`${what}, such as orders:4,clicks:1, at most ${shardsMax}`, 2);
  });
  const names = streams.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new Failure(`--streams names "${twice}" twice`, 2);
  return Object.fromEntries(streams);
}

function readTls({ tls, cert, key }: FlagValues): ServeFlags["tls"] {
  if (cert === undefined && key === undefined) return tls === true ? "made" : undefined;
  if (cert === undefined) throw new Failure("--key needs the certificate as --cert", 2);
  if (key === undefined) throw new Failure("--cert needs the private key as --key", 2);
  return readCertificate(cert, key);
}

function parseParent(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const pid = Number(text);
  if (/^\d{1,9}$/.test(text) && startOf(pid) !== undefined) return pid;
  throw new Failure(`--parent ${text} is not a process that runs: pass its pid`, 2);
}

function parsePort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Failure(`${flag} ${text} is not a port: pass a number from 0 to 65535`, 2);
}
