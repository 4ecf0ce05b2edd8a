// The command line of the benchmarks: its words and flags, their checks, and the help page. Everything is
// checked before anything is built or started. A wrong word or flag is one line and exit code 2.

import { existsSync, statfsSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorCode, Failure } from "../local/failure.ts";

export const kinds = ["engine", "http", "peers", "platform", "distance", "scan", "growth"] as const;
export type Kind = (typeof kinds)[number];

export interface BenchFlags {
  kinds: ReadonlySet<Kind>;
  quick: boolean;
  /** Time measured over HTTP, in all; without it each part has its default. */
  seconds: number | undefined;
  /** Where the servers keep their data; without it `build/`. */
  data: string | undefined;
}

export type BenchCommand = { name: "help" } | { name: "bench"; flags: BenchFlags };

export const help = `Usage: npm run bench [-- WHAT] [flags]

Measures Millrace on this machine over loopback, prints tables, and saves the figures of each part in
bench/results when that part is done.

  engine     the WASM engine by itself, beside plain TypeScript
  http       the local server over HTTP: pages, polls, puts, consumers
  peers      the same beside kinesalite, kinesis-local, Redis and NATS, where they are installed
  platform   what workerd itself costs, step by step
  distance   Workers that are 5, 50 and 150 ms away from their shards
  scan       conditions on records, beside plain TypeScript and programs that search files
  growth     small requests with little and with much around them: segments, shards, streams
  all        all of these; without a word: engine and http

  --quick      everything once with small data; nothing is saved, and no figure means anything
  --seconds N  time measured by http, in all (30), and by peers (60)
  --data DIR   folder for the servers' data, on a disk  (build)
  --help       print this page

Examples:
  npm run bench -- http --seconds 120
  npm run bench -- all --data /mnt/disk`;

const seeHelp = "npm run bench -- --help lists what there is";

/** Type of a file system in memory (statfs(2), TMPFS_MAGIC). */
const tmpfs = 0x01021994;

/** Throws a Failure with exit code 2 if an argument is wrong. */
export function parseBench(args: string[]): BenchCommand {
  const { values, positionals } = parseFlags(args);
  if (values.help) return { name: "help" };
  const kinds = readKinds(positionals);
  const seconds = values.seconds === undefined ? undefined : readSeconds(values.seconds);
  if (seconds !== undefined && !kinds.has("http") && !kinds.has("peers")) {
    throw new Failure(`--seconds is for http and peers, not for ${[...kinds].join(", ")}`, 2);
  }
  if (values.data !== undefined) requireDisk(values.data);
  return { name: "bench", flags: { kinds, quick: values.quick, seconds, data: values.data } };
}

function parseFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        seconds: { type: "string" },
        data: { type: "string" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    if (!(error instanceof Error) || !errorCode(error).startsWith("ERR_PARSE_ARGS")) throw error;
    const [what = "wrong flags"] = error.message.split(/\.\s|\n/);
    throw new Failure(`${what.replace(/\.$/, "")}: ${seeHelp}`, 2);
  }
}

function readKinds(names: string[]): Set<Kind> {
  const [name, ...rest] = names;
  if (name === undefined) return new Set(["engine", "http"]);
  if (rest.length === 0 && name === "all") return new Set(kinds);
  const kind = kinds.find((each) => each === name);
  if (kind !== undefined && rest.length === 0) return new Set([kind]);
  throw new Failure(`there is ${kinds.join(", ")} or all, not "${names.join(" ")}"`, 2);
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds >= 1 && seconds <= 3600) return seconds;
  throw new Failure(`--seconds ${text} is not valid: pass a number from 1 to 3600`, 2);
}

/** A folder that exists, not in memory: durability is measured too. */
function requireDisk(path: string): void {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new Failure(`--data ${path} is not a folder: pass one that exists, on a disk`, 2);
  }
  if (statfsSync(path).type === tmpfs) {
    throw new Failure(`--data ${path} is in memory: pass a folder on a disk`, 2);
  }
}
