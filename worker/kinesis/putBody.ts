// The body of PutRecords in JSON, read by the engine in one pass from text to packed bytes: parsing,
// decoding and checking record by record would cost as much as all the rest of the request. What the
// engine does not take (assembly/putBody.ts) goes the way of every other request, with the same
// outcome, and so does everything that is wrong: here only good bodies come out.
import { PACK_ROW, type PutText } from "../engine.ts";
import { engine } from "../isolate.ts";
import type { PackedRecords, RecordPut } from "../stream/writer.ts";
import { satisfies } from "./constraints.ts";
import { shapes } from "./shapes.ts";

const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder();

/** A record of the input that is ready for the writer. */
export class PackedRecord implements RecordPut {
  readonly key: Uint8Array;
  readonly info = NOTHING;
  readonly data: Uint8Array;
  readonly ExplicitHashKey = undefined;

  constructor(key: Uint8Array, data: Uint8Array) {
    this.key = key;
    this.data = data;
  }

  get Data(): Uint8Array {
    return this.data;
  }

  get PartitionKey(): string {
    return decoder.decode(this.key);
  }
}

/** The input of PutRecords, with nothing left to check. Its records are made when somebody asks for them. */
export class PutBody {
  readonly StreamName: string | undefined;
  readonly StreamARN: string | undefined;
  readonly DryRun = undefined;
  readonly packed: PackedRecords;
  #records: PackedRecord[] | undefined;

  constructor({ streamName, streamArn, ...packed }: PutText) {
    this.StreamName = streamName;
    this.StreamARN = streamArn;
    this.packed = packed;
  }

  get Records(): PackedRecord[] {
    return (this.#records ??= this.#makeRecords());
  }

  #makeRecords(): PackedRecord[] {
    const { count, rows, payload } = this.packed;
    let at = 0;
    return Array.from({ length: count }, (_, i) => {
      const data = at + rows[i * PACK_ROW]!;
      const end = data + rows[i * PACK_ROW + 2]!;
      const record = new PackedRecord(payload.subarray(at, data), payload.subarray(data, end));
      at = end;
      return record;
    });
  }

  /** Data and key of the largest record. */
  get largestBytes(): number {
    const { count, rows } = this.packed;
    let largest = 0;
    for (let at = 0; at < count * PACK_ROW; at += PACK_ROW) {
      largest = Math.max(largest, rows[at]! + rows[at + 2]!);
    }
    return largest;
  }
}

/** Undefined when the body needs the general reader. */
export function readPutBody(body: Uint8Array): PutBody | undefined {
  const text = engine.readPutBody(body);
  if (text === undefined) return undefined;
  const { streamName: StreamName, streamArn: StreamARN } = text;
  // The records keep their bounds already; the names are held to the shape's.
  const sample = { Data: NOTHING, PartitionKey: "-" };
  const input = { StreamName, StreamARN, Records: [sample] };
  return satisfies(shapes.PutRecords, input) ? new PutBody(text) : undefined;
}
