// The command of the benchmarks: what it refuses before it builds anything, what it says about how sure
// its figures are, and what is left when a part fails.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { kinds, parseBench } from "../../bench/flags.ts";
import { type Part, runParts } from "../../bench/parts.ts";
import { readCommit, readResults, saveResults } from "../../bench/report/results.ts";
import { formatRounds, formatSpread } from "../../bench/report/textTable.ts";
import { describeOtherWork } from "../../bench/tools/machine.ts";

const folders: string[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe("a command line that cannot work is one line on stderr, and nothing is built", () => {
  test.each([
    ["a part that there is not", ["engines"], /^bench: there is engine, .* or all, not "engines"/],
    ["two parts", ["engine", "http"], /^bench: there is .*, not "engine http"/],
    ["an unknown flag", ["--sekonds", "3"], /^bench: .*--sekonds.*npm run bench -- --help/],
    ["no number", ["http", "--seconds", "soon"], /^bench: --seconds soon is not valid.*3600/],
    ["no seconds at all", ["http", "--seconds", ""], /^bench: --seconds {2}is not valid/],
    ["too few seconds", ["http", "--seconds", "0.5"], /^bench: --seconds 0.5 .*1 to 3600/],
    ["seconds for the engine", ["engine", "--seconds", "9"], /^bench: --seconds is for http and/],
    ["a folder that is not there", ["--data", "/none"], /^bench: --data \/none is not a folder/],
    ["a folder that is a file", ["--data", "package.json"], /^bench: --data package.json is not/],
  ])("%s", (_why, args, line) => {
    const { status, stdout, stderr } = run(args);
    expect(stderr).toMatch(line);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test.skipIf(!existsSync("/dev/shm"))("a folder in memory", () => {
    expect(() => parseBench(["--data", "/dev/shm"])).toThrow("in memory: pass a folder on a disk");
  });
});

test("--help names every part and flag", () => {
  const { status, stdout, stderr } = run(["http", "--help"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const word of [...kinds, "all", "--quick", "--seconds N", "--data DIR"]) {
    expect(stdout).toMatch(new RegExp(`^  ${word} `, "m"));
  }
});

test.each(["bench/http/hostile.ts", "bench/queues/queues.ts"])(
  "%s has a help page, and checks its numbers",
  (script) => {
    const help = run(["--help"], script);
    expect(help).toMatchObject({ status: 0, stderr: "" });
    expect(help.stdout).toMatch(/^Usage: node bench.*\n\n {2}--\w+ N +.*\(\d+\)$/m);
    const [, flag = ""] = /--(\w+) N/.exec(help.stdout) ?? [];
    for (const args of [
      ["--nothing", "1"],
      [`--${flag}`, "many"],
      [`--${flag}`, "-1"],
    ]) {
      const { status, stdout, stderr } = run(args, script);
      expect(stderr).toMatch(/^bench\/\w+\/[^\n]+; --help lists the flags\n$/);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    }
  },
);

test.each([
  ["growth/growth.ts", ["--axis", "time"], "--axis time is not valid: there is segments, shards"],
  ["http/liveReaders.ts", ["--readers", "1,x"], "--readers 1,x is not valid: pass numbers with"],
  ["report/chart.ts", ["--results", "/none"], "--results /none is not there"],
  ["cluster/cluster.ts", ["4"], "Unexpected argument '4'"],
])("bench/%s refuses other words in one line", (script, args, line) => {
  const { status, stdout, stderr } = run(args, `bench/${script}`);
  expect(stderr).toMatch(/^[^\n]+; --help lists the flags\n$/);
  expect(stderr).toContain(`bench/${script}: ${line}`);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});

test("a part that fails is one line, and the figures of the others are kept", async () => {
  const out = vi.spyOn(console, "log").mockReturnValue();
  const err = vi.spyOn(console, "error").mockReturnValue();
  const folder = makeFolder();
  const platform = { rows: [{ step: "a", microseconds: 1, spread: 0, rounds: 3 }] };
  const good = (name: string): Part => ({
    name,
    run: () =>
      Promise.resolve({
        tables: [],
        notes: [],
        save: () => saveResults({ [name]: platform }, folder),
      }),
  });
  const bad: Part = {
    name: "peers",
    run: () => Promise.reject(new Error("redis does not start:\nready\nno space left")),
  };
  const parts = [good("http"), bad, good("platform")];
  const failed = await runParts(parts, { keep: true, progress: () => {} });
  expect(failed).toEqual(["peers"]);
  expect(err).toHaveBeenCalledWith("bench: peers: redis does not start: no space left");
  const [file = ""] = /\S+$/.exec(String(out.mock.calls.at(-1)?.[0])) ?? [];
  expect(Object.keys(readResults(file))).toEqual(["http", "platform"]);
});

test("one round has no spread, and an unknown number of rounds is a dash", () => {
  expect([formatSpread(0, 1), formatSpread(0.052, 5), formatSpread(0, undefined)]).toEqual([
    "–",
    "±5%",
    "±0%",
  ]);
  expect([formatRounds(1), formatRounds(undefined)]).toEqual(["1", "–"]);
});

test("other work on the machine is reported, and an idle machine is not", () => {
  expect(describeOtherWork(0.04, 2)).toBeUndefined();
  expect(describeOtherWork(NaN, 2)).toBeUndefined();
  expect(describeOtherWork(0.75, 2)).toMatch(/^warning: other work keeps 1\.5 of 2 cores busy/);
});

test("pages and results do not make a commit another one; code does", () => {
  const folder = makeFolder();
  const git = (...args: string[]) => execFileSync("git", ["-C", folder, ...args]);
  mkdirSync(join(folder, "docs"));
  mkdirSync(join(folder, "bench", "results"), { recursive: true });
  const files = ["docs/a.svg", "README.md", "bench/results/a.json", "code.ts"];
  for (const file of files) writeFileSync(join(folder, file), "1");
  git("init", "--quiet");
  git("add", ".");
  git("-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "-m", "a");
  for (const file of files.slice(0, 3)) writeFileSync(join(folder, file), "2");
  expect(readCommit(folder)).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{12}$/),
    isChanged: false,
  });
  writeFileSync(join(folder, "code.ts"), "2");
  expect(readCommit(folder).isChanged).toBe(true);
  expect(readCommit(makeFolder())).toEqual({ id: "unknown", isChanged: true });
});

function run(args: string[], script = "bench/main.ts") {
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  folders.push(folder);
  return folder;
}
