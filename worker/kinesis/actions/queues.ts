// Queues: creating, describing, listing, changing and deleting them. What they deliver is
// queueRecords.ts's. A queue can be used at once; the reply to its creation says CREATING all the same,
// because that is what the service says and what its clients wait on.
import { createHash } from "node:crypto";
import type { QueueChange, QueueDescription, QueuePosition } from "../../core/queueTypes.ts";
import { isCode } from "../../errors.ts";
import { Timestamp } from "../codec.ts";
import type { ActionContext } from "../context.ts";
import { nextTokenInvalid, streamArnInvalid, timestampInFuture } from "../errorTexts.ts";
import { parseAnyStreamArn, queueArn, type StreamAddress, streamArn } from "../names.ts";
import { operation } from "../operation.ts";
import { verifyPageToken, signPageToken } from "../pageToken.ts";
import { createQueueShape, listQueuesShape, queueShape, updateQueueShape } from "../queueShapes.ts";
import {
  foreignStream,
  positionTimestampMissing,
  positionTimestampRefused,
  queueOfManyStreams,
  receiveCountMissing,
  streamNotOnDemand,
} from "../queueTexts.ts";
import { accountNamed, queueNamed, type Resource } from "../resource.ts";
import type { InputOf } from "../shapeTypes.ts";
import { checkTagText, textsOf } from "../tagText.ts";

type CreateInput = InputOf<typeof createQueueShape>;
type AttributesInput = InputOf<typeof updateQueueShape>["QueueAttributes"];

/** What a queue has that was not told otherwise (AWS API reference, CreateQueue). */
const visibilitySecondsDefault = 30;
const receivesMaxDefault = 6;

const listLimit = 100;
const listLimitMax = 1000;

const perAccount = { perSecond: 5, of: "account" } as const;

export const createQueue = operation({
  name: "CreateQueue",
  input: createQueueShape,
  resource: associatedStream,
  rate: perAccount,
  run: async (context, input) => {
    const { backend, scope, nowMs } = context;
    const { QueueName: name, Tags: tags } = input;
    const { stream } = associatedStream(input);
    const position = positionOf(input, nowMs);
    const change = changeOf(input.QueueAttributes ?? {});
    const { visibilitySeconds = visibilitySecondsDefault } = change;
    const { receivesMax = receivesMaxDefault } = change;
    if (stream.account !== scope.account) throw foreignStream(streamArn(stream));
    await context.permitAlso("AssociateStreamsWithQueue", stream);
    if (tags !== undefined) {
      await context.permitAlso("TagResource", stream);
      checkTagText(textsOf(tags), "add tags to", { name, account: scope.account });
    }
    const spec = {
      name,
      stream: stream.name,
      position,
      visibilitySeconds,
      ...(receivesMax !== null && { receivesMax }),
      ...(tags !== undefined && { tags }),
    };
    try {
      const queue = await backend.queues.create(stream, spec);
      return { QueueDescription: printQueue({ ...queue, status: "CREATING" }) };
    } catch (error) {
      throw isCode(error, "wrongMode") ? streamNotOnDemand(stream) : error;
    }
  },
});

export const describeQueue = operation({
  name: "DescribeQueue",
  input: queueShape,
  resource: queueNamed,
  rate: perAccount,
  run: async ({ backend }, input) => {
    const { queue } = queueNamed(input);
    return { QueueDescription: printQueue(await backend.queues.refresh(queue, queue.id)) };
  },
});

export const listQueues = operation({
  name: "ListQueues",
  input: listQueuesShape,
  resource: accountNamed,
  rate: perAccount,
  run: async (context, input) => {
    const { scope, nowMs, backend } = context;
    const { NextToken: token, MaxResults: limit = listLimit } = input;
    const digest = createHash("sha256").update(JSON.stringify(input.StreamFilter ?? null));
    const filterHash = digest.digest("hex").slice(0, 16);
    const after = token === undefined ? undefined : await openPlace(context, token, filterHash);
    const { queues, more } = await backend.queues.list(
      scope,
      after,
      Math.min(limit, listLimitMax),
      filterOf(input, scope),
    );
    const last = queues.at(-1);
    const summaries = queues.map(printSummary);
    if (!more || last === undefined) return { QueueSummaries: summaries };
    const key = await backend.accounts.cursorKey(scope);
    const place = [String(last.createdMs), last.id, filterHash];
    return {
      QueueSummaries: summaries,
      NextToken: signPageToken(key, scope, context.operation, place, nowMs),
    };
  },
});

export const updateQueue = operation({
  name: "UpdateQueue",
  input: updateQueueShape,
  resource: queueNamed,
  rate: perAccount,
  run: async ({ backend }, input) => {
    const { queue: address } = queueNamed(input);
    const queue = await backend.queues.update(address, address.id, changeOf(input.QueueAttributes));
    return { QueueDescription: printQueue(queue) };
  },
});

export const deleteQueue = operation({
  name: "DeleteQueue",
  input: queueShape,
  resource: queueNamed,
  rate: perAccount,
  run: async ({ backend }, input) => {
    const { queue } = queueNamed(input);
    await backend.queues.delete(queue, queue.id);
    return undefined;
  },
});

/** The stream of a new queue, on which its creation is judged. */
function associatedStream({ StreamConfigurationList: list }: CreateInput): Resource {
  const [first] = list;
  if (first === undefined || list.length > 1) throw queueOfManyStreams(list.length);
  const stream = parseAnyStreamArn(first.StreamARN);
  if (stream === undefined) throw streamArnInvalid(first.StreamARN);
  return { stream, key: { stream: stream.name } };
}

/** Throws ValidationException, or InvalidArgumentException for a time in the future. */
function positionOf(
  { StreamConfigurationList: [first] }: CreateInput,
  nowMs: number,
): QueuePosition {
  const { Type: type = "LATEST", Timestamp: timeMs } = first?.StartingPosition ?? {};
  if (type !== "AT_TIMESTAMP") {
    if (timeMs !== undefined) throw positionTimestampRefused(type);
    return { type };
  }
  if (timeMs === undefined) throw positionTimestampMissing();
  if (timeMs > nowMs) throw timestampInFuture(timeMs, nowMs);
  return { type, timeMs: Math.max(Math.ceil(timeMs), 0) };
}

/** Throws ValidationException. A count beside NONE has no meaning, and is dropped. */
function changeOf(attributes: AttributesInput): QueueChange {
  const { VisibilityTimeoutSeconds: visibilitySeconds, DeadLetterConfiguration: dead } = attributes;
  if (dead === undefined) return { visibilitySeconds };
  if (dead.TargetType === "NONE") return { visibilitySeconds, receivesMax: null };
  if (dead.MaxReceiveCount === undefined) throw receiveCountMissing();
  return { visibilitySeconds, receivesMax: dead.MaxReceiveCount };
}

/** Streams of other accounts and regions have no queues here. */
function filterOf(
  { StreamFilter: filter }: InputOf<typeof listQueuesShape>,
  { account, region }: Omit<StreamAddress, "name">,
) {
  return filter?.flatMap(({ StreamARN: arn, StreamCreationTimestamp: createdMs }) => {
    const stream = parseAnyStreamArn(arn);
    if (stream?.account !== account || stream.region !== region) return [];
    if (createdMs === undefined) return { stream: stream.name };
    return { stream: stream.name, createdSeconds: Math.floor(createdMs / 1000) };
  });
}

/** Throws InvalidArgumentException for a token of another listing, or of other filters. */
async function openPlace(
  { backend, scope, operation, nowMs }: ActionContext,
  token: string,
  filterHash: string,
) {
  const key = await backend.accounts.findCursorKey(scope);
  const [createdMs, id, hash] = verifyPageToken(key, scope, operation, token, nowMs);
  if (id === undefined || hash !== filterHash) throw nextTokenInvalid();
  return { createdMs: Number(createdMs), id };
}

function printQueue(queue: QueueDescription) {
  const { name, status, createdMs, positionType, positionMs, effectiveMs } = queue;
  const timeMs = status === "CREATING" ? positionMs : effectiveMs;
  const { visibilitySeconds, receivesMax } = queue;
  return {
    QueueName: name,
    QueueARN: queueArn(queue),
    QueueStatus: status,
    QueueCreationTimestamp: new Timestamp(createdMs),
    StreamConfigurationList: [
      {
        StreamARN: streamArn({ ...queue, name: queue.stream }),
        StartingPosition: {
          Type: positionType,
          ...(timeMs !== undefined && { Timestamp: new Timestamp(timeMs) }),
        },
      },
    ],
    QueueAttributes: {
      VisibilityTimeoutSeconds: visibilitySeconds,
      DeadLetterConfiguration:
        receivesMax === undefined
          ? { TargetType: "NONE" }
          : { TargetType: "BUILT_IN", MaxReceiveCount: receivesMax },
    },
  };
}

function printSummary(queue: QueueDescription) {
  const { name, status, createdMs, stream, streamCreatedMs } = queue;
  return {
    QueueName: name,
    QueueARN: queueArn(queue),
    QueueStatus: status,
    QueueCreationTimestamp: new Timestamp(createdMs),
    Streams: [
      {
        StreamARN: streamArn({ ...queue, name: stream }),
        StreamCreationTimestamp: new Timestamp(streamCreatedMs),
      },
    ],
  };
}
