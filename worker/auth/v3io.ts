// Credentials of v3io clients (Iguazio data-layer reference, "Securing your web-API requests"): a
// session key in its own header, a user and password, or a header in the style of S3, of which only
// the key is used. That key is a secret, unlike an AWS access key id, and the two are never
// confused.
import { Buffer } from "node:buffer";
import type { HeaderReader } from "./credentials.ts";
import {
  admit,
  admitAnyone,
  type Caller,
  type Refusal,
  refuse,
  refuseUnknownKey,
} from "./caller.ts";
import type { KeysAuth, OpenAuth } from "./config.ts";

type Credential =
  | { readonly kind: "sessionKey"; readonly secret: string }
  | { readonly kind: "password"; readonly secret: string; readonly user: string };

export function authenticateV3io(
  auth: KeysAuth | OpenAuth,
  headers: HeaderReader,
): Caller | Refusal {
  const credential = readCredential(headers);
  if (auth.mode === "open") {
    const name = credential?.kind === "password" ? credential.user : credential?.secret;
    return admitAnyone(name ?? "", auth.account);
  }
  if (credential === undefined) {
    return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const principal = auth.keys.findBearer(credential.kind, credential.secret);
  return principal ? admit(principal) : refuseUnknownKey();
}

function readCredential(headers: HeaderReader): Credential | undefined {
  const sessionKey = headers.get("x-v3io-session-key");
  if (sessionKey) return { kind: "sessionKey", secret: sessionKey };
  const [scheme = "", ...rest] = (headers.get("authorization") ?? "").trim().split(" ");
  const value = rest.join(" ");
  switch (scheme.toLowerCase()) {
    case "basic": {
      const secret = Buffer.from(value, "base64").toString();
      return { kind: "password", secret, user: secret.split(":", 1)[0] ?? "" };
    }
    case "aws":
      return { kind: "sessionKey", secret: value.trim().split(":", 1)[0] ?? "" };
    case "aws4-hmac-sha256": {
      const [, secret] = /(?:^|[, ])Credential=([^/, ]+)/.exec(value) ?? [];
      return secret === undefined ? undefined : { kind: "sessionKey", secret };
    }
    default:
      return undefined;
  }
}
