// `npm run bench`: checks the command line, then builds and runs the parts that are wanted. Everything is
// on this machine and on loopback. bench/flags.ts has the help page.

import { Failure } from "../local/failure.ts";
import { help, parseBench } from "./flags.ts";

try {
  const command = parseBench(process.argv.slice(2));
  if (command.name === "help") console.log(help);
  else {
    // Loading what measures takes half a second, which a wrong flag need not wait for.
    const { bench } = await import("./run.ts");
    await bench(command.flags);
  }
} catch (error) {
  console.error(error instanceof Failure ? `bench: ${error.message}` : error);
  process.exit(error instanceof Failure ? error.exitCode : 1);
}
