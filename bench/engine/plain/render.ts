// Kinesis JSON in plain TypeScript: the host's native base64, constant text copied as bytes,
// numbers patched instead of printed, everything written straight into one buffer. The
// faster of the two plain paths; render-strings.ts is the other.

import { endOf, type PlainChunk, readEntry } from "./chunk.ts";
import { SequenceTail } from "./sequence.ts";

// Node's own shortcuts past the checks of toString and write; a fast program would take them.
declare global {
  interface Buffer {
    base64Slice(start: number, end: number): string;
    latin1Write(text: string, offset: number): number;
  }
}

const HEAD = Buffer.from(',{"Data":"');
const FIRST_HEAD = HEAD.subarray(1);
const KEY = Buffer.from('","PartitionKey":"');
const KEY_ESCAPED_MAX = 6;
/** Text of a record beside its data and key, at most. */
const FRAME_BYTES_MAX = 200;

/** Records joined by commas; `out` has room for them. Returns the bytes written. */
export function renderKinesis(
  chunk: PlainChunk,
  from: number,
  to: number,
  shard: { createdMs: number; index: number },
  out: Buffer,
): number {
  const { bytes, stride, keyMin, infoMin, payloadAt } = chunk;
  const { endWidth, keyWidth, infoWidth, timeWidth, endsAt, keysAt, infosAt, timesAt } = chunk;
  const tail = new SequenceTail(shard, chunk.firstIndex + from);
  let start = payloadAt + endOf(chunk, from - 1);
  let at = 0;
  for (let i = from; i < to; i++) {
    const end = payloadAt + stride * (i + 1) + readEntry(bytes, endsAt + i * endWidth, endWidth);
    const keyBytes = keyMin + readEntry(bytes, keysAt + i * keyWidth, keyWidth);
    const infoBytes = infoMin + readEntry(bytes, infosAt + i * infoWidth, infoWidth);
    const head = i === from ? FIRST_HEAD : HEAD;
    out.set(head, at);
    at += head.length;
    at += out.latin1Write(bytes.base64Slice(start + keyBytes + infoBytes, end), at);
    if (keyBytes > 0) {
      out.set(KEY, at);
      at = writeEscaped(bytes, start, start + keyBytes, out, at + KEY.length);
    }
    tail.next(chunk.timeMs + readEntry(bytes, timesAt + i * timeWidth, timeWidth));
    out.set(tail.text, at);
    at += tail.text.length;
    start = end;
  }
  return at;
}

/** Room that `renderKinesis` may need. */
export function renderBytesMax(chunk: PlainChunk): number {
  const payload = chunk.bytes.length - chunk.payloadAt;
  return payload * KEY_ESCAPED_MAX + chunk.count * FRAME_BYTES_MAX;
}

/** Copies a key into JSON text and closes nothing; escapes are rare and left to the host. */
function writeEscaped(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  let out = at;
  for (let i = start; i < end; i++) {
    const byte = from[i]!;
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) {
      const text = JSON.stringify(from.toString("utf8", start, end));
      return at + to.write(text.slice(1, -1), at);
    }
    to[out++] = byte;
  }
  return out;
}
