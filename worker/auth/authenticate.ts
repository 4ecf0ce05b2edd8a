// The one entry to who is asking: each face brings what its envelope found, and is given a caller
// or a refusal. What the caller may then do is policy.ts's to say. Configuration and clock are
// arguments, nothing is read from outside, and nothing throws.
import type { HeaderReader } from "./credentials.ts";
import { type Caller, type Refusal, refuse } from "./caller.ts";
import type { AuthConfig } from "./config.ts";
import { admitUnverified, type SignedRequest, verifySignature } from "./sigv4.ts";
import { authenticateV3io } from "./v3io.ts";
import { authenticateYandex, type YandexRequest } from "./yandex.ts";

export type Credentials =
  | ({ readonly dialect: "kinesis" } & SignedRequest)
  | ({ readonly dialect: "yandex" } & YandexRequest)
  | { readonly dialect: "v3io"; readonly headers: HeaderReader };

export function authenticate(
  auth: AuthConfig,
  credentials: Credentials,
  nowMs: number,
): Caller | Refusal {
  if (auth.mode === "closed") return refuse("AccessDeniedException", auth.notice);
  switch (credentials.dialect) {
    case "kinesis":
      if (auth.mode === "open") return admitUnverified(credentials.authorization, auth.account);
      return verifySignature(credentials, auth.keys, ["kinesis"], nowMs);
    case "yandex":
      return authenticateYandex(auth, credentials, nowMs);
    case "v3io":
      return authenticateV3io(auth, credentials.headers);
  }
}
