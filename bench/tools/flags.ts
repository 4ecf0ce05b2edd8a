// Flags of the benchmarks that are run by themselves, a help page, and one line with exit code 2 for what is
// wrong, before anything is started.

import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorCode } from "../../local/failure.ts";

/** A number within bounds. */
export interface NumberFlag {
  otherwise: number;
  min: number;
  max: number;
  /** What the help page says. */
  what: string;
}

/** A folder or file that is there, some numbers, one of some words, or any text. */
export interface TextFlag {
  /** What the help page has for the value; PATH must exist, and N,N are numbers from 1 on. */
  form: string;
  words?: readonly string[];
  otherwise?: string;
  what: string;
}

/** For programs that make a page or a picture of figures. */
export const resultsFlag = {
  results: { form: "PATH", what: "file of bench/results; the newest one without it" },
} as const;

/** On if it is given. */
export interface SwitchFlag {
  isSwitch: true;
  what: string;
}

type Flag = NumberFlag | TextFlag | SwitchFlag;

type ValueOf<F extends Flag> = F extends SwitchFlag
  ? boolean
  : F extends NumberFlag
    ? number
    : F extends { otherwise: string }
      ? string
      : string | undefined;

/** The value of each flag, of the command line unless told otherwise. Ends the program for `--help` and for a mistake. */
export function readFlags<const Flags extends Record<string, Flag>>(
  program: string,
  flags: Flags,
  args = process.argv.slice(2),
): { [Name in keyof Flags]: ValueOf<Flags[Name]> } {
  const named = Object.entries<Flag>(flags);
  const options = Object.fromEntries(
    named.map(([name, flag]) => [name, { type: typeOf(flag) }] as const),
  );
  try {
    const help = { type: "boolean" as const };
    const { values } = parseArgs({ args, options: { ...options, help } });
    if (values.help === true) {
      console.log(renderHelp(program, named));
      process.exit(0);
    }
    const texts: Record<string, unknown> = values;
    const pairs = named.map(([name, flag]) => [name, valueOf(name, flag, texts[name])]);
    return Object.fromEntries(pairs) as { [Name in keyof Flags]: ValueOf<Flags[Name]> };
  } catch (error) {
    const isMistake = error instanceof RangeError || errorCode(error).startsWith("ERR_PARSE_ARGS");
    if (!(error instanceof Error) || !isMistake) throw error;
    const [what = ""] = error.message.split(/\.\s|\n/);
    console.error(`${program}: ${what.replace(/\.$/, "")}; --help lists the flags`);
    process.exit(2);
  }
}

function typeOf(flag: Flag): "boolean" | "string" {
  return "isSwitch" in flag ? "boolean" : "string";
}

function valueOf(name: string, flag: Flag, given: unknown): unknown {
  if ("isSwitch" in flag) return given === true;
  if (typeof given !== "string") return flag.otherwise;
  return "form" in flag ? textOf(name, flag, given) : numberOf(name, flag, given);
}

function numberOf(name: string, { min, max }: NumberFlag, text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value;
  throw new RangeError(`--${name} ${text} is not valid: pass a number from ${min} to ${max}`);
}

function textOf(name: string, { form, words }: TextFlag, text: string): string {
  if (words !== undefined && !words.includes(text)) {
    throw new RangeError(`--${name} ${text} is not valid: there is ${words.join(", ")}`);
  }
  if (form === "PATH" && !existsSync(text)) throw new RangeError(`--${name} ${text} is not there`);
  if (form === "N,N" && !/^[1-9]\d*(,[1-9]\d*)*$/.test(text)) {
    throw new RangeError(`--${name} ${text} is not valid: pass numbers with commas between`);
  }
  return text;
}

function renderHelp(program: string, flags: readonly (readonly [string, Flag])[]): string {
  const lines = flags.map(([name, flag]) => {
    const form = "isSwitch" in flag ? "" : "form" in flag ? flag.form : "N";
    const otherwise = "isSwitch" in flag ? undefined : flag.otherwise;
    const shown = otherwise === undefined ? "" : `  (${otherwise})`;
    return `  --${`${name} ${form}`.padEnd(18)} ${flag.what}${shown}`;
  });
  const help = `  --${"help".padEnd(18)} print this page`;
  return `Usage: node ${program} [flags]\n\n${[...lines, help].join("\n")}`;
}
