// The two builds of the engine that every suite runs: debug, whose traps carry names and whose
// asserts are on, and release, which is what ships.

import { EngineProbe } from "../support/engineProbe.ts";
import { compileEngine } from "./compile.ts";

export interface Build {
  name: "debug" | "release";
  module: WebAssembly.Module;
  engine: EngineProbe;
  /** Another engine of the same build, with a memory of its own, and so much more room for chunks. */
  start: (hotBytes?: number) => EngineProbe;
}

export const builds: readonly Build[] = [
  loadBuild("debug", "engine.debug.wasm"),
  loadBuild("release", "engine.wasm"),
];

function loadBuild(name: Build["name"], file: Parameters<typeof compileEngine>[0]): Build {
  const module = compileEngine(file);
  const start = (hotBytes = 0): EngineProbe =>
    name === "debug" ? startDebug(module, hotBytes) : new EngineProbe(module, {}, hotBytes);
  return { name, module, engine: start(), start };
}

/** The debug build calls `abort` when an assert fails: the message becomes an exception. */
function startDebug(module: WebAssembly.Module, hotBytes: number): EngineProbe {
  const abort = (message: number, file: number, line: number): never => {
    const { buffer } = engine.raw.memory;
    throw new Error(`${textAt(buffer, message)} (${textAt(buffer, file)}:${line})`);
  };
  const engine: EngineProbe = new EngineProbe(module, { env: { abort } }, hotBytes);
  return engine;
}

/** A text of AssemblyScript: UTF-16, its bytes counted in the word before it. */
function textAt(memory: ArrayBuffer, address: number): string {
  const bytes = new DataView(memory).getUint32(address - 4, true);
  return Buffer.from(memory, address, bytes).toString("utf16le");
}
