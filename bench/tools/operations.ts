// The inputs of every operation, out of the product's own declarations. Those stand beside what an operation
// does, which needs the Workers runtime; so they are bundled here with empty classes in its place, and
// nothing of them is run.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const runtimeModule = `
  export class DurableObject {}
  export class RpcTarget {}
  export class WorkerEntrypoint {}
  export function waitUntil() {}
`;

/** Bundles code of the Worker for Node: empty classes stand for those of the runtime. */
export const withoutRuntime: Plugin = {
  name: "without the Workers runtime",
  setup(bundle) {
    bundle.onResolve({ filter: /^cloudflare:/ }, ({ path }) => ({ path, namespace: "runtime" }));
    bundle.onLoad({ filter: /.*/, namespace: "runtime" }, () => ({ contents: runtimeModule }));
    bundle.onLoad({ filter: /\.wasm$/ }, async ({ path }) => {
      const bytes = (await readFile(path)).toString("base64");
      const contents = `export default new WebAssembly.Module(Buffer.from("${bytes}", "base64"))`;
      return { contents };
    });
  },
};

/** The `operations` of a dialect. */
export async function loadOperations<Operations>(
  dialect: "kinesis" | "yandex",
): Promise<Operations> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../../worker", dialect, "operations.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    plugins: [withoutRuntime],
  });
  const [{ contents } = { contents: new Uint8Array(0) }] = outputFiles;
  const text = Buffer.from(contents).toString("base64");
  const { operations } = (await import(`data:text/javascript;base64,${text}`)) as {
    operations: Operations;
  };
  return operations;
}
