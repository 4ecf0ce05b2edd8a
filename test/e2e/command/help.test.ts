/** What the program says about itself: help with examples at each level, completion; and bench. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { runCommand } from "../../../command/program.ts";
import { table } from "../../../command/table.ts";
import { startServer } from "../server.ts";
import { millraceAt } from "./millrace.ts";

const nowhere = millraceAt("http://127.0.0.1:9");
const names = table.map(({ name }) => name);

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** What a command prints, run in this process. */
async function printed(args: string[]): Promise<string> {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  await runCommand(args);
  vi.restoreAllMocks();
  return text;
}

test("the page of the program lists every command, and has examples", async () => {
  const page = await printed(["--help"]);
  for (const name of names) expect(page).toMatch(new RegExp(`^  ${name} `, "m"));
  expect(page).toMatch(/^Examples:\n {2}# /m);
});

test.each(names)(
  "the page of %s has usage, flags and examples, and lines of 100 columns",
  async (name) => {
    const page = await printed([name, "--help"]);
    expect(page).toMatch(new RegExp(`^Usage: .*${name} .*\\[flags\\]`));
    expect(page).toMatch(/^ {2}--help /m);
    expect(page).toMatch(/^Examples:\n {2}# [^\n]+\n {2}\$ [^\n]+/m);
    for (const line of page.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    expect(await printed(["help", name])).toBe(page);
  },
);

describe("completion", () => {
  test("bash completes commands, flags and shells", async () => {
    const { stdout, exitCode } = await nowhere.run(["completion", "bash"]);
    expect(exitCode).toBe(0);
    const complete = (...words: string[]): string[] => {
      const line = words.map((word) => `'${word}'`).join(" ");
      const script = `${stdout}\nCOMP_WORDS=(millrace ${line}); COMP_CWORD=${words.length}; _millrace; echo "\${COMPREPLY[@]}"`;
      const out = execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
      return out.trim().split(" ").toSorted();
    };
    expect(complete("des")).toEqual(["describe"]);
    expect(complete("s")).toEqual(["split", "start"]);
    expect(complete("tail", "orders", "--fo")).toEqual(["--format"]);
    expect(complete("tail", "--e")).toEqual(["--endpoint"]);
    expect(complete("completion", "")).toEqual(["bash", "fish", "zsh"]);
    expect(complete("help", "tai")).toEqual(["tail"]);
  });

  test.each(["zsh", "fish"])(
    "%s: every command with its summary, and every flag",
    async (shell) => {
      const { stdout: script } = await nowhere.run(["completion", shell]);
      for (const { name, summary } of table) {
        expect(script).toContain(shell === "zsh" ? `'${name}:` : `-a ${name} -d '${summary}'`);
      }
      expect(script).toContain(shell === "zsh" ? "'--endpoint[" : "-l endpoint -r");
      const path = ["/usr/bin", "/bin"].map((folder) => `${folder}/${shell}`).find(existsSync);
      if (path === undefined) return;
      // fish reads no script from a pipe.
      const folder = mkdtempSync(join(tmpdir(), "millrace-completion-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const file = join(folder, `completion.${shell}`);
      writeFileSync(file, script);
      execFileSync(path, ["-n", file]);
    },
  );
});

test("bench measures every load, deletes its stream, and asks before Amazon bills", async () => {
  await using server = await startServer({ flags: ["--memory"] });
  const millrace = millraceAt(server.endpoint);
  const args = ["bench", "--seconds", "1", "--connections", "2", "--record-bytes", "100", "--json"];
  const { exitCode, stdout } = await millrace.run(args);
  expect(exitCode).toBe(0);
  const { endpoint, loads } = JSON.parse(stdout) as { endpoint: string; loads: object[] };
  expect(endpoint).toBe(server.endpoint);
  expect(loads).toHaveLength(8);
  for (const load of loads) {
    expect(load).toMatchObject({ recordBytes: 100, refused: 0, p50Ms: expect.any(Number) });
    expect(load).toHaveProperty(
      "requests",
      expect.toSatisfy((count: number) => count > 0),
    );
  }
  expect(loads[2]).toMatchObject({ load: "PutRecords, 500 records", connections: 1 });
  expect(await millrace.run(["ls"])).toMatchObject({ stdout: "" });
  vi.stubEnv("AWS_ACCESS_KEY_ID", "a");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "b");
  await expect(runCommand(["bench", "--endpoint", "aws", "--region", "us-east-1"])).rejects.toThrow(
    /^kinesis.us-east-1.amazonaws.com bills the stream and its requests: pass --yes/,
  );
});
