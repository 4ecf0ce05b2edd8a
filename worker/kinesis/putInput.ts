// The body of PutRecords, read by the engine in one pass from bytes to a batch: parsing, decoding and
// checking record by record would cost as much as all the rest of the request. What the engine does
// not take (assembly/putJson.ts, putCbor.ts) goes the way of every other request, with the same
// outcome, and so does everything that is wrong: here only good bodies come out.
import { noBytes } from "../codec/bytes.ts";
import type { PutBodyKind } from "../engine/packer.ts";
import { engine } from "../engine/instance.ts";
import type { RecordBatch } from "../engine/recordBatch.ts";
import type { WireFormat } from "./codec.ts";
import { satisfies } from "./constraints.ts";
import { shapes } from "./shapes.ts";

/** The input of PutRecords, with nothing left to check. */
export class PutBody {
  readonly StreamName: string | undefined;
  readonly StreamARN: string | undefined;
  readonly batch: RecordBatch;

  constructor(StreamName: string | undefined, StreamARN: string | undefined, batch: RecordBatch) {
    this.StreamName = StreamName;
    this.StreamARN = StreamARN;
    this.batch = batch;
  }
}

/** Undefined when the body needs the general reader. */
export function readPutBody(body: Uint8Array, format: WireFormat): PutBody | undefined {
  const kind: PutBodyKind = { format, recordsMax: 500, streamName: true, streamArn: true };
  const text = engine.readPutBody(body, kind);
  if (text === undefined) return undefined;
  const { streamName: StreamName, streamArn: StreamARN, ...batch } = text;
  // The records keep their bounds already; the names are held to the shape's.
  const sample = { Data: noBytes, PartitionKey: "-" };
  const input = { StreamName, StreamARN, Records: [sample] };
  return satisfies(shapes.PutRecords, input)
    ? new PutBody(StreamName, StreamARN, batch)
    : undefined;
}
