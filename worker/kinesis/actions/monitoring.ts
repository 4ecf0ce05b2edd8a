// EnableEnhancedMonitoring and DisableEnhancedMonitoring: which shard-level metrics are wanted in
// CloudWatch. Nothing is sent there; the setting is stored and reported for tools that manage it.
import type { ActionContext, ActionReply } from "../context.ts";
import { changeStreamNow } from "../currentStream.ts";
import { streamArn, type StreamReference } from "../names.ts";
import { operation } from "../operation.ts";
import { streamNamed } from "../resource.ts";
import { streamNameField, byArn } from "../shapes.ts";
import { list, oneOf, required, structure } from "../shapeTypes.ts";

/** In the order in which they are listed (AWS API reference, EnhancedMetrics). */
const metricNames = [
  "IncomingBytes",
  "IncomingRecords",
  "OutgoingBytes",
  "OutgoingRecords",
  "WriteProvisionedThroughputExceeded",
  "ReadProvisionedThroughputExceeded",
  "IteratorAgeMilliseconds",
] as const;

const metricsShape = list(oneOf(...metricNames, "ALL"), 1, metricNames.length);

export const enableEnhancedMonitoring = operation({
  name: "EnableEnhancedMonitoring",
  input: structure({
    StreamName: streamNameField,
    ShardLevelMetrics: required(metricsShape),
    ...byArn,
  }),
  resource: streamNamed,
  run: (context, input) => monitor(context, input, namesIn(input.ShardLevelMetrics), []),
});

export const disableEnhancedMonitoring = operation({
  name: "DisableEnhancedMonitoring",
  input: structure({
    StreamName: streamNameField,
    ShardLevelMetrics: required(metricsShape),
    ...byArn,
  }),
  resource: streamNamed,
  run: (context, input) => monitor(context, input, [], namesIn(input.ShardLevelMetrics)),
});

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
