// The smallest client of Yandex Data Streams' API: a database for a path, one method, one input, and what
// came back. Whoever makes one says how its requests travel.

export interface YandexReply {
  status: number;
  /** The reason phrase: an error's name, nothing else. */
  reason: string;
  headers: Headers;
  bytes: Uint8Array;
  text: string;
  /** What an error body says; both empty in any other. */
  error: { name: string; message: string };
  /** The parsed body. */
  output: YandexOutput;
}

/** The members of any reply. A test that reads one expects it to be there. */
export interface YandexOutput {
  StreamDescription: {
    StreamArn: string;
    StreamName: string;
    StreamStatus: string;
    RetentionPeriodHours: number;
    HasMoreShards: boolean;
    Shards: YandexShard[];
  };
  StreamDescriptionSummary: { OpenShardCount: number; ConsumerCount: number };
  StreamNames: string[];
  HasMoreStreams: boolean;
  Shards?: YandexShard[];
  NextToken: string;
  ShardIterator: string;
  Iterator: string;
  NextShardIterator: string | null;
  ChildShards: { ShardId: string; Name: string; ParentShards: string[]; HashKeyRange: object }[];
  MillisBehindLatest: number;
  FailedRecordCount: number;
  Records?: YandexRecord[];
  SequenceNumber: string;
  ShardId: string;
  Consumers?: { ConsumerName: string; ConsumerStatus: string }[];
}

export interface YandexShard {
  ShardId: string;
  ParentShardId?: string;
  HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
  SequenceNumberRange: { StartingSequenceNumber: string; EndingSequenceNumber?: string };
}

/** A record as it is read, or the outcome of one that was put. */
export interface YandexRecord {
  Data: string;
  PartitionKey: string;
  SequenceNumber: string;
  ApproximateArrivalTimestamp: number;
  EncryptionType: string;
  Codec: number;
  ShardId: string;
}

export interface YandexRequest {
  path?: string;
  target?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

export type YandexCall = (
  method: string,
  input: object,
  others?: YandexRequest,
) => Promise<YandexReply>;

/** Everything that `others` leaves out is as YDB's own tests have it. */
export function yandexOver(
  send: (path: string, init: RequestInit) => Promise<Response>,
): YandexCall {
  return async (method, input, others = {}) => {
    const {
      path = "/Root",
      target = `kinesisApi.${method}`,
      body = JSON.stringify(input),
    } = others;
    const headers = {
      "content-type": "application/json",
      "x-amz-target": target,
      authorization: "Bearer proxy_sa@builtin",
      ...others.headers,
    };
    const reply = await send(path, { method: "POST", headers, body });
    const bytes = new Uint8Array(await reply.arrayBuffer());
    const text = Buffer.from(bytes).toString();
    const output = parse(text);
    return {
      status: reply.status,
      reason: reply.statusText,
      headers: reply.headers,
      bytes,
      text,
      error: { name: textIn(output, "__type"), message: textIn(output, "message") },
      output: output as unknown as YandexOutput,
    };
  };
}

/** As YDB's fixture forms it: nothing but the scope is true (datastreams_fixture.h). */
export function authorizationFor(region: string): Record<string, string> {
  const credential = `AKIDEXAMPLE/20150830/${region}/service/aws4_request`;
  const signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b)__";
  return {
    authorization:
      `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, ` +
      `Signature=${signature}`,
    "x-amz-date": "20150830T123600Z",
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function textIn(output: Record<string, unknown>, name: string): string {
  const value = output[name];
  return typeof value === "string" ? value : "";
}
