// A copy of the working tree in a folder of its own, in which files are made wrong and tests are run. The working tree
// is read and never written; its node_modules are used by a link. What is built from the sources is
// built anew when a mutation touches it, and again when it is taken back.
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** How a run of tests ended. `output` is the end of what it printed. */
export interface TestRun {
  failed: string[];
  passed: number;
  exitCode: number | undefined;
  output: string;
}

/** Longer than the slowest test files take on a busy machine. */
const runMsMax = 15 * 60_000;
const outputCharacters = 3000;

/** Random tests take the same steps in every run. */
const fixed = { FUZZ_ROUNDS: "300", SEED: "1" };

export class TreeCopy {
  readonly folder = mkdtempSync(join(tmpdir(), "millrace-mutation-"));
  private readonly node: string;

  constructor(root: string) {
    const listed = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], {
      cwd: root,
    });
    for (const file of new Set(listed.toString().split("\0").filter(Boolean))) {
      const target = join(this.folder, file);
      mkdirSync(dirname(target), { recursive: true });
      // A file that git knows may have been removed and not committed yet.
      if (existsSync(join(root, file))) cpSync(join(root, file), target);
    }
    // The engine is compiled anew only where its sources, or these, have changed.
    if (existsSync(join(root, "build"))) {
      cpSync(join(root, "build"), join(this.folder, "build"), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
    this.node = join(root, "node_modules", ".bin", "node");
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  /** The engine where its sources have changed, and the Worker's bundle. Throws with what the compiler says. */
  async build(): Promise<void> {
    const { exitCode, output } = await this.run(["local/build.ts"], runMsMax);
    if (exitCode !== 0) throw new Error(output);
  }

  async test(files: readonly string[], msMax = runMsMax): Promise<TestRun> {
    const report = join(this.folder, "build", "mutation.json");
    rmSync(report, { force: true });
    const flags = ["--bail=1", "--reporter=json", `--outputFile=${report}`];
    const args = ["node_modules/vitest/vitest.mjs", "run", ...flags, ...files];
    const { exitCode, output } = await this.run(args, msMax);
    return { ...readReport(report), exitCode, output };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private run(
    args: string[],
    msMax: number,
  ): Promise<{ exitCode: number | undefined; output: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{
      exitCode: number | undefined;
      output: string;
    }>();
    const bin = join(this.folder, "node_modules", ".bin");
    const child = spawn(this.node, args, {
      cwd: this.folder,
      env: { ...process.env, ...fixed, PATH: `${bin}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    const take = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-outputCharacters);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    // The runtimes that the tests have started go too.
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // All of it has ended.
      }
    };
    const timer = setTimeout(end, msMax);
    process.once("exit", end);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      process.off("exit", end);
      end();
      resolve({ exitCode: code ?? undefined, output });
    });
    return promise;
  }
}

interface Report {
  numPassedTests: number;
  testResults: { name: string; assertionResults: { status: string; fullName: string }[] }[];
}

function readReport(file: string): Pick<TestRun, "failed" | "passed"> {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return { failed: [], passed: 0 };
  }
  const all = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = all.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
  return { failed, passed: report.numPassedTests };
}
