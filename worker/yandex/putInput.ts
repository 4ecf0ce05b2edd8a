// The body of PutRecords, read by the engine in one pass from bytes to a batch. What the engine does not
// take (assembly/putJson.ts, putCbor.ts) goes the way of every other request, with the same outcome.
import { engine } from "../engine/instance.ts";
import type { RecordBatch } from "../engine/recordBatch.ts";
import type { WireFormat } from "./codec.ts";

/** The input of PutRecords; its records have keys that are not too long. */
export class PutBody {
  readonly StreamName: string | undefined;
  readonly batch: RecordBatch;

  constructor(StreamName: string | undefined, batch: RecordBatch) {
    this.StreamName = StreamName;
    this.batch = batch;
  }
}

/** Undefined when the body needs the general reader. */
export function readPutBody(body: Uint8Array, format: WireFormat): PutBody | undefined {
  const text = engine.readPutBody(body, { format, recordsMax: 500, streamName: true });
  if (text === undefined) return undefined;
  const { streamName, ...batch } = text;
  return new PutBody(streamName, batch);
}
