// Requests to put many records, for tests of the front, which keeps their bodies.
import { Buffer } from "node:buffer";
import { KeptPuts, type KeptPutsOptions } from "../../local/keptPuts.ts";
import { Engine } from "../../worker/engine/engine.ts";
import { compileEngine } from "../engine/compile.ts";

export const engine = new Engine(compileEngine("engine.wasm"));

/** Lines of the head of PutRecords, as clients send it, without its length. */
export const putLines = [
  "POST / HTTP/1.1",
  "Host: localhost",
  "Content-Type: application/x-amz-json-1.1",
  "X-Amz-Target: Kinesis_20131202.PutRecords",
];

export function putsWith(options: Partial<KeptPutsOptions> = {}): KeptPuts {
  return new KeptPuts({ engine: () => engine, hashes: false, log: () => {}, ...options });
}

/** A body of so many records of a thousand bytes; `letter` is in all of them. */
export function bodyOf(count: number, letter = "a"): Buffer {
  const records = Array.from({ length: count }, (_, i) => ({
    Data: Buffer.alloc(1000, `${letter}${i}.`).toString("base64"),
    PartitionKey: `key-${i}`,
  }));
  return Buffer.from(JSON.stringify({ StreamName: "s", Records: records }));
}

export function headOf(bytes: number, lines: readonly string[] = putLines): string {
  return [...lines, `Content-Length: ${bytes}`, "", ""].join("\r\n");
}

/** In parts as they come from a socket. */
export function partsOf(body: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 65_536) parts.push(body.subarray(at, at + 65_536));
  return parts;
}
