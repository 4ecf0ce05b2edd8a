/**
 * Builds what workerd runs: the engine with asc (a release build for serving, a debug build for
 * tests) and the Worker with esbuild, bundled as wrangler does it. Compiling the engine takes
 * seconds, so it is skipped when the contents of the sources and of the outputs are unchanged.
 * Bundling takes milliseconds and always runs. Every output is written to a temporary name and
 * renamed, so builds may run at the same time.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type Plugin, build as bundle, stop as stopEsbuild } from "esbuild";
import { buildConsole } from "./buildConsole.ts";
import { Failure, errorCode } from "./failure.ts";
import { hasContent, writeWhole } from "./writeWhole.ts";

const root = resolve(import.meta.dirname, "..");
const buildFolder = join(root, "build");
/** The release builds serve. The debug builds, with checks, are for tests. */
export type EngineTarget = "release" | "debug";

/** The modules of the engine, in both builds: the folder of the configuration, the target, the file. */
const engineBuilds = [
  ["assembly", "release", "engine.wasm"],
  ["assembly", "debug", "engine.debug.wasm"],
  ["assembly/scan", "release", "scan.wasm"],
  ["assembly/scan", "debug", "scan.debug.wasm"],
] as const;

/** A bundled Worker on disk; module names are paths relative to `folder`. */
export interface WorkerModules {
  folder: string;
  main: string;
  wasm: string[];
}

/**
 * Builds everything that the local server needs. Calls `slow` before work that takes more than a
 * second.
 */
export async function buildAll(slow?: () => void): Promise<WorkerModules> {
  try {
    await buildEngine(["release"], slow);
    await buildConsole();
    return await buildWorker(join(root, "local", "worker.ts"), buildFolder, "local/worker.js");
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(errorCode(error))) throw error;
    throw new Failure(`${buildFolder} cannot be written: let its owner run npm run build first`);
  }
}

/** Compiles `assembly/` for the targets; returns false if all outputs were up to date. */
export async function buildEngine(
  targets: readonly EngineTarget[] = ["release", "debug"],
  slow?: () => void,
): Promise<boolean> {
  const inputs = await hashEngineInputs();
  const wanted = engineBuilds.filter(([, target]) => targets.includes(target));
  const fresh = await Promise.all(wanted.map(([, , file]) => engineIsFresh(file, inputs)));
  const stale = wanted.filter((_, i) => fresh[i] === false);
  if (stale.length === 0) return false;
  slow?.();
  await mkdir(buildFolder, { recursive: true });
  const workFolder = await mkdtemp(join(buildFolder, "engine-"));
  try {
    const compilers = stale.map(([folder, target, file]) =>
      compileEngine(folder, target, join(workFolder, file)),
    );
    // If one fails, the other still writes: the folder is deleted when both have ended.
    await Promise.allSettled(compilers);
    await Promise.all(compilers);
    for (const [, , file] of stale) {
      const output = hashBytes(await readFile(join(workFolder, file)));
      await rename(join(workFolder, file), join(buildFolder, file));
      await writeWhole(stampOf(file), renderStamp(inputs, output));
    }
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
  return true;
}

/**
 * Bundles a Worker (by default the deployed one) into `folder`/`main`. Imports of `.wasm` files
 * stay imports, relative to the bundle, because workerd takes them as compiled modules. So `folder`
 * must contain them: the compiled engine is in `engineFolder`.
 */
export async function buildWorker(
  entry = join(root, "worker", "index.ts"),
  folder = buildFolder,
  main = "worker/index.js",
  engineFolder = buildFolder,
): Promise<WorkerModules> {
  const outfile = join(folder, main);
  const wasm = new Set<string>();
  const result = await bundle({
    entryPoints: [entry],
    outfile,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["browser", "module", "main"],
    external: ["node:*", "cloudflare:*"],
    logLevel: "silent",
    plugins: [
      keepWasmImports((path) => {
        const file = join(engineFolder, relative(buildFolder, path));
        wasm.add(relative(folder, file));
        return relative(dirname(outfile), file);
      }),
    ],
  }).catch((error: unknown) => {
    throw new Failure(`the Worker does not build: ${firstLine(error)}`);
  });
  for (const file of result.outputFiles) {
    if (await hasContent(file.path, file.contents)) continue;
    await mkdir(dirname(file.path), { recursive: true });
    await writeWhole(file.path, file.contents);
  }
  return { folder, main, wasm: [...wasm].sort() };
}

/** Leaves `import x from "….wasm"` in the bundle, with the path that `place` returns. */
function keepWasmImports(place: (file: string) => string): Plugin {
  return {
    name: "keep-wasm-imports",
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
        const placed = place(resolve(resolveDir, path));
        return { path: placed.startsWith(".") ? placed : `./${placed}`, external: true };
      });
    },
  };
}

async function compileEngine(folder: string, target: string, outFile: string): Promise<void> {
  const asc = join(root, "node_modules", "assemblyscript", "bin", "asc.js");
  const config = join(folder, "asconfig.json");
  const flags = ["--config", config, "--target", target, "--outFile", relative(root, outFile)];
  const compiler = spawn(process.execPath, [asc, ...flags], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  compiler.stdout.on("data", (text: Buffer) => (output += text.toString()));
  compiler.stderr.on("data", (text: Buffer) => (output += text.toString()));
  const exitCode = await new Promise<number | null>((done, fail) => {
    compiler.once("error", fail);
    compiler.once("close", done);
  });
  if (exitCode !== 0) throw new Failure(`${folder} does not compile (${target}):\n${output}`);
}

async function hashEngineInputs(): Promise<string> {
  const folder = join(root, "assembly");
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const compiler = join(root, "node_modules", "assemblyscript", "package.json");
  const hash = createHash("sha256");
  for (const file of [import.meta.filename, compiler, ...sources]) {
    hash.update(`${relative(root, file)}\0${hashBytes(await readFile(file))}\0`);
  }
  return hash.digest("hex");
}

async function engineIsFresh(file: string, inputs: string): Promise<boolean> {
  try {
    const output = hashBytes(await readFile(join(buildFolder, file)));
    return (await readFile(stampOf(file), "utf8")) === renderStamp(inputs, output);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

function stampOf(file: string): string {
  return join(buildFolder, `${file}.json`);
}

/** Hashes of the engine's sources and of what was made of them. */
function renderStamp(inputs: string, output: string): string {
  return `${JSON.stringify({ inputs, output }, null, 2)}\n`;
}

function hashBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n").slice(0, 3).join(" ");
}

if (import.meta.main) {
  const [flag, ...rest] = process.argv.slice(2);
  if (rest.length > 0 || (flag !== undefined && flag !== "--engine")) {
    console.error(
      "Usage: node local/build.ts [--engine]   (--engine leaves out bundling the Worker)",
    );
    process.exit(2);
  }
  try {
    console.log((await buildEngine()) ? "engine: compiled" : "engine: unchanged");
    console.log(`console: ${await buildConsole()} bytes compressed`);
    if (flag === undefined) console.log(`worker: ${(await buildWorker()).main}`);
  } catch (error) {
    console.error(error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
  await stopEsbuild();
}
