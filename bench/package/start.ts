// How soon an installed server is ready, and how much is installed: `npx millrace` beside
// `npx kinesalite`, each in an empty folder of its own, in turns. Then startMillrace in one process, the
// first and the second instance. Run it on a quiet machine: `npx node bench/package/start.ts [--rounds N]`.
// Processor time is that of npx and of everything below it, read from /proc when the server is ready.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readFlags } from "../tools/flags.ts";
import { quantile } from "../tools/load.ts";

const root = resolve(import.meta.dirname, "..", "..");
const { rounds } = readFlags("bench/package/start.ts", {
  rounds: { otherwise: 5, min: 1, max: 100, what: "starts of each" },
});
const folder = mkdtempSync(join(tmpdir(), "millrace-start-"));

interface Contender {
  name: string;
  /** What npm installs. */
  wanted: string;
  args: string[];
  isReady: RegExp;
}

interface Start {
  wallMs: number;
  cpuMs: number;
}

try {
  run("npm", ["pack", "--silent", "--pack-destination", folder], root);
  const [tarball = ""] = readdirSync(folder);
  const contenders: Contender[] = [
    {
      name: "millrace",
      wanted: join(folder, tarball),
      args: ["millrace", "--port", "0", "--json"],
      isReady: /"endpoint"/,
    },
    {
      name: "kinesalite",
      wanted: "kinesalite@3.3.3",
      args: ["kinesalite", "--port", "0", "--path", "data"],
      isReady: /Listening/,
    },
  ];
  for (const { name, wanted } of contenders) install(name, wanted);
  const starts = new Map<string, Start[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) starts.get(contender.name)?.push(await start(contender));
  }
  for (const { name } of contenders) {
    const each = starts.get(name) ?? [];
    const megabytes = Number(
      execFileSync("du", ["-sm", join(folder, name, "node_modules")])
        .toString()
        .split("\t")[0],
    );
    console.log(`npx ${name}: ready in ${describe(each.map(({ wallMs }) => wallMs))} ms`);
    console.log(
      `  processor time ${describe(each.map(({ cpuMs }) => cpuMs))} ms, installed ${megabytes} MB`,
    );
  }
  const [first, second] = embed();
  console.log(`startMillrace: the first in ${first} ms, the second in ${second} ms`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(program: string, args: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function install(name: string, wanted: string): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "package.json"), "{}");
  run("npm", ["install", "--silent", "--no-audit", "--no-fund", wanted], join(folder, name));
}

async function start({ name, args, isReady }: Contender): Promise<Start> {
  const startMs = performance.now();
  const child = spawn("npx", args, { cwd: join(folder, name), detached: true });
  await new Promise<void>((done, fail) => {
    let text = "";
    const take = (part: Buffer) => {
      text += part.toString();
      if (isReady.test(text)) done();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("close", () => fail(new Error(`${name} ended: ${text}`)));
  });
  const wallMs = performance.now() - startMs;
  const cpuMs = cpuOf(child.pid ?? 0);
  await end(child);
  return { wallMs, cpuMs };
}

/** Ends npx and what it started: they are one group. */
async function end(child: ChildProcess): Promise<void> {
  const closed = new Promise((done) => child.once("close", done));
  process.kill(-(child.pid ?? 0), "SIGTERM");
  await closed;
}

/** User and system time of a process and of all below it, ended children included. */
function cpuOf(pid: number): number {
  const ticks = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      // proc_pid_stat(5): fields 4 and 14 to 17, counted from the one after the name.
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .map(Number);
      const [, parent = 0] = fields;
      const spent = fields.slice(11, 15).reduce((sum, each) => sum + each, 0);
      ticks.set(Number(name), { parent, ticks: spent });
    } catch {
      // It has ended meanwhile.
    }
  }
  const isBelow = (each: number): boolean =>
    each === pid || (each > 1 && isBelow(ticks.get(each)?.parent ?? 0));
  const below = [...ticks].filter(([each]) => isBelow(each));
  // A hundred ticks a second, on every Linux.
  return below.reduce((sum, [, each]) => sum + each.ticks, 0) * 10;
}

function embed(): number[] {
  const code = `import { startMillrace } from "millrace";
    const times = [performance.now()];
    for (const at of [0, 1]) { await startMillrace({ streams: { orders: 4 } }); times.push(performance.now()); }
    console.log(JSON.stringify([times[1] - times[0], times[2] - times[1]].map(Math.round)));`;
  return JSON.parse(run("node", ["--input-type=module", "-e", code], join(folder, "millrace")));
}

function describe(each: readonly number[]): string {
  const [low, middle, high] = [0, 0.5, 1].map((part) => Math.round(quantile(each, part)));
  return `${middle} (${low} to ${high}, ${each.length} rounds)`;
}
