/**
 * `startMillrace`: a server inside a program, for tests. Each call starts a workerd of its own, so
 * several servers do not know one another. A wrong option is a Failure that names it.
 */
import { openServer } from "../local/server.ts";
import { defaultRegion } from "../worker/core/defaults.ts";
import { Failure } from "../local/failure.ts";
import { type FlagValues, readFlags, type ServeFlags } from "../local/flags.ts";
import type { MillraceCredentials, MillraceOptions, MillraceServer } from "./types.ts";

/** Resolves when the server accepts requests. Rejects if it cannot start; nothing is left. */
export async function startMillrace(options: MillraceOptions = {}): Promise<MillraceServer> {
  const { onLog = console.error } = options;
  const flags = flagsOf(options);
  const server = await openServer(flags, {
    variables: {},
    log: onLog,
    onEnd: ({ message }) => onLog(`millrace: ${message}`),
    keepsProcess: false,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= server.stop());
  return {
    endpoint: server.endpoint,
    direct: server.direct,
    port: Number(new URL(server.endpoint).port),
    region: defaultRegion,
    credentials: credentialsOf(options),
    ...(server.ca && { ca: server.ca.text, caFile: server.ca.file }),
    data: server.folder,
    reset: (account) => server.reset(account),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The options as the command line has them, and checked in the same way. */
function flagsOf(options: MillraceOptions): ServeFlags {
  const { auth } = options;
  if (auth !== undefined && (typeof auth !== "object" || auth === null)) {
    throw wrong("auth", "the document of keys, as an object");
  }
  const values: FlagValues = { port: "0", memory: options.data === undefined };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === "onLog" || name === "auth") continue;
    const read = readers[name as keyof typeof readers];
    if (read === undefined) throw new Failure(`there is no option "${name}"`, 2);
    Object.assign(values, { [name]: read(value, name) });
  }
  try {
    return readFlags(values, auth === undefined ? {} : { MILLRACE_AUTH: JSON.stringify(auth) });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const message = error.message.replace("MILLRACE_AUTH in the environment", "auth");
    throw new Failure(
      message.replaceAll(/--([a-z][a-z-]*)/g, (_, flag) => camelCase(flag)),
      2,
    );
  }
}

type Read = (value: unknown, name: string) => string | boolean | string[];

const number: Read = (value, name) => {
  if (typeof value === "number") return String(value);
  throw wrong(name, "a number");
};
const milliseconds: Read = (value, name) => `${String(number(value, name))}ms`;
const text: Read = (value, name) => {
  if (typeof value === "string") return value;
  throw wrong(name, "a string");
};
const flag: Read = (value, name) => {
  if (typeof value === "boolean") return value;
  throw wrong(name, "true or false");
};
const texts: Read = (value, name) => {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw wrong(name, "a list of strings");
};
const list: Read = (value, name) => [texts(value, name)].flat().join(",");
const pairs =
  (separator: string): Read =>
  (value, name) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(name, "an object with a number for each name");
    }
    return Object.entries(value)
      .map(([key, each]) => `${key}${separator}${each}`)
      .join(",");
  };
/** How each option becomes the value of its flag. */
const readers: Record<Exclude<keyof MillraceOptions, "auth" | "onLog">, Read> = {
  port: number,
  host: text,
  direct: number,
  data: text,
  memory: flag,
  minFree: number,
  allowHost: texts,
  allowOrigin: texts,
  containers: list,
  limits: text,
  transitionMs: number,
  longPollMs: number,
  streams: pairs(":"),
  iteratorTtl: milliseconds,
  errorRate: (value, name) => [String(pairs("=")(value, name))],
  latency: milliseconds,
  log: text,
  json: flag,
  tls: flag,
  cert: text,
  key: text,
};

function wrong(name: string, wanted: string): Failure {
  return new Failure(`${name} is not valid: pass ${wanted}`, 2);
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function credentialsOf({ auth }: MillraceOptions): MillraceCredentials {
  const any = { accessKeyId: "local", secretAccessKey: "local" };
  if (auth === undefined || !("principals" in auth) || !Array.isArray(auth.principals)) return any;
  const [first = any]: MillraceCredentials[] = auth.principals;
  return { accessKeyId: first.accessKeyId, secretAccessKey: first.secretAccessKey };
}
