// Compiles a build of the engine from disk. On Workers a module is imported, never compiled, so
// the Workers types declare WebAssembly.Module abstract; node compiles, and this file says so once.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const BUILD = join(import.meta.dirname, "../../build");

export function compileEngine(
  file: "engine.wasm" | "engine.debug.wasm" | "scan.wasm" | "scan.debug.wasm",
): WebAssembly.Module {
  const bytes = readFileSync(join(BUILD, file));
  const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [bytes]);
  return module;
}
