// Prints the reply of PutRecords when every record has been stored. All records of such a reply are
// equally long. So the codec prints one sample, and shard ids and sequence numbers are written over
// those of the sample: 500 records cost as little as a few records printed from objects.
import { Buffer } from "node:buffer";
import { concatBytes, noBytes, utf8 } from "../codec/bytes.ts";
import { engine } from "../engine/instance.ts";
import type { ShardDescription } from "../core/types.ts";
import type { PlacedRecord, PlacedRun, PlacedRuns } from "../stream/writer.ts";
import type { BodyCodec, WireFormat } from "./codec.ts";
import { shardIdOf } from "./shardId.ts";

const NUMBER_BYTES = 56;
const sampleShardId = shardIdOf(0);
const sampleNumber = "1".repeat(NUMBER_BYTES);

/** Bytes of a reply around what is laid over them. Both rows begin with a shard id. */
interface Template {
  head: Uint8Array;
  /** From a record's shard id to the next one's. */
  row: Uint8Array;
  /** From the last record's shard id to the end. */
  last: Uint8Array;
  /** Where a row's sequence number stands. */
  numberAt: number;
}

/** Records of one shard that were committed together: their numbers follow one another. */
interface NumberRange {
  index: number;
  timeMs: number;
  /** Where they stand in the request. */
  which: number[];
}

/** The same reply for records that are one run. */
export function printRunReply(
  codec: BodyCodec,
  run: PlacedRun,
  members: object | undefined,
): Uint8Array {
  return printRun(templateOf(codec, members), run);
}

/** The same for records whose shards have a run each. */
export function printRoutedReply(
  codec: BodyCodec,
  { runs, routes }: PlacedRuns,
  members: object | undefined,
): Uint8Array {
  const { head, row, last, numberAt } = templateOf(codec, members);
  // The rows of each run, one run after the other; then each record takes the next row of its route.
  const rows = new Uint8Array(routes.length * row.length);
  const next = new Uint32Array(runs.length);
  let at = 0;
  for (const [route, run] of runs.entries()) {
    next[route] = at;
    if (run === undefined) continue;
    rows.set(printRows(row, numberAt, run), at);
    at += run.count * row.length;
  }
  const lastAt = head.length + (routes.length - 1) * row.length;
  const reply = new Uint8Array(lastAt + Math.max(last.length, row.length));
  reply.set(head);
  at = head.length;
  for (const route of routes) {
    const from = next[route]!;
    next[route] = from + row.length;
    reply.set(rows.subarray(from, from + row.length), at);
    at += row.length;
  }
  const numberEnd = numberAt + NUMBER_BYTES;
  reply.set(last.subarray(numberEnd), lastAt + numberEnd);
  return reply.subarray(0, lastAt + last.length);
}

/** `members` stand beside `Records` and `FailedRecordCount`. */
export function printPutReply(
  codec: BodyCodec,
  placed: readonly PlacedRecord[],
  members: object | undefined,
): Uint8Array {
  const template = templateOf(codec, members);
  const { head, row, last, numberAt } = template;
  const shards = runsByShard(placed);
  const [only, more] = [...shards].flatMap(([shard, runs]) => runs.map((run) => ({ shard, run })));
  if (only !== undefined && more === undefined) {
    const { shard, run } = only;
    return printRun(template, { shard, ...run, count: run.which.length });
  }
  const end = placed.length - 1;
  const reply = new Uint8Array(head.length + end * row.length + last.length);
  reply.set(head);
  const rowAt = (i: number): number => head.length + i * row.length;
  for (let i = 0; i < end; i++) reply.set(row, rowAt(i));
  reply.set(last, rowAt(end));
  for (const [shard, runs] of shards) {
    const shardId = utf8(shardIdOf(shard.index));
    for (const { index, timeMs, which } of runs) {
      const count = which.length;
      const digits = engine.printNumbers(shard, index, count, timeMs, noBytes, noBytes);
      for (const [at, i] of which.entries()) {
        reply.set(shardId, rowAt(i));
        const number = digits.subarray(at * NUMBER_BYTES, (at + 1) * NUMBER_BYTES);
        reply.set(number, rowAt(i) + numberAt);
      }
    }
  }
  return reply;
}

function printRun({ head, row, last, numberAt }: Template, run: PlacedRun): Uint8Array {
  const numberEnd = numberAt + NUMBER_BYTES;
  const rows = printRows(row, numberAt, run);
  // The last row has no separator behind it, but the end of the reply.
  return concatBytes([
    head,
    rows.subarray(0, rows.length - (row.length - numberEnd)),
    last.subarray(numberEnd),
  ]);
}

/** The engine prints all rows at once; they are in its memory. */
function printRows(
  row: Uint8Array,
  numberAt: number,
  { shard, index, timeMs, count }: PlacedRun,
): Uint8Array {
  const before = row.slice(0, numberAt);
  before.set(utf8(shardIdOf(shard.index)));
  const after = row.subarray(numberAt + NUMBER_BYTES);
  return engine.printNumbers(shard, index, count, timeMs, before, after);
}

function runsByShard(placed: readonly PlacedRecord[]): Map<ShardDescription, NumberRange[]> {
  const shards = new Map<ShardDescription, NumberRange[]>();
  for (const [i, { shard, index, timeMs }] of placed.entries()) {
    let runs = shards.get(shard);
    if (runs === undefined) {
      runs = [];
      shards.set(shard, runs);
    }
    const run = runs.at(-1);
    if (run !== undefined && run.timeMs === timeMs && run.index + run.which.length === index) {
      run.which.push(i);
    } else {
      runs.push({ index, timeMs, which: [i] });
    }
  }
  return shards;
}

/** Of replies without further members. */
const plainTemplates = new Map<WireFormat, Template>();

function templateOf(codec: BodyCodec, members: object | undefined): Template {
  if (members !== undefined) return newTemplate(codec, members);
  let template = plainTemplates.get(codec.format);
  if (template === undefined) {
    template = newTemplate(codec, members);
    plainTemplates.set(codec.format, template);
  }
  return template;
}

function newTemplate(codec: BodyCodec, members: object | undefined): Template {
  const row = { ShardId: sampleShardId, SequenceNumber: sampleNumber };
  const bytes = codec.encode({ FailedRecordCount: 0, Records: [row, row], ...members });
  const sample = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = sample.indexOf(sampleShardId);
  const second = sample.indexOf(sampleShardId, first + 1);
  return {
    head: bytes.subarray(0, first),
    row: bytes.subarray(first, second),
    last: bytes.subarray(second),
    numberAt: sample.indexOf(sampleNumber) - first,
  };
}
