// Queues in tests: creating them over a stream, receiving from them and acknowledging, as the API has it.

import { arnOf, ask } from "./claims.ts";

export interface QueueRecord {
  ReceiptHandle: string;
  RecordId: string;
  Data: string;
  PartitionKey: string;
  ApproximateArrivalTimestamp: number;
  FirstReceiveTimestamp: number;
  ReceiveCount: number;
}

export interface Description {
  QueueName: string;
  QueueARN: string;
  QueueStatus: string;
  QueueCreationTimestamp: number;
  StreamConfigurationList: { StreamARN: string; StartingPosition: object }[];
  QueueAttributes: object;
}

/** From the oldest record on, unless a position is given. */
export async function createOver(
  stream: string,
  input: object = {},
  position: object = { Type: "TRIM_HORIZON" },
): Promise<Description> {
  const { QueueDescription } = await ask("CreateQueue", {
    QueueName: crypto.randomUUID(),
    StreamConfigurationList: [{ StreamARN: arnOf(stream), StartingPosition: position }],
    ...input,
  });
  return QueueDescription as Description;
}

export async function createArnOver(stream: string, attributes?: object): Promise<string> {
  return (await createOver(stream, attributes && { QueueAttributes: attributes })).QueueARN;
}

export async function describeQueue(QueueARN: string): Promise<Description> {
  return (await ask("DescribeQueue", { QueueARN }))["QueueDescription"] as Description;
}

export async function receive(QueueARN: string, input: object = {}): Promise<QueueRecord[]> {
  const sent = { QueueARN, WaitTimeSeconds: 1, ...input };
  return (await ask("ReceiveQueueRecords", sent))["QueueRecords"] as QueueRecord[];
}

export async function receiveDead(QueueARN: string, input: object = {}): Promise<QueueRecord[]> {
  const sent = { QueueARN, WaitTimeSeconds: 1, ...input };
  return (await ask("ReceiveDeadLetterQueueRecords", sent))["QueueRecords"] as QueueRecord[];
}

/** How many succeeded, and the codes of the others. */
export async function settle(operation: string, QueueARN: string, Entries: object[]) {
  const { Successful, Failed } = (await ask(operation, { QueueARN, Entries })) as {
    Successful: object[];
    Failed: { ErrorCode: string }[];
  };
  return [Successful.length, ...Failed.map(({ ErrorCode }) => ErrorCode)];
}

export function acknowledge(queue: string, records: readonly QueueRecord[]) {
  return settle("AcknowledgeQueueRecords", queue, handles(records));
}

export function handles(records: readonly QueueRecord[]) {
  return records.map(({ ReceiptHandle }) => ({ ReceiptHandle }));
}

export const stale = "ResourceNotFoundException";
export const wrong = "InvalidArgumentException";
