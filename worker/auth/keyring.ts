// Finds principals by the credentials of a request: by an access key id, whose secret then verifies
// a signature, or by a secret itself. Secrets in requests are looked up by their digest, so that
// the time of a search tells nothing about other secrets. Signing keys that were derived for a day,
// region and service are cached, within bounds.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { BoundedMap } from "../core/boundedMap.ts";
import type { Principal } from "./caller.ts";

/** What verifies a signature of the principal. */
export interface SigningCredential {
  readonly principal: Principal;
  readonly secretAccessKey: string;
  /** Requests must have the same session token, or none if there is none. */
  readonly sessionToken: string | undefined;
}

/** Kinds of secret that are sent in the request; one kind is never accepted as another. */
export type BearerKind = "sessionKey" | "password" | "token";

/** `<yyyymmdd>`, region and service of a credential's scope. */
export interface SigningScope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** A key is valid for a day in one region, so few are in use; each takes 64 bytes and a text. */
const signingKeysMax = 1000;

export class KeyRing {
  readonly #signing = new Map<string, SigningCredential>();
  readonly #bearers = new Map<string, Principal>();
  readonly #signingKeys = new BoundedMap<Uint8Array>(signingKeysMax);

  /** False if another principal has the access key id. */
  addSigning(credential: SigningCredential): boolean {
    const { accessKeyId } = credential.principal;
    if (this.#signing.has(accessKeyId)) return false;
    this.#signing.set(accessKeyId, credential);
    return true;
  }

  /** False if the secret was added before. */
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

  /** Call it only after a valid signature, so that strangers cannot fill the cache. */
  keepSigningKey(credential: SigningCredential, scope: SigningScope, key: Uint8Array): void {
    const name = keyName(credential, scope);
    if (!this.#signingKeys.has(name)) this.#signingKeys.set(name, key);
  }
}

/** Takes the same time wherever the texts differ. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

/** AWS IAM user guide, "Create a signed AWS API request", derive a signing key. */
export function deriveKey(
  { secretAccessKey }: Pick<SigningCredential, "secretAccessKey">,
  { date, region, service }: SigningScope,
): Uint8Array {
  return hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, date), region), service), "aws4_request");
}

function hmac(key: string | Uint8Array, text: string): Uint8Array {
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
