// The states of streams, queues and consumers. A state is stored before its work begins. It ends when the
// work is done, or, if transitions are prolonged, at a time that is stored with it. Such a time
// needs no event: every read compares it with the clock.
import { isDue } from "../core/clock.ts";
import type { QueueDescription } from "../core/queueTypes.ts";
import type { ConsumerDescription, StreamDescription } from "../core/types.ts";

/**
 * The stream at `nowMs`: the same object if it is as stored; undefined if it is deleted by then.
 */
export function streamAt(stream: StreamDescription, nowMs: number): StreamDescription | undefined {
  const settled = settledAt(stream, nowMs);
  if (settled === undefined) return undefined;
  const consumers = stream.consumers.flatMap((consumer) => settledAt(consumer, nowMs) ?? []);
  const isSame =
    consumers.length === stream.consumers.length &&
    consumers.every((consumer, i) => consumer === stream.consumers[i]);
  return isSame ? settled : { ...settled, consumers };
}

/** Called when the work of the state is done: the state ends after `transitionMs`. */
export function settleStream(
  stream: Pick<StreamDescription | QueueDescription, "status">,
  nowMs: number,
  transitionMs: number,
): void {
  if (transitionMs > 0) Object.assign(stream, settling(nowMs, transitionMs));
  else stream.status = "ACTIVE";
}

/** A state that ends by itself in `transitionMs`. */
export function settling(nowMs: number, transitionMs: number) {
  return { settlesMs: nowMs + transitionMs, settlingMs: transitionMs };
}

/** True if the work of the state is not done. */
export function hasWorkLeft({
  status,
  settlesMs,
}: Pick<StreamDescription | QueueDescription, "status" | "settlesMs">): boolean {
  return status !== "ACTIVE" && settlesMs === undefined;
}

/** The thing without the state that has ended at `nowMs`; undefined if it is deleted by then. */
export function settledAt<Thing extends StreamDescription | ConsumerDescription | QueueDescription>(
  thing: Thing,
  nowMs: number,
): Thing | undefined {
  const { settlesMs, settlingMs = settlesMs } = thing;
  if (settlesMs === undefined || settlingMs === undefined) return thing;
  if (!isDue(settlesMs, settlingMs, nowMs)) return thing;
  if (thing.status === "DELETING") return undefined;
  const settled = { ...thing, status: "ACTIVE" };
  delete settled.settlesMs;
  delete settled.settlingMs;
  return settled;
}
