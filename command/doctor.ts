/**
 * `millrace doctor`: checks a data folder that no server uses, and changes nothing in it. What it
 * finds is a line each, with the file, the place and what is wrong; docs/RECOVERY.md says what to do.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import { holdFolder } from "../local/folder.ts";
import { checkFolder } from "./doctor/folder.ts";
import type { Counts, Findings, Problem } from "./doctor/findings.ts";
import { addExamples } from "./subcommand.ts";
import { print, printJson } from "./terminal/output.ts";
import { formatBytes, formatCount, Progress } from "./terminal/progress.ts";
import { programName } from "./version.ts";

interface DoctorFlags {
  json?: boolean;
}

export function doctor(command: Command): void {
  command
    .usage("[folder] [flags]")
    .argument("[folder]", "data folder of a server that is stopped (.millrace)")
    .option("--json", "lines of JSON: one for each finding, then the counts")
    .action(doctorCommand);
  addExamples(command, [
    [`${programName} doctor`, "check .millrace"],
    [`${programName} doctor /backup/millrace --json`, "check a copy, for a script"],
  ]);
}

async function doctorCommand(folder = ".millrace", flags: DoctorFlags): Promise<void> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new Failure(`there is no folder ${folder}`, 2);
  }
  if (existsSync(join(folder, "cluster"))) {
    const what = `${folder} has copies of a cluster's objects: the data is in the bucket`;
    throw new Failure(`${what}, and a copy may be deleted while the instance is stopped`, 2);
  }
  if (!existsSync(join(folder, "do"))) {
    throw new Failure(`${folder} is not the data folder of a server: it has no folder "do"`, 2);
  }
  const { problems, notes, counts } = await checkHeld(folder);
  const lines: [kind: string, finding: Problem][] = [
    ...problems.map((each): [string, Problem] => ["problem", each]),
    ...notes.map((each): [string, Problem] => ["note", each]),
  ];
  for (const [kind, finding] of lines) {
    if (flags.json === true) await printJson({ kind, ...finding });
    else await print(`${kind}: ${finding.place}: ${finding.what} (${finding.file})`);
  }
  if (flags.json === true)
    await printJson({ kind: "counts", problems: problems.length, ...counts });
  else await print(describe(problems.length, counts));
  if (problems.length > 0) process.exitCode = 1;
}

/** No server can start on the folder while it is checked. */
async function checkHeld(folder: string): Promise<Findings> {
  const progress = new Progress();
  const hold = await holdFolder(folder);
  try {
    return checkFolder(folder, (file) => progress.show(() => file));
  } finally {
    hold.release();
    progress.end();
  }
}

function describe(problems: number, counts: Counts): string {
  const { databases, streams, shards, bodies, bodyBytes, records, items } = counts;
  const checked = [
    plural(databases, "database"),
    plural(streams, "stream"),
    plural(shards, "shard"),
    `${plural(records, "record")} in ${plural(bodies, "stored body", "stored bodies")} of ${formatBytes(bodyBytes)}`,
    plural(items, "object"),
  ];
  const outcome = problems === 0 ? "all sound" : plural(problems, "problem");
  return `checked ${checked.join(", ")}: ${outcome}`;
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
