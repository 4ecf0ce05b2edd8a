// Runs once before any test project: compiles the engine when its sources have changed, so that
// no test ever judges yesterday's WASM.

import { buildEngine } from "../../local/build.ts";

export async function setup(): Promise<void> {
  await buildEngine();
}
