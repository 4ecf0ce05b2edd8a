// A reply that is mostly records: GetRecords, and each event of SubscribeToShard. Some members, then
// the records of a page, in either format. JSON is printed by the engine. CBOR carries data as it is,
// so printing it is copying between constant bytes; it is laid out here:
//
//   bf 64 "Data" bytes  6c "PartitionKey" text          left out when the record has no key
//      78 1b "ApproximateArrivalTimestamp" 1b ms (u64)
//      6e "SequenceNumber" 78 38 56 digits  ff
import { concatBytes, utf8 } from "../bytes.ts";
import { type ShardNumbers, WALK_FIELDS } from "../engine.ts";
import { engine } from "../isolate.ts";
import { RecordPage, type RecordPrinter } from "../page.ts";
import { readHeader } from "../stream/chunk.ts";
import type { Run } from "../stream/reader.ts";
import { encodeCbor } from "./cbor.ts";
import type { WireFormat } from "./codec.ts";
import { sequenceNumber } from "./sequence.ts";

const COMMA = utf8(",");
const NOTHING = new Uint8Array(0);

/** `members` stand before `Records`. */
export function renderRecords(
  format: WireFormat,
  members: object,
  runs: readonly Run[],
  shard: ShardNumbers,
): RecordPage {
  if (format === "cbor") {
    const head = concatBytes([encodeCbor(members).subarray(0, -1), RECORDS_HEAD]);
    return new RecordPage(head, runs, cborPrinter(shard), RECORDS_FOOT);
  }
  const text = JSON.stringify(members).slice(0, -1);
  const head = `${text}${text === "{" ? "" : ","}"Records":[`;
  return new RecordPage(utf8(head), runs, jsonPrinter(shard), utf8("]}"));
}

function jsonPrinter(shard: ShardNumbers): RecordPrinter {
  return {
    measure: (chunk, from, to) => engine.measureKinesisJson(chunk, from, to),
    print: (chunk, from, to, sink) => engine.printKinesisJson(chunk, from, to, shard, sink),
    separator: COMMA,
  };
}

function cborPrinter(shard: ShardNumbers): RecordPrinter {
  return {
    measure: measureCbor,
    print: (chunk, from, to, sink) => sink(renderCbor(chunk, from, to, shard)),
    separator: NOTHING,
  };
}

const BYTES = 0x40;
const TEXT = 0x60;

const OPEN_DATA = hex("bf", "64", "Data");
const KEY = hex("6c", "PartitionKey");
const TIME = hex("781b", "ApproximateArrivalTimestamp", "1b");
const SEQUENCE = hex("6e", "SequenceNumber", "7838");
const BREAK = 0xff;

const RECORDS_HEAD = hex("67", "Records", "9f");
const RECORDS_FOOT = new Uint8Array([BREAK, BREAK]);

const TIME_BYTES = 8;
const SEQUENCE_BYTES = 56;

/** What every record has, whatever is in it. */
const constantBytes =
  OPEN_DATA.length + TIME.length + TIME_BYTES + SEQUENCE.length + SEQUENCE_BYTES + 1;

function measureCbor(chunk: Uint8Array, from: number, to: number): number {
  const rows = engine.walk(chunk, from, to);
  let bytes = 0;
  for (let row = 0; row < rows.length; row += WALK_FIELDS) {
    const keyBytes = rows[row + 1] as number;
    const dataBytes = rows[row + 3] as number;
    bytes += constantBytes + headBytes(dataBytes) + dataBytes;
    if (keyBytes > 0) bytes += KEY.length + headBytes(keyBytes) + keyBytes;
  }
  return bytes;
}

function renderCbor(
  chunk: Uint8Array,
  from: number,
  to: number,
  { createdMs, index: shardIndex }: ShardNumbers,
): Uint8Array {
  const { firstIndex, timeMs } = readHeader(chunk);
  const rows = engine.walk(chunk, from, to);
  const bytes = new Uint8Array(measureCbor(chunk, from, to));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  for (let i = 0; i < to - from; i++) {
    const row = i * WALK_FIELDS;
    const start = rows[row] as number;
    const keyBytes = rows[row + 1] as number;
    const infoBytes = rows[row + 2] as number;
    const dataBytes = rows[row + 3] as number;
    const arrivalMs = timeMs + (rows[row + 4] as number);
    const dataStart = start + keyBytes + infoBytes;
    put(OPEN_DATA);
    at = writeHead(view, at, BYTES, dataBytes);
    put(chunk.subarray(dataStart, dataStart + dataBytes));
    if (keyBytes > 0) {
      put(KEY);
      at = writeHead(view, at, TEXT, keyBytes);
      put(chunk.subarray(start, start + keyBytes));
    }
    put(TIME);
    view.setBigUint64(at, BigInt(arrivalMs));
    at += TIME_BYTES;
    put(SEQUENCE);
    const record = {
      shardCreatedMs: createdMs,
      shardIndex,
      index: firstIndex + from + i,
      arrivalMs,
    };
    put(utf8(sequenceNumber(record)));
    bytes[at++] = BREAK;
  }
  return bytes;
}

/** Bytes before a string of that many. */
function headBytes(length: number): number {
  if (length < 24) return 1;
  if (length < 2 ** 8) return 2;
  return length < 2 ** 16 ? 3 : 5;
}

/** Writes what stands before a string; returns where the string stands. */
function writeHead(view: DataView, at: number, major: number, length: number): number {
  const size = headBytes(length);
  if (size === 1) {
    view.setUint8(at, major + length);
  } else if (size === 2) {
    view.setUint16(at, ((major + 24) << 8) + length);
  } else if (size === 3) {
    view.setUint8(at, major + 25);
    view.setUint16(at + 1, length);
  } else {
    view.setUint8(at, major + 26);
    view.setUint32(at + 1, length);
  }
  return at + size;
}

/** Bytes in hexadecimal digits, and names between them as they are. */
function hex(...parts: string[]): Uint8Array {
  return concatBytes(
    parts.map((part) => (/^(?:[0-9a-f]{2})+$/.test(part) ? Buffer.from(part, "hex") : utf8(part))),
  );
}
