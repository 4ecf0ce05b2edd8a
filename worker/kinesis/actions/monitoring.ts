// EnableEnhancedMonitoring and DisableEnhancedMonitoring: which shard-level metrics somebody wants in
// CloudWatch. Nothing is sent there; the wish is kept and reported, for tools that manage it.
import type { Action, ActionContext, ActionReply } from "../context.ts";
import { changeStreamNow } from "../currentStream.ts";
import { streamArn, type StreamReference } from "../names.ts";
import { metricNames } from "../shapes.ts";

export const enableEnhancedMonitoring: Action<"EnableEnhancedMonitoring"> = (context, input) =>
  monitor(context, input, namesIn(input.ShardLevelMetrics), []);

export const disableEnhancedMonitoring: Action<"DisableEnhancedMonitoring"> = (context, input) =>
  monitor(context, input, [], namesIn(input.ShardLevelMetrics));

/** In their usual order. */
export function sortMetrics(names: readonly string[]): string[] {
  return metricNames.filter((name) => names.includes(name));
}

async function monitor(
  context: ActionContext,
  reference: StreamReference,
  on: readonly string[],
  off: readonly string[],
): Promise<ActionReply> {
  const { before, after } = await changeStreamNow(context, reference, { kind: "metrics", on, off });
  return {
    StreamName: after.name,
    StreamARN: streamArn(after),
    CurrentShardLevelMetrics: sortMetrics(before.metrics),
    DesiredShardLevelMetrics: sortMetrics(after.metrics),
  };
}

function namesIn(names: readonly string[]): string[] {
  return names.includes("ALL") ? [...metricNames] : sortMetrics(names);
}
