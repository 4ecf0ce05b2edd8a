// The two builds of the engine that every suite runs: debug, whose traps carry names and whose
// bounds checks are on, and release, which is what ships.

import { Engine } from "../../worker/engine/engine.ts";
import { compileEngine } from "./compile.ts";

export interface Build {
  name: "debug" | "release";
  module: WebAssembly.Module;
  engine: Engine;
}

export const builds: readonly Build[] = [
  loadBuild("debug", "engine.debug.wasm"),
  loadBuild("release", "engine.wasm"),
];

function loadBuild(name: Build["name"], file: Parameters<typeof compileEngine>[0]): Build {
  const module = compileEngine(file);
  return { name, module, engine: new Engine(module) };
}
