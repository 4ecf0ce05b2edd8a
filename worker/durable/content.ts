// Prints the records of a page: as bytes one after the other, or in JSON mode as one array. In JSON
// mode every reply is valid JSON. This dialect checks records when they are appended, other dialects do
// not. So where they may have put some, each is checked here, and data that is no JSON text is
// printed as {"$binary":"<base64>"}.
import { concatBytes, utf8 } from "../codec/bytes.ts";
import { dataRuns, recordData } from "../engine/recordData.ts";
import type { RecordRun } from "../engine/printer.ts";

import { isJson } from "./messages.ts";

const [open, comma, close] = [utf8("["), utf8(","), utf8("]")];

export interface Content {
  readonly isJson: boolean;
  /** True if another dialect has put records into the stream. */
  readonly isMixed: boolean;
}

export function printRuns(runs: readonly RecordRun[], { isJson, isMixed }: Content): Uint8Array {
  return isJson ? printJson(runs, isMixed) : printBytes(runs);
}

function printBytes(runs: readonly RecordRun[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { chunk, from, to } of runs) parts.push(...dataRuns(chunk, from, to));
  return parts.length === 1 ? parts[0]! : concatBytes(parts);
}

function printJson(runs: readonly RecordRun[], isMixed: boolean): Uint8Array {
  const parts = [open];
  for (const { chunk, from, to } of runs) {
    for (const data of recordData(chunk, from, to)) {
      if (parts.length > 1) parts.push(comma);
      parts.push(isMixed && !isJson(data) ? wrapped(data) : data);
    }
  }
  parts.push(close);
  return concatBytes(parts);
}

function wrapped(data: Uint8Array): Uint8Array {
  return utf8(`{"$binary":"${Buffer.from(data).toString("base64")}"}`);
}
