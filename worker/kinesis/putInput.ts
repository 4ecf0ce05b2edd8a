// The input of PutRecords. The engine reads its body in one pass from bytes to a batch, because
// parsing, decoding and checking record by record would cost as much as the rest of the request. A
// body that the engine does not read (assembly/putJson.ts, putCbor.ts), and every invalid one, is
// read like any other request, with the same outcome.
import { noBytes, utf8 } from "../codec/bytes.ts";
import { parseHashKey, writeHashKey } from "../core/hashKey.ts";
import type { PutBodyKind } from "../engine/packer.ts";
import type { PutManifest } from "../engine/putManifest.ts";
import { engine } from "../engine/instance.ts";
import { batchOf, type RecordBatch, type RecordPut } from "../engine/recordBatch.ts";
import { jsonCodec, type WireFormat } from "./codec.ts";
import { satisfies } from "./constraints.ts";
import { KinesisError } from "./errors.ts";
import { explicitHashKeyOutOfRange } from "./errorTexts.ts";
import type { StreamReference } from "./names.ts";
import { type Opener, openChecked } from "./operation.ts";
import { byArn, dataShape, hashKeyShape, partitionKeyShape, streamNameField } from "./shapes.ts";
import { boolean, list, required, requiredByKey, structure } from "./shapeTypes.ts";

/** Records to be put, however the body was read. */
export interface PutInput extends StreamReference {
  readonly DryRun?: boolean | undefined;
  /** To be thrown unless the stream distributes records by itself. */
  readonly keyError: KinesisError | undefined;
  /** Throws InvalidArgumentException for an explicit hash key that is too large. */
  readonly batch: () => RecordBatch | Promise<RecordBatch>;
  /** Set if the front keeps the records: the batch takes its body then. */
  readonly manifest?: PutManifest;
}

const recordShape = structure(
  {
    PartitionKey: requiredByKey(partitionKeyShape),
    ExplicitHashKey: hashKeyShape,
    Data: required(dataShape),
  },
  "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310",
);

export const putRecordsShape = structure({
  Records: required(list(recordShape, 1, 500)),
  StreamName: streamNameField,
  ...byArn,
  DryRun: boolean,
});

interface RecordMembers {
  readonly Data: Uint8Array;
  readonly PartitionKey?: string | undefined;
  readonly ExplicitHashKey?: string | undefined;
}

export const openPutRecords: Opener<PutInput> = (body, codec) => {
  const read = readByEngine(body, codec.format);
  return read === undefined ? openGeneral(body, codec) : () => read;
};

const openGeneral = openChecked(
  putRecordsShape,
  ({ input: { Records, ...input }, keyError }): PutInput => ({
    ...input,
    keyError,
    batch: () => batchOf(Records.map(readRecord)),
  }),
);

/** The input of a body that the front keeps; undefined when the body needs the general reader. */
export function readManifest(
  manifest: PutManifest,
  readBody: () => Promise<Uint8Array>,
): PutInput | undefined {
  const { streamName: StreamName, streamArn: StreamARN } = manifest;
  if (!areNames({ StreamName, StreamARN })) return undefined;
  const batch = async () => {
    const open = openPutRecords(await readBody(), jsonCodec);
    if (open === undefined) throw new KinesisError("SerializationException");
    return open().batch();
  };
  return { StreamName, StreamARN, keyError: undefined, batch, manifest };
}

/** True if names keep to the shape's bounds; the engine has held the records to theirs. */
function areNames(names: StreamReference): boolean {
  const sample = { Data: noBytes, PartitionKey: "-" };
  return satisfies(putRecordsShape, { ...names, Records: [sample] });
}

/** Undefined when the body needs the general reader. */
function readByEngine(body: Uint8Array, format: WireFormat): PutInput | undefined {
  const kind: PutBodyKind = { format, recordsMax: 500, streamName: true, streamArn: true };
  const text = engine.readPutBody(body, kind);
  if (text === undefined) return undefined;
  const { streamName: StreamName, streamArn: StreamARN, ...batch } = text;
  if (!areNames({ StreamName, StreamARN })) return undefined;
  return { StreamName, StreamARN, keyError: undefined, batch: () => batch };
}

export function readRecord({ Data, PartitionKey, ExplicitHashKey }: RecordMembers): RecordPut {
  const key = PartitionKey === undefined ? noBytes : utf8(PartitionKey);
  return { key, info: noBytes, data: Data, hash: readHash(ExplicitHashKey) };
}

function readHash(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = parseHashKey(text);
  if (key === undefined) throw explicitHashKeyOutOfRange(text);
  return writeHashKey(key);
}
