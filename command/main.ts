/**
 * The program `millrace`, and `npm start`. A failure is one line on stderr and an exit code that is
 * not 0. Only an unexpected error prints its stack.
 */
import { Failure } from "../local/failure.ts";
import { runCommand } from "./program.ts";

await runCommand(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Failure ? `millrace: ${error.message}` : error);
  process.exit(error instanceof Failure ? error.exitCode : 1);
});
