/**
 * Builds the package into dist/: `npm pack` calls it. Everything that a clone builds at its start is
 * built here once.
 *
 *   main.js              the program; it looks at the version of Node first
 *   command.js, *.js     what it loads, one file for each command
 *   index.js, index.cjs  the module, and the same for `require`
 *   index.d.ts           its types
 *   local/worker.js      the Worker as the local server runs it
 *   worker.js            the Worker for those who deploy it, whose engine is an import
 *   *.wasm               the engine
 */
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type BuildOptions, type Plugin, build as bundle, stop } from "esbuild";
import { buildEngine, buildWorker } from "../local/build.ts";
import { buildConsole } from "../local/buildConsole.ts";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "dist");

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
await buildEngine(["release"]);
await buildConsole();
await buildWorker(join(root, "local", "worker.ts"), folder, "local/worker.js", folder);
const { wasm } = await buildWorker(join(root, "worker", "index.ts"), folder, "worker.js", folder);
for (const name of wasm) await copyFile(join(root, "build", name), join(folder, name));

const shared: BuildOptions = {
  outdir: folder,
  bundle: true,
  platform: "node",
  target: "node22.12",
  packages: "external",
  legalComments: "none",
  plugins: [usePacked()],
};
await bundle({
  ...shared,
  entryPoints: {
    command: join(root, "command", "main.ts"),
    index: join(root, "package", "index.ts"),
  },
  format: "esm",
  splitting: true,
  chunkNames: "[name]-[hash]",
});
await bundle({
  ...shared,
  entryPoints: { index: join(root, "package", "index.ts") },
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  // A test runner may run this where import() is not there.
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "__filename", "import.meta.dirname": "__dirname" },
});
await bundle({
  ...shared,
  entryPoints: { main: join(root, "package", "main.ts") },
  format: "esm",
  target: "node12.20",
});
await stop();

const types = await readFile(join(root, "package", "types.ts"), "utf8");
const declaration = `${types}
/** Resolves when the server accepts requests. Rejects if it cannot start; nothing is left. */
export declare function startMillrace(options?: MillraceOptions): Promise<MillraceServer>;
`;
await writeFile(join(folder, "index.d.ts"), declaration);
await writeFile(join(folder, "index.d.cts"), declaration);

/** The package finds what was built, where a clone builds it. */
function usePacked(): Plugin {
  return {
    name: "use-packed",
    setup(build) {
      build.onResolve({ filter: /\/clone\.ts$/ }, () => ({
        path: join(root, "local", "packed.ts"),
      }));
    },
  };
}
