// A retention in hours as the change that leads there.
import type { StreamChange } from "../core/control.ts";
import type { StreamDescription } from "../core/types.ts";

/** Undefined when the stream keeps its records that long already. */
export function hourlyChange(
  { retentionHours }: StreamDescription,
  hours: number,
): StreamChange | undefined {
  if (hours === retentionHours) return undefined;
  return { kind: "retention", direction: hours > retentionHours ? "longer" : "shorter", hours };
}
