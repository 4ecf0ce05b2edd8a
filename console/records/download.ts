// The shown records as a file, one JSON object a line, as `millrace export` writes it
// (command/record/line.ts).
import { fromBase64 } from "./decode/base64.ts";
import { readText } from "./decode/views.ts";
import type { Row } from "./buffer.ts";

export function downloadNdjson(stream: string, rows: readonly Row[]): void {
  const lines = rows.map((row) => `${JSON.stringify(lineOf(row))}\n`);
  const url = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${stream}.ndjson`;
  link.click();
  URL.revokeObjectURL(url);
}

/** Data that is text is written as text, other data as base64. */
function lineOf({ record }: Row): object {
  const text = readText(fromBase64(record.Data));
  return {
    partitionKey: record.PartitionKey,
    ...(text === undefined ? { dataBase64: record.Data } : { data: text }),
    shardId: record.shardId,
    sequenceNumber: record.SequenceNumber,
    arrived: new Date(record.ApproximateArrivalTimestamp * 1000).toISOString(),
  };
}
