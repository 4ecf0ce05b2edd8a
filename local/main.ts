/**
 * `npm start`: reads the command line and serves. A failure is one line on stderr and an exit code
 * that is not 0. Only an unexpected error prints its stack.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Failure } from "./failure.ts";
import { help, parseCommand } from "./flags.ts";

async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  if (command.name === "help") console.log(help);
  else if (command.name === "version") console.log(`millrace ${readVersion()}`);
  else {
    // Loading what serves takes half a second, which a wrong flag need not wait for.
    const { serve } = await import("./serve.ts");
    await serve(command.flags, readVersion());
  }
}

function readVersion(): string {
  const file = join(resolve(import.meta.dirname, ".."), "package.json");
  const facts: unknown = JSON.parse(readFileSync(file, "utf8"));
  const hasVersion = typeof facts === "object" && facts !== null && "version" in facts;
  return hasVersion ? String(facts.version) : "unknown";
}

await main().catch((error: unknown) => {
  console.error(error instanceof Failure ? `millrace: ${error.message}` : error);
  process.exit(error instanceof Failure ? error.exitCode : 1);
});
