// Settings that an operator makes with the Worker's variables, besides the access keys. An invalid
// value is an error that names the variable. It is never replaced by a default.
import { longPollMsDefault, longPollMsMax } from "../limits.ts";
import type { Env } from "./bindings.ts";

export interface Settings {
  /** How long streams and consumers stay CREATING, UPDATING or DELETING once the work is done. */
  transitionMs: number;
  /** Whether calls above the service's quotas are refused. */
  limits: "none" | "kinesis";
  /** How long a long poll of Durable Streams waits. */
  longPollMs: number;
}

/** An hour: more would block the tests that this setting is for. */
export const transitionMsMax = 3_600_000;

/** The variables that hold them. */
export type SettingVariables = Pick<
  Env,
  | "MILLRACE_TRANSITION_MS"
  | "MILLRACE_LIMITS"
  | "MILLRACE_V3IO_CONTAINERS"
  | "MILLRACE_LONG_POLL_MS"
>;

/** The containers of every Iguazio system. */
const containersDefault = "bigdata,users,projects";

/** Paths that are, or may be, used for other things. */
const reservedNames: ReadonlySet<string> = new Set([
  "health",
  "metrics",
  "favicon.ico",
  "v1",
  "Ping",
]);

/** An upper bound that fits a variable. */
const containersMax = 1000;
const containerNamePattern = /^[^/,\p{Cc}\p{Cs}]{1,128}$/u;

/** Throws an Error that names the variable and its valid values. */
export function readSettings(env: SettingVariables): Settings {
  return {
    transitionMs: readTransitionMs(env.MILLRACE_TRANSITION_MS ?? "0"),
    limits: readLimits(env.MILLRACE_LIMITS ?? "none"),
    longPollMs: readLongPollMs(env.MILLRACE_LONG_POLL_MS ?? String(longPollMsDefault)),
  };
}

/** The existing v3io containers. Throws an Error that names the variable and its valid values. */
export function readContainers(env: SettingVariables): string[] {
  const text = env.MILLRACE_V3IO_CONTAINERS ?? containersDefault;
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  const wrong = names.find((name) => !isContainerName(name));
  if (wrong === undefined && names.length <= containersMax) return names;
  const what = JSON.stringify(wrong ?? `${names.length} names`);
  const reserved = [...reservedNames].join(", ");
  throw new Error(
    `MILLRACE_V3IO_CONTAINERS has ${what}: set names such as "${containersDefault}", with commas between; ` +
      `names that begin with "_" and ${reserved} are reserved`,
  );
}

function isContainerName(name: string): boolean {
  const isOther = name === "." || name === ".." || name.startsWith("_") || reservedNames.has(name);
  return containerNamePattern.test(name) && !isOther;
}

function readTransitionMs(text: string): number {
  const ms = Number(text);
  if (/^\d{1,7}$/.test(text) && ms <= transitionMsMax) return ms;
  throw new Error(`MILLRACE_TRANSITION_MS is ${JSON.stringify(text)}: set 0 to ${transitionMsMax}`);
}

function readLongPollMs(text: string): number {
  const ms = Number(text);
  if (/^\d{1,6}$/.test(text) && ms >= 1 && ms <= longPollMsMax) return ms;
  throw new Error(`MILLRACE_LONG_POLL_MS is ${JSON.stringify(text)}: set 1 to ${longPollMsMax}`);
}

function readLimits(text: string): Settings["limits"] {
  if (text === "none" || text === "kinesis") return text;
  throw new Error(`MILLRACE_LIMITS is ${JSON.stringify(text)}: set "kinesis" or "none"`);
}
