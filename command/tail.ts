/**
 * `millrace tail`: prints the records of a stream as they arrive. With a state file it goes on
 * where it was, also after a kill: some records may be printed twice then, and none is left out.
 */
import type { Command } from "commander";
import { addChoiceFlags, type ChoiceFlags, readSelection } from "./reading/flags.ts";
import { firstPlaces } from "./reading/places.ts";
import { printPages } from "./reading/printer.ts";
import { addWhereFlag } from "./reading/scan.ts";
import { StateFile } from "./reading/state.ts";
import { parseDuration } from "./reading/time.ts";
import { Walk } from "./reading/walk.ts";
import { parseChoice } from "./number.ts";
import { formatHelp, formats } from "./record/print.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { listShards } from "./stream/shard.ts";
import { describeStream } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { programName } from "./version.ts";

interface TailFlags extends ServiceFlags, ChoiceFlags {
  format: string;
  state?: string;
  aggregates?: boolean;
  poll: string;
  follow: boolean;
  where?: string;
}

/** States are written no more often. */
const keepMs = 50;
const pageRecords = 10_000;

export function tail(command: Command): void {
  command.usage("<stream> [flags]").argument("<stream>", "name or ARN of the stream");
  addChoiceFlags(command, "latest")
    .option("--format <format>", formatHelp, "text")
    .option("--state <file>", "keep the position in this file, and go on from there")
    .option("--aggregates", "print aggregates of the KPL as they are, not taken apart")
    .option("--poll <duration>", "pause before asking again when there is nothing new", "250ms")
    .option("--no-follow", "end when all that is there now has been printed");
  addWhereFlag(command);
  addServiceFlags(command).action(follow);
  addExamples(command, [
    [`${programName} tail orders`, "new records, until Ctrl-C"],
    [`${programName} tail orders --from 10m --key berlin`, "one key, ten minutes back and on"],
    [`${programName} tail orders --where '{"data":{"status":["failed"]}}'`, "by content"],
    [`${programName} tail orders --from start --format json --state o.state`, "all, resumable"],
  ]);
}

async function follow(stream: string, flags: TailFlags): Promise<void> {
  const signal = onInterrupt();
  const client = openClient(flags);
  const format = parseChoice("--format", flags.format, formats);
  const pauseMs = parseDuration("--poll", flags.poll);
  const summary = await describeStream(client, stream);
  const shards = await listShards(client, stream);
  const selection = readSelection(flags, "latest", shards, client);
  const beganMs = client.serviceTime.minMs;
  const file = flags.state === undefined ? undefined : new StateFile(flags.state, summary);
  const places = file?.read()?.places ?? firstPlaces(shards, selection.from, selection.choice);
  const failed = new AbortController();
  const keep = keepOften(
    () => file?.write({ places, counts: {} }, beganMs),
    (error) => failed.abort(error),
  );
  const walk = new Walk(client, stream, places, {
    choice: selection.choice,
    follow: flags.follow,
    untilMs: selection.untilMs,
    beganMs,
    onMove: keep.soon,
    pauseMs,
    pageRecords,
    where: flags.where,
    signal: AbortSignal.any([signal, failed.signal]),
  });
  const printing = { format, keepAggregates: flags.aggregates === true };
  try {
    await walk.run(shards, printPages(selection, printing));
  } finally {
    keep.now();
  }
  failed.signal.throwIfAborted();
}

/** Keeps at most every `keepMs`, and at the end; `fail` hears why it could not. */
function keepOften(
  keep: () => void,
  fail: (error: unknown) => void,
): { soon: () => void; now: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const now = (): void => {
    clearTimeout(timer);
    timer = undefined;
    keep();
  };
  const later = (): void => {
    try {
      now();
    } catch (error) {
      fail(error);
    }
  };
  return { soon: () => (timer ??= setTimeout(later, keepMs)), now };
}
