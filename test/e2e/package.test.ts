// The package as users get it: packed, installed into an empty project, and used there. The recipes of
// docs/TESTING.md are run from the page. npm takes the dependencies from its cache if it has them.

import { spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { follow, isRunning, readRuntimePid, untilGone } from "./server.ts";

const root = resolve(import.meta.dirname, "..", "..");
const bin = join(root, "node_modules", ".bin");
const node = join(bin, "node");
const project = mkdtempSync(join(tmpdir(), "millrace-package-"));
const modules = join(project, "node_modules");
const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };

beforeAll(() => {
  mkdirSync(join(project, "packed"));
  run("npm", ["pack", "--silent", "--pack-destination", join(project, "packed")], root);
  const [tarball = ""] = readdirSync(join(project, "packed"));
  writeFileSync(join(project, "package.json"), "{}");
  const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--silent"];
  run("npm", ["install", ...quiet, join(project, "packed", tarball)]);
  // What the recipes need besides, from this repository.
  for (const name of ["vitest", "@aws-sdk"]) {
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Runs a program to its end and returns what it printed; fails unless it succeeds. */
function run(program: string, args: string[], cwd = project): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  expect({ program, status, output: status === 0 ? "" : stdout + stderr }).toEqual({
    program,
    status: 0,
    output: "",
  });
  return stdout;
}

/** Writes a file of docs/TESTING.md into the project. */
function writeRecipe(name: string): void {
  const page = readFileSync(join(root, "docs", "TESTING.md"), "utf8");
  const [, code] =
    new RegExp(`<!-- file: ${name} -->\\s+\`\`\`\\w+\n(.*?)\`\`\``, "s").exec(page) ?? [];
  writeFileSync(join(project, name), code ?? `no ${name} in docs/TESTING.md`);
}

function startBin(args: string[]) {
  const child = spawn(node, [join(modules, ".bin", "millrace"), ...args], { cwd: project, env });
  const lines: string[] = [];
  const running = follow(child);
  const first = new Promise<string>((done, fail) => {
    child.stdout.on("data", (text: Buffer) => {
      lines.push(text.toString());
      if (lines.join("").includes("\n")) done(lines.join(""));
    });
    running.ended.then(({ stderr }) => fail(new Error(stderr)), fail);
  });
  return { child, first, ended: running.ended };
}

/** Members of a Wrangler configuration in which the recipe must be as ours. */
const deployedSettings = [
  "compatibility_date",
  "durable_objects",
  "exports",
  "cache",
  "r2_buckets",
  "vars",
  "observability",
] as const;

describe("what is installed", () => {
  test("is small, has few dependencies, and runs no script of ours", () => {
    const facts: Record<string, object> = JSON.parse(
      readFileSync(join(modules, "millrace", "package.json"), "utf8"),
    );
    expect(Object.keys(facts["dependencies"] ?? {}).sort()).toEqual([
      "aws4fetch",
      "commander",
      "node-forge",
      "workerd",
      "ws",
    ]);
    const scripts = Object.keys(facts["scripts"] ?? {});
    expect(scripts.filter((name) => /install|prepare/.test(name))).toEqual([]);
    const files = readdirSync(join(modules, "millrace"), { recursive: true }).map(String);
    expect(files.filter((name) => name.endsWith(".ts") && !/\.d\.[c]?ts$/.test(name))).toEqual([]);
    expect(sizeOf(modules)).toBeLessThan(210e6);
  });

  test("has types that a strict compiler takes", () => {
    const options = { strict: true, module: "nodenext", target: "es2024", noEmit: true, types: [] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options }));
    const source = `import { startMillrace, type MillraceServer } from "millrace";
      export async function use() {
        const server: MillraceServer = await startMillrace({ streams: { orders: 4 } });
        // @ts-expect-error: a count is a number
        await startMillrace({ streams: { orders: "4" } });
        await server.reset();
      }`;
    // As an ES module and as CommonJS.
    for (const name of ["types.mts", "types.cts"]) writeFileSync(join(project, name), source);
    run(join(bin, "tsc"), ["-p", "tsconfig.json"]);
  });

  test("an old Node gets one sentence", () => {
    const old = `Object.defineProperty(process.versions, "node", { value: "22.11.0" });
      await import(${JSON.stringify(join(modules, "millrace", "dist", "main.js"))})`;
    const ended = spawnSync(node, ["--input-type=module", "-e", old], { encoding: "utf8" });
    expect(ended.stderr).toBe("millrace: Node 22.11.0 is too old: use 22.12.0 or later\n");
    expect(ended.status).toBe(1);
  });

  test.each([
    ["import", `(await import("millrace"))`],
    ["require", `process.getBuiltinModule("module").createRequire("${project}/")("millrace")`],
  ])("so does one that embeds it by %s, before anything else is loaded", (_how, given) => {
    const old = `import { registerHooks } from "node:module";
      Object.defineProperty(process.versions, "node", { value: "18.20.8" });
      registerHooks({
        resolve(name, context, next) {
          if (name.startsWith("node:")) throw new Error("loads " + name);
          return next(name, context);
        },
      });
      await ${given}.startMillrace({ memory: true }).catch((error) => console.log(error.message));`;
    writeFileSync(join(project, "old.mjs"), old);
    expect(run(node, ["old.mjs"])).toBe("Node 18.20.8 is too old: use 22.12.0 or later\n");
  });

  test("Node 22.12, which has SQLite only with a flag, is given the flag", () => {
    const preload = `data:text/javascript,Object.defineProperty(process.versions, "node", { value: "22.12.0" });
      console.log(process.execArgv.includes("--experimental-sqlite"))`;
    const program = join(modules, "millrace", "dist", "main.js");
    const ended = spawnSync(node, ["--import", preload, program, "--version"], {
      encoding: "utf8",
    });
    expect(ended.stdout).toMatch(/^false\ntrue\nmillrace \d+\.\d+\.\d+\n$/);
    expect([ended.stderr, ended.status]).toEqual(["", 0]);
  });

  test.each(["npm", "program"])("there too, a killed %s ends the server", async (killed) => {
    const preload = `data:text/javascript,Object.defineProperty(process.versions, "node", { value: "22.12.0" })`;
    const program = join(modules, "millrace", "dist", "main.js");
    const args = ["--import", preload, program, "--port", "0", "--memory", "--json"];
    // What npx does: it runs the program below itself, and tells it so.
    const npx = `const { spawn } = require("node:child_process");
      const child = spawn(process.execPath, ${JSON.stringify(args)}, { stdio: "inherit" });
      console.error(child.pid)`;
    const npm = spawn(node, ["-e", npx], { cwd: project, env: { ...env, npm_command: "exec" } });
    const [told, line] = await Promise.all([
      new Promise<string>((done) => npm.stderr.once("data", (text: Buffer) => done(String(text)))),
      new Promise<string>((done) => npm.stdout.once("data", (text: Buffer) => done(String(text)))),
    ]);
    const { pid }: { pid: number } = JSON.parse(line);
    expect(pid).not.toBe(Number(told));
    if (killed === "npm") npm.kill("SIGKILL");
    else process.kill(Number(told), "SIGKILL");
    await untilGone(pid);
    npm.kill("SIGKILL");
  });

  test("a Node without SQLite runs a server in memory, and says what a folder needs", () => {
    const source = `import { startMillrace } from "millrace";
      await (await startMillrace()).stop();
      await startMillrace({ data: "records" }).catch(({ message }) => console.log(message));`;
    writeFileSync(join(project, "without.mjs"), source);
    const output = run(node, ["--no-experimental-sqlite", "without.mjs"]);
    expect(output).toBe(
      `Node ${process.versions.node} has SQLite only with --experimental-sqlite: ` +
        "pass this flag, or use 22.13 or later\n",
    );
  });

  test("the Worker is deployed from a project of one's own", () => {
    for (const name of ["worker.js", "wrangler.toml"]) writeRecipe(name);
    const flags = ["deploy", "--dry-run", "--outdir", "deployed"];
    run(node, [join(root, "node_modules", "wrangler", "bin", "wrangler.js"), ...flags]);
    const [recipe, ours] = [project, root].map((folder) => {
      const config = unstable_readConfig({ config: join(folder, "wrangler.toml") });
      return Object.fromEntries(deployedSettings.map((name) => [name, config[name]]));
    });
    expect(recipe).toEqual(ours);
    const deployed = readdirSync(join(project, "deployed"));
    expect(deployed.some((name) => name.endsWith("engine.wasm"))).toBe(true);
  });
});

describe("the recipes of docs/TESTING.md", () => {
  test("node:test", () => {
    writeRecipe("node.test.mjs");
    const output = run(node, ["--test", "node.test.mjs"]);
    expect(output).toMatch(/pass 2/);
  });

  test("Vitest, with two servers at once", () => {
    writeRecipe("vitest.test.mjs");
    const output = run(node, [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "vitest.test.mjs",
    ]);
    expect(output).toMatch(/1 passed/);
  });
});

describe("the image", () => {
  test("starts and is healthy by the commands of the Dockerfile, on all addresses", async () => {
    writeRecipe("Dockerfile");
    const text = readFileSync(join(project, "Dockerfile"), "utf8");
    const listOf = (name: string): string[] =>
      JSON.parse(new RegExp(`^${name} (\\[.*\\])$`, "m").exec(text)?.[1] ?? "");
    const [program, ...flags] = [...listOf("ENTRYPOINT"), ...listOf("CMD")];
    expect(program).toBe("millrace");
    const { child, first, ended } = startBin([...flags, "--port", "0", "--json"]);
    const { endpoint }: { endpoint: string } = JSON.parse(await first);
    const { port } = new URL(endpoint);
    const [, check = ""] = /^HEALTHCHECK .* CMD (.*)$/m.exec(text) ?? [];
    run("sh", ["-c", check.replace("4567", port)]);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ exitCode: 0 });
    expect(spawnSync("sh", ["-c", check.replace("4567", port)], { env }).status).toBe(1);
  });
});

describe("the program", () => {
  test("--json is one line, --ready-file the same in a file, and both end with the parent", async () => {
    const parent = spawn("sleep", ["60"]);
    const ready = join(project, "ready.json");
    const flags = ["--port", "0", "--json", "--ready-file", ready, "--parent", String(parent.pid)];
    const { first, ended } = startBin(flags);
    const line = await first;
    const facts: { endpoint: string; data: string } = JSON.parse(line);
    expect(line).toBe(`${JSON.stringify(facts)}\n`);
    expect(readFileSync(ready, "utf8")).toBe(line);
    const health = await fetch(`${facts.endpoint}/_millrace/health`);
    expect(await health.json()).toEqual({ status: "ok" });
    const workerd = readRuntimePid(facts.data);
    parent.kill("SIGKILL");
    expect(await ended).toMatchObject({ exitCode: 0, stderr: "", stdout: line });
    expect(isRunning(workerd)).toBe(false);
    expect(readdirSync(project)).not.toContain("ready.json");
  });

  test("a server that was stopped leaves no timer in its process, by import and by require", () => {
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.PutRecord",
    };
    const body = JSON.stringify({ StreamName: "s", PartitionKey: "k", Data: "YQ==" });
    const call = JSON.stringify({ method: "POST", headers, body });
    const use = `startMillrace({ streams: { s: 1 } })
      .then(async (server) => {
        await (await fetch(server.endpoint, ${call})).text();
        await server.stop();
        console.log(JSON.stringify(process.getActiveResourcesInfo()));
      });`;
    const module = `import { startMillrace } from "millrace"; ${use}`;
    expect(run(node, ["--input-type=module", "-e", module])).toMatch(/^\[((?!Timeout).)*\]$/m);
    const script = `const { startMillrace } = require("millrace"); ${use}`;
    expect(run(node, ["-e", script])).toMatch(/^\[((?!Timeout).)*\]$/m);
  });

  test("a server in a process ends with it, also by SIGKILL", async () => {
    const code = `import { startMillrace } from "millrace";
      const server = await startMillrace();
      console.log(server.data);
      process.stdin.resume();`;
    const child = spawn(node, ["--input-type=module", "-e", code], { cwd: project, env });
    const data = await new Promise<string>((done) =>
      child.stdout.once("data", (text: Buffer) => done(text.toString().trim())),
    );
    const workerd = readRuntimePid(data);
    child.kill("SIGKILL");
    await untilGone(workerd);
    await expect.poll(() => statSync(data, { throwIfNoEntry: false })).toBeUndefined();
  });
});

function sizeOf(folder: string): number {
  let bytes = 0;
  const counted = new Set<number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = statSync(join(entry.parentPath, entry.name));
    // workerd's program has two names.
    if (!counted.has(ino)) bytes += size;
    counted.add(ino);
  }
  return bytes;
}
