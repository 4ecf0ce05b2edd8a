// One key's 100 records in a history of many segments, with and without filters of keys. The segments are made up: one
// chunk of 1 MiB, stamped for each number, with the key in 100 of them. They are served from memory, through the same
// code that a Worker runs, bundled without its runtime. So the figures are of reading and scanning, and no network or
// disk is in them.

import { join } from "node:path";
import { build } from "esbuild";
import { withoutRuntime } from "../tools/operations.ts";
import type { IndexRow } from "./madeUpShard.ts";

export type { IndexRow } from "./madeUpShard.ts";

export async function benchIndex({ quick }: { quick: boolean }): Promise<IndexRow[]> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "madeUpShard.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    plugins: [withoutRuntime],
  });
  const [{ contents } = { contents: new Uint8Array(0) }] = outputFiles;
  const text = Buffer.from(contents).toString("base64");
  const { scanMadeUp } = (await import(`data:text/javascript;base64,${text}`)) as {
    scanMadeUp: (segments: number, filters: boolean) => Promise<IndexRow>;
  };
  const rows: IndexRow[] = [];
  for (const segments of quick ? [200] : [1000, 10_000]) {
    for (const filters of [true, false]) rows.push(await scanMadeUp(segments, filters));
  }
  return rows;
}
