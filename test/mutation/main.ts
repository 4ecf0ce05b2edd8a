// `npm run mutate`: makes one place of the code wrong after the other, in a copy of the tree, and asks whether the tests
// notice. README.md beside this file says how to read the result.
//
//   npm run mutate [-- ID… | --part N/M] [--check] [--no-baseline]
//
//   ID…            these mutations, or all whose ids begin so (`shard-`)
//   --part N/M     the N-th of M parts of the table, for several machines
//   --check        only whether the table matches the code: seconds
//   --no-baseline  trust that the tests pass on the code as it is
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { transformSync } from "esbuild";
import { TreeCopy } from "./copy.ts";
import { findStale, mutate, type Mutation } from "./mutation.ts";
import { table } from "./table.ts";

/** All test files one after the other, on a busy machine. */
const baselineMsMax = 3_600_000;

const titleCharacters = 100;

type Outcome = "caught" | "survived" | "allowed" | "broken" | "timeout";

const root = resolve(import.meta.dirname, "..", "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    part: { type: "string" },
    check: { type: "boolean", default: false },
    "no-baseline": { type: "boolean", default: false },
  },
});

const stale = findStale(root, table);
for (const line of stale) console.error(`stale: ${line}`);
if (stale.length > 0) process.exit(1);
if (values.check) process.exit(0);

const chosen = choose(positionals, values.part);
const copy = new TreeCopy(root);
process.once("exit", () => copy.remove());
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await copy.build();
if (!values["no-baseline"]) await checkBaseline();
const outcomes = new Map<Outcome, Mutation[]>();
for (const mutation of chosen) {
  const outcome = await tryOut(mutation);
  outcomes.set(outcome, [...(outcomes.get(outcome) ?? []), mutation]);
}
process.exit(summarize());

function choose(ids: readonly string[], part: string | undefined): readonly Mutation[] {
  const named =
    ids.length === 0 ? table : table.filter(({ id }) => ids.some((each) => id.startsWith(each)));
  const unknown = ids.find((each) => !table.some(({ id }) => id.startsWith(each)));
  if (unknown !== undefined) fail(`there is no mutation ${unknown}`);
  if (part === undefined) return named;
  const [, n = "0", m = "0"] = /^(\d+)\/(\d+)$/.exec(part) ?? [];
  const [at, count] = [Number(n), Number(m)];
  if (at < 1 || at > count) fail(`--part ${part} is not N/M`);
  return named.filter((_, i) => i % count === at - 1);
}

/** A test that fails by itself would catch everything. */
async function checkBaseline(): Promise<void> {
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  const { exitCode, failed, output } = await copy.test(files, baselineMsMax);
  if (exitCode === 0) return;
  console.error(output);
  fail(`the tests fail without a mutation: ${failed.join("; ") || `exit ${exitCode}`}`);
}

async function tryOut(mutation: Mutation): Promise<Outcome> {
  const { id, file, tests, harm, survives } = mutation;
  const original = copy.read(file);
  const startedMs = performance.now();
  // The tests of the engine and those inside workerd build or read it from the sources by themselves.
  const isBuilt =
    file.startsWith("assembly/") || tests.some((test) => test.startsWith("test/e2e/"));
  let outcome: Outcome;
  let detail = "";
  try {
    const mutated = mutate(original, mutation);
    // Code that nobody could have meant proves nothing. The engine's compiler says so of its own.
    if (!file.startsWith("assembly/")) transformSync(mutated, { loader: "ts" });
    copy.write(file, mutated);
    if (isBuilt) await copy.build();
    const { exitCode, failed, passed, output } = await copy.test(tests);
    if (failed.length > 0)
      [outcome, detail] = ["caught", (failed[0] ?? "").slice(0, titleCharacters)];
    else if (exitCode === undefined) outcome = "timeout";
    // Such as an error outside of any test, or a test file that never ends by itself.
    else if (exitCode !== 0) [outcome, detail] = ["caught", `by the run: ${lastLine(output)}`];
    else if (passed === 0) [outcome, detail] = ["broken", "no test ran"];
    else [outcome, detail] = survives === undefined ? ["survived", harm] : ["allowed", survives];
  } catch (error) {
    [outcome, detail] = ["broken", String(error)];
  } finally {
    copy.write(file, original);
    if (isBuilt) await copy.build();
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  console.log(`${outcome.padEnd(8)} ${id.padEnd(14)} ${seconds.padStart(4)} s  ${file}  ${detail}`);
  if (outcome === "caught" && survives !== undefined) {
    console.log(`         ${id} is caught after all: take its reason to survive out of the table`);
  }
  return outcome;
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}

function count(outcome: Outcome): number {
  return outcomes.get(outcome)?.length ?? 0;
}

/** 0 when everything was caught, or may survive. */
function summarize(): number {
  console.log(
    `\n${chosen.length} mutations: ${count("caught")} caught, ${count("timeout")} ended by time, ` +
      `${count("survived")} survived, ${count("allowed")} survive with a reason, ${count("broken")} broken`,
  );
  return count("survived") + count("broken") > 0 ? 1 : 0;
}

function fail(message: string): never {
  console.error(`mutate: ${message}`);
  process.exit(2);
}
