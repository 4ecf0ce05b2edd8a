// The consumers of a stream: part of its description, sorted by name. A consumer is identified by
// its name, and in an ARN also by its second of creation, so that a consumer that is registered
// again is another one. Pure functions; the catalog stores the description.
import type { ConsumerKey } from "../core/control.ts";
import { StreamError } from "../errors.ts";
import { advantageConsumersMax, consumersMax } from "../limits.ts";
import { requirePresent } from "./streamChanges.ts";
import { settling } from "./lifecycle.ts";
import type { ConsumerDescription, StreamDescription } from "../core/types.ts";

export function findConsumer(
  stream: StreamDescription,
  key: ConsumerKey,
): ConsumerDescription | undefined {
  return stream.consumers.find((consumer) => {
    const isNamed = consumer.name === key.name;
    const seconds = createdSecondsOf(consumer);
    return isNamed && (key.createdSeconds ?? seconds) === seconds;
  });
}

/** Throws `consumerNotFound`. */
export function getConsumer(stream: StreamDescription, key: ConsumerKey): ConsumerDescription {
  const consumer = findConsumer(stream, key);
  if (consumer !== undefined) return consumer;
  throw new StreamError("consumerNotFound", { stream: stream.name, consumer: key.name });
}

/**
 * How many consumers the stream may have; on-demand streams of a committed account may have more.
 */
export function consumerLimit({ mode }: StreamDescription, isCommitted: boolean): number {
  return mode === "ON_DEMAND" && isCommitted ? advantageConsumersMax : consumersMax;
}

/** The second of creation, as in the consumer's ARN. */
export function createdSecondsOf({ createdMs }: ConsumerDescription): number {
  return Math.floor(createdMs / 1000);
}

/**
 * Adds a consumer to the stream, which may have `max` consumers and queues, of which `queueCount` are
 * queues; it is CREATING for `transitionMs`.
 * `createdMs` is its creation time, which may be ahead of the clock.
 */
export function registerConsumer(
  stream: StreamDescription,
  name: string,
  { nowMs, createdMs, transitionMs }: { nowMs: number; createdMs: number; transitionMs: number },
  max: number,
  queueCount = 0,
): ConsumerDescription {
  requirePresent(stream);
  if (stream.consumers.some((consumer) => consumer.name === name)) {
    throw new StreamError("consumerExists", { stream: stream.name, consumer: name });
  }
  if (stream.consumers.length + queueCount >= max) {
    throw new StreamError("tooManyConsumers", { limit: max });
  }
  const consumer: ConsumerDescription = {
    name,
    uid: crypto.randomUUID(),
    createdMs,
    ...(transitionMs > 0
      ? { status: "CREATING", ...settling(nowMs, transitionMs) }
      : { status: "ACTIVE" }),
  };
  stream.consumers = [...stream.consumers, consumer].sort((a, b) => (a.name < b.name ? -1 : 1));
  return consumer;
}

/** Removes a consumer after `transitionMs`; returns it. */
export function deregisterConsumer(
  stream: StreamDescription,
  key: ConsumerKey,
  nowMs: number,
  transitionMs: number,
): ConsumerDescription {
  const consumer = getConsumer(stream, key);
  const others = (replacement: ConsumerDescription[]) =>
    stream.consumers.flatMap((each) => (each === consumer ? replacement : each));
  if (transitionMs === 0) stream.consumers = others([]);
  else if (consumer.status !== "DELETING") {
    const leaving = { ...consumer, status: "DELETING" as const, ...settling(nowMs, transitionMs) };
    stream.consumers = others([leaving]);
  }
  return consumer;
}

/** The stream after the policy was attached to it, or to the consumer; null removes the policy. */
export function changePolicy(
  stream: StreamDescription,
  key: ConsumerKey | undefined,
  policy: string | null,
): StreamDescription {
  requirePresent(stream);
  if (key === undefined) return withPolicy(stream, policy);
  const consumer = getConsumer(stream, key);
  if (consumer.status !== "ACTIVE") throw notActive(stream, consumer);
  const changed = withPolicy(consumer, policy);
  const consumers = stream.consumers.map((each) => (each === consumer ? changed : each));
  return { ...stream, consumers };
}

/** Throws `policyNotFound` where there is none to be removed. */
export function withPolicy<Thing extends { policy?: string }>(
  thing: Thing,
  policy: string | null,
): Thing {
  if (policy !== null) return { ...thing, policy };
  if (thing.policy === undefined) throw new StreamError("policyNotFound");
  const bare = { ...thing };
  delete bare.policy;
  return bare;
}

/** Refuses a consumer that is being created or deleted. */
function notActive(stream: StreamDescription, consumer: ConsumerDescription): StreamError {
  return new StreamError("consumerNotActive", {
    stream: stream.name,
    consumer: consumer.name,
    createdSeconds: createdSecondsOf(consumer),
  });
}
