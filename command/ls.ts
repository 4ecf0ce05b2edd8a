/** `millrace ls`: the streams of an account in a region. */
import type { Command } from "commander";
import { openClient, type KinesisClient, ServiceError } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { describeStream, listStreams, type StreamSummary } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { formatTable, print, printJson } from "./terminal/output.ts";
import { programName } from "./version.ts";

interface ListFlags extends ServiceFlags {
  long?: boolean;
  json?: boolean;
}

/** The service allows twenty descriptions a second. */
const descriptionsAtOnce = 10;

export function ls(command: Command): void {
  command
    .option("--long", "with status, shards, mode and retention")
    .option("--json", "a line of JSON for each stream");
  addServiceFlags(command).action(list);
  addExamples(command, [
    [`${programName} ls`, "names, one on a line"],
    [`${programName} ls --long --endpoint aws --region eu-west-1`, "the streams of Amazon Kinesis"],
  ]);
}

async function list(flags: ListFlags): Promise<void> {
  const client = openClient(flags);
  const names = await listStreams(client);
  if (flags.long !== true && flags.json !== true) {
    for (const name of names) await print(name);
    return;
  }
  const summaries = await describeAll(client, names);
  if (flags.json === true) {
    for (const summary of summaries) await printJson(jsonOf(summary));
    return;
  }
  const rows = summaries.map((summary) => [
    summary.name,
    summary.status,
    `${summary.openShards}`,
    summary.mode,
    `${summary.retentionHours}`,
    new Date(summary.createdMs).toISOString(),
  ]);
  const head = ["name", "status", "shards", "mode", "hours", "created"];
  if (rows.length > 0) await print(formatTable([head, ...rows]));
}

/** What `--json` prints of a stream. */
export function jsonOf({ createdMs, ...others }: StreamSummary): object {
  return { ...others, created: new Date(createdMs).toISOString() };
}

/** In the order of the names; without those that are deleted meanwhile. */
async function describeAll(client: KinesisClient, names: string[]): Promise<StreamSummary[]> {
  const summaries: StreamSummary[] = [];
  for (let at = 0; at < names.length; at += descriptionsAtOnce) {
    const some = names.slice(at, at + descriptionsAtOnce);
    const found = await Promise.all(some.map((name) => describeIfThere(client, name)));
    summaries.push(...found.filter((summary) => summary !== undefined));
  }
  return summaries;
}

async function describeIfThere(
  client: KinesisClient,
  name: string,
): Promise<StreamSummary | undefined> {
  try {
    return await describeStream(client, name);
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ResourceNotFoundException")
      return undefined;
    throw error;
  }
}
