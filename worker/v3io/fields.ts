// Reads the members of a JSON body by type, or throws InvalidArgumentException. The content type is
// ignored, because clients send none or a wrong one. A member that is null counts as missing.
import { decodeBase64 } from "../codec/base64.ts";
import { isPlainObject } from "../codec/plainObject.ts";
import { parseJson } from "../codec/json.ts";
import { invalid } from "./errors.ts";

export type Body = Record<string, unknown>;

/** Space, tab and the ends of lines. */
const blanks: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** The byte order mark, which some clients write. */
const mark = [0xef, 0xbb, 0xbf] as const;

export function parseBody(bytes: Uint8Array): Body {
  const isMarked = mark.every((byte, i) => bytes[i] === byte);
  const text = isMarked ? bytes.subarray(mark.length) : bytes;
  if (isBlank(text)) return {};
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    throw invalid();
  }
  if (!isPlainObject(value)) throw invalid();
  return value;
}

function isBlank(text: Uint8Array): boolean {
  for (const byte of text) if (!blanks.has(byte)) return false;
  return true;
}

export function integer(value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw invalid();
  if (value < min || value > max) throw invalid();
  return value;
}

export function textOf(value: unknown): string {
  if (typeof value !== "string") throw invalid();
  return value;
}

/** Undefined when the member is not there. */
export function optionalText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : textOf(value);
}

export function blob(value: unknown): Uint8Array {
  const bytes = decodeBase64(textOf(value));
  if (bytes === undefined) throw invalid();
  return bytes;
}
