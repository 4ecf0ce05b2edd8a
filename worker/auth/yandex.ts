// Credentials of the Yandex dialect: an IAM token, as a bearer token or in one of two other
// headers, or an AWS signature made with static keys (Yandex Data Streams documentation,
// "Authentication"; YDB http_proxy). A token in x-amz-security-token counts only if there is no
// signature. Errors that the service words differently have its wording.
import type { Authorization, HeaderReader } from "./credentials.ts";
import { admit, admitAnyone, type Caller, type Refusal, refuse } from "./caller.ts";
import type { KeysAuth, OpenAuth } from "./config.ts";
import { admitUnverified, refuseHead, type SignedRequest, verifySignature } from "./sigv4.ts";

export type YandexRequest = Omit<SignedRequest, "authorization"> & {
  /** Undefined if the request is not signed. */
  readonly authorization: Authorization | undefined;
};

export type YandexHead = Omit<YandexRequest, "body">;

/** Clients sign for the service Kinesis; YDB's own tests use another name. */
const services = ["kinesis", "service"];

export function authenticateYandex(
  auth: KeysAuth | OpenAuth,
  request: YandexRequest,
  nowMs: number,
): Caller | Refusal {
  const { authorization, headers } = request;
  const token = readToken(headers, authorization !== undefined);
  if (token !== undefined) return identifyByToken(auth, token);
  if (authorization === undefined) return refuseNobody();
  if (auth.mode === "open") return admitUnverified(authorization, auth.account);
  return verifySignature({ ...request, authorization }, auth.keys, services, nowMs);
}

/** The error that does not depend on the body; undefined if only the body can tell. */
export function refuseYandexHead(
  auth: KeysAuth,
  head: YandexHead,
  nowMs: number,
): Refusal | undefined {
  const { authorization, headers } = head;
  const token = readToken(headers, authorization !== undefined);
  if (token !== undefined) {
    const outcome = identifyByToken(auth, token);
    return outcome.kind === "refusal" ? outcome : undefined;
  }
  if (authorization === undefined) return refuseNobody();
  return refuseHead({ ...head, authorization }, auth.keys, services, nowMs);
}

function identifyByToken(auth: KeysAuth | OpenAuth, token: string): Caller | Refusal {
  if (auth.mode === "open") return admitAnyone(token, auth.account);
  const principal = auth.keys.findBearer("token", token);
  return principal
    ? admit(principal)
    : refuse("AccessDeniedException", "Access denied: the IAM token is not known here");
}

function refuseNobody(): Refusal {
  return refuse("IncompleteSignatureException", "Neither Credentials nor IAM token was provided");
}

function readToken(headers: HeaderReader, isSigned: boolean): string | undefined {
  const bearer = /^bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const subject = headers.get("x-yacloud-subjecttoken")?.replace(/^bearer /i, "");
  const security = isSigned ? undefined : headers.get("x-amz-security-token");
  return (bearer || subject || security)?.trim() || undefined;
}
