// Members of a JSON body, each to its type or InvalidArgumentException. The content type is not looked at:
// clients send none, or one that is wrong. A member that is null is one that is not there.
import { invalid } from "./errors.ts";

export type Body = Record<string, unknown>;

// Broken UTF-8 is a broken body: repaired, it would store what nobody sent.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

export function parseBody(bytes: Uint8Array): Body {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    const text = decoder.decode(bytes);
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (!isBody(value)) throw invalid();
  return value;
}

export function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
  const text = textOf(value);
  const bytes = Buffer.from(text, "base64");
  const padded = text.length % 4 === 0 && bytes.length === base64Bytes(text);
  if (!padded) throw invalid();
  return bytes;
}

function base64Bytes(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}
