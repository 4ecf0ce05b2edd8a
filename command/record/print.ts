/** The formats in which records are printed. */
import { paint } from "../terminal/colour.ts";
import { shortId } from "../stream/shard.ts";
import { formatLine, textOf } from "./line.ts";
import type { StreamRecord } from "./record.ts";

export const formats = ["text", "json", "hex", "raw"] as const;
export type Format = (typeof formats)[number];

/** What the help pages say of the formats. */
export const formatHelp =
  "text: time, shard, key and data; json: a line of JSON; hex: a dump; raw: data alone";

/** What is written for a record, with the end of its line. `raw` ends each record with a line feed. */
export function formatRecord(record: StreamRecord, format: Format): string | Uint8Array {
  switch (format) {
    case "text":
      return `${formatHead(record)}  ${formatText(record.data)}\n`;
    case "json":
      return `${formatLine(record)}\n`;
    case "hex":
      return `${formatHead(record)}  ${record.data.length} bytes\n${formatHex(record.data)}`;
    case "raw":
      return Buffer.concat([record.data, Buffer.from("\n")]);
  }
}

function formatHead({ arrivedMs, shardId, partitionKey }: StreamRecord): string {
  const time = paint("dim", new Date(arrivedMs).toISOString());
  return `${time}  ${shortId(shardId)}  ${paint("cyan", escapeControls(partitionKey))}`;
}

/** Text as it is, on one line; other bytes as `\xNN`. */
function formatText(data: Uint8Array): string {
  const text = textOf(data);
  if (text !== undefined) return escapeControls(text);
  return Array.from(data, (byte) =>
    byte >= 32 && byte < 127 && byte !== 92
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
}

const named: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\t" };

/** Control characters could end the line or change the terminal. */
function escapeControls(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f]/g,
    (control) => named[control] ?? `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** Sixteen bytes a line, as `hexdump -C` prints them. */
function formatHex(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 16) {
    const row = data.subarray(at, at + 16);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const plain = Array.from(row, (byte) =>
      byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".",
    ).join("");
    text += `  ${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${plain}\n`;
  }
  return text;
}
