// Shapes of the queue operations, with the constraints of the public service model (botocore 1.44.8).
import { nameShape, nextTokenShape, pageLimitShape, streamArnShape, tagsShape } from "./shapes.ts";
import {
  integer,
  list,
  oneOf,
  pattern,
  required,
  structure,
  text,
  timestamp,
} from "./shapeTypes.ts";

const queueArnShape = text({
  pattern: pattern(
    "arn:aws.*:kinesis:.*:\\d{12}:queue/\\S+",
    /^arn:aws(?=(.*?:kinesis:))\1.*:\d{12}:queue\/\S+$/,
  ),
  min: 1,
  max: 2048,
});

const visibilityShape = integer(0, 43_200);

const attributesShape = structure({
  VisibilityTimeoutSeconds: visibilityShape,
  DeadLetterConfiguration: structure({
    TargetType: required(oneOf("BUILT_IN", "NONE")),
    MaxReceiveCount: integer(1, 1000),
  }),
});

const streamConfigurationShape = structure(
  {
    StreamARN: required(streamArnShape),
    StartingPosition: structure({
      Type: required(oneOf("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")),
      Timestamp: timestamp,
    }),
  },
  javaClassOf("QueueStreamConfiguration"),
);

export const createQueueShape = structure({
  QueueName: required(nameShape),
  StreamConfigurationList: required(list(streamConfigurationShape, 1, 10_000)),
  QueueAttributes: attributesShape,
  Tags: tagsShape,
});

export const queueShape = structure({ QueueARN: required(queueArnShape) });

export const listQueuesShape = structure({
  MaxResults: pageLimitShape,
  NextToken: nextTokenShape,
  StreamFilter: list(
    structure(
      { StreamARN: required(streamArnShape), StreamCreationTimestamp: timestamp },
      javaClassOf("QueueStreamFilter"),
    ),
    1,
    10_000,
  ),
});

export const updateQueueShape = structure({
  QueueARN: required(queueArnShape),
  QueueAttributes: required(attributesShape),
});

export const receiveShape = structure({
  QueueARN: required(queueArnShape),
  Limit: integer(1, 10),
  WaitTimeSeconds: integer(1, 20),
  VisibilityTimeoutSeconds: visibilityShape,
});

const receiptHandleShape = text({ min: 1, max: 1024 });

/** `entry` is the class of an entry, as messages print it. */
export function entriesShape(entry: string) {
  const item = structure({ ReceiptHandle: required(receiptHandleShape) }, javaClassOf(entry));
  return structure({ QueueARN: required(queueArnShape), Entries: required(list(item, 1, 10)) });
}

export function visibilityEntriesShape(entry: string) {
  const item = structure(
    {
      ReceiptHandle: required(receiptHandleShape),
      VisibilityTimeoutSeconds: required(visibilityShape),
    },
    javaClassOf(entry),
  );
  return structure({ QueueARN: required(queueArnShape), Entries: required(list(item, 1, 10)) });
}

function javaClassOf(entry: string): string {
  return `com.amazonaws.kinesis.v20131202.${entry}`;
}
