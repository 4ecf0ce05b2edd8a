// The keys of every principal, to be looked up by what a request brings: an access key id, whose
// secret then verifies a signature, or a secret itself. Secrets that are sent are found by their
// digest, so that how long a search takes says nothing about the secrets it went past. Signing
// keys derived for a day, region and service are kept, within bounds.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { BoundedMap } from "../core/boundedMap.ts";
import type { Principal } from "./caller.ts";

/** What proves a signature of the principal. */
export interface SigningCredential {
  readonly principal: Principal;
  readonly secretAccessKey: string;
  /** Requests must bring the same one, or none where there is none. */
  readonly sessionToken: string | undefined;
}

/** Kinds of secret that are sent as they are; one never passes for another. */
export type BearerKind = "sessionKey" | "password" | "token";

/** `<yyyymmdd>`, region and service of a credential's scope. */
export interface SigningScope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** A key lives for a day in one region, so few are ever in use; 64 bytes and a text each. */
const signingKeysMax = 1000;

export class KeyRing {
  readonly #signing = new Map<string, SigningCredential>();
  readonly #bearers = new Map<string, Principal>();
  readonly #signingKeys = new BoundedMap<Uint8Array>(signingKeysMax);

  /** False when another principal has the access key id. */
  addSigning(credential: SigningCredential): boolean {
    const { accessKeyId } = credential.principal;
    if (this.#signing.has(accessKeyId)) return false;
    this.#signing.set(accessKeyId, credential);
    return true;
  }

  /** False when the secret was added before. */
  addBearer(kind: BearerKind, secret: string, principal: Principal): boolean {
    const digest = bearerDigest(kind, secret);
    if (this.#bearers.has(digest)) return false;
    this.#bearers.set(digest, principal);
    return true;
  }

  findSigning(accessKeyId: string): SigningCredential | undefined {
    return this.#signing.get(accessKeyId);
  }

  findBearer(kind: BearerKind, secret: string): Principal | undefined {
    return this.#bearers.get(bearerDigest(kind, secret));
  }

  signingKey(credential: SigningCredential, scope: SigningScope): Uint8Array {
    return this.#signingKeys.get(keyName(credential, scope)) ?? deriveKey(credential, scope);
  }

  /** To be called once a signature was right, so that strangers cannot fill the cache. */
  keepSigningKey(credential: SigningCredential, scope: SigningScope, key: Uint8Array): void {
    const name = keyName(credential, scope);
    if (!this.#signingKeys.has(name)) this.#signingKeys.set(name, key);
  }
}

/** Takes as long for texts that differ early as for texts that differ late. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

/** AWS IAM user guide, "Create a signed AWS API request", derive a signing key. */
export function deriveKey(
  { secretAccessKey }: Pick<SigningCredential, "secretAccessKey">,
  { date, region, service }: SigningScope,
): Uint8Array {
  return seal(seal(seal(seal(`AWS4${secretAccessKey}`, date), region), service), "aws4_request");
}

function seal(key: string | Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

function keyName({ principal }: SigningCredential, { date, region, service }: SigningScope) {
  return `${principal.accessKeyId}/${date}/${region}/${service}`;
}

function bearerDigest(kind: BearerKind, secret: string): string {
  return sha256(`${kind}\n${secret}`).toString("base64");
}

function sha256(text: string) {
  return createHash("sha256").update(text).digest();
}
