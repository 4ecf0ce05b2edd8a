// Puts the lines of an NDJSON file, in batches, without loading the file whole. Records that the
// server refuses for a moment are put again.
import { randomKey } from "./randomKey.ts";
import { call } from "../api/kinesis.ts";
import { base64Bytes, toBase64 } from "./decode/base64.ts";

interface Entry {
  PartitionKey: string;
  ExplicitHashKey?: string;
  Data: string;
}

interface PutRecordsReply {
  FailedRecordCount: number;
  Records: { ErrorCode?: string; ErrorMessage?: string }[];
}

/** Bounds of PutRecords. */
const batchRecordsMax = 500;
const batchBytesMax = 4 << 20;
const attemptsMax = 8;

/** `tell` gets the number of records put, and the share of the file. Throws ApiError. */
export async function putLines(
  stream: string,
  file: File,
  tell: (count: number, share: number) => void,
): Promise<void> {
  let batch: Entry[] = [];
  let bytes = 0;
  let put = 0;
  let read = 0;
  const flush = async () => {
    await putBatch(stream, batch);
    put += batch.length;
    tell(put, Math.min(1, read / file.size));
    batch = [];
    bytes = 0;
  };
  for await (const line of linesOf(file, (length) => (read += length))) {
    if (line.trim() === "") continue;
    const entry = entryOf(line);
    const size = base64Bytes(entry.Data) + entry.PartitionKey.length * 3;
    if (batch.length === batchRecordsMax || bytes + size > batchBytesMax) await flush();
    batch.push(entry);
    bytes += size;
  }
  if (batch.length > 0) await flush();
}

async function putBatch(StreamName: string, entries: Entry[]): Promise<void> {
  let left = entries;
  for (let attempt = 1; left.length > 0; attempt++) {
    const reply: PutRecordsReply = await call("PutRecords", { StreamName, Records: left });
    const failure = reply.Records.find(({ ErrorCode }) => ErrorCode !== undefined);
    if (failure !== undefined && attempt === attemptsMax) {
      throw new Error(`${failure.ErrorCode}: ${failure.ErrorMessage}`);
    }
    left = left.filter((_, i) => reply.Records[i]?.ErrorCode !== undefined);
    if (left.length > 0) await new Promise((done) => setTimeout(done, 100 * 2 ** attempt));
  }
}

async function* linesOf(file: File, count: (length: number) => void): AsyncGenerator<string> {
  const reader = file.stream().getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (value !== undefined) count(value.length);
    rest += decoder.decode(value, { stream: !done });
    const lines = rest.split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    yield* lines;
    if (done) return;
  }
}

/** The names of `millrace export`, and those of the API, whose data is base64. */
function entryOf(line: string): Entry {
  const { partitionKey, data, dataBase64, ...api } = fieldsOf(line) ?? {};
  const key = partitionKey ?? api["PartitionKey"];
  const hashKey = api["explicitHashKey"] ?? api["ExplicitHashKey"];
  const base64 = dataBase64 ?? api["Data"];
  const text = data === undefined ? line : typeof data === "string" ? data : JSON.stringify(data);
  return {
    PartitionKey: typeof key === "string" && key !== "" ? key : randomKey(),
    Data: typeof base64 === "string" ? base64 : toBase64(new TextEncoder().encode(text)),
    ...(typeof hashKey === "string" && { ExplicitHashKey: hashKey }),
  };
}

function fieldsOf(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
