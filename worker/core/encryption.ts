// Which records of a stream count as encrypted with a KMS key: those that arrived while the stream
// had one. The stream stores these time spans, because a record keeps its state when keys are added
// and removed. Pure functions from one description to the next.
import type { TimeSpan } from "../engine/engine.ts";
import { encryptionSpansMax } from "../limits.ts";
import type { StreamDescription } from "./types.ts";

/** Spans of arrival times, oldest first; the last one has no end while there is a key. */
export function encryptionSpans({ kmsKeyId, encryptions }: StreamDescription): readonly TimeSpan[] {
  // Streams of version 0.1.0 have a key and no spans.
  return encryptions ?? (kmsKeyId === undefined ? [] : [{ fromMs: 0 }]);
}

/** The stream with that key, or with none. */
export function changeKey(
  stream: StreamDescription,
  kmsKeyId: string | null,
  nowMs: number,
): StreamDescription {
  const { kmsKeyId: before, ...plain } = stream;
  const spans = [...encryptionSpans(stream)];
  if (kmsKeyId !== null) {
    if (before === undefined) spans.push({ fromMs: nowMs });
    return { ...plain, kmsKeyId, encryptions: spans.slice(-encryptionSpansMax) };
  }
  const last = spans.pop();
  if (before === undefined || last === undefined) return stream;
  return { ...plain, encryptions: [...spans, { ...last, toMs: nowMs }] };
}
