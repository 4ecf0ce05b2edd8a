/**
 * The command line of the local server: its flags, their checks, and the help page. A wrong flag
 * ends the program with one line that names the flag. Nothing is guessed, and nothing is started.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { AuthConfigError, readAuthDocument } from "../worker/auth/config.ts";
import { hostNameOf } from "../worker/http/hosts.ts";
import { readContainers, readSettings, type SettingVariables } from "../worker/core/settings.ts";
import { Failure, errorCode } from "./failure.ts";

export const help = `Usage: npm start -- [flags]

Serves the Kinesis, v3io and Yandex Data Streams APIs on one port of this machine.

  --port N           port to listen on; 0 takes a free one  (4567)
  --host H           address to listen on  (127.0.0.1)
  --direct N         port of workerd's own socket: HTTP/1.1 only, no proxy in front  (a free one)
  --data DIR         folder that keeps the data  (.millrace)
  --memory           keep nothing: use a temporary folder and delete it at the end
  --min-free MB      refuse writes below this free disk space  (128, or a quarter of a small disk)
  --auth FILE        JSON document of access keys (README, Access); else MILLRACE_AUTH in the
                     environment; without keys every caller is accepted
  --allow-host H     without keys: accept this name as Host, such as a container's; repeatable
  --allow-origin O   without keys: accept web pages of this origin, or * for all; repeatable
  --containers A,B   names of the v3io containers  (bigdata,users,projects)
  --limits kinesis   apply the quotas of Amazon Kinesis, to test how clients handle the errors
  --transition-ms N  streams and consumers stay CREATING, UPDATING or DELETING this long  (0)
  --version          print the version
  --help             print this page

Environment variables named MILLRACE_* reach the Worker as its variables.`;

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
  settings: SettingVariables;
}

export type Command = { name: "help" } | { name: "version" } | { name: "serve"; flags: ServeFlags };

const seeHelp = "npm start -- --help lists the flags";

/** Throws a Failure with exit code 2 if an argument is wrong. */
export function parseCommand(args: string[]): Command {
  const values = parseFlags(args);
  if (values.help) return { name: "help" };
  if (values.version) return { name: "version" };
  const { memory = false, host = "127.0.0.1", data = ".millrace" } = values;
  if (memory && values.data !== undefined) {
    throw new Failure("--memory keeps no data: leave out --data, or leave out --memory", 2);
  }
  if (host === "") throw new Failure("--host needs an address, such as 127.0.0.1", 2);
  if (data === "") throw new Failure("--data needs a folder, such as .millrace", 2);
  const port = parsePort("--port", values.port ?? "4567");
  const directPort = parsePort("--direct", values.direct ?? "0");
  const minFreeBytes = parseMinFree(values["min-free"]);
  const auth = readAuth(values.auth);
  const settings = readSettingFlags(values);
  const allowHosts = parseList("--allow-host", values["allow-host"], isHostPattern, "millrace");
  const origin = "http://localhost:3000";
  const allowOrigins = parseList("--allow-origin", values["allow-origin"], isOrigin, origin);
  const allowed = { allowHosts, allowOrigins };
  return {
    name: "serve",
    flags: { port, host, directPort, data, minFreeBytes, memory, settings, ...allowed, ...auth },
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
const settingFlags = {
  limits: "MILLRACE_LIMITS",
  "transition-ms": "MILLRACE_TRANSITION_MS",
  containers: "MILLRACE_V3IO_CONTAINERS",
} as const;

/** The flags as variables of the Worker, checked by the Worker's own code. */
function readSettingFlags(values: ReturnType<typeof parseFlags>): SettingVariables {
  const given = Object.entries(settingFlags).flatMap(([flag, variable]) => {
    const value = values[flag as keyof typeof settingFlags];
    return value === undefined ? [] : [{ flag, variable, value }];
  });
  const settings: SettingVariables = Object.fromEntries(
    given.map(({ variable, value }) => [variable, value]),
  );
  try {
    readSettings({ ...process.env, ...settings });
    readContainers({ ...process.env, ...settings });
    return settings;
  } catch (error) {
    let what = error instanceof Error ? error.message : String(error);
    for (const { flag, variable } of given) what = what.replace(variable, `--${flag}`);
    throw new Failure(what, 2);
  }
}

/** The document in the flag's file, else the one in the environment. */
function readAuth(path: string | undefined): Pick<ServeFlags, "auth" | "authSource"> {
  if (path !== undefined) return { auth: readAuthFile(path), authSource: "--auth" };
  const { MILLRACE_AUTH: document } = process.env;
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

function parseFlags(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string" },
        host: { type: "string" },
        direct: { type: "string" },
        data: { type: "string" },
        "min-free": { type: "string" },
        memory: { type: "boolean" },
        auth: { type: "string" },
        "allow-host": { type: "string", multiple: true },
        "allow-origin": { type: "string", multiple: true },
        containers: { type: "string" },
        limits: { type: "string" },
        "transition-ms": { type: "string" },
        version: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    return values;
  } catch (error) {
    if (!(error instanceof Error) || !errorCode(error).startsWith("ERR_PARSE_ARGS")) throw error;
    // Node adds advice for programmers after the first sentence.
    const [what = "wrong flags"] = error.message.split(/\.\s|\n/);
    throw new Failure(`${what.replace(/\.$/, "")}: ${seeHelp}`, 2);
  }
}

function parseMinFree(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * (1 << 20);
  throw new Failure(`--min-free ${text} is not valid: pass a number of megabytes, such as 128`, 2);
}

function parsePort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Failure(`${flag} ${text} is not a port: pass a number from 0 to 65535`, 2);
}
