// Five projects. `engine` holds the WASM module to the reference model and `node` runs what needs
// no Workers runtime; both are plain node. `workerd` runs *.workerd.test.ts inside the runtime,
// against the Worker that wrangler.toml describes, and `unbound` runs *.unbound.test.ts against
// the same Worker without a bucket. `e2e` starts the real server, apart from the others, with more
// files at a time than a small machine has cores: much of it is waiting.

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { patience } from "./test/support/patience.ts";

/** What a test and a hook may take on a machine that is busy with other work. No test waits this long. */
const limits = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: patience },
};

/** Projects that run side by side must agree on it. */
const side = { maxWorkers: 2 };

/**
 * One process of Node runs many files. Not so workerd: a promise that a file leaves open, as many do on
 * purpose, is collected in a request of a later file, and is an unhandled error there. What a file leaves behind in the
 * engine or the scanner is a server's state too: those that come after it must not notice.
 */
const shared = { isolate: false, setupFiles: ["test/support/cleanFile.ts"] };

/** How many random steps the fuzz tests inside workerd take, and from which seed. */
const fuzz = {
  rounds: Number(process.env["FUZZ_ROUNDS"] ?? 2000),
  seed: Number(process.env["SEED"] ?? Date.now() % 2 ** 31),
};

export default defineConfig({
  test: {
    provide: { fuzz },
    globalSetup: ["test/engine/setup.ts"],
    projects: [
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          ...shared,
          ...side,
          ...limits,
        },
      },
      {
        test: {
          name: "node",
          include: ["test/{worker,local,console}/**/*.test.ts"],
          exclude: ["**/*.{workerd,unbound}.test.ts"],
          ...shared,
          ...side,
          ...limits,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "wrangler.toml" },
            miniflare: { bindings: { MILLRACE_ACCESS: "open", MILLRACE_LOG: "off" } },
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/worker/**/*.workerd.test.ts"],
          ...side,
          ...limits,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "test/worker/unbound.toml" },
            miniflare: { bindings: { MILLRACE_ACCESS: "open", MILLRACE_LOG: "off" } },
          }),
        ],
        test: {
          name: "unbound",
          include: ["test/worker/**/*.unbound.test.ts"],
          ...side,
          ...limits,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/{e2e,bench}/**/*.test.ts"],
          ...shared,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
          // The suite brings its tests along: they must be registered with this run's Vitest.
          server: { deps: { inline: [/server-conformance-tests/] } },
          ...limits,
        },
      },
    ],
  },
});
