/**
 * `millrace count`: how many records a stream has. A Millrace server counts by itself; the records of
 * any other service are read.
 */
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import {
  addChoiceFlags,
  type ChoiceFlags,
  readSelection,
  type Selection,
} from "./reading/flags.ts";
import { firstPlaces } from "./reading/places.ts";
import { addWhereFlag, countByScan, scannedShards, scanRequest } from "./reading/scan.ts";
import type { Places } from "./reading/state.ts";
import { type Deliver, Walk } from "./reading/walk.ts";
import { takeApart } from "./record/record.ts";
import { type KinesisClient, NoSuchPath, openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { listShards, type Shard } from "./stream/shard.ts";
import { addExamples } from "./subcommand.ts";
import { onInterrupt } from "./terminal/interrupt.ts";
import { print, printJson } from "./terminal/output.ts";
import { describeCount, Progress } from "./terminal/progress.ts";
import { programName } from "./version.ts";

interface CountFlags extends ServiceFlags, ChoiceFlags {
  apart?: boolean;
  where?: string;
  json?: boolean;
}

const pageRecords = 10_000;

export function count(command: Command): void {
  command.usage("<stream> [flags]").argument("<stream>", "name or ARN of the stream");
  addChoiceFlags(command, "start")
    .option("--apart", "count the records within aggregates of the KPL; reads all of them")
    .option("--json", "one object of JSON");
  addWhereFlag(command);
  addServiceFlags(command).action(countRecords);
  addExamples(command, [
    [`${programName} count orders`, "all records"],
    [`${programName} count orders --from 1h --key berlin`, "those of a key in the last hour"],
    [`${programName} count orders --where '{"data":{"status":["failed"]}}'`, "by content"],
  ]);
}

async function countRecords(stream: string, flags: CountFlags): Promise<void> {
  const { apart: isApart = false, where } = flags;
  if (isApart && where !== undefined) {
    throw new Failure("--where is about records as they were put: leave out --apart", 2);
  }
  const signal = onInterrupt();
  const client = openClient(flags);
  const shards = await listShards(client, stream);
  const selection = readSelection(flags, "start", shards, client);
  const places = firstPlaces(shards, selection.from, selection.choice);
  const request = scanRequest(stream, selection, flags);
  const read = { client, stream, shards, places, selection, isApart, signal };
  let records: number;
  try {
    records = isApart
      ? await countByReading(read)
      : await countByScan(client, request, scannedShards(shards, places), signal);
  } catch (error) {
    if (!(error instanceof NoSuchPath) || where !== undefined) throw error;
    records = await countByReading(read);
  }
  if (flags.json === true) await printJson({ records });
  else await print(String(records));
}

interface Reading {
  client: KinesisClient;
  stream: string;
  shards: readonly Shard[];
  places: Places;
  selection: Selection;
  isApart: boolean;
  signal: AbortSignal;
}

async function countByReading(reading: Reading): Promise<number> {
  const { client, stream, shards, places, selection, isApart, signal } = reading;
  const progress = new Progress();
  let [records, bytes] = [0, 0];
  const deliver: Deliver = (page) => {
    const parts = isApart ? page.records.flatMap(takeApart) : page.records;
    for (const part of parts.filter(selection.matches)) {
      if (records === selection.limit) break;
      records++;
      bytes += part.data.length;
    }
    progress.show(() => describeCount(records, bytes, progress.seconds));
    return Promise.resolve({
      count: page.records.length,
      isEnough: records === selection.limit,
    });
  };
  const untilMs = selection.untilMs ?? client.serviceTime.maxMs;
  const { choice } = selection;
  const options = { choice, follow: false, untilMs, beganMs: 0, pauseMs: 0, pageRecords, signal };
  await new Walk(client, stream, places, options).run(shards, deliver);
  progress.end();
  signal.throwIfAborted();
  return records;
}
