// The engine instance of this isolate. Several Durable Objects and many requests share an isolate
// and its 128 MB. The engine keeps nothing between calls, so all of them use the same instance.
import engineModule from "../../build/engine.wasm";
import { Engine } from "./engine.ts";

export const engine = new Engine(engineModule);
