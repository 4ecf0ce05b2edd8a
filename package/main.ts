#!/usr/bin/env node
/**
 * The program of the package. It is written for every Node, so that an old one says what it lacks
 * and does not fail at the first line that it cannot read.
 */
const wanted = "22.12.0";
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`millrace: Node ${process.versions.node} is too old: use ${wanted} or later`);
  process.exitCode = 1;
} else {
  // In a name, so that the bundler leaves the import as it is.
  const program = "./command.js";
  import(program).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
