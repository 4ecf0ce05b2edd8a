/** The twin of clone.ts in the installed package, which contains everything that was built. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { WorkerModules } from "./build.ts";

/** The folder of the bundles. */
const folder = import.meta.dirname;

export const programName = "millrace";

/** What the build of the package wrote beside this file (package/build.ts). */
export async function findModules(_slow: (what: string) => void): Promise<WorkerModules> {
  const wasm = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  return { folder, main: "local/worker.js", wasm };
}

export function readVersion(): string {
  const file = join(resolve(folder, ".."), "package.json");
  const facts: unknown = JSON.parse(readFileSync(file, "utf8"));
  const hasVersion = typeof facts === "object" && facts !== null && "version" in facts;
  return hasVersion ? String(facts.version) : "unknown";
}
