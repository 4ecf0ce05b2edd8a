// A v3io request as a typed command. The operation is named by a header alone; PUT and POST are the
// same. The path is /<container>/<path>/<stream>[/<shard>], and either name may stand in the JSON body
// instead. Doubled slashes, a missing or odd content type and a body that is not there are all
// what real clients send. Sources: Iguazio web API reference, general structure; v3io-py and v3io-go.
import { infoBytesMax, shardsMax } from "../limits.ts";
import type { RecordPut } from "../stream/writer.ts";
import { V3ioError } from "./errors.ts";

/** A stream's place: the container, and the path below it without slashes at the ends. */
export interface StreamPath {
  container: string;
  path: string;
}

export type SeekTarget =
  | { type: "EARLIEST" | "LATEST" }
  | { type: "TIME"; second: number; nanosecond: number }
  | { type: "SEQUENCE"; sequence: number };

/** A record of PutRecords, or why it cannot be one: other records are not affected. */
export type RecordEntry = { put: RecordPut } | { error: V3ioError };

export type Command =
  | { kind: "create"; stream: StreamPath; shardCount: number; retentionHours: number }
  | { kind: "describe"; stream: StreamPath }
  | { kind: "put"; stream: StreamPath; records: RecordEntry[] }
  | { kind: "seek"; stream: StreamPath; shard: number; target: SeekTarget }
  | { kind: "get"; stream: StreamPath; shard: number; location: Uint8Array; limit: number };

const recordsMax = 1000;
const keyBytesMax = 256;
/** The PutRecords page says 1 MB, the GetRecords page 2 MB; both are satisfied by the larger. */
const dataBytesMax = 2 * 1024 * 1024;
const retentionHoursMax = 8760;
const limitDefault = 1000;
const NANOSECONDS = 1_000_000_000;

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

type Body = Record<string, unknown>;

/** Throws V3ioError: InvalidArgumentException unless the reference names another. */
export function parseRequest(name: string, pathname: string, text: string): Command {
  const body = parseBody(text);
  switch (name) {
    case "CreateStream":
      return {
        kind: "create",
        stream: streamPath(pathname, body),
        shardCount: integer(body["ShardCount"], 1, shardsMax),
        retentionHours: integer(body["RetentionPeriodHours"], 1, retentionHoursMax),
      };
    case "DescribeStream":
      return { kind: "describe", stream: streamPath(pathname, body) };
    case "PutRecords":
      return { kind: "put", stream: streamPath(pathname, body), records: recordEntries(body) };
    case "Seek":
    case "SeekShard":
      return { kind: "seek", ...shardPath(pathname, body), target: seekTarget(body) };
    case "GetRecords":
      return {
        kind: "get",
        ...shardPath(pathname, body),
        location: blob(body["Location"]),
        limit: limitOf(body["Limit"]),
      };
    default:
      throw invalid();
  }
}

function parseBody(text: string): Body {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid();
  return value as Body;
}

function segmentsOf(pathname: string): string[] {
  try {
    return decodeURIComponent(pathname)
      .split("/")
      .filter((segment) => segment !== "");
  } catch {
    throw invalid();
  }
}

function streamPath(pathname: string, body: Body): StreamPath {
  const [container, ...path] = segmentsOf(pathname);
  if (body["StreamName"] !== undefined) path.push(nameIn(body, "StreamName"));
  if (container === undefined || path.length === 0) throw invalid();
  return { container, path: path.join("/") };
}

/** Stream and shard: both in the path, or the shard or both in the body. */
function shardPath(pathname: string, body: Body): { stream: StreamPath; shard: number } {
  const [container, ...path] = segmentsOf(pathname);
  if (body["StreamName"] !== undefined) path.push(nameIn(body, "StreamName"));
  const inBody = body["ShardId"] ?? undefined;
  const shard = inBody === undefined ? digits(path.pop()) : integer(inBody, 0, Infinity);
  if (container === undefined || path.length === 0) throw invalid();
  return { stream: { container, path: path.join("/") }, shard };
}

function nameIn(body: Body, member: string): string {
  const name = body[member];
  if (typeof name !== "string" || name === "" || name.includes("/")) throw invalid();
  return name;
}

function digits(segment: string | undefined): number {
  if (segment === undefined || !/^\d{1,9}$/.test(segment)) throw invalid();
  return Number(segment);
}

function recordEntries(body: Body): RecordEntry[] {
  const records = body["Records"];
  if (!Array.isArray(records) || records.length === 0 || records.length > recordsMax) {
    throw invalid();
  }
  return records.map((record: unknown) => {
    try {
      return { put: recordPut(record) };
    } catch (error) {
      if (error instanceof V3ioError) return { error };
      throw error;
    }
  });
}

function recordPut(record: unknown): RecordPut {
  if (typeof record !== "object" || record === null) throw invalid();
  const { Data, ClientInfo, PartitionKey, ShardId } = record as Body;
  const data = blob(Data);
  const info = ClientInfo === undefined ? NOTHING : blob(ClientInfo);
  const key = PartitionKey === undefined ? NOTHING : encoder.encode(textOf(PartitionKey));
  const tooLong = data.length > dataBytesMax || info.length > infoBytesMax;
  if (tooLong || key.length > keyBytesMax) throw invalid();
  const shard = ShardId === undefined ? undefined : integer(ShardId, 0, Infinity);
  return { key, info, data, shard };
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
    return { type, sequence: integer(body["StartingSequenceNumber"], 0, Infinity) };
  }
  throw invalid();
}

/** v3io-go sends 0 when its caller set no limit. */
function limitOf(value: unknown): number {
  if (value === undefined || value === null || value === 0) return limitDefault;
  return integer(value, 1, Infinity);
}

function integer(value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid();
  }
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw invalid();
  return value;
}

function blob(value: unknown): Uint8Array {
  const text = textOf(value);
  const bytes = Buffer.from(text, "base64");
  const padded = text.length % 4 === 0 && bytes.length === base64Length(text);
  if (!padded) throw invalid();
  return bytes;
}

function base64Length(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

function invalid(): V3ioError {
  return new V3ioError("InvalidArgumentException");
}
