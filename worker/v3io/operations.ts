// A streaming request as a typed command. The operation is named by a header alone; PUT and POST are
// the same. The path is /<container>/<path>/<stream>[/<shard>], and either name may stand in the
// JSON body instead. Sources: Iguazio web API reference, streaming; v3io-py request.py; v3io-go.
import { isPlainObject } from "../codec/plainObject.ts";
import { noBytes } from "../codec/bytes.ts";
import { engine } from "../engine/instance.ts";
import { infoBytesMax, shardsMax } from "../limits.ts";
import { batchOf, type RecordBatch, type RecordPut } from "../engine/recordBatch.ts";
import { type Address, checkName, type Place, placeAt } from "./names.ts";
import { invalid, V3ioError } from "./errors.ts";
import { blob, type Body, integer, optionalText, textOf } from "./fields.ts";

export type SeekTarget =
  | { type: "EARLIEST" | "LATEST" }
  | { type: "TIME"; second: number; nanosecond: number }
  | { type: "SEQUENCE"; sequence: number };

/** Records of PutRecords: some may not be ones, which does not affect the others. */
export interface RecordsPut {
  count: number;
  /** Those that are records. */
  batch: RecordBatch;
  /** Where in the request each record of the batch stands. */
  which: readonly number[];
  /** What is wrong with the others, by their places. */
  refused: ReadonlyMap<number, V3ioError>;
}

export type StreamCommand =
  | { kind: "CreateStream"; stream: Place; shardCount: number; retentionHours: number }
  | { kind: "UpdateStream"; stream: Place; shardCount: number }
  | { kind: "DescribeStream"; stream: Place }
  | { kind: "PutRecords"; stream: Place; records: RecordsPut }
  | { kind: "Seek"; stream: Place; shard: number; target: SeekTarget }
  | { kind: "GetRecords"; stream: Place; shard: number; location: Uint8Array; limit: number };

const recordsMax = 1000;
const keyBytesMax = 256;
/** The PutRecords page says 1 MB, the GetRecords page 2 MB; both are satisfied by the larger. */
const dataBytesMax = 2 * 1024 * 1024;
const retentionHoursMax = 8760;
const retentionHoursDefault = 24;
const limitDefault = 1000;
const NANOSECONDS = 1_000_000_000;

const encoder = new TextEncoder();

/**
 * A PutRecords body that the engine reads in one pass. Undefined for one that needs the general reader
 * (assembly/putJson.ts), which has the same outcome. Throws V3ioError.
 */
export function readPutCommand(address: Address, body: Uint8Array): StreamCommand | undefined {
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
  const records = { count, batch, which, refused: new Map<number, V3ioError>() };
  return { kind: "PutRecords", stream: streamPlace(address, {}), records };
}

/** Undefined for a function that is not of the streaming API. Throws V3ioError. */
export function parseStreamCommand(
  name: string,
  address: Address,
  body: Body,
): StreamCommand | undefined {
  switch (name) {
    case "CreateStream":
      return {
        kind: name,
        stream: streamPlace(address, body),
        shardCount: integer(body["ShardCount"] ?? 1, 1, shardsMax),
        retentionHours: integer(
          body["RetentionPeriodHours"] ?? retentionHoursDefault,
          1,
          retentionHoursMax,
        ),
      };
    case "UpdateStream":
      return {
        kind: name,
        stream: streamPlace(address, body),
        shardCount: integer(body["ShardCount"], 1, shardsMax),
      };
    case "DescribeStream":
      return { kind: name, stream: streamPlace(address, body) };
    case "PutRecords":
      return { kind: name, stream: streamPlace(address, body), records: recordsIn(body) };
    case "Seek":
    case "SeekShard":
      return { kind: "Seek", ...shardPlace(address, body), target: seekTarget(body) };
    case "GetRecords":
      return {
        kind: name,
        ...shardPlace(address, body),
        location: blob(body["Location"]),
        limit: limitOf(body["Limit"]),
      };
    default:
      return undefined;
  }
}

function streamPlace(address: Address, body: Body): Place {
  const name = nameIn(body, "StreamName");
  return notRoot(name === undefined ? placeAt(address) : placeAt(address, name));
}

function shardPlace(address: Address, body: Body): { stream: Place; shard: number } {
  const name = nameIn(body, "StreamName");
  const inBody = body["ShardId"] ?? undefined;
  const path =
    inBody === undefined && name === undefined ? address.path.slice(0, -1) : address.path;
  const below = name === undefined ? [] : [name];
  const last = path === address.path ? undefined : address.path.at(-1);
  return {
    stream: notRoot(placeAt({ ...address, path }, ...below)),
    shard: inBody === undefined ? digits(last) : integer(inBody, 0, Infinity),
  };
}

function notRoot(place: Place): Place {
  if (place.path === "") throw invalid();
  return place;
}

function nameIn(body: Body, member: string): string | undefined {
  const name = optionalText(body[member]);
  if (name === undefined) return undefined;
  if (name.includes("/")) throw invalid();
  checkName(name);
  return name;
}

function digits(segment: string | undefined): number {
  if (segment === undefined || !/^\d{1,9}$/.test(segment)) throw invalid();
  return Number(segment);
}

function recordsIn(body: Body): RecordsPut {
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
  return { count: records.length, batch: batchOf(puts), which, refused };
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

function seekTarget(body: Body): SeekTarget {
  const type = body["Type"];
  if (type === "EARLIEST" || type === "LATEST") return { type };
  if (type === "TIME") {
    return {
      type,
      second: integer(body["TimestampSec"], 0, Infinity),
      nanosecond: integer(body["TimestampNSec"], 0, NANOSECONDS - 1),
    };
  }
  if (type === "SEQUENCE") {
    return { type, sequence: integer(body["StartingSequenceNumber"], 1, Infinity) };
  }
  throw invalid();
}

/** v3io-go sends 0 when its caller set no limit. */
function limitOf(value: unknown): number {
  if (value === undefined || value === null || value === 0) return limitDefault;
  return integer(value, 1, Infinity);
}
