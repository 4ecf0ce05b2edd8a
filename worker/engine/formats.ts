// The formats in which the engine prints records: the exports of each, and how the text of a record
// is built whose data is larger than the window.
import { noBytes } from "../codec/bytes.ts";
import type { EngineExports } from "./exports.ts";
import { encryptedCount, renderStretches, stretchesOf, type TimeSpan } from "./stretches.ts";

/** The fields of a Kinesis sequence number that depend on the shard. */
export interface ShardNumbers {
  createdMs: number;
  index: number;
  /** Records may arrive before the creation time; their numbers then carry the second after it. */
  createdAhead?: boolean | undefined;
}

/** What a format is made from, so that another process makes the same one. */
export type FormatOrder =
  | {
      name: "kinesisJson" | "kinesisCbor";
      shard: ShardNumbers;
      encrypted: readonly TimeSpan[];
    }
  | { name: "v3ioJson" | "yandexJson" | "yandexCbor" };

export interface RecordFormat {
  readonly order: FormatOrder;
  /** The text between two records. */
  readonly separator: Uint8Array;
  /** True if data is printed in base64; otherwise it is copied unchanged. */
  readonly isBase64: boolean;
  /** True if measuring must read the keys. */
  readonly measuresKeys: boolean;
  /** Exact bytes of records `from` to `to`. */
  measure(raw: EngineExports, chunk: number, from: number, to: number): number;
  /** Prints from the address `at` on, after a separator if `comma` is 1; returns the end. */
  render(
    raw: EngineExports,
    chunk: number,
    from: number,
    to: number,
    comma: number,
    at: number,
  ): number;
  /**
   * The text before and after data of this length, made from the text of the record without data.
   */
  frame(text: Uint8Array, dataBytes: number): [before: Uint8Array, after: Uint8Array];
}

const COMMA = Uint8Array.of(0x2c);

/** As GetRecords of Kinesis prints records in JSON: assembly/render/kinesis.ts. */
export function kinesisJson(shard: ShardNumbers, encrypted: readonly TimeSpan[]): RecordFormat {
  const { createdMs, index } = shard;
  const isAhead = Number(shard.createdAhead === true);
  const second = Math.floor(createdMs / 1000);
  return {
    order: { name: "kinesisJson", shard, encrypted },
    separator: COMMA,
    isBase64: true,
    measuresKeys: true,
    measure: (raw, chunk, from, to) =>
      raw.measureKinesis(chunk, from, to, encryptedCount(raw, chunk, from, to, encrypted)),
    render: (raw, chunk, from, to, comma, at) =>
      renderStretches(raw, stretchesOf(raw, chunk, from, to, encrypted), at, (stretch, start) => {
        const before = stretch.from === from ? comma : 1;
        const { isEncrypted } = stretch;
        return raw.renderKinesis(
          chunk,
          stretch.from,
          stretch.to,
          before,
          start,
          second,
          index,
          isEncrypted,
          isAhead,
        );
      }),
    frame: (text) => splitAt(text, '{"Data":"'.length),
  };
}

/** As GetRecords of Kinesis prints records in CBOR: assembly/render/kinesisCbor.ts. */
export function kinesisCbor(shard: ShardNumbers, encrypted: readonly TimeSpan[]): RecordFormat {
  const { createdMs, index } = shard;
  const isAhead = Number(shard.createdAhead === true);
  const second = Math.floor(createdMs / 1000);
  return {
    order: { name: "kinesisCbor", shard, encrypted },
    separator: noBytes,
    isBase64: false,
    measuresKeys: false,
    measure: (raw, chunk, from, to) =>
      raw.measureKinesisCbor(chunk, from, to, encryptedCount(raw, chunk, from, to, encrypted)),
    render: (raw, chunk, from, to, _comma, at) =>
      renderStretches(raw, stretchesOf(raw, chunk, from, to, encrypted), at, (stretch, start) => {
        const { isEncrypted } = stretch;
        return raw.renderKinesisCbor(
          chunk,
          stretch.from,
          stretch.to,
          start,
          second,
          index,
          isEncrypted,
          isAhead,
        );
      }),
    frame: (text, dataBytes) => frameBytes(text, endOf(text, "Data"), dataBytes),
  };
}

/** As GetRecords of v3io prints records: assembly/render/v3io.ts. */
export const v3ioJson: RecordFormat = {
  order: { name: "v3ioJson" },
  separator: COMMA,
  isBase64: true,
  measuresKeys: true,
  measure: (raw, chunk, from, to) => raw.measureV3io(chunk, from, to),
  render: (raw, chunk, from, to, comma, at) => raw.renderV3io(chunk, from, to, comma, at),
  frame: (text) => splitAt(text, text.length - '"}'.length),
};

/** As GetRecords of Yandex prints records in JSON: assembly/render/yandex.ts. */
export const yandexJson: RecordFormat = {
  order: { name: "yandexJson" },
  separator: COMMA,
  isBase64: true,
  measuresKeys: true,
  measure: (raw, chunk, from, to) => raw.measureYandex(chunk, from, to),
  render: (raw, chunk, from, to, comma, at) => raw.renderYandex(chunk, from, to, comma, at),
  frame: (text) => splitAt(text, endOf(text, '"Data":"')),
};

/** As GetRecords of Yandex prints records in CBOR: assembly/render/yandexCbor.ts. */
export const yandexCbor: RecordFormat = {
  order: { name: "yandexCbor" },
  separator: noBytes,
  isBase64: false,
  measuresKeys: false,
  measure: (raw, chunk, from, to) => raw.measureYandexCbor(chunk, from, to),
  render: (raw, chunk, from, to, _comma, at) => raw.renderYandexCbor(chunk, from, to, at),
  frame: (text, dataBytes) => frameBytes(text, endOf(text, "Data"), dataBytes),
};

export function formatOf(order: FormatOrder): RecordFormat {
  switch (order.name) {
    case "kinesisJson":
      return kinesisJson(order.shard, order.encrypted);
    case "kinesisCbor":
      return kinesisCbor(order.shard, order.encrypted);
    case "v3ioJson":
      return v3ioJson;
    case "yandexJson":
      return yandexJson;
    case "yandexCbor":
      return yandexCbor;
  }
}

/** The end of the first `name` in a text; it comes before everything that a producer chose. */
function endOf(text: Uint8Array, name: string): number {
  const start = new TextDecoder("latin1").decode(text.subarray(0, 128)).indexOf(name);
  return start + name.length;
}

/**
 * Empty data is one byte at `at`, its head. Data that is larger than the window has a head of five
 * bytes.
 */
function frameBytes(text: Uint8Array, at: number, dataBytes: number): [Uint8Array, Uint8Array] {
  const before = new Uint8Array(at + 5);
  before.set(text.subarray(0, at));
  before[at] = 0x5a;
  new DataView(before.buffer).setUint32(at + 1, dataBytes);
  return [before, text.subarray(at + 1)];
}

function splitAt(text: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  return [text.subarray(0, at), text.subarray(at)];
}
