// Which action carries out which method.
import {
  deregisterStreamConsumer,
  listStreamConsumers,
  registerStreamConsumer,
} from "./actions/consumers.ts";
import { putRecord, putRecords } from "./actions/put.ts";
import { getRecords, getShardIterator } from "./actions/read.ts";
import { listShards } from "./actions/shards.ts";
import {
  createStream,
  decreaseRetention,
  deleteStream,
  describeStream,
  describeStreamSummary,
  increaseRetention,
  listStreams,
  updateShardCount,
  updateStream,
  updateStreamMode,
} from "./actions/streams.ts";
import type { Method } from "./context.ts";
import type { MethodName } from "./shapes.ts";

export const methods: { readonly [Name in MethodName]: Method<Name> } = {
  CreateStream: createStream,
  DecreaseStreamRetentionPeriod: decreaseRetention,
  DeleteStream: deleteStream,
  DeregisterStreamConsumer: deregisterStreamConsumer,
  DescribeStream: describeStream,
  DescribeStreamSummary: describeStreamSummary,
  GetRecords: getRecords,
  GetShardIterator: getShardIterator,
  IncreaseStreamRetentionPeriod: increaseRetention,
  ListShards: listShards,
  ListStreamConsumers: listStreamConsumers,
  ListStreams: listStreams,
  PutRecord: putRecord,
  PutRecords: putRecords,
  RegisterStreamConsumer: registerStreamConsumer,
  UpdateShardCount: updateShardCount,
  UpdateStream: updateStream,
  UpdateStreamMode: updateStreamMode,
};
