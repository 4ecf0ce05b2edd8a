// The ways to show a record's data: JSON, text, gzip, KPL aggregate, CBOR, bytes. `decodeViews`
// finds out which of them fit; the first is shown.
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { md5 } from "@noble/hashes/legacy.js";
import { parseExactly } from "./exactJson.ts";
import { deaggregate, type UserRecord } from "../../../command/record/aggregate.ts";

export type View =
  /** `text` if the data is the text of it. */
  | { kind: "json"; label: string; value: unknown; text?: string }
  | { kind: "text"; label: string; text: string }
  | { kind: "hex"; label: string; bytes: Uint8Array }
  | { kind: "aggregate"; label: string; records: UserRecord[] };

/** Data larger than this after gzip is cut. */
const inflatedBytesMax = 16 << 20;

export async function decodeViews(bytes: Uint8Array<ArrayBuffer>): Promise<View[]> {
  const views: View[] = [];
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    const inflated = await inflate(bytes);
    if (inflated !== undefined) {
      views.push(...plainViews(inflated).map((view) => withLabel(view, `gzip: ${view.label}`)));
    }
  }
  const records = deaggregate(bytes, md5);
  if (records !== undefined) views.push({ kind: "aggregate", label: "KPL", records });
  return [...views, ...plainViews(bytes)];
}

function withLabel(view: View, label: string): View {
  return { ...view, label };
}

function plainViews(bytes: Uint8Array): View[] {
  const views: View[] = [];
  const text = readText(bytes);
  const json = text === undefined ? undefined : readJson(text);
  if (json !== undefined) views.push({ kind: "json", label: "JSON", ...json });
  if (text !== undefined) views.push({ kind: "text", label: "text", text });
  else {
    const cbor = readCbor(bytes);
    if (cbor !== undefined) views.push({ kind: "json", label: "CBOR", value: cbor.value });
  }
  views.push({ kind: "hex", label: "hex", bytes });
  return views;
}

/** Undefined if the bytes are not text. */
export function readText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // Control characters other than white space are a sign of binary data.
    // oxlint-disable-next-line no-control-regex
    return /[\u0000-\u0008\u000e-\u001f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function readJson(text: string): { value: unknown; text: string } | undefined {
  const first = text.trimStart()[0] ?? "";
  if (!'{["'.includes(first) || first === "") return undefined;
  try {
    return { value: parseExactly(text.replace(/^\ufeff/, "")), text };
  } catch {
    return undefined;
  }
}

/** Only maps and lists: a single byte is a whole CBOR item, so anything shorter means nothing. */
function readCbor(bytes: Uint8Array): { value: unknown } | undefined {
  const major = (bytes[0] ?? 0) >> 5;
  if (bytes.length < 2 || (major !== 4 && major !== 5)) return undefined;
  try {
    return { value: decodeCbor(bytes) };
  } catch {
    return undefined;
  }
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const parts: Uint8Array[] = [];
    let total = 0;
    for (const reader = stream.getReader(); total < inflatedBytesMax;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      total += value.length;
    }
    const all = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  } catch {
    return undefined;
  }
}
