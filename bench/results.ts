// The file that a run leaves: bench/results/<date>.json, one part for each kind of benchmark, and with
// each part when it ran, on what machine, which versions, from which commit. A later run of
// the same day replaces the parts it repeats and leaves the others.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import type { Summary } from "./load.ts";
import { root } from "./process.ts";

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
  /** Of what was read back and compared. */
  hash: string;
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
}

export interface PeerRow extends Summary {
  /** Who did the work; the rows of a title and connections are of the same work. */
  subject: string;
}

export interface Results {
  engine?: Run & { batches: EngineRow[]; finds: EngineRow[] };
  http?: Run & { rows: Summary[] };
  peers?: Run & { rows: PeerRow[]; durability: Record<string, string> };
}

export function describeRun(hash: string, versions: Record<string, string> = {}): Run {
  const now = new Date();
  return {
    ended: now.toISOString(),
    command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    commit: describeCommit(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGigabytes: Math.round(totalmem() / 2 ** 30),
      kernel: `${type()} ${release()}`,
      load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    },
    versions: { node: process.version, workerd: versionOf("workerd"), ...versions },
    hash,
  };
}

/** Puts the parts into today's file; returns its path. */
export function saveResults(parts: Results, folder = join(root, "bench", "results")): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().slice(0, 10)}.json`);
  const before: Results = existsSync(file) ? readResults(file) : {};
  writeFileSync(file, `${JSON.stringify({ ...before, ...parts }, roundNumber, 2)}\n`);
  return file;
}

export function readResults(file: string): Results {
  return JSON.parse(readFileSync(file, "utf8")) as Results;
}

export function versionOf(packageName: string): string {
  const facts: unknown = createRequire(import.meta.url)(`${packageName}/package.json`);
  return (facts as { version: string }).version;
}

/** The commit, and whether the working tree differs from it. */
function describeCommit(): string {
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " (changed)";
    return git("rev-parse", "--short=12", "HEAD") + changed;
  } catch {
    return "unknown";
  }
}

function git(...args: string[]): string {
  const output = ["ignore", "pipe", "ignore"] as const;
  return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: [...output] }).trim();
}

/** Five digits are more than any of the numbers is worth. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}
