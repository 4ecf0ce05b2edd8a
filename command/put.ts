/** `millrace put`: puts a record of the command line, or records of stdin. */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { Failure } from "../local/failure.ts";
import { type NewRecord, parseLine } from "./record/line.ts";
import { openClient } from "./service/client.ts";
import { addServiceFlags, type ServiceFlags } from "./service/flags.ts";
import { addExamples } from "./subcommand.ts";
import { write } from "./terminal/output.ts";
import { programName } from "./version.ts";
import { readInput, readLines } from "./writing/lines.ts";
import { Putter, type Receipt } from "./writing/putter.ts";

interface PutFlags extends ServiceFlags {
  key?: string;
  hashKey?: string;
  ndjson?: boolean;
  whole?: boolean;
  quiet?: boolean;
  json?: boolean;
}

export function put(command: Command): void {
  command
    .usage("<stream> [data] [flags]")
    .argument("<stream>", "name or ARN of the stream")
    .argument("[data]", "data of one record; without it each line of stdin is a record")
    .option("--key <key>", "partition key (a random one for each record)")
    .option("--hash-key <number>", "explicit hash key, which chooses the shard")
    .option("--ndjson", "lines of stdin are JSON, with partitionKey and data or dataBase64")
    .option("--whole", "all of stdin is one record")
    .option("--json", "print where each record was put as a line of JSON")
    .option("--quiet", "do not print where the records were put");
  addServiceFlags(command).action(putCommand);
  addExamples(command, [
    [`${programName} put orders '{"id":1}' --key berlin`, "one record"],
    [`tail -f app.log | ${programName} put logs --quiet`, "each line as soon as it is there"],
    [`${programName} put images --whole --key a < a.png`, "a file as one record"],
  ]);
}

async function putCommand(
  stream: string,
  data: string | undefined,
  flags: PutFlags,
): Promise<void> {
  checkFlags(data, flags);
  const client = openClient(flags);
  const putter = new Putter(client, stream);
  const report = (receipts: Receipt[]) => printReceipts(receipts, flags);
  if (flags.hashKey !== undefined && !/^(0|[1-9]\d{0,38})$/.test(flags.hashKey)) {
    throw new Failure(`--hash-key ${flags.hashKey} is not valid: pass a number below 2^128`, 2);
  }
  if (data !== undefined || flags.whole === true) {
    await putter.add(newRecord(data === undefined ? await readInput() : Buffer.from(data), flags));
    await report(await putter.flush());
    return;
  }
  await putLines(putter, flags, report);
}

/** Lines that come slowly are put at once; lines that are there already share a batch. */
async function putLines(
  putter: Putter,
  flags: PutFlags,
  report: (receipts: Receipt[]) => Promise<void>,
): Promise<void> {
  const lines = readLines("-");
  let next = lines.next();
  for (;;) {
    const isLate = (await Promise.race([next, turn()])) === undefined;
    if (isLate) await report(await putter.flush());
    const { done, value: line } = await next;
    if (done === true) break;
    next = lines.next();
    // Failures of the reader are met when its line is awaited.
    next.catch(() => {});
    if (flags.ndjson === true) {
      const text = line.bytes.toString();
      if (text.trim() === "") continue;
      const record = parseLine(text, `line ${line.number}`, flags.key ?? randomUUID());
      await report(await putter.add(record));
    } else await report(await putter.add(newRecord(line.bytes, flags)));
  }
  await report(await putter.flush());
}

/** Undefined after everything that is ready has run. */
async function turn(): Promise<undefined> {
  await new Promise((done) => setImmediate(done));
}

function newRecord(data: Uint8Array, { key, hashKey }: PutFlags): NewRecord {
  const record = { partitionKey: key ?? randomUUID(), data };
  return hashKey === undefined ? record : { ...record, explicitHashKey: hashKey };
}

function checkFlags(data: string | undefined, { ndjson, whole, json, quiet }: PutFlags): void {
  if (data !== undefined && (ndjson === true || whole === true)) {
    throw new Failure("--ndjson and --whole are for stdin: leave out the data", 2);
  }
  if (ndjson === true && whole === true) {
    throw new Failure("--whole is one record and --ndjson is one for each line: choose one", 2);
  }
  if (json === true && quiet === true) {
    throw new Failure("--quiet prints nothing: leave out --json", 2);
  }
}

async function printReceipts(receipts: Receipt[], { json, quiet }: PutFlags): Promise<void> {
  if (quiet === true || receipts.length === 0) return;
  const lines = receipts.map((receipt) =>
    json === true ? JSON.stringify(receipt) : `${receipt.shardId} ${receipt.sequenceNumber}`,
  );
  await write(`${lines.join("\n")}\n`);
}
