import { bytesToHex } from "@noble/hashes/utils.js";

/** A partition key for a record that has none. `crypto.randomUUID` is missing on pages without TLS. */
export function randomKey(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(16)));
}
