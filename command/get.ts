/**
 * `millrace get`: prints the records that a stream has now, or the record of a sequence number, and
 * ends.
 */
import type { Command } from "commander";
import { parseSequenceNumber } from "../worker/kinesis/sequence.ts";
import { Failure } from "../local/failure.ts";
import { parseChoice } from "./number.ts";
import { addChoiceFlags, type ChoiceFlags, readSelection } from "./reading/flags.ts";
import { firstPlaces } from "./reading/places.ts";
import { printPages } from "./reading/printer.ts";
import { addWhereFlag, scannedShards, scanRecords, scanRequest } from "./reading/scan.ts";
import { Walk } from "./reading/walk.ts";
import { formatHelp, formatRecord, formats } from "./record/print.ts";
import { readRecord, takeApart } from "./record/record.ts";
import { openClient, type KinesisClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { findShard, listShards, type Shard } from "./stream/shard.ts";
import { streamMember } from "./stream/stream.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { write } from "./terminal/output.ts";
import { programName } from "./version.ts";

interface GetFlags extends ServiceFlags, ChoiceFlags {
  format: string;
  aggregates?: boolean;
  where?: string;
}

const pageRecords = 10_000;

export function get(command: Command): void {
  command
    .usage("<stream> [sequence-number] [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .argument("[sequence-number]", "print this record alone");
  addChoiceFlags(command, "start")
    .option("--format <format>", formatHelp, "text")
    .option("--aggregates", "print aggregates of the KPL as they are, not taken apart");
  addWhereFlag(command);
  addServiceFlags(command).action(getCommand);
  addExamples(command, [
    [`${programName} get orders --limit 10`, "the ten oldest records"],
    [`${programName} get orders --from 1h --format json`, "the last hour, as lines of JSON"],
    [`${programName} get orders --where '{"data":{"status":["failed"]}}'`, "by content"],
    [`${programName} get orders 49590338271490256608559692538361571095921575989136588898`, "one"],
  ]);
}

async function getCommand(
  stream: string,
  sequenceNumber: string | undefined,
  flags: GetFlags,
): Promise<void> {
  const signal = onInterrupt();
  const client = openClient(flags);
  const format = parseChoice("--format", flags.format, formats);
  const keepAggregates = flags.aggregates === true;
  const shards = await listShards(client, stream);
  if (sequenceNumber !== undefined) {
    const record = await readOne(client, stream, shards, sequenceNumber, flags.shard);
    const parts = keepAggregates ? [record] : takeApart(record);
    for (const part of parts) await write(formatRecord(part, format));
    return;
  }
  const selection = readSelection(flags, "start", shards, client);
  const places = firstPlaces(shards, selection.from, selection.choice);
  if (flags.where !== undefined) {
    const request = scanRequest(stream, selection, flags);
    const scanned = scanRecords(client, request, scannedShards(shards, places), signal);
    for await (const record of scanned) {
      const parts = keepAggregates ? [record] : takeApart(record);
      for (const part of parts) await write(formatRecord(part, format));
    }
    return;
  }
  const walk = new Walk(client, stream, places, {
    choice: selection.choice,
    follow: false,
    // What arrives while it reads is not what was there.
    untilMs: selection.untilMs ?? client.serviceTime.maxMs,
    beganMs: 0,
    pauseMs: 0,
    pageRecords: Math.min(pageRecords, selection.limit),
    signal,
  });
  await walk.run(shards, printPages(selection, { format, keepAggregates }));
}

async function readOne(
  client: KinesisClient,
  stream: string,
  shards: readonly Shard[],
  sequenceNumber: string,
  named: string[] | undefined,
) {
  const shard = findShard(shards, named?.[0] ?? shardOf(sequenceNumber));
  const place = await client.call("GetShardIterator", {
    ...streamMember(stream),
    ShardId: shard.id,
    ShardIteratorType: "AT_SEQUENCE_NUMBER",
    StartingSequenceNumber: sequenceNumber,
  });
  const ShardIterator = place.text("ShardIterator");
  const reply = await client.call("GetRecords", { ShardIterator, Limit: 1 });
  const [facts] = reply.objects("Records");
  const record = facts === undefined ? undefined : readRecord(shard.id, facts);
  if (record?.sequenceNumber === sequenceNumber) return record;
  throw new Failure(`shard ${shard.id} has no record of this sequence number, or not any more`);
}

/** The number of the shard that a sequence number is of. */
function shardOf(text: string): string {
  const parsed = parseSequenceNumber(text);
  if (!("failure" in parsed)) return String(parsed.shardIndex);
  throw new Failure(`${text} is not a sequence number: ${parsed.failure}`, 2);
}
