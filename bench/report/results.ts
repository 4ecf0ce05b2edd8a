// The file that a run leaves: bench/results/<date>.json, one part for each kind of benchmark, and with
// each part when it ran, on what machine, which versions, from which commit. A later run of
// the same day replaces the parts it repeats and leaves the others.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import type { GrowthBench } from "../growth/growth.ts";
import type { ScanBench } from "../scan/scan.ts";
import type { Summary } from "../tools/load.ts";
import { root } from "../tools/process.ts";

const resultsFolder = join(root, "bench", "results");

export interface Run {
  /** ISO time of its end. */
  ended: string;
  command: string;
  commit: string;
  machine: {
    cpu: string;
    cores: number;
    memoryGigabytes: number;
    kernel: string;
    /** Of the minute before the end. */
    load: number;
  };
  versions: Record<string, string>;
}

export interface EngineRow {
  title: string;
  recordBytes: number;
  recordCount: number;
  /** Data bytes that one call is about; 0 where a call is about one record's place. */
  dataBytes: number;
  /** Nanoseconds of a call; undefined is what was not measured. */
  inPlaceNs?: number;
  plainNs?: number;
  copiesNs?: number;
  plainCopiesNs?: number;
  /** Copying the same data bytes once. */
  memcpyNs?: number;
  spread: number;
  /** Samples of each side; files of earlier versions do not have it. */
  rounds?: number;
}

/** Who does the least that there is to do: rows that no peer is compared with. */
export const floorSubject = "workerd";

export interface PeerRow extends Summary {
  /** Who did the work; the rows of a title and connections are of the same work. */
  subject: string;
}

export interface EngineBench {
  batches: EngineRow[];
  finds: EngineRow[];
  /** Of what both sides of each contest made. */
  hash: string;
}

export interface HttpBench {
  rows: Summary[];
  /** Of all records that were read back before the clock started. */
  hash: string;
}

export interface PeersBench {
  rows: PeerRow[];
  /** What an acknowledged write is, by subject. */
  durability: Record<string, string>;
  versions: Record<string, string>;
  /** Who is not here, and how to have them. */
  missing: Record<string, string>;
  /** Of the records that each of them gave back. */
  hash: string;
}

export interface PlatformBench {
  /** Microseconds of a step, medians over the rounds. */
  rows: { step: string; microseconds: number; spread: number; rounds?: number }[];
}

/** What a run measured; each part says by itself when and where. */
export interface Results {
  engine?: Run & EngineBench;
  http?: Run & HttpBench;
  peers?: Run & PeersBench;
  platform?: Run & PlatformBench;
  scan?: Run & ScanBench;
  growth?: Run & GrowthBench;
}

/** The commit whose code runs. */
export interface Commit {
  /** Twelve hex digits, or `unknown` outside a repository. */
  id: string;
  /** True if the code in the working tree is not the commit's. */
  isChanged: boolean;
}

/** What does not change how fast anything is: pages, and the results of this run's earlier parts. */
const noCode = [":!bench/results", ":!docs", ":!*.md"];

export function describeMachine(): Pick<Run, "machine" | "versions"> {
  return {
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGigabytes: Math.round(totalmem() / 2 ** 30),
      kernel: `${type()} ${release()}`,
      load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    },
    versions: {
      millrace: versionOf("../.."),
      node: process.versions.node,
      workerd: versionOf("workerd"),
    },
  };
}

/** What was measured, and the run: when, how, where; versions of both. */
export function asPart<T extends object>(
  bench: T & { versions?: Record<string, string> },
  commit: Commit,
) {
  const { machine, versions } = describeMachine();
  return {
    ended: new Date().toISOString(),
    command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    commit: commit.id,
    machine,
    ...bench,
    versions: { ...versions, ...bench.versions },
  };
}

/** Reads the commit before a run, because files may change while it runs. */
export function readCommit(folder = root): Commit {
  try {
    const status = ["status", "--porcelain", "--untracked-files=no", "--", "."];
    const isChanged = git(folder, ...status, ...noCode) !== "";
    return { id: git(folder, "rev-parse", "--short=12", "HEAD"), isChanged };
  } catch {
    return { id: "unknown", isChanged: true };
  }
}

/** Puts the parts into today's file; returns its path. */
export function saveResults(parts: Results, folder = resultsFolder): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().slice(0, 10)}.json`);
  const before: Results = existsSync(file) ? readResults(file) : {};
  writeFileSync(file, `${JSON.stringify({ ...before, ...parts }, roundNumber, 2)}\n`);
  return file;
}

/** The newest results file. Throws when there is none. */
export function findResults(folder = resultsFolder): string {
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => /^\d{4}-\d\d-\d\d\.json$/.test(name))
    : [];
  const newest = names.toSorted().at(-1);
  if (newest === undefined) throw new Error(`no results in ${folder}: npm run bench -- all`);
  return join(folder, newest);
}

export function readResults(file: string): Results {
  return JSON.parse(readFileSync(file, "utf8")) as Results;
}

export function versionOf(packageName: string): string {
  const facts: unknown = createRequire(import.meta.url)(`${packageName}/package.json`);
  return (facts as { version: string }).version;
}

function git(folder: string, ...args: string[]): string {
  const output = ["ignore", "pipe", "ignore"] as const;
  return execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: [...output] }).trim();
}

/** Five digits are more than any of the numbers is worth. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}
