// Flags of the benchmarks that are run by themselves: numbers, a help page, and one line with exit code 2 for
// what is wrong, before anything is started.

import { parseArgs } from "node:util";
import { errorCode } from "../../local/failure.ts";

export interface NumberFlag {
  otherwise: number;
  min: number;
  max: number;
  /** What the help page says. */
  what: string;
}

/** The value of each flag, of the command line unless told otherwise. Ends the program for `--help` and for a mistake. */
export function readNumberFlags<Name extends string>(
  program: string,
  flags: Record<Name, NumberFlag>,
  args = process.argv.slice(2),
): Record<Name, number> {
  const names = Object.keys(flags) as Name[];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const help = { type: "boolean" as const };
    const { values } = parseArgs({ args, options: { ...options, help } });
    if (values.help === true) {
      console.log(renderHelp(program, flags));
      process.exit(0);
    }
    const texts: Record<string, unknown> = values;
    const pairs = names.map((name) => [name, numberOf(name, flags[name], texts[name])]);
    return Object.fromEntries(pairs) as Record<Name, number>;
  } catch (error) {
    const isMistake = error instanceof RangeError || errorCode(error).startsWith("ERR_PARSE_ARGS");
    if (!(error instanceof Error) || !isMistake) throw error;
    const [what = ""] = error.message.split(/\.\s|\n/);
    console.error(`${program}: ${what.replace(/\.$/, "")}; --help lists the flags`);
    process.exit(2);
  }
}

function numberOf(name: string, { otherwise, min, max }: NumberFlag, text: unknown): number {
  if (typeof text !== "string") return otherwise;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value;
  throw new RangeError(`--${name} ${text} is not valid: pass a number from ${min} to ${max}`);
}

function renderHelp(program: string, flags: Record<string, NumberFlag>): string {
  const lines = Object.entries<NumberFlag>(flags).map(
    ([name, { what, otherwise }]) => `  --${`${name} N`.padEnd(16)} ${what}  (${otherwise})`,
  );
  return `Usage: node ${program} [flags]\n\n${lines.join("\n")}\n  --help             print this page`;
}
