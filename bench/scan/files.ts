// The same bytes as lines of JSON in a file, searched by programs that are made for it: ripgrep, jq, jaq and DuckDB, on one
// thread, where they are installed. Each counts the records that match; a run is the whole program, from start to end.
// The scanner's run is the same: it reads the records from a file of chunks, and counts.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { openSync, readSync, closeSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Scanner } from "../../worker/engine/scanner.ts";
import { readHeader } from "../../worker/engine/chunk.ts";
import { compileEngine } from "../../test/engine/compile.ts";
import { root } from "../tools/process.ts";

export interface FileSearch {
  program: string;
  title: string;
  /** Records that match, or what it takes to have the program. */
  run: (() => number | Promise<number>) | string;
}

/** The searches of a file of lines, `lines`, and of a file of chunks of one size each. */
export async function listSearches(
  lines: string,
  chunks: string,
  lengths: readonly number[],
  programs: Record<string, Uint8Array>,
): Promise<FileSearch[]> {
  const scanner = new Scanner(compileEngine("scan.wasm"));
  const scan = (name: string) => () => scanFile(scanner, programs[name]!, chunks, lengths);
  const duckdb = await openDuckdb();
  const sql = (where: string) =>
    duckdb === undefined
      ? "npm ci --prefix bench/peers"
      : () =>
          duckdb(
            `select count(*)::int as n from read_ndjson('${lines}', columns = {status: 'VARCHAR', amount: 'DOUBLE'}) where ${where}`,
          );
  return [
    { program: "millrace", title: "contains", run: scan("contains") },
    {
      program: "ripgrep",
      title: "contains",
      run: countBy("rg", ["-j1", "-c", "-F", "express delivery", lines]),
    },
    { program: "millrace", title: "a field equals", run: scan("equals") },
    {
      program: "jq",
      title: "a field equals",
      run: countBy("jq", ["-n", '[inputs | select(.status == "failed")] | length', lines]),
    },
    {
      program: "jaq",
      title: "a field equals",
      run: countBy("jaq", ["-n", '[inputs | select(.status == "failed")] | length', lines]),
    },
    { program: "DuckDB", title: "a field equals", run: sql("status = 'failed'") },
    { program: "millrace", title: "a number is greater", run: scan("greater") },
    {
      program: "jq",
      title: "a number is greater",
      run: countBy("jq", ["-n", "[inputs | select(.amount > 990)] | length", lines]),
    },
    { program: "DuckDB", title: "a number is greater", run: sql("amount > 990") },
  ];
}

function countBy(program: string, args: readonly string[]): FileSearch["run"] {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
  } catch {
    return `${program} on the PATH`;
  }
  return () => {
    try {
      return Number(execFileSync(program, args, { encoding: "utf8" }).trim());
    } catch (error) {
      // ripgrep's way to say that there is none.
      if ((error as { status?: number }).status === 1) return 0;
      throw error;
    }
  };
}

function scanFile(
  scanner: Scanner,
  program: Uint8Array,
  file: string,
  lengths: readonly number[],
): number {
  const descriptor = openSync(file, "r");
  const buffer = new Uint8Array(Math.max(...lengths));
  let found = 0;
  for (const length of lengths) {
    const chunk = buffer.subarray(0, length);
    readSync(descriptor, chunk);
    found += scanner.select(program, chunk, 0, readHeader(chunk).count, Infinity).count;
  }
  closeSync(descriptor);
  return found;
}

/** One connection of one thread; the package is in bench/peers, or where BENCH_PEERS says. */
async function openDuckdb(): Promise<((query: string) => Promise<number>) | undefined> {
  const folder = resolve(process.env["BENCH_PEERS"] ?? join(root, "bench", "peers"));
  try {
    const path = createRequire(join(folder, "package.json")).resolve("@duckdb/node-api");
    const { DuckDBInstance } = (await import(path)) as {
      DuckDBInstance: {
        create(): Promise<{
          connect(): Promise<{
            run(sql: string): Promise<unknown>;
            runAndReadAll(sql: string): Promise<{ getRows(): unknown[][] }>;
          }>;
        }>;
      };
    };
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run("set threads = 1");
    return async (query) => Number((await connection.runAndReadAll(query)).getRows()[0]?.[0]);
  } catch {
    return undefined;
  }
}

export function bytesOf(file: string): number {
  return statSync(file).size;
}
