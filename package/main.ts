#!/usr/bin/env node
/**
 * The program of the package. It is written for every Node, so that an old one says what it lacks
 * and does not fail at the first line that it cannot read.
 */
import { describeOldNode, readNodeVersion } from "./oldNode.ts";

const sqliteFlag = "--experimental-sqlite";
const [major, minor] = readNodeVersion();
const isOld = describeOldNode();

if (isOld !== undefined) {
  console.error(`millrace: ${isOld}`);
  process.exitCode = 1;
} else if (major === 22 && minor === 12 && !process.execArgv.includes(sqliteFlag)) {
  void runWithSqlite();
} else {
  // In a name, so that the bundler leaves the import as it is.
  const program = "./command.js";
  import(program).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}

/** Node 22.12 has SQLite only with a flag. A Ctrl-C in a terminal reaches both processes. */
async function runWithSqlite(): Promise<void> {
  const { spawn } = await import("node:child_process");
  const flags = [sqliteFlag, ...process.execArgv, ...process.argv.slice(1)];
  // The server ends with this process, and with the npm above it (local/parent.ts).
  const env = { ...process.env, LAUNCHED_BY_MILLRACE: String(process.pid) };
  const child = spawn(process.execPath, flags, { stdio: "inherit", env });
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => (process.exitCode = code ?? 1));
}
