// The engine as WebAssembly text, far enough to count its instructions: which functions an export reaches,
// and of each innermost loop how many instructions a turn has and how many bytes it stores.
// Binaryen, which the AssemblyScript compiler brings along, does the reading.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

export interface Loop {
  instructions: number;
  storedBytes: number;
}

export interface WasmFunction {
  instructions: number;
  /** Those that have no loop inside. */
  loops: Loop[];
  calls: string[];
}

type Node = string | Node[];

interface Binaryen {
  readBinary(bytes: Uint8Array): { emitText(): string };
}

const root = resolve(import.meta.dirname, "..", "..");

/** Parts of the text in parentheses that are no instructions. */
const declarations = new Set(["param", "result", "local", "type", "then", "else", "func"]);

const storeBytes: Record<string, number> = {
  "v128.store": 16,
  "v128.store64_lane": 8,
  "i64.store": 8,
  "v128.store32_lane": 4,
  "i32.store": 4,
  "i32.store16": 2,
  "i64.store32": 4,
  "i32.store8": 1,
};

/** The functions of build/engine.wasm by name, and the names of its exports. */
export async function readEngine() {
  const binaryen = await loadBinaryen();
  const bytes = readFileSync(join(root, "build", "engine.wasm"));
  const module = parse(binaryen.readBinary(bytes).emitText());
  const functions = new Map<string, WasmFunction>();
  const exports = new Map<string, string>();
  for (const item of module) {
    if (item[0] === "func") functions.set(String(item[1]), describe(item));
    if (item[0] === "export") exports.set(unquote(item[1]!), String(item[2]![1]));
  }
  return { functions, exports, bytes };
}

/** Names of the functions that `from` can come to, itself included. */
export function reachable(functions: Map<string, WasmFunction>, from: string): Set<string> {
  const found = new Set<string>();
  const queue = [from];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    queue.push(...(functions.get(name)?.calls ?? []));
  }
  return found;
}

async function loadBinaryen(): Promise<Binaryen> {
  const require = createRequire(join(root, "node_modules", "assemblyscript", "package.json"));
  const url = pathToFileURL(require.resolve("binaryen")).href;
  return ((await import(url)) as { default: Binaryen }).default;
}

function describe(body: Node): WasmFunction {
  const calls = collect(body, "call").map((call) => String(call[1]));
  const loops = collect(body, "loop").filter((loop) => collect(loop, "loop").length === 1);
  return {
    instructions: countInstructions(body),
    loops: loops.map((loop) => ({
      instructions: countInstructions(loop),
      storedBytes: sum(loop, ([name]) => storeBytes[String(name)] ?? 0),
    })),
    calls,
  };
}

function countInstructions(node: Node): number {
  return sum(node, ([name]) => (declarations.has(String(name)) ? 0 : 1));
}

/** All lists in a node, itself included, that begin with a word. */
function collect(node: Node, word: string): Node[][] {
  if (typeof node === "string") return [];
  const inside = node.flatMap((part) => collect(part, word));
  return node[0] === word ? [node, ...inside] : inside;
}

function sum(node: Node, of: (list: Node[]) => number): number {
  if (typeof node === "string") return 0;
  return node.reduce((total, part) => total + sum(part, of), of(node));
}

/** The module's parts. */
function parse(text: string): Node[] {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[()]|[^\s()]+/g) ?? [];
  const open: Node[][] = [[]];
  for (const token of tokens) {
    if (token === "(") open.push([]);
    else if (token === ")") {
      const list = open.pop()!;
      open.at(-1)!.push(list);
    } else open.at(-1)!.push(token);
  }
  return open[0]![0] as Node[];
}

function unquote(node: Node): string {
  return String(node).replaceAll('"', "");
}
