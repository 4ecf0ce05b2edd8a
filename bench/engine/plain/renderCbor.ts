// Kinesis CBOR in plain TypeScript: constant bytes and data copied, numbers patched instead of
// printed, everything written straight into one buffer.

import { endOf, type PlainChunk, readEntry } from "./chunk.ts";
import { SequenceTail } from "./sequence.ts";

const OPEN = Buffer.from("\xbf\x64Data", "latin1");
const KEY = Buffer.from("\x6cPartitionKey", "latin1");
const TAIL_TEXT = "\x78\x1bApproximateArrivalTimestamp\xc1\x1b________\x6eSequenceNumber\x78\x38";
const TIME_AT = TAIL_TEXT.indexOf("_");
const DIGITS = 56;
const BYTES = 0x40;
const TEXT = 0x60;

/** Records one after the other; `out` has room for them. Returns the bytes written. */
export function renderKinesisCbor(
  chunk: PlainChunk,
  from: number,
  to: number,
  shard: { createdMs: number; index: number },
  out: Buffer,
): number {
  const { bytes, stride, keyMin, infoMin, payloadAt } = chunk;
  const { endWidth, keyWidth, infoWidth, timeWidth, endsAt, keysAt, infosAt, timesAt } = chunk;
  const numbers = new SequenceTail(shard, chunk.firstIndex + from);
  const tail = Buffer.from(`${TAIL_TEXT}${"0".repeat(DIGITS)}\xff`, "latin1");
  let start = payloadAt + endOf(chunk, from - 1);
  let lastMs = -1;
  let text = numbers.text;
  let digits = text;
  let at = 0;
  for (let i = from; i < to; i++) {
    const end = payloadAt + stride * (i + 1) + readEntry(bytes, endsAt + i * endWidth, endWidth);
    const keyBytes = keyMin + readEntry(bytes, keysAt + i * keyWidth, keyWidth);
    const infoBytes = infoMin + readEntry(bytes, infosAt + i * infoWidth, infoWidth);
    const dataAt = start + keyBytes + infoBytes;
    out.set(OPEN, at);
    at = writeHead(out, at + OPEN.length, BYTES, end - dataAt);
    at += bytes.copy(out, at, dataAt, end);
    if (keyBytes > 0) {
      out.set(KEY, at);
      at = writeHead(out, at + KEY.length, TEXT, keyBytes);
      at += bytes.copy(out, at, start, start + keyBytes);
    }
    const timeMs = chunk.timeMs + readEntry(bytes, timesAt + i * timeWidth, timeWidth);
    numbers.next(timeMs);
    if (timeMs !== lastMs) {
      lastMs = timeMs;
      tail.writeUInt32BE(Math.floor(timeMs / 2 ** 32), TIME_AT);
      tail.writeUInt32BE(timeMs % 2 ** 32, TIME_AT + 4);
    }
    if (numbers.text !== text) {
      text = numbers.text;
      // Behind the digits stand a quote and a brace.
      digits = text.subarray(text.length - 2 - DIGITS, text.length - 2);
    }
    tail.set(digits, TAIL_TEXT.length);
    out.set(tail, at);
    at += tail.length;
    start = end;
  }
  return at;
}

function writeHead(out: Buffer, at: number, major: number, length: number): number {
  if (length < 24) {
    out[at] = major + length;
    return at + 1;
  }
  if (length < 2 ** 8) {
    out[at] = major + 24;
    out[at + 1] = length;
    return at + 2;
  }
  if (length < 2 ** 16) {
    out[at] = major + 25;
    out[at + 1] = length >> 8;
    out[at + 2] = length & 0xff;
    return at + 3;
  }
  out[at] = major + 26;
  return out.writeUInt32BE(length, at + 1);
}
