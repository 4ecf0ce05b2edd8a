/**
 * `millrace export`: writes the records of a stream as lines of JSON. Into a file it can be resumed:
 * beside the file there is its state, with the length at which the state was right. What a killed
 * export has written behind that is cut off, so no record is missing and none is there twice.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import type { Command } from "commander";
import { errorCode, Failure } from "../local/failure.ts";
import {
  addChoiceFlags,
  type ChoiceFlags,
  readSelection,
  type Selection,
} from "./reading/flags.ts";
import { firstPlaces } from "./reading/places.ts";
import { addWhereFlag } from "./reading/scan.ts";
import { StateFile } from "./reading/state.ts";
import { type Deliver, Walk } from "./reading/walk.ts";
import { formatLine } from "./record/line.ts";
import { takeApart } from "./record/record.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { listShards } from "./stream/shard.ts";
import { describeStream } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { write } from "./terminal/output.ts";
import { describeCount, Progress } from "./terminal/progress.ts";
import { programName } from "./version.ts";

interface ExportFlags extends ServiceFlags, ChoiceFlags {
  apart?: boolean;
  force?: boolean;
  where?: string;
}

const pageRecords = 10_000;
/** The state is written no more often. */
const keepMs = 500;

export function exportCommand(command: Command): void {
  command
    .usage("<stream> [file] [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .argument("[file]", "file to write, which can be resumed; without it stdout");
  addChoiceFlags(command, "start")
    .option("--apart", "take aggregates of the KPL apart; otherwise import puts them as they were")
    .option("--force", "begin anew, over a file that is there");
  addWhereFlag(command);
  addServiceFlags(command).action(exportRecords);
  addExamples(command, [
    [`${programName} export orders orders.ndjson`, "run it again to go on after a kill"],
    [`${programName} export orders --from 1h | gzip > orders.gz`, "the last hour, to a pipe"],
  ]);
}

async function exportRecords(
  stream: string,
  path: string | undefined,
  flags: ExportFlags,
): Promise<void> {
  const signal = onInterrupt();
  const client = openClient(flags);
  const summary = await describeStream(client, stream);
  const shards = await listShards(client, stream);
  const selection = readSelection(flags, "start", shards, client);
  const nowMs = client.serviceTime.maxMs;
  const file = path === undefined ? undefined : new ExportFile(path, summary, flags.force === true);
  const saved = file?.resume();
  const places = saved?.places ?? firstPlaces(shards, selection.from, selection.choice);
  const counts = { records: 0, untilMs: selection.untilMs ?? nowMs, ...saved?.counts };
  file?.keep(places, counts);
  const progress = new Progress();
  let keptMs = performance.now();
  const walk = new Walk(client, stream, places, {
    choice: selection.choice,
    follow: false,
    untilMs: counts.untilMs,
    beganMs: 0,
    onMove: () => {
      if (performance.now() - keptMs < keepMs) return;
      keptMs = performance.now();
      file?.keep(places, counts);
    },
    pauseMs: 0,
    pageRecords,
    where: flags.where,
    signal,
  });
  const begunRecords = counts.records;
  let bytes = saved?.counts["bytes"] ?? 0;
  const report = (): string =>
    describeCount(counts.records, bytes, progress.seconds, counts.records - begunRecords);
  const deliver = exportPages(selection, flags.apart === true, counts, async (text) => {
    if (file === undefined) await write(text);
    else file.append(text);
    bytes += text.length;
    progress.show(report);
  });
  try {
    await walk.run(shards, deliver);
  } finally {
    progress.end();
    file?.keep(places, counts);
  }
  if (signal.aborted) throw new Failure("interrupted: run the same command again to go on");
  file?.finish();
  console.error(report());
}

/** Pages as lines; counts what was written, up to the limit. */
function exportPages(
  { limit, matches }: Selection,
  isApart: boolean,
  counts: { records: number },
  append: (text: Buffer) => Promise<void>,
): Deliver {
  return async ({ records }) => {
    const lines: string[] = [];
    let count = 0;
    for (const record of records) {
      const wanted = (isApart ? takeApart(record) : [record]).filter(matches);
      const printed = wanted.slice(0, limit - counts.records);
      for (const part of printed) lines.push(`${formatLine(part)}\n`);
      counts.records += printed.length;
      if (printed.length < wanted.length) break;
      count++;
      if (counts.records === limit) break;
    }
    if (lines.length > 0) await append(Buffer.from(lines.join("")));
    return { count, isEnough: counts.records === limit };
  };
}

/** The file and, beside it, its state. */
class ExportFile {
  private readonly path: string;
  private readonly state: StateFile;
  private readonly isAnew: boolean;
  private descriptor = -1;

  constructor(path: string, stream: { arn: string; createdMs: number }, isAnew: boolean) {
    this.path = path;
    this.state = new StateFile(`${path}.state`, stream);
    this.isAnew = isAnew;
  }

  /** The state of an export that was not finished; its file is cut to what the state counts. */
  resume() {
    const saved = this.isAnew ? undefined : this.state.read();
    if (saved === undefined && !this.isAnew && existsSync(this.path)) {
      throw new Failure(`${this.path} is there already: pass --force to write over it`);
    }
    try {
      this.descriptor = openSync(this.path, saved === undefined ? "w" : "a+", 0o600);
      const bytes = saved?.counts["bytes"] ?? 0;
      if (fstatSync(this.descriptor).size < bytes) {
        throw new Failure(
          `${this.path} is shorter than its state says: pass --force to begin anew`,
        );
      }
      ftruncateSync(this.descriptor, bytes);
    } catch (error) {
      throw this.failure(error);
    }
    return saved;
  }

  append(text: Buffer): void {
    try {
      for (let at = 0; at < text.length;) at += writeSync(this.descriptor, text, at);
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** What is counted is on the disk before the state says so. */
  keep(places: Parameters<StateFile["write"]>[0]["places"], counts: Record<string, number>): void {
    if (this.descriptor < 0) return;
    fdatasyncSync(this.descriptor);
    const bytes = fstatSync(this.descriptor).size;
    this.state.write({ places, counts: { ...counts, bytes } }, 0);
  }

  finish(): void {
    closeSync(this.descriptor);
    rmSync(this.state.path, { force: true });
  }

  private failure(error: unknown): Failure {
    if (error instanceof Failure) return error;
    return new Failure(`${this.path} cannot be written (${errorCode(error)})`);
  }
}
