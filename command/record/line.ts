/**
 * Records as lines of JSON (NDJSON), which `export`, `tail --format json` and `get` print, and
 * `import` and `put --ndjson` read. Data that is UTF-8 text is in `data`, other bytes are in
 * `dataBase64`. The names of the Kinesis API are read too: `PartitionKey`, `ExplicitHashKey` and
 * `Data`, which is base64 there.
 *
 *     {"partitionKey":"berlin","data":"hello","shardId":"shardId-000000000000",
 *      "sequenceNumber":"4956…","arrived":"2026-11-27T09:30:00.123Z"}
 */
import { Failure } from "../../local/failure.ts";
import type { StreamRecord } from "./record.ts";

/** A record that is to be put. */
export interface NewRecord {
  partitionKey: string;
  explicitHashKey?: string;
  data: Uint8Array;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes that are UTF-8 as a whole, else undefined. */
export function textOf(data: Uint8Array): string | undefined {
  try {
    return utf8.decode(data);
  } catch {
    return undefined;
  }
}

/** One line without its end. */
export function formatLine(record: StreamRecord): string {
  const { partitionKey, explicitHashKey, data, shardId, sequenceNumber, arrivedMs } = record;
  const text = textOf(data);
  const { subSequenceNumber } = record;
  return JSON.stringify({
    partitionKey,
    ...(explicitHashKey !== undefined && { explicitHashKey }),
    ...(text === undefined ? { dataBase64: Buffer.from(data).toString("base64") } : { data: text }),
    shardId,
    sequenceNumber,
    ...(subSequenceNumber !== undefined && { subSequenceNumber }),
    arrived: new Date(arrivedMs).toISOString(),
  });
}

/** Throws a Failure that says what is wrong with the line; `place` is its first words. */
export function parseLine(line: string, place: string, defaultKey?: string): NewRecord {
  const value = parseObject(line, place);
  const textMember = (...names: string[]): string | undefined => {
    for (const name of names) {
      const member: unknown = Reflect.get(value, name);
      if (member === undefined || member === null) continue;
      if (typeof member === "string") return member;
      throw new Failure(`${place}: ${name} is no text`);
    }
    return undefined;
  };
  const partitionKey = textMember("partitionKey", "PartitionKey") ?? defaultKey;
  if (partitionKey === undefined) throw new Failure(`${place}: it has no partitionKey`);
  const explicitHashKey = textMember("explicitHashKey", "ExplicitHashKey");
  const text = textMember("data");
  const base64 = textMember("dataBase64", "Data");
  if ((text === undefined) === (base64 === undefined)) {
    throw new Failure(`${place}: it needs data (text) or dataBase64, one of them`);
  }
  const data = text === undefined ? parseBase64(base64 ?? "", place) : Buffer.from(text);
  return { partitionKey, ...(explicitHashKey !== undefined && { explicitHashKey }), data };
}

function parseObject(line: string, place: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The same line says it.
  }
  throw new Failure(`${place}: it is no JSON object`);
}

function parseBase64(text: string, place: string): Uint8Array {
  const data = Buffer.from(text, "base64");
  if (data.toString("base64") === text) return data;
  throw new Failure(`${place}: its data is no base64`);
}
