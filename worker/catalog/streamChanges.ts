// Changes of a stream's attributes to a new value: pure functions from one description to the next.
// They check what the change requires (an active stream, a mode, a commitment) and set the state
// after it. The catalog stores the description and informs the shards.
import type { StreamChange } from "../core/control.ts";
import { StreamError } from "../errors.ts";
import { changeKey } from "../core/encryption.ts";
import type { Distribution, StreamDescription } from "../core/types.ts";

/**
 * The stream after the change: UPDATING if the change takes time; the same object if nothing
 * changes.
 */
export function changeAttributes(
  stream: StreamDescription,
  change: StreamChange,
  isCommitted: boolean,
  nowMs: number,
): StreamDescription {
  requireActive(stream);
  switch (change.kind) {
    case "retention":
      return changeRetention(stream, change.direction, change.hours);
    case "mode": {
      const { mode, warmThroughputMiBps } = change;
      const changed = { ...stream, mode };
      // Attributes that only an on-demand stream has are removed with the mode.
      if (mode === "PROVISIONED") {
        delete changed.warmThroughputMiBps;
        changed.distribution = "USER_PARTITION_KEY";
      }
      if (warmThroughputMiBps !== undefined) {
        checkWarmThroughput(changed, isCommitted);
        changed.warmThroughputMiBps = warmThroughputMiBps;
      }
      return updating(stream, changed);
    }
    case "warmThroughput":
      checkWarmThroughput(stream, isCommitted);
      return updating(stream, { ...stream, warmThroughputMiBps: change.mibps });
    case "recordSize":
      return updating(stream, { ...stream, recordBytesMax: change.bytesMax });
    case "distribution":
      checkDistribution(stream, change.distribution);
      // Immediately, without a state in between (API reference,
      // UpdateStreamRecordDistributionStrategy).
      return { ...stream, distribution: change.distribution };
    case "yandex":
      return { ...stream, yandex: change.attributes };
    case "encryption":
      return updating(stream, changeKey(stream, change.kmsKeyId, nowMs));
    case "metrics": {
      const { on, off } = change;
      const all = new Set([...stream.metrics, ...on]);
      const metrics = [...all].filter((name) => !off.includes(name));
      return updating(stream, { ...stream, metrics });
    }
  }
}

export function requireActive({ name, status }: StreamDescription): void {
  if (status !== "ACTIVE") throw new StreamError("streamNotActive", { stream: name, status });
}

/** Refuses a stream that is being created or deleted. */
export function requirePresent({ name, status }: StreamDescription): void {
  if (status === "ACTIVE" || status === "UPDATING") return;
  throw new StreamError("streamNotActive", { stream: name, status });
}

/** Warm throughput is for on-demand streams of accounts that are committed to a minimum. */
export function checkWarmThroughput(
  stream: Pick<StreamDescription, "name" | "mode">,
  isCommitted: boolean,
): void {
  if (stream.mode !== "ON_DEMAND") {
    throw new StreamError("wrongMode", { stream: stream.name, mode: stream.mode });
  }
  if (!isCommitted) throw new StreamError("notCommitted");
}

/** Only an on-demand stream may have the distribution AUTO. */
export function checkDistribution(
  stream: Pick<StreamDescription, "name" | "mode">,
  distribution: Distribution,
): void {
  if (distribution === "USER_PARTITION_KEY" || stream.mode === "ON_DEMAND") return;
  throw new StreamError("wrongMode", { stream: stream.name, mode: stream.mode });
}

function changeRetention(
  stream: StreamDescription,
  direction: "longer" | "shorter",
  hours: number,
): StreamDescription {
  const { name, retentionHours: existingHours } = stream;
  const isWrong = direction === "longer" ? hours < existingHours : hours > existingHours;
  if (isWrong) {
    const code = direction === "longer" ? "retentionNotLonger" : "retentionNotShorter";
    throw new StreamError(code, { stream: name, hours, existingHours });
  }
  if (hours === existingHours) return stream;
  return { ...updating(stream, { ...stream, retentionHours: hours }), retaining: true };
}

function updating(before: StreamDescription, after: StreamDescription): StreamDescription {
  const isSame = JSON.stringify(before) === JSON.stringify(after);
  return isSame ? before : { ...after, status: "UPDATING" };
}
