// A stream's description as its row has it.
import {
  flag,
  listOf,
  number,
  object,
  objectCodec,
  oneOf,
  optional,
  text,
  whole,
} from "../core/document.ts";
import { durableShape } from "../core/durable.ts";
import { shardShape } from "../core/shardShape.ts";
import type {
  ConsumerDescription,
  PartitioningAttributes,
  Resharding,
  StreamDescription,
  YandexAttributes,
} from "../core/types.ts";

const consumer = object<ConsumerDescription>({
  name: text,
  uid: text,
  status: oneOf("CREATING", "ACTIVE", "DELETING"),
  settlesMs: optional(number),
  settlingMs: optional(number),
  createdMs: number,
  policy: optional(text),
});

const partitioning = object<PartitioningAttributes>({
  minActive: number,
  maxActive: number,
  strategy: text,
  stabilizationSeconds: number,
  upPercent: number,
  downPercent: number,
});

const yandex = object<YandexAttributes>({
  writeQuotaKbPerSec: number,
  storageLimitMb: optional(number),
  partitioning: optional(partitioning),
});

const resharding = object<Resharding>({
  made: listOf(shardShape),
  closing: listOf(object<Resharding["closing"][number]>({ index: whole, endMs: number })),
  recut: optional(
    listOf(
      object<NonNullable<Resharding["recut"]>[number]>({
        index: whole,
        hashStart: text,
        hashEnd: text,
      }),
    ),
  ),
  notBeforeMs: number,
  waitMs: optional(number),
});

export const streamDocument = objectCodec(
  "the description of a stream",
  object<StreamDescription>({
    account: text,
    region: text,
    name: text,
    uid: text,
    status: oneOf("CREATING", "ACTIVE", "UPDATING", "DELETING"),
    settlesMs: optional(number),
    settlingMs: optional(number),
    mode: oneOf("PROVISIONED", "ON_DEMAND"),
    createdMs: number,
    retentionHours: number,
    cut: optional(oneOf("byCount", "byLast")),
    yandex: optional(yandex),
    retaining: optional(flag),
    recordBytesMax: number,
    distribution: oneOf("USER_PARTITION_KEY", "AUTO"),
    warmThroughputMiBps: optional(number),
    kmsKeyId: optional(text),
    encryptions: optional(
      listOf(
        object<NonNullable<StreamDescription["encryptions"]>[number]>({
          fromMs: number,
          toMs: optional(number),
        }),
      ),
    ),
    metrics: listOf(text),
    policy: optional(text),
    consumers: listOf(consumer),
    shards: listOf(shardShape),
    resharding: optional(resharding),
    recountsMs: optional(listOf(number)),
    durable: optional(durableShape),
  }),
);
