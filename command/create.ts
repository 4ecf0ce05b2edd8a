/** `millrace create`: makes a stream, and waits until it can be used. */
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import { parseCount } from "./number.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { untilActive } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { print } from "./terminal/output.ts";
import { programName } from "./version.ts";

interface CreateFlags extends ServiceFlags {
  shards?: string;
  onDemand?: boolean;
  retention?: string;
}

const hours = { min: 24, max: 8760 };

export function create(command: Command): void {
  command
    .usage("<stream> [flags]")
    .argument("<stream>", "name of the stream")
    .option("--shards <count>", "shards of the stream (1)")
    .option("--on-demand", "let the service choose the number of shards")
    .option(
      "--retention <hours>",
      `hours that records are kept, ${hours.min} to ${hours.max} (24)`,
    );
  addServiceFlags(command).action(createStream);
  addExamples(command, [
    [`${programName} create orders --shards 4`, "a stream of four shards"],
    [`${programName} create orders --on-demand --retention 168`, "records are kept for a week"],
  ]);
}

async function createStream(stream: string, flags: CreateFlags): Promise<void> {
  if (flags.onDemand === true && flags.shards !== undefined) {
    throw new Failure("--on-demand chooses the number of shards: leave out --shards", 2);
  }
  const { retention } = flags;
  const RetentionPeriodHours =
    retention === undefined
      ? undefined
      : parseCount("--retention", retention, hours.min, hours.max);
  const shards = parseCount("--shards", flags.shards ?? "1", 1, 10_000);
  const client = openClient(flags);
  const shape =
    flags.onDemand === true
      ? { StreamModeDetails: { StreamMode: "ON_DEMAND" } }
      : { ShardCount: shards };
  await client.call("CreateStream", { StreamName: stream, ...shape });
  let summary = await untilActive(client, stream);
  if (RetentionPeriodHours !== undefined && RetentionPeriodHours > summary.retentionHours) {
    const input = { StreamName: stream, RetentionPeriodHours };
    await client.call("IncreaseStreamRetentionPeriod", input);
    summary = await untilActive(client, stream);
  }
  const { openShards, retentionHours } = summary;
  const noun = openShards === 1 ? "shard" : "shards";
  await print(`${stream}: ${openShards} ${noun}, records are kept for ${retentionHours} hours`);
}
