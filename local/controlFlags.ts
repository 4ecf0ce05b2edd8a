/** The flags that make a server behave badly on purpose, or tell what it does: core/controls.ts. */
import type { ControlVariables } from "../worker/core/controls.ts";
import { Failure } from "./failure.ts";
import type { FlagValues } from "./flags.ts";

/** The variable that each flag stands for. */
export const controlFlags: readonly { flag: string; variable: keyof ControlVariables }[] = [
  { flag: "--iterator-ttl", variable: "MILLRACE_ITERATOR_TTL_MS" },
  { flag: "--latency", variable: "MILLRACE_LATENCY_MS" },
  { flag: "--error-rate", variable: "MILLRACE_ERROR_RATES" },
  { flag: "--log", variable: "MILLRACE_LOG" },
];

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };

/** Throws a Failure for a time without its unit. The Worker's code checks everything else. */
export function controlVariables(values: FlagValues): ControlVariables {
  const { iteratorTtl, latency, errorRate, log, json } = values;
  return {
    ...(iteratorTtl !== undefined && {
      MILLRACE_ITERATOR_TTL_MS: readTime("--iterator-ttl", iteratorTtl),
    }),
    ...(latency !== undefined && { MILLRACE_LATENCY_MS: readTime("--latency", latency) }),
    ...(errorRate !== undefined && { MILLRACE_ERROR_RATES: errorRate.join(",") }),
    ...(log !== undefined && { MILLRACE_LOG: log }),
    ...(log !== undefined && json === true && { MILLRACE_LOG_FORM: "json" }),
  };
}

/** Milliseconds. */
function readTime(flag: string, text: string): string {
  const [, number, unit = ""] = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? [];
  const ms = Number(number) * (unitsMs[unit] ?? 1);
  if (number !== undefined && Number.isInteger(ms)) return String(ms);
  throw new Failure(
    `${flag} ${text} is not valid: pass a time with its unit, such as 200ms or 30s`,
    2,
  );
}
