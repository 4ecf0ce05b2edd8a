// What an operator of a test server sets to see how clients behave: failures at a rate, slow
// replies, iterators that expire early, and a log of requests. A server without them has no cost but
// one comparison for each request. An invalid value is an error that names the variable.
import { iteratorTtlMs as iteratorTtlMsUsual } from "../limits.ts";
import type { Env } from "./bindings.ts";
import { isOperationName } from "./operationNames.ts";

/** Which requests are logged: all, those that are refused or fail, or those that fail. */
export type LogLevel = "info" | "warn" | "error";

export interface Controls {
  iteratorTtlMs: number;
  latencyMs: number;
  /** How much of the calls of an operation fail, 0 to 1; `*` stands for all others. */
  errorRates: ReadonlyMap<string, number>;
  log: LogLevel | "off";
  logForm: "text" | "json";
}

export type ControlVariables = Pick<
  Env,
  | "MILLRACE_ITERATOR_TTL_MS"
  | "MILLRACE_LATENCY_MS"
  | "MILLRACE_ERROR_RATES"
  | "MILLRACE_LOG"
  | "MILLRACE_LOG_FORM"
>;

/** A day for iterators, and for a reply the time that clients wait at most. */
const iteratorTtlMsMax = 86_400_000;
const latencyMsMax = 300_000;

const logLevels = ["off", "error", "warn", "info"] as const;
const logForms = ["text", "json"] as const;

let known: { env: object; controls: Controls } | undefined;

/** Throws an Error that names the variable and its valid values. */
export function controlsOf(env: ControlVariables): Controls {
  // The runtime gives all requests of an isolate the same object.
  if (known?.env !== env) known = { env, controls: readControls(env) };
  return known.controls;
}

/** As `controlsOf`, for variables that are not a Worker's. */
export function readControls(env: ControlVariables): Controls {
  const { MILLRACE_ITERATOR_TTL_MS: ttl, MILLRACE_LATENCY_MS: latency } = env;
  return {
    iteratorTtlMs:
      ttl === undefined
        ? iteratorTtlMsUsual
        : readMs("MILLRACE_ITERATOR_TTL_MS", ttl, 1, iteratorTtlMsMax),
    latencyMs: latency === undefined ? 0 : readMs("MILLRACE_LATENCY_MS", latency, 0, latencyMsMax),
    errorRates: readRates(env.MILLRACE_ERROR_RATES),
    log: readOne("MILLRACE_LOG", env.MILLRACE_LOG ?? "off", logLevels),
    logForm: readOne("MILLRACE_LOG_FORM", env.MILLRACE_LOG_FORM ?? "text", logForms),
  };
}

function readMs(name: string, text: string, min: number, max: number): number {
  const ms = Number(text);
  if (/^\d{1,9}$/.test(text) && ms >= min && ms <= max) return ms;
  throw new Error(`${name} is ${JSON.stringify(text)}: set ${min} to ${max} milliseconds`);
}

function readOne<const T extends string>(name: string, text: string, all: readonly T[]): T {
  const found = all.find((each) => each === text);
  if (found !== undefined) return found;
  throw new Error(`${name} is ${JSON.stringify(text)}: set ${all.join(", ")}`);
}

/** `PutRecord=0.1,GetRecords=1` */
function readRates(text: string | undefined): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  if (text === undefined) return rates;
  for (const item of text.split(",")) {
    const [, name = "", number = ""] = /^\s*(\w+|\*)=(\d(?:\.\d+)?)\s*$/.exec(item) ?? [];
    const rate = Number(number);
    const isKnown = name === "*" || isOperationName(name);
    if (number === "" || rate > 1 || !isKnown || rates.has(name)) {
      throw new Error(
        `MILLRACE_ERROR_RATES has ${JSON.stringify(item)}: set names of operations, each once, ` +
          "with a rate from 0 to 1, such as PutRecords=0.1; * stands for all others",
      );
    }
    rates.set(name, rate);
  }
  return rates;
}
