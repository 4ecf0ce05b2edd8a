// Which action carries out which operation. The input shapes are in shapes.ts; an operation that
// stands there and not here is known and not served.
import { putRecord, putRecordsAction } from "./actions/put.ts";
import { getRecords, getShardIterator } from "./actions/read.ts";
import {
  createStream,
  deleteStream,
  describeStream,
  describeStreamSummary,
  listShards,
  listStreams,
} from "./actions/streams.ts";
import type { Action } from "./context.ts";
import type { OperationName } from "./shapes.ts";

export const actions: { readonly [Name in OperationName]?: Action<Name> } = {
  CreateStream: createStream,
  DeleteStream: deleteStream,
  DescribeStream: describeStream,
  DescribeStreamSummary: describeStreamSummary,
  GetRecords: getRecords,
  GetShardIterator: getShardIterator,
  ListShards: listShards,
  ListStreams: listStreams,
  PutRecord: putRecord,
  PutRecords: putRecordsAction,
};
