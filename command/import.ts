/**
 * `millrace import`: puts the records of a file, lines of JSON as `export` writes them. With a state
 * file it goes on behind the last line that the service has acknowledged. After a kill the batch that
 * was on its way may be put twice; none is left out.
 */
import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import { StateFile } from "./reading/state.ts";
import { parseLine } from "./record/line.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { describeStream } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { describeCount, Progress } from "./terminal/progress.ts";
import { programName } from "./version.ts";
import { readLines } from "./writing/lines.ts";
import { Putter } from "./writing/putter.ts";

interface ImportFlags extends ServiceFlags {
  state?: string;
}

export function importCommand(command: Command): void {
  command
    .usage("<stream> [file] [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .argument("[file]", "file of lines of JSON; without it stdin")
    .option("--state <file>", "keep there how much was put, and go on from there");
  addServiceFlags(command).action(importRecords);
  addExamples(command, [
    [`${programName} import orders orders.ndjson --state orders.import`, "resumable"],
    [`zcat orders.gz | ${programName} import orders`, "from a pipe"],
  ]);
}

async function importRecords(
  stream: string,
  path: string | undefined,
  flags: ImportFlags,
): Promise<void> {
  const signal = onInterrupt();
  const source = path ?? "-";
  if (source !== "-" && !existsSync(source)) throw new Failure(`there is no file ${source}`);
  const totalBytes = source === "-" ? undefined : statSync(source).size;
  const client = openClient(flags);
  const summary = await describeStream(client, stream);
  const file = flags.state === undefined ? undefined : new StateFile(flags.state, summary);
  const putter = new Putter(client, stream, signal);
  const progress = new Progress();
  const saved = file?.read()?.counts ?? {};
  let [records, doneBytes] = [saved["records"] ?? 0, saved["bytes"] ?? 0];
  const begunRecords = records;
  const report = (): string =>
    describeCount(records, doneBytes, progress.seconds, records - begunRecords);
  /** Behind the last line that the putter has taken. */
  let takenBytes = doneBytes;
  const acknowledge = (count: number, endBytes: number): void => {
    if (count === 0) return;
    [records, doneBytes] = [records + count, endBytes];
    file?.write({ places: new Map(), counts: { records, bytes: doneBytes } }, 0);
    progress.show(() => partOf(doneBytes, totalBytes) + report());
  };
  try {
    for await (const line of readLines(source)) {
      if (line.endBytes <= takenBytes) continue;
      if (signal.aborted) break;
      const text = line.bytes.toString();
      if (text.trim() !== "") {
        const record = parseLine(text, `line ${line.number}`);
        acknowledge((await putter.add(record)).length, takenBytes);
      }
      takenBytes = line.endBytes;
    }
    if (!signal.aborted) acknowledge((await putter.flush()).length, takenBytes);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
  }
  console.error(report());
  if (signal.aborted) throw new Failure("interrupted: with --state the same command goes on");
}

function partOf(bytes: number, totalBytes: number | undefined): string {
  return totalBytes === undefined ? "" : `${Math.floor((bytes / totalBytes) * 100)}%  `;
}
