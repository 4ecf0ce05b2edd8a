// Puts a page's reply together: what stands before the records, the records as the engine prints them run
// by run, and what stands after. Every dialect's page has this shape; they differ in the printing alone.
import type { Run } from "./stream/reader.ts";

export type RenderChunk = (chunk: Uint8Array, from: number, to: number) => Uint8Array;

const encoder = new TextEncoder();
const COMMA = encoder.encode(",");

export function renderPage(
  head: string,
  runs: readonly Run[],
  render: RenderChunk,
  foot: string,
): Uint8Array {
  const parts = [encoder.encode(head)];
  for (const [i, { chunk, from, to }] of runs.entries()) {
    if (i > 0) parts.push(COMMA);
    parts.push(render(chunk, from, to));
  }
  parts.push(encoder.encode(foot));
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
