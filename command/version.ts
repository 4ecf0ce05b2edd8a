/** What the program calls itself: its name on the command line, and its version. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** How users call this program: by npm from a clone, by its name from the package. */
export const programName = import.meta.filename.endsWith(".ts") ? "npm start --" : "millrace";

/** The version in package.json. */
export function readVersion(): string {
  const file = join(resolve(import.meta.dirname, ".."), "package.json");
  const facts: unknown = JSON.parse(readFileSync(file, "utf8"));
  const hasVersion = typeof facts === "object" && facts !== null && "version" in facts;
  return hasVersion ? String(facts.version) : "unknown";
}
