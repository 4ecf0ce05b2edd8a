// What the caller may do with a stream, so that a page offers nothing that will be refused.
import { send } from "./request.ts";

/** Actions that have a button, by the names that allow lists use. */
const asked = [
  "kinesis:CreateStream",
  "kinesis:DeleteStream",
  "kinesis:PutRecord",
  "kinesis:PutRecords",
  "kinesis:GetRecords",
  "kinesis:SplitShard",
  "kinesis:MergeShards",
  "kinesis:UpdateShardCount",
  "kinesis:UpdateStreamMode",
  "kinesis:IncreaseStreamRetentionPeriod",
  "kinesis:DecreaseStreamRetentionPeriod",
  "kinesis:AddTagsToStream",
  "kinesis:RemoveTagsFromStream",
  "kinesis:PutResourcePolicy",
  "kinesis:RegisterStreamConsumer",
  "kinesis:DeregisterStreamConsumer",
  "kinesis:ListStreamConsumers",
  "kinesis:CreateQueue",
  "kinesis:ListQueues",
  "kinesis:DeleteQueue",
  "kinesis:ReceiveDeadLetterQueueRecords",
  "kinesis:RestoreDeadLetterQueueRecords",
  "kinesis:AcknowledgeDeadLetterQueueRecords",
  "millrace:GetStats",
] as const;

export type Action = (typeof asked)[number];

/** Throws ApiError. */
export async function readPermissions(
  stream?: string,
  signal?: AbortSignal,
): Promise<ReadonlySet<Action>> {
  const query: [string, string][] = asked.map((action) => ["action", action]);
  if (stream !== undefined) query.push(["stream", stream]);
  const text = await send({
    method: "GET",
    path: "/_millrace/permissions",
    query,
    ...(signal && { signal }),
  });
  const { allowed } = JSON.parse(text) as { allowed: Action[] };
  return new Set(allowed);
}
