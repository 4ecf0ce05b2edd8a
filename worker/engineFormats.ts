// The formats in which the engine prints records: which exports do it, and how the text of a record
// is put together whose data goes around the engine.
import type { EngineExports } from "./engineExports.ts";

/** What a Kinesis sequence number carries about its shard. */
export interface ShardNumbers {
  createdMs: number;
  index: number;
}

export interface RecordFormat {
  /** What stands between two records. */
  readonly separator: Uint8Array;
  /** Data stands in base64, else as it is. */
  readonly isBase64: boolean;
  /** Keys are looked at to measure them. */
  readonly measuresKeys: boolean;
  /** Exact bytes of records `from` to `to`. */
  measure(raw: EngineExports, chunk: number, from: number, to: number): number;
  /** Prints from the address `at` on, behind a separator when `comma` is 1; returns the end. */
  render(
    raw: EngineExports,
    chunk: number,
    from: number,
    to: number,
    comma: number,
    at: number,
  ): number;
  /** What stands before and after data of so many bytes, given the text of the record without data. */
  frame(text: Uint8Array, dataBytes: number): [before: Uint8Array, after: Uint8Array];
}

const COMMA = Uint8Array.of(0x2c);
const NOTHING = new Uint8Array(0);

/** As GetRecords of Kinesis prints records in JSON: assembly/render/kinesis.ts. */
export function kinesisJson({ createdMs, index }: ShardNumbers): RecordFormat {
  const second = Math.floor(createdMs / 1000);
  return {
    ...kinesisJsonText,
    render: (raw, chunk, from, to, comma, at) =>
      raw.renderKinesis(chunk, from, to, comma, at, second, index),
  };
}

/** As GetRecords of Kinesis prints records in CBOR: assembly/render/kinesisCbor.ts. */
export function kinesisCbor({ createdMs, index }: ShardNumbers): RecordFormat {
  const second = Math.floor(createdMs / 1000);
  return {
    ...kinesisCborText,
    render: (raw, chunk, from, to, _comma, at) =>
      raw.renderKinesisCbor(chunk, from, to, at, second, index),
  };
}

const kinesisJsonText: Omit<RecordFormat, "render"> = {
  separator: COMMA,
  isBase64: true,
  measuresKeys: true,
  measure: (raw, chunk, from, to) => raw.measureKinesis(chunk, from, to),
  frame: (text) => splitAt(text, '{"Data":"'.length),
};

const kinesisCborText: Omit<RecordFormat, "render"> = {
  separator: NOTHING,
  isBase64: false,
  measuresKeys: false,
  measure: (raw, chunk, from, to) => raw.measureKinesisCbor(chunk, from, to),
  frame: (text, dataBytes) => {
    // No data is one byte, its head; so much of it has a head of five.
    const start = 6;
    const before = new Uint8Array(start + 5);
    before.set(text.subarray(0, start));
    before[start] = 0x5a;
    new DataView(before.buffer).setUint32(start + 1, dataBytes);
    return [before, text.subarray(start + 1)];
  },
};

/** As GetRecords of v3io prints records: assembly/render/v3io.ts. */
export const v3ioJson: RecordFormat = {
  separator: COMMA,
  isBase64: true,
  measuresKeys: true,
  measure: (raw, chunk, from, to) => raw.measureV3io(chunk, from, to),
  render: (raw, chunk, from, to, comma, at) => raw.renderV3io(chunk, from, to, comma, at),
  frame: (text) => splitAt(text, text.length - '"}'.length),
};

function splitAt(text: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  return [text.subarray(0, at), text.subarray(at)];
}
