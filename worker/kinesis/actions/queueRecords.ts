// Receiving records from a queue, and telling it what has become of them; the same for dead letters. A
// handle belongs to one delivery. Entries of a batch succeed and fail one by one.
import { Buffer } from "node:buffer";
import type { QueueDescription, SettleOrder, SettleOutcome } from "../../core/queueTypes.ts";
import type { Scope } from "../../core/types.ts";
import { engine } from "../../engine/instance.ts";
import { isCode, StreamError } from "../../errors.ts";
import type { QueueRecord } from "../../stream/queueRecords.ts";
import { Timestamp } from "../codec.ts";
import type { ActionContext } from "../context.ts";
import { operation } from "../operation.ts";
import { entriesShape, receiveShape, visibilityEntriesShape } from "../queueShapes.ts";
import { entryTexts, queueThrottled } from "../queueTexts.ts";
import { type Handle, openReceipt, sealReceipt } from "../receipt.ts";
import { queueNamed } from "../resource.ts";
import type { InputOf } from "../shapeTypes.ts";

type ReceiveInput = InputOf<typeof receiveShape>;

/** What a receive waits that does not say it, and how much it takes (botocore 1.44.8). */
const waitSecondsDefault = 9;
const limitDefault = 10;

export const receiveQueueRecords = operation({
  name: "ReceiveQueueRecords",
  input: receiveShape,
  resource: queueNamed,
  run: (context, input) => receive(context, input, false),
});

export const receiveDeadLetterQueueRecords = operation({
  name: "ReceiveDeadLetterQueueRecords",
  input: receiveShape,
  resource: queueNamed,
  run: (context, input) => receive(context, input, true),
});

export const acknowledgeQueueRecords = operation({
  name: "AcknowledgeQueueRecords",
  input: entriesShape("AcknowledgeQueueRecordsRequestEntry"),
  resource: queueNamed,
  run: (context, input) => settle(context, input, false, acknowledging),
});

export const acknowledgeDeadLetterQueueRecords = operation({
  name: "AcknowledgeDeadLetterQueueRecords",
  input: entriesShape("AcknowledgeDeadLetterQueueRecordsRequestEntry"),
  resource: queueNamed,
  run: (context, input) => settle(context, input, true, acknowledging),
});

export const updateQueueRecordsVisibility = operation({
  name: "UpdateQueueRecordsVisibility",
  input: visibilityEntriesShape("UpdateQueueRecordsVisibilityRequestEntry"),
  resource: queueNamed,
  run: (context, input) => settle(context, input, false, hiding),
});

export const updateDeadLetterQueueRecordsVisibility = operation({
  name: "UpdateDeadLetterQueueRecordsVisibility",
  input: visibilityEntriesShape("UpdateDeadLetterQueueRecordsVisibilityRequestEntry"),
  resource: queueNamed,
  run: (context, input) => settle(context, input, true, hiding),
});

export const restoreDeadLetterQueueRecords = operation({
  name: "RestoreDeadLetterQueueRecords",
  input: entriesShape("RestoreDeadLetterQueueRecordsRequestEntry"),
  resource: queueNamed,
  run: (context, input) =>
    settle(context, input, true, ({ receipt }) => ({ kind: "restore", receipt })),
});

async function receive(context: ActionContext, input: ReceiveInput, isDead: boolean) {
  const { backend } = context;
  const queue = await findDelivering(context, input);
  const { VisibilityTimeoutSeconds: seconds, WaitTimeSeconds = waitSecondsDefault } = input;
  const request = {
    isDead,
    limit: input.Limit ?? limitDefault,
    waitMs: WaitTimeSeconds * 1000,
    visibilityMs: seconds === undefined ? undefined : seconds * 1000,
  };
  try {
    const records = await backend.queues.receive(queue, request);
    if (records.length === 0) return { QueueRecords: [] };
    const key = await backend.accounts.cursorKey(queue);
    return {
      QueueRecords: records.map((record) => printRecord(record, queue, key, isDead, context)),
    };
  } catch (error) {
    throw isCode(error, "overloaded") ? queueThrottled() : error;
  }
}

/** Bytes are bytes in CBOR, and base64 in JSON. */
function printRecord(
  record: QueueRecord,
  queue: QueueDescription,
  key: string,
  isDead: boolean,
  { codec, nowMs }: ActionContext,
) {
  const { shard, index, receives, generation, data } = record;
  const receipt = { index, receives, generation, isDead };
  const [number] = engine.sequenceNumbers(shard, index, 1, record.timeMs);
  return {
    ReceiptHandle: sealReceipt(key, queue, { shard: shard.index, receipt }, nowMs),
    RecordId: number,
    Data: codec.format === "cbor" ? data : base64(data),
    PartitionKey: Buffer.from(record.key).toString(),
    ApproximateArrivalTimestamp: new Timestamp(record.timeMs),
    FirstReceiveTimestamp: new Timestamp(record.firstMs),
    ReceiveCount: receives,
  };
}

function base64({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("base64");
}

interface Entry {
  readonly ReceiptHandle: string;
}

type OrderOf<Item extends Entry> = (handle: Handle, entry: Item) => SettleOrder;

const acknowledging: OrderOf<Entry> = ({ receipt }) => ({ kind: "acknowledge", receipt });

const hiding: OrderOf<Entry & { readonly VisibilityTimeoutSeconds: number }> = (
  { receipt },
  { VisibilityTimeoutSeconds: seconds },
) => ({ kind: "hide", receipt, visibilityMs: seconds * 1000 });

/** Does what the entries say, in their order; a handle of the other kind is none of this operation. */
async function settle<Item extends Entry>(
  context: ActionContext,
  input: { QueueARN: string; Entries: readonly Item[] },
  isDead: boolean,
  orderOf: OrderOf<Item>,
) {
  const { backend } = context;
  const queue = await findDelivering(context, input);
  const key = await backend.accounts.findCursorKey(queue);
  const handles = input.Entries.map(({ ReceiptHandle: text }) => {
    const handle = openReceipt(key, queue, text);
    return handle?.receipt.isDead === isDead ? handle : undefined;
  });
  const requests = input.Entries.flatMap((entry, at) => {
    const handle = handles[at];
    return handle === undefined ? [] : { shard: handle.shard, order: orderOf(handle, entry) };
  });
  const outcomes = await backend.queues.settle(queue, requests);
  const Successful: Entry[] = [];
  const Failed: object[] = [];
  let next = 0;
  for (const [at, { ReceiptHandle }] of input.Entries.entries()) {
    const outcome = handles[at] === undefined ? "malformed" : (outcomes[next++] ?? "stale");
    if (outcome === "done") Successful.push({ ReceiptHandle });
    else Failed.push({ ReceiptHandle, ...failureOf(outcome, context) });
  }
  return { Successful, Failed };
}

function failureOf(
  outcome: Exclude<SettleOutcome, "done"> | "malformed" | Error,
  { failures }: ActionContext,
): { ErrorCode: string; ErrorMessage: string } {
  if (outcome === "stale") {
    return { ErrorCode: "ResourceNotFoundException", ErrorMessage: entryTexts.stale };
  }
  if (outcome === "malformed" || outcome === "ended") {
    return { ErrorCode: "InvalidArgumentException", ErrorMessage: entryTexts[outcome] };
  }
  if (isCode(outcome, "overloaded")) {
    return { ErrorCode: "ThrottlingException", ErrorMessage: entryTexts.throttled };
  }
  failures.log(outcome);
  return { ErrorCode: "InternalFailureException", ErrorMessage: entryTexts.internal };
}

/** Throws `queueNotFound` also for a queue that is being created or deleted. */
async function findDelivering(
  { backend }: ActionContext,
  input: { QueueARN: string },
): Promise<QueueDescription> {
  const { queue: address } = queueNamed(input);
  const scope: Scope = { account: address.account, region: address.region };
  const queue = await backend.queues.find(scope, address.id);
  if (queue.status === "ACTIVE" || queue.status === "UPDATING") return queue;
  throw new StreamError("queueNotFound", { queue: address.id });
}
