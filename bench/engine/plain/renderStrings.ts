// Kinesis JSON by string concatenation and one encoding at the end: how such replies are usually
// written, still with native base64 and no BigInt per record. The other plain path (render.ts)
// is faster; this one shows by how much.

import { endOf, type PlainChunk, readEntry } from "./chunk.ts";
import { SequenceTail } from "./sequence.ts";

export function renderKinesisByStrings(
  chunk: PlainChunk,
  from: number,
  to: number,
  shard: { createdMs: number; index: number },
): Uint8Array {
  const { bytes, stride, keyMin, infoMin, payloadAt } = chunk;
  const { endWidth, keyWidth, infoWidth, timeWidth, endsAt, keysAt, infosAt, timesAt } = chunk;
  const tail = new SequenceTail(shard, chunk.firstIndex + from);
  let start = payloadAt + endOf(chunk, from - 1);
  let text = "";
  for (let i = from; i < to; i++) {
    const end = payloadAt + stride * (i + 1) + readEntry(bytes, endsAt + i * endWidth, endWidth);
    const keyAt = start;
    const infoAt = keyAt + keyMin + readEntry(bytes, keysAt + i * keyWidth, keyWidth);
    const dataAt = infoAt + infoMin + readEntry(bytes, infosAt + i * infoWidth, infoWidth);
    tail.next(chunk.timeMs + readEntry(bytes, timesAt + i * timeWidth, timeWidth));
    if (i > from) text += ",";
    text += `{"Data":"${bytes.toString("base64", dataAt, end)}`;
    if (infoAt > keyAt) {
      const key = JSON.stringify(bytes.toString("utf8", keyAt, infoAt));
      text += `","PartitionKey":${key.slice(0, -1)}`;
    }
    text += tail.text.toString("latin1");
    start = end;
  }
  return Buffer.from(text);
}
