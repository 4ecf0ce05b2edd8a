// The smallest v3io client: one function, one path, one body, and what came back. Whoever makes one
// says how its requests travel.

export interface V3ioReply {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; an empty one for an empty body. */
  output: V3ioOutput;
}

/** The members of any reply. A test that reads one expects it to be there. */
export interface V3ioOutput {
  ErrorCode: number;
  ErrorMessage: string;
  ShardCount: number;
  RetentionPeriodHours: number;
  Location: string;
  NextLocation: string;
  MSecBehindLatest: number;
  RecordsBehindLatest: number;
  FailedRecordCount: number;
  Records: V3ioRecord[];
}

/** A record as it is read, or the outcome of one that was put. */
export interface V3ioRecord {
  SequenceNumber: number;
  ShardId: number;
  ArrivalTimeSec: number;
  ArrivalTimeNSec: number;
  ClientInfo: string;
  PartitionKey: string;
  Data: string;
  ErrorCode: number;
  ErrorMessage: string;
}

export type V3ioCall = (
  name: string,
  path: string,
  body?: object | string,
  method?: string,
) => Promise<V3ioReply>;

/** `body` is sent as JSON; text is sent as it is, and nothing as no body at all. */
export function v3ioOver(send: (path: string, init: RequestInit) => Promise<Response>): V3ioCall {
  return async (name, path, body, method = "PUT") => {
    const headers = { "x-v3io-function": name, "x-v3io-session-key": "any" };
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
    const reply = await send(path, init);
    const text = await reply.text();
    const output = JSON.parse(text === "" ? "{}" : text) as V3ioOutput;
    return { status: reply.status, headers: reply.headers, text, output };
  };
}

/** The body of an error, byte for byte as real servers indent it (seen in v3io-go's captures). */
export function errorText(code: number, name: string): string {
  return `{\n\t"ErrorCode": ${code},\n\t"ErrorMessage": "${name}"\n}`;
}
