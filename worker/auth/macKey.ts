// HMAC-SHA256 (RFC 2104) of a few hundred bytes under a key that is used again and again. The hash of the
// key is computed once. node:crypto cannot do that, and each of its HMACs is a stream.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

export class MacKey {
  private readonly keyed: Hmac;
  private readonly running: Hmac;
  private readonly mac = new Uint8Array(sha256.outputLen);

  constructor(key: string) {
    this.keyed = startMac(key);
    this.running = startMac(key);
  }

  /** The MAC of the bytes, in memory that the next call uses again. */
  of(bytes: Uint8Array): Uint8Array {
    // oxlint-disable-next-line eslint/no-underscore-dangle -- the library's name; clone() makes new objects
    this.keyed._cloneInto(this.running);
    this.running.update(bytes).digestInto(this.mac);
    return this.mac;
  }
}

type Hmac = ReturnType<typeof startMac>;

function startMac(key: string) {
  return hmac.create(sha256, new TextEncoder().encode(key));
}
