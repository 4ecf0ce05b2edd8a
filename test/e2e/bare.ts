// The Worker of the local server on workerd, with a front that passes on all requests as they come: nobody attends shards, so
// they are called by the platform.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findModules } from "../../local/clone.ts";
import { openFront } from "../../local/front.ts";
import { startRuntime } from "../../local/runtime.ts";
import { type Server, untilGone } from "./server.ts";

export type BareServer = Pick<Server, "endpoint" | "workerdPids" | "kill9"> &
  AsyncDisposable & {
    /** workerd's own socket. */
    readonly direct: string;
    /** Its log so far. */
    readonly log: readonly string[];
  };

/** With a data folder, or with a new one that is removed with the server. */
export async function startBare(data?: string): Promise<BareServer> {
  const path = data ?? mkdtempSync(join(tmpdir(), "millrace-bare-"));
  const folder = { path, scratch: join(path, "tmp") };
  mkdirSync(folder.scratch, { recursive: true });
  const log: string[] = [];
  const pids: number[] = [];
  const runtime = await startRuntime({
    modules: await findModules(() => {}),
    folder,
    objects: { SHARD: "Shard", CATALOG: "Catalog", ITEMS: "Items", QUEUE: "ShardQueue" },
    objectFiles: "OBJECT_FILES",
    files: { binding: "FILES", keeperBinding: "FILE_KEEPER", folder: "bucket" },
    objectKeepers: { SHARD_KEEPER: "Shard", QUEUE_KEEPER: "ShardQueue" },
    bindings: { MILLRACE_ACCESS: "open", ONE_ISOLATE: "yes" },
    log: (line) => log.push(line),
    onStart: (pid) => pids.push(pid),
  });
  const { host, port } = runtime;
  const front = await openFront({ host, port: 0, upstream: { host, port } });
  const end = async () => {
    front.destroy();
    await runtime.dispose();
    for (const pid of pids) await untilGone(pid);
  };
  return {
    endpoint: `http://${host}:${front.port}`,
    direct: `http://${host}:${port}`,
    workerdPids: pids,
    log,
    // That is how it is disposed of.
    kill9: () => end().then(() => ({ exitCode: null, signal: "SIGKILL", stdout: "", stderr: "" })),
    async [Symbol.asyncDispose]() {
      await end();
      if (data === undefined) rmSync(path, { recursive: true, force: true });
    },
  };
}
