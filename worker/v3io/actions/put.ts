// PutRecords. A record that is invalid, or that its shard cannot accept, fails alone. Sequence
// numbers are the index plus one. Records without shard and key are spread over the shards in turn,
// and the next request continues where this one stopped. Source: Iguazio web API reference,
// PutRecords.
import { isPlainObject } from "../../codec/plainObject.ts";
import { noBytes } from "../../codec/bytes.ts";
import type { Backend } from "../../stream/backend.ts";
import type { FailureLog } from "../../core/failureLog.ts";
import type { Scope } from "../../core/types.ts";
import { engine } from "../../engine/instance.ts";
import {
  batchOf,
  PACK_ROW,
  type RecordBatch,
  type RecordPut,
  selectBatch,
} from "../../engine/recordBatch.ts";
import { infoBytesMax } from "../../limits.ts";
import type { KnownStream } from "../../stream/directory.ts";
import type { PutResult } from "../../stream/writer.ts";
import { invalid, recordFailure, V3ioError, v3ioErrorOf } from "../errors.ts";
import { blob, type Body, integer, parseBody, textOf } from "../fields.ts";
import type { Address, Place } from "../names.ts";
import { fromBody, requestOperation } from "../operation.ts";
import { isObject, shardCountOf, streamAt } from "../places.ts";
import { json } from "../reply.ts";
import { streamPlace } from "../streamRequest.ts";

/** Some of the records may be invalid; that does not affect the others. */
interface RecordsPut {
  stream: Place;
  /** The number of records in the request. */
  count: number;
  /** The valid records. */
  batch: RecordBatch;
  /** Where in the request each record of the batch stands. */
  which: readonly number[];
  /** The errors of the invalid records, by their positions. */
  refused: ReadonlyMap<number, V3ioError>;
}

const recordsMax = 1000;
const keyBytesMax = 256;
/** The PutRecords page says 1 MB, the GetRecords page 2 MB; both are satisfied by the larger. */
const dataBytesMax = 2 * 1024 * 1024;

const encoder = new TextEncoder();

const readInput = fromBody(
  (address, bytes) => readRecords(address, bytes) ?? recordsIn(address, parseBody(bytes)),
);

export const putRecords = requestOperation({
  name: "PutRecords",
  alias: "kinesis:PutRecords",
  read: readInput,
  resource: ({ stream: place }) => ({ kind: "stream", place }),
  run: async ({ backend, scope, failures }, records) => {
    const stream = await streamAt(backend, scope, records.stream);
    if (stream === undefined) {
      // For a directory real servers answer with the other error, unlike the reference.
      const isFile = await isObject(backend, scope, records.stream);
      throw new V3ioError(isFile ? "ResourceIsnotStream" : "ResourceNotFoundException");
    }
    const replies: object[] = Array.from({ length: records.count });
    for (const [i, error] of records.refused) replies[i] = recordFailure(error);
    const taken = placedRecords(stream, records, replies);
    const results = await putInTurn(backend, scope, stream, taken.batch);
    for (const [at, i] of taken.which.entries()) {
      replies[i] = recordReply(results[at] as PutResult, failures);
    }
    const failed = replies.filter((reply) => "ErrorCode" in reply).length;
    return json({ FailedRecordCount: failed, Records: replies });
  },
});

/**
 * A body that the engine reads in one pass. Undefined for one that needs the general reader
 * (assembly/putJson.ts), which has the same outcome. Throws V3ioError.
 */
function readRecords(address: Address, body: Uint8Array): RecordsPut | undefined {
  const kind = {
    format: "json",
    recordsMax,
    clientInfo: true,
    shardId: true,
    keyless: true,
  } as const;
  const batch = engine.readPutBody(body, kind);
  if (batch === undefined) return undefined;
  const { count } = batch;
  const which = Array.from({ length: count }, (_, i) => i);
  return { stream: streamPlace(address, {}), count, batch, which, refused: new Map() };
}

function recordsIn(address: Address, body: Body): RecordsPut {
  const stream = streamPlace(address, body);
  const records = body["Records"];
  if (!Array.isArray(records) || records.length === 0 || records.length > recordsMax) {
    throw invalid();
  }
  const puts: RecordPut[] = [];
  const which: number[] = [];
  const refused = new Map<number, V3ioError>();
  for (const [i, record] of records.entries()) {
    try {
      puts.push(recordPut(record));
      which.push(i);
    } catch (error) {
      if (!(error instanceof V3ioError)) throw error;
      refused.set(i, error);
    }
  }
  return { stream, count: records.length, batch: batchOf(puts), which, refused };
}

function recordPut(record: unknown): RecordPut {
  if (!isPlainObject(record)) throw invalid();
  const { Data, ClientInfo, PartitionKey, ShardId } = record;
  const data = blob(Data);
  const info = isThere(ClientInfo) ? blob(ClientInfo) : noBytes;
  const key = isThere(PartitionKey) ? encoder.encode(keyOf(PartitionKey)) : noBytes;
  const tooLong = data.length > dataBytesMax || info.length > infoBytesMax;
  if (tooLong || key.length > keyBytesMax) throw invalid();
  return { key, info, data, shard: isThere(ShardId) ? integer(ShardId, 0, Infinity) : undefined };
}

function keyOf(value: unknown): string {
  const key = textOf(value);
  if (!key.isWellFormed()) throw invalid();
  return key;
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/**
 * The records whose shards, where they name any, are numbers of the stream; the replies of the
 * others are filled in. A shard that was split or merged stands for the shards that continue it.
 */
function placedRecords(
  stream: KnownStream,
  { batch, which }: RecordsPut,
  replies: object[],
): Pick<RecordsPut, "batch" | "which"> {
  const shardCount = shardCountOf(stream);
  const placed: number[] = [];
  for (let at = 0; at < batch.count; at++) {
    if (placeOf(batch, at) <= shardCount) placed.push(at);
    else replies[which[at]!] = recordFailure(new V3ioError("ShardIDOutOfRangeException"));
  }
  if (placed.length === batch.count) return { batch, which };
  return { batch: selectBatch(batch, placed), which: placed.map((at) => which[at]!) };
}

async function putInTurn(
  backend: Backend,
  scope: Scope,
  stream: KnownStream,
  batch: RecordBatch,
): Promise<PutResult[]> {
  if (batch.count === 0) return [];
  const free: number[] = [];
  for (let i = 0; i < batch.count; i++) {
    if (placeOf(batch, i) === 0 && batch.rows[i * PACK_ROW] === 0) free.push(i);
  }
  if (free.length > 0) {
    const open = stream.description.shards.filter(({ closedMs }) => closedMs === undefined);
    // It begins with the first shard and continues where the last request stopped.
    let turn = await backend.streams.takeTurns(stream, free.length);
    for (const i of free) {
      const shard = open[turn++ % open.length];
      batch.rows[i * PACK_ROW + 3] = shard === undefined ? 0 : shard.index + 1;
    }
  }
  return backend.streams.put(stream, batch);
}

/** The number of the shard that record `i` names, plus one, or 0. */
function placeOf({ rows }: RecordBatch, i: number): number {
  return rows[i * PACK_ROW + 3]!;
}

function recordReply(result: PutResult, failures: FailureLog): object {
  if ("failure" in result) return recordFailure(v3ioErrorOf(result.failure, failures));
  return { SequenceNumber: result.index + 1, ShardId: result.shard.index };
}
