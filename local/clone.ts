/**
 * What differs between a clone and the installed package; packed.ts is the twin of this file, by
 * which the build of the package replaces it. Here everything is built when it is needed.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { WorkerModules } from "./build.ts";

/** How users call the program. */
export const programName = "npm start --";

/** What the local server runs. Builds what has changed, and calls `slow` if that takes long. */
export async function findModules(slow: (what: string) => void): Promise<WorkerModules> {
  const { buildAll } = await import("./build.ts");
  const { stop } = await import("esbuild");
  try {
    return await buildAll(() =>
      slow("the engine is compiled, which takes some ten seconds, once for each version of it"),
    );
  } finally {
    await stop();
  }
}

/** The version in package.json. */
export function readVersion(): string {
  const file = join(resolve(import.meta.dirname, ".."), "package.json");
  const facts: unknown = JSON.parse(readFileSync(file, "utf8"));
  const hasVersion = typeof facts === "object" && facts !== null && "version" in facts;
  return hasVersion ? String(facts.version) : "unknown";
}
