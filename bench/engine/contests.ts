// What bench/engine/engine.ts times: for each operation the engine in place, plain TypeScript in place, the
// engine with its copies, and plain TypeScript with a result of its own; once per record size also a
// plain copy of the data. "In place" sets the stage once (the wrapper leaves its windows as it
// laid them) and then calls the raw export alone. What is rendered is copied out into memory that is used
// again, on both sides: a Response copies the bytes it is given. Only the front copies neither in nor out.

import { type EngineProbe, WALK_FIELDS } from "../../test/support/engineProbe.ts";
import type { RecordPrinter } from "../../worker/engine/engine.ts";
import type { PutBodyKind } from "../../worker/engine/packer.ts";
import { RecordText } from "../../worker/engine/recordText.ts";
import { batchOf } from "../../worker/engine/recordBatch.ts";
import type { Subject } from "../tools/measure.ts";
import { openChunk, type PlainChunk } from "./plain/chunk.ts";
import { findTime, locateRecord, scan, walk } from "./plain/lookup.ts";
import { merge, pack, packColumns, seal } from "./plain/pack.ts";
import { readPutBody } from "./plain/readPut.ts";
import { renderKinesisCbor } from "./plain/renderCbor.ts";
import { renderKinesisByStrings } from "./plain/renderStrings.ts";
import { renderBytesMax, renderKinesis } from "./plain/render.ts";
import { SHARD, type Workload } from "../tools/workload.ts";

export interface Contest {
  title: string;
  /** Data bytes of a record. */
  record: number;
  /** What one call is about. */
  recordCount: number;
  dataBytes: number;
  subjects: Subject[];
  /** The same answer from each side. */
  outputs: Uint8Array[];
}

interface Runs {
  prepare: () => void;
  inPlace: () => number;
  plainInPlace: () => number;
  copies: () => Uint8Array;
  plainCopies: () => Uint8Array;
}

export function listBatchContests(engine: EngineProbe, workload: Workload): Contest[] {
  const chunk = openChunk(workload.chunk);
  const count = chunk.count;
  const half = { from: count >> 2, to: (count >> 2) + (count >> 1) };
  return [
    makeContest("pack", workload, count, packRuns(engine, workload)),
    makeContest("walk", workload, count, walkRuns(engine, workload, chunk)),
    makeContest("scan", workload, count, scanRuns(engine, workload, chunk)),
    makeContest("slice a half", workload, half.to - half.from, sliceRuns(engine, chunk, half)),
    makeContest("merge four", workload, count, mergeRuns(engine, workload)),
    makeContest("render Kinesis JSON", workload, count, renderRuns(engine, workload, chunk)),
    makeContest("the same as the front", workload, count, frontRuns(engine, workload, chunk)),
    makeContest("the same by strings", workload, count, stringRuns(engine, workload, chunk)),
    makeContest("render Kinesis CBOR", workload, count, cborRuns(engine, workload, chunk)),
    makeCopyContest(workload),
  ];
}

/** By itself: JSON.parse leaves so much to the garbage collector that others would pay for it. */
export function listPutContests(engine: EngineProbe, workload: Workload): Contest[] {
  const count = putCount(workload);
  return [makeContest("read PutRecords", workload, count, putRuns(engine, workload))];
}

export function listFindContests(engine: EngineProbe, { chunk: bytes }: Workload): Contest[] {
  const { raw } = engine;
  const chunk = openChunk(bytes);
  const { count } = chunk;
  const rows = engine.walk(bytes, 0, count);
  const afterMs = (i: number): number => rows[i * WALK_FIELDS + 4]!;
  // A walk through all records that never takes the next one.
  let i = 0;
  const nextRecord = (): number => (i = (i + 6151) % count);
  let address = 0;
  const prepare = (): void => {
    address = engine.load(bytes);
    i = 0;
  };
  prepare();
  const all = Array.from({ length: count }, (_, record) => record);
  const places = [
    all.map((record) => raw.locateRecord(address, record)),
    all.map((record) => locateRecord(chunk, record)),
  ];
  const times = [
    all.map((record) => raw.findTime(address, BigInt(chunk.timeMs + afterMs(record)), 3)),
    all.map((record) => findTime(chunk, chunk.timeMs + afterMs(record), 3)),
    all.map((record) => engine.findTime(bytes, chunk.timeMs + afterMs(record), 3)),
  ];
  const byIndex = {
    inPlace: () => raw.locateRecord(address, nextRecord()),
    plain: () => locateRecord(chunk, nextRecord()),
  };
  const byTime = {
    inPlace: () => raw.findTime(address, BigInt(chunk.timeMs + afterMs(nextRecord())), 3),
    plain: () => findTime(chunk, chunk.timeMs + afterMs(nextRecord()), 3),
    copies: () => engine.findTime(bytes, chunk.timeMs + afterMs(nextRecord()), 3),
  };
  const list = (title: string, runs: Record<string, () => number>, answers: number[][]) => ({
    title: `${title} among ${count}`,
    record: 100,
    recordCount: 1,
    dataBytes: 0,
    subjects: Object.entries(runs).map(([name, run]) => ({
      name: `${title} ${name}`,
      prepare,
      run,
    })),
    outputs: answers.map((found) => bytesOf(Uint32Array.from(found))),
  });
  return [list("by index", byIndex, places), list("by time", byTime, times)];
}

function makeContest(title: string, workload: Workload, recordCount: number, runs: Runs): Contest {
  const { prepare, inPlace, plainInPlace, copies, plainCopies } = runs;
  const record = workload.dataBytes;
  const subjects: Subject[] = [
    { name: "in place", prepare, run: inPlace },
    { name: "plain in place", prepare, run: plainInPlace },
    { name: "copies", run: () => copies().length },
    { name: "plain copies", run: () => plainCopies().length },
  ];
  for (const subject of subjects) subject.name = `${title} ${record} ${subject.name}`;
  const outputs = [copies().slice(), plainCopies().slice()];
  return { title, record, recordCount, dataBytes: record * recordCount, subjects, outputs };
}

/** Copying all data of the records once. */
function makeCopyContest({ dataBytes: record, records }: Workload): Contest {
  const recordCount = records.length;
  const dataBytes = record * recordCount;
  const source = new Uint8Array(dataBytes).fill(1);
  const target = new Uint8Array(dataBytes);
  const run = (): number => {
    target.set(source);
    return target[recordCount]!;
  };
  const subjects = [{ name: `memcpy ${record}`, run }];
  return { title: "memcpy", record, recordCount, dataBytes, subjects, outputs: [source] };
}

function packRuns(engine: EngineProbe, { records }: Workload): Runs {
  const rows = Uint32Array.from(
    records.flatMap(({ key, info, data }) => [key.length, info.length, data.length]),
  );
  // As the readers of request bodies leave it.
  const batch = batchOf(records);
  return {
    prepare: () => engine.pack(batch),
    inPlace: () => engine.raw.packRows(records.length),
    plainInPlace: () => packColumns(rows, records.length).length,
    copies: () => engine.pack(batch),
    plainCopies: () => pack(records),
  };
}

function walkRuns(engine: EngineProbe, { chunk: bytes }: Workload, chunk: PlainChunk): Runs {
  const { raw } = engine;
  const { count } = chunk;
  const rows = new Uint32Array(count * WALK_FIELDS);
  let address = 0;
  return {
    prepare: () => (address = engine.load(bytes)),
    inPlace: () => {
      raw.walkRecords(address, 0, count);
      return 1;
    },
    plainInPlace: () => {
      walk(chunk, 0, count, rows);
      return rows[4]!;
    },
    copies: () => bytesOf(engine.walk(bytes, 0, count)),
    plainCopies: () => {
      const fresh = new Uint32Array(count * WALK_FIELDS);
      walk(openChunk(bytes), 0, count, fresh);
      return bytesOf(fresh);
    },
  };
}

function scanRuns(engine: EngineProbe, { chunk: bytes }: Workload, chunk: PlainChunk): Runs {
  const { raw } = engine;
  const { count } = chunk;
  let address = 0;
  return {
    prepare: () => (address = engine.load(bytes)),
    inPlace: () => {
      raw.scanRecords(address, 0, count);
      return 1;
    },
    plainInPlace: () => scan(chunk, 0, count)[0]!,
    copies: () => {
      const { keyBytes, infoBytes, dataBytes, base64Bytes } = engine.scan(bytes, 0, count);
      return bytesOf(Uint32Array.of(keyBytes, infoBytes, dataBytes, base64Bytes));
    },
    plainCopies: () => bytesOf(Uint32Array.from(scan(openChunk(bytes), 0, count))),
  };
}

function sliceRuns(
  engine: EngineProbe,
  chunk: PlainChunk,
  { from, to }: { from: number; to: number },
): Runs {
  const { raw } = engine;
  return {
    prepare: () => engine.slice(chunk.bytes, from, to),
    inPlace: () => raw.mergeRanges(raw.TABLE.value, 1),
    plainInPlace: () => merge([{ chunk, from, to }]).length,
    copies: () => engine.slice(chunk.bytes, from, to),
    plainCopies: () => seal(merge([{ chunk: openChunk(chunk.bytes), from, to }])),
  };
}

function mergeRuns(engine: EngineProbe, { quarters }: Workload): Runs {
  const { raw } = engine;
  const open = () =>
    quarters.map((quarter) => {
      const chunk = openChunk(quarter);
      return { chunk, from: 0, to: chunk.count };
    });
  const opened = open();
  return {
    prepare: () => engine.merge(quarters),
    inPlace: () => raw.mergeRanges(raw.TABLE.value, quarters.length),
    plainInPlace: () => merge(opened).length,
    copies: () => engine.merge(quarters),
    plainCopies: () => seal(merge(open())),
  };
}

function renderRuns(engine: EngineProbe, { chunk: bytes }: Workload, chunk: PlainChunk): Runs {
  const { raw } = engine;
  const { count } = chunk;
  const [second, output] = [SHARD.createdMs / 1000, raw.OUTPUT.value];
  const room = Buffer.alloc(renderBytesMax(chunk));
  let address = 0;
  return {
    prepare: () => (address = engine.load(bytes)),
    inPlace: () => raw.renderKinesis(address, 0, count, 0, output, second, SHARD.index, 0, 0),
    plainInPlace: () => renderKinesis(chunk, 0, count, SHARD, room),
    ...pageRuns(engine.kinesisJson(SHARD), bytes, room, () =>
      renderKinesis(openChunk(bytes), 0, count, SHARD, room),
    ),
  };
}

/**
 * Rendering as the front of the local server prints the pages of segments that it holds: from the engine's memory into a slot,
 * which is sent. Neither side copies anything in or out, but a text that is longer than a slot.
 */
function frontRuns(engine: EngineProbe, workload: Workload, chunk: PlainChunk): Runs {
  const { count } = chunk;
  const printer = engine.kinesisJson(SHARD);
  const hot = engine.hotChunks?.take(workload.chunk);
  if (hot === undefined) throw new Error("the engine has no room for the chunk");
  const nothing = new Uint8Array(0);
  const text = new RecordText(nothing, [{ chunk: hot, from: 0, to: count }], printer, nothing);
  const room = Buffer.alloc(renderBytesMax(chunk));
  return {
    ...renderRuns(engine, workload, chunk),
    copies: () => {
      const { parts, slot } = text.make(undefined, true);
      slot?.release();
      // Whoever asks for more gives the memory of the text back.
      const { value: all } = parts[Symbol.iterator]().next();
      return all!;
    },
    plainCopies: () =>
      room.subarray(0, renderKinesis(openChunk(workload.chunk), 0, count, SHARD, room)),
  };
}

function cborRuns(engine: EngineProbe, { chunk: bytes }: Workload, chunk: PlainChunk): Runs {
  const { raw } = engine;
  const { count } = chunk;
  const [second, output] = [SHARD.createdMs / 1000, raw.OUTPUT.value];
  const room = Buffer.alloc(renderBytesMax(chunk));
  let address = 0;
  return {
    prepare: () => (address = engine.load(bytes)),
    inPlace: () => raw.renderKinesisCbor(address, 0, count, output, second, SHARD.index, 0, 0),
    plainInPlace: () => renderKinesisCbor(chunk, 0, count, SHARD, room),
    ...pageRuns(engine.kinesisCbor(SHARD), bytes, room, () =>
      renderKinesisCbor(openChunk(bytes), 0, count, SHARD, room),
    ),
  };
}

/** Records of one request: what Kinesis takes at most. */
function putCount({ records }: Workload): number {
  return Math.min(records.length, 500);
}

const KIND: PutBodyKind = { format: "json", recordsMax: 500, streamName: true, streamArn: true };

/** From the text of a request to keys and data in packing order. */
function putRuns(engine: EngineProbe, workload: Workload): Runs {
  const { raw } = engine;
  const Records = workload.records.slice(0, putCount(workload)).map(({ key, data }) => ({
    Data: Buffer.from(data).toString("base64"),
    PartitionKey: Buffer.from(key).toString("latin1"),
  }));
  const body = Buffer.from(JSON.stringify({ StreamName: "bench", Records }), "latin1");
  const room = Buffer.alloc(body.length);
  return {
    prepare: () => engine.readPutBody(body, KIND),
    inPlace: () => raw.readPutJson(body.length, 3, 500),
    plainInPlace: () => readPutBody(body, room),
    copies: () => engine.readPutBody(body, KIND)!.payload,
    plainCopies: () => {
      const payload = Buffer.alloc(body.length);
      return payload.subarray(0, readPutBody(body, payload));
    },
  };
}

/** A page without head and foot, printed and copied out; `renderPlain` prints it to `room`. */
function pageRuns(
  printer: RecordPrinter,
  chunk: Uint8Array,
  room: Buffer,
  renderPlain: () => number,
): Pick<Runs, "copies" | "plainCopies"> {
  const ranges = [{ chunk, from: 0, to: openChunk(chunk).count }];
  const nothing = new Uint8Array(0);
  const reply = new Uint8Array(room.length);
  return {
    copies: () => {
      let length = 0;
      for (const part of printer.print(nothing, ranges, nothing)) {
        reply.set(part, length);
        length += part.length;
      }
      return reply.subarray(0, length);
    },
    plainCopies: () => {
      const page = room.subarray(0, renderPlain());
      reply.set(page);
      return reply.subarray(0, page.length);
    },
  };
}

/** Rendering again, against plain TypeScript that concatenates strings. */
function stringRuns(engine: EngineProbe, workload: Workload, chunk: PlainChunk): Runs {
  const render = (): Uint8Array => renderKinesisByStrings(chunk, 0, chunk.count, SHARD);
  const runs = renderRuns(engine, workload, chunk);
  return { ...runs, plainInPlace: () => render().length, plainCopies: render };
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
