// The entry to authentication. A dialect passes the credentials that it found, and gets a caller or
// a refusal. A refusal is possible before the body has arrived. policy.ts decides what the caller
// may do. Configuration and clock are arguments, nothing is read from outside, and nothing throws.
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
import { authenticateBearer } from "./bearer.ts";
import { authenticateV3io } from "./v3io.ts";
import {
  authenticateYandex,
  refuseYandexHead,
  type YandexHead,
  type YandexRequest,
} from "./yandex.ts";

export type Credentials =
  | ({ readonly dialect: "kinesis" } & SignedRequest)
  | ({ readonly dialect: "aws"; readonly service: string } & SignedRequest)
  | ({ readonly dialect: "yandex" } & YandexRequest)
  | { readonly dialect: "v3io"; readonly headers: HeaderReader }
  | { readonly dialect: "durable"; readonly headers: HeaderReader };

/** Credentials whose body may not have arrived yet. v3io credentials never depend on the body. */
export type HeadCredentials =
  | ({ readonly dialect: "kinesis" } & SignedHead)
  | ({ readonly dialect: "aws"; readonly service: string } & SignedHead)
  | ({ readonly dialect: "yandex" } & YandexHead);

/** The service name that clients of Kinesis sign for. */
const kinesisServices = ["kinesis"];

/**
 * The refusal that the head of a request causes before the body is read. Undefined if only the body
 * can tell, or if no keys are required.
 */
export function refusalOfHead(
  auth: AuthConfig,
  credentials: HeadCredentials,
  nowMs: number,
): Refusal | undefined {
  if (auth.mode === "open") return undefined;
  if (auth.mode === "closed") return refuse("AccessDeniedException", auth.notice);
  if (credentials.dialect === "yandex") return refuseYandexHead(auth, credentials, nowMs);
  const services = credentials.dialect === "aws" ? [credentials.service] : kinesisServices;
  return refuseHead(credentials, auth.keys, services, nowMs);
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
    case "aws":
      if (auth.mode === "open") return admitUnverified(credentials.authorization, auth.account);
      return verifySignature(credentials, auth.keys, [credentials.service], nowMs);
    case "yandex":
      return authenticateYandex(auth, credentials, nowMs);
    case "v3io":
      return authenticateV3io(auth, credentials.headers);
    case "durable":
      return authenticateBearer(auth, credentials.headers);
  }
}
