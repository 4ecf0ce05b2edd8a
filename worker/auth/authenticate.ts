// The one entry to who is asking: each face brings what its envelope found, and is given a caller
// or a refusal, the latter also before the body has come. What the caller may then do is policy.ts's to say. Configuration and clock are
// arguments, nothing is read from outside, and nothing throws.
import type { HeaderReader } from "./credentials.ts";
import { type Caller, type Refusal, refuse } from "./caller.ts";
import type { AuthConfig } from "./config.ts";
import {
  admitUnverified,
  refuseHead,
  type SignedHead,
  type SignedRequest,
  verifySignature,
} from "./sigv4.ts";
import { authenticateV3io } from "./v3io.ts";
import {
  authenticateYandex,
  refuseYandexHead,
  type YandexHead,
  type YandexRequest,
} from "./yandex.ts";

export type Credentials =
  | ({ readonly dialect: "kinesis" } & SignedRequest)
  | ({ readonly dialect: "yandex" } & YandexRequest)
  | { readonly dialect: "v3io"; readonly headers: HeaderReader };

/** Those whose body may not have come yet. v3io's never depend on one. */
export type HeadCredentials =
  | ({ readonly dialect: "kinesis" } & SignedHead)
  | ({ readonly dialect: "yandex" } & YandexHead);

/** Clients sign for this one. */
const kinesisServices = ["kinesis"];

/**
 * What the head of a request is refused for, before anybody reads its body; undefined when only the
 * body can tell, or when nobody is asked for keys.
 */
export function condemnHead(
  auth: AuthConfig,
  credentials: HeadCredentials,
  nowMs: number,
): Refusal | undefined {
  if (auth.mode === "open") return undefined;
  if (auth.mode === "closed") return refuse("AccessDeniedException", auth.notice);
  return credentials.dialect === "yandex"
    ? refuseYandexHead(auth, credentials, nowMs)
    : refuseHead(credentials, auth.keys, kinesisServices, nowMs);
}

export function authenticate(
  auth: AuthConfig,
  credentials: Credentials,
  nowMs: number,
): Caller | Refusal {
  if (auth.mode === "closed") return refuse("AccessDeniedException", auth.notice);
  switch (credentials.dialect) {
    case "kinesis":
      if (auth.mode === "open") return admitUnverified(credentials.authorization, auth.account);
      return verifySignature(credentials, auth.keys, kinesisServices, nowMs);
    case "yandex":
      return authenticateYandex(auth, credentials, nowMs);
    case "v3io":
      return authenticateV3io(auth, credentials.headers);
  }
}
