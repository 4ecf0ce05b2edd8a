// The smallest Kinesis client: says what it is told to say, however wrong, and hands back what came,
// unread. For requests that no SDK would send, and for tests where no SDK runs. Whoever makes one
// says how its requests travel.

export interface KinesisReply {
  status: number;
  headers: Headers;
  text: string;
  /** What an error body says; both empty in any other. */
  error: { name: string; message: string };
  /** The parsed body; an empty one for an empty body. */
  output: KinesisOutput;
}

/** The members of any reply, as JSON has them. A test that reads one expects it to be there. */
export interface KinesisOutput {
  ShardIterator: string;
  NextShardIterator: string;
  NextToken: string;
  MillisBehindLatest: number;
  FailedRecordCount: number;
  Records: KinesisRecord[];
  SequenceNumber: string;
  ShardId: string;
  StreamNames: string[];
  StreamDescription: { StreamStatus: string; StreamARN: string };
  Shards: { ShardId: string }[];
}

/** A record as it is read, or the outcome of one that was put. */
export interface KinesisRecord {
  Data: string;
  PartitionKey: string;
  SequenceNumber: string;
  ApproximateArrivalTimestamp: number;
  ShardId: string;
  ErrorCode: string;
  ErrorMessage: string;
}

/** Headers to send instead of the usual ones; null leaves one out. */
export type HeaderChanges = Record<string, string | null>;

export type KinesisCall = (
  operation: string,
  input: object | string | Uint8Array,
  changes?: HeaderChanges,
) => Promise<KinesisReply>;

/** `input` is sent as JSON; text and bytes are sent as they are. */
export function kinesisOver(send: (init: RequestInit) => Promise<Response>): KinesisCall {
  return async (operation, input, changes = {}) => {
    const isRaw = typeof input === "string" || input instanceof Uint8Array;
    const headers = new Headers(headersOf(operation));
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) headers.delete(name);
      else headers.set(name, value);
    }
    const body = isRaw ? input : JSON.stringify(input);
    const reply = await send({ method: "POST", headers, body });
    const text = await reply.text();
    const output = parseBody(text);
    const error = { name: output["__type"] ?? "", message: output["message"] ?? "" };
    error.message ||= output["Message"] ?? "";
    const { status, headers: replyHeaders } = reply;
    return {
      status,
      headers: replyHeaders,
      text,
      error,
      output: output as unknown as KinesisOutput,
    };
  };
}

/** As an SDK would sign it for that region, but for the signature itself. */
export function authorizationFor(region: string, accessKey = "AKIDEXAMPLE"): string {
  const credential = `${accessKey}/20260101/${region}/kinesis/aws4_request`;
  const signature = "0".repeat(64);
  return `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=${signature}`;
}

export function base64(data: string | Uint8Array): string {
  return Buffer.from(data).toString("base64");
}

export function textIn(record: Pick<KinesisRecord, "Data">): string {
  return Buffer.from(record.Data, "base64").toString();
}

function headersOf(operation: string): Record<string, string> {
  return {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `Kinesis_20131202.${operation}`,
    "x-amz-date": "20260101T000000Z",
    authorization: authorizationFor("us-east-1"),
  };
}

function parseBody(text: string): Record<string, string> {
  try {
    return JSON.parse(text === "" ? "{}" : text) as Record<string, string>;
  } catch {
    return {};
  }
}
