/**
 * Bundles the console (console/) with esbuild into `build/console/files.js`, a module that the
 * Worker imports: the contents of each file by name, as text. The build fails when the files
 * together are larger, compressed, than a page of the console may be.
 */
import { mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build as bundle, stop as stopEsbuild } from "esbuild";
import { Failure } from "./failure.ts";
import { hasContent, writeWhole } from "./writeWhole.ts";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "console");

/** All files of the console together, each compressed with gzip. */
const compressedBytesMax = 80_000;

/** Browsers that have `light-dark()`, nesting and top-level await. */
const browsers = ["chrome125", "firefox128", "safari18"];

/** Returns the compressed size in bytes of all files. Throws Failure. */
export async function buildConsole(
  outFile = join(root, "build", "console", "files.js"),
): Promise<number> {
  const files = { "index.html": await readFile(join(source, "index.html"), "utf8") };
  Object.assign(files, await bundleApp());
  const bytes = Object.values(files).reduce((sum, text) => sum + gzipSync(text).length, 0);
  if (bytes > compressedBytesMax) {
    throw new Failure(
      `the console has ${bytes} bytes compressed; ${compressedBytesMax} is the bound`,
    );
  }
  const module = `export default ${JSON.stringify(files, undefined, 1)};\n`;
  if (await hasContent(outFile, Buffer.from(module))) return bytes;
  await mkdir(dirname(outFile), { recursive: true });
  await writeWhole(outFile, module);
  return bytes;
}

async function bundleApp(): Promise<Record<string, string>> {
  const result = await bundle({
    entryPoints: [
      { in: join(source, "main.tsx"), out: "app" },
      { in: join(source, "style.css"), out: "app" },
    ],
    inject: [join(source, "ui", "language.ts")],
    outdir: "/",
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: browsers,
    platform: "browser",
    legalComments: "none",
    logLevel: "silent",
    tsconfig: join(source, "tsconfig.json"),
  }).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    throw new Failure(`the console does not build: ${text.split("\n").slice(0, 3).join(" ")}`);
  });
  return Object.fromEntries(result.outputFiles.map((file) => [basename(file.path), file.text]));
}

if (import.meta.main) {
  try {
    console.log(`console: ${await buildConsole()} bytes compressed`);
  } catch (error) {
    console.error(error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
  await stopEsbuild();
}
