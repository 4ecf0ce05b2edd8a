// The engine's work in plain TypeScript, written with care: what a good Node program would do
// without WASM. This folder is not the oracle (that is test/reference, slow on purpose) but the
// yardstick that the engine is measured by. Here: a chunk's header and the entries of its columns.

export const HEADER_BYTES = 56;

/** A chunk with its header read. */
export interface PlainChunk {
  bytes: Buffer;
  count: number;
  firstIndex: number;
  timeMs: number;
  timeOrdinal: number;
  stride: number;
  keyMin: number;
  infoMin: number;
  endWidth: number;
  keyWidth: number;
  infoWidth: number;
  timeWidth: number;
  endsAt: number;
  keysAt: number;
  infosAt: number;
  timesAt: number;
  payloadAt: number;
}

export function openChunk(source: Uint8Array): PlainChunk {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  const [endWidth, keyWidth, infoWidth, timeWidth] = [bytes[5]!, bytes[6]!, bytes[7]!, bytes[8]!];
  const count = bytes.readUInt32LE(12);
  const keysAt = HEADER_BYTES + count * endWidth;
  const infosAt = keysAt + count * keyWidth;
  const timesAt = infosAt + count * infoWidth;
  return {
    bytes,
    count,
    firstIndex: bytes.readUInt32LE(16) + bytes.readUInt32LE(20) * 2 ** 32,
    timeMs: bytes.readUInt32LE(24) + bytes.readUInt32LE(28) * 2 ** 32,
    timeOrdinal: bytes.readUInt32LE(32),
    stride: bytes.readUInt32LE(36),
    keyMin: bytes.readUInt16LE(40),
    infoMin: bytes[42]!,
    endWidth,
    keyWidth,
    infoWidth,
    timeWidth,
    endsAt: HEADER_BYTES,
    keysAt,
    infosAt,
    timesAt,
    payloadAt: timesAt + count * timeWidth,
  };
}

export function firstAtDelta(chunk: PlainChunk, delta: number): number {
  let low = 0;
  let high = chunk.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeDeltaOf(chunk, middle) < delta) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function timeDeltaOf({ bytes, timesAt, timeWidth }: PlainChunk, i: number): number {
  return readEntry(bytes, timesAt + i * timeWidth, timeWidth);
}

export function endOf({ bytes, stride, endsAt, endWidth }: PlainChunk, i: number): number {
  return i < 0 ? 0 : stride * (i + 1) + readEntry(bytes, endsAt + i * endWidth, endWidth);
}

export function readEntry(bytes: Buffer, at: number, width: number): number {
  switch (width) {
    case 0:
      return 0;
    case 1:
      return bytes[at]!;
    case 2:
      return bytes[at]! | (bytes[at + 1]! << 8);
    case 3:
      return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    default:
      return bytes.readUInt32LE(at);
  }
}
