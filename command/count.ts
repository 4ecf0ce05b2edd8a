/** `millrace count`: how many records a stream has, by reading them. */
import type { Command } from "commander";
import { addChoiceFlags, type ChoiceFlags, readSelection } from "./reading/flags.ts";
import { firstPlaces } from "./reading/places.ts";
import { type Deliver, Walk } from "./reading/walk.ts";
import { takeApart } from "./record/record.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { listShards } from "./stream/shard.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { print, printJson } from "./terminal/output.ts";
import { describeCount, Progress } from "./terminal/progress.ts";
import { programName } from "./version.ts";

interface CountFlags extends ServiceFlags, ChoiceFlags {
  aggregates?: boolean;
  json?: boolean;
}

const pageRecords = 10_000;

export function count(command: Command): void {
  command.usage("<stream> [flags]").argument("<stream>", "name or ARN of the stream");
  addChoiceFlags(command, "start")
    .option("--aggregates", "count an aggregate of the KPL as one record")
    .option("--json", "one object of JSON, with records and bytes");
  addServiceFlags(command).action(countRecords);
  addExamples(command, [
    [`${programName} count orders`, "all records"],
    [`${programName} count orders --from 1h --key berlin`, "those of a key in the last hour"],
  ]);
}

async function countRecords(stream: string, flags: CountFlags): Promise<void> {
  const signal = onInterrupt();
  const client = openClient(flags);
  const shards = await listShards(client, stream);
  const selection = readSelection(flags, "start", shards, client);
  const places = firstPlaces(shards, selection.from, selection.choice);
  const progress = new Progress();
  let [records, bytes] = [0, 0];
  const deliver: Deliver = async (page) => {
    const parts = flags.aggregates === true ? page.records : page.records.flatMap(takeApart);
    for (const part of parts.filter(selection.matches)) {
      if (records === selection.limit) break;
      records++;
      bytes += part.data.length;
    }
    progress.show(() => describeCount(records, bytes, progress.seconds));
    return { count: page.records.length, isEnough: records === selection.limit };
  };
  const untilMs = selection.untilMs ?? client.serviceTime.maxMs;
  const { choice } = selection;
  const options = { choice, follow: false, untilMs, beganMs: 0, pauseMs: 0, pageRecords, signal };
  await new Walk(client, stream, places, options).run(shards, deliver);
  progress.end();
  signal.throwIfAborted();
  if (flags.json === true) await printJson({ records, bytes });
  else await print(String(records));
}
