// A bearer token alone (RFC 6750, section 2.1): what clients of Durable Streams send. The tokens are those of
// the access keys.
import {
  admit,
  admitAnyone,
  type Caller,
  type Refusal,
  refuse,
  refuseUnknownKey,
} from "./caller.ts";
import type { KeysAuth, OpenAuth } from "./config.ts";
import type { HeaderReader } from "./credentials.ts";

export function authenticateBearer(
  auth: KeysAuth | OpenAuth,
  headers: HeaderReader,
): Caller | Refusal {
  const token = /^bearer +(.+)$/i.exec(headers.get("authorization")?.trim() ?? "")?.[1];
  if (auth.mode === "open") return admitAnyone(token ?? "", auth.account);
  if (token === undefined) {
    return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const principal = auth.keys.findBearer("token", token);
  return principal ? admit(principal) : refuseUnknownKey();
}
