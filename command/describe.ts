/** `millrace describe`: a stream, and its shards with their ranges and where they come from. */
import type { Command } from "commander";
import { jsonOf } from "./ls.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { drawLineage } from "./stream/lineage.ts";
import { listShards, type Shard } from "./stream/shard.ts";
import { describeStream } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { paint } from "./terminal/colour.ts";
import { print, printJson } from "./terminal/output.ts";
import { programName } from "./version.ts";

interface DescribeFlags extends ServiceFlags {
  json?: boolean;
}

export function describe(command: Command): void {
  command
    .usage("<stream> [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .option("--json", "one object of JSON");
  addServiceFlags(command).action(describeCommand);
  addExamples(command, [[`${programName} describe orders`, "the shards drawn as a tree"]]);
}

async function describeCommand(stream: string, flags: DescribeFlags): Promise<void> {
  const client = openClient(flags);
  const summary = await describeStream(client, stream);
  const shards = summary.status === "CREATING" ? [] : await listShards(client, stream);
  if (flags.json === true) {
    await printJson({ ...jsonOf(summary), shards: shards.map(shardJson) });
    return;
  }
  const { name, arn, status, mode, retentionHours, createdMs, consumers, encryption } = summary;
  const closed = shards.filter(({ isOpen }) => !isOpen).length;
  const facts = [
    `${paint("bold", name)}  ${status}`,
    `arn        ${arn}`,
    `created    ${new Date(createdMs).toISOString()}`,
    `mode       ${mode}`,
    `retention  ${retentionHours} hours`,
    `consumers  ${consumers}`,
    ...(encryption === "NONE" ? [] : [`encrypted  ${encryption}`]),
    `shards     ${shards.length - closed} open, ${closed} closed`,
  ];
  await print([...facts, ...drawLineage(shards, paintState)].join("\n"));
}

function paintState(isOpen: boolean, text: string): string {
  return paint(isOpen ? "green" : "dim", text);
}

function shardJson({ id, parents, firstHash, lastHash, isOpen }: Shard): object {
  return { id, isOpen, parents, firstHash: String(firstHash), lastHash: String(lastHash) };
}
