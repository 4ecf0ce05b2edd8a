// Identifies the caller: by an AWS signature in the Authorization header, or by an IAM token, which
// auth/yandex.ts finds itself. Refusals get this service's names; all have status 400. Sources: YDB
// http_req.cpp, auth_actors.cpp, error_codes_ut.cpp.
import { authenticate, refusalOfHead } from "../auth/authenticate.ts";
import { headerAuthorization, readParameters } from "../auth/authorizationHeader.ts";
import type { Caller, Refusal, RefusalName } from "../auth/caller.ts";
import type { Authorization, HeaderReader } from "../auth/credentials.ts";
import type { YandexHead, YandexRequest } from "../auth/yandex.ts";
import type { Backend } from "../stream/backend.ts";
import { YandexError, type YandexErrorName } from "./errors.ts";

const names: Readonly<Record<RefusalName, YandexErrorName>> = {
  AccessDeniedException: "AccessDeniedException",
  IncompleteSignatureException: "IncompleteSignature",
  InvalidSignatureException: "AccessDeniedException",
  MissingAuthenticationTokenException: "MissingAuthenticationToken",
  UnrecognizedClientException: "AccessDeniedException",
};

/** Throws YandexError for credentials that are not good. */
export function identify(
  backend: Backend,
  request: Omit<YandexRequest, "authorization">,
  nowMs: number,
): Caller {
  const authorization = readAuthorization(request.headers);
  const credentials = { dialect: "yandex" as const, ...request, authorization };
  const outcome = authenticate(backend.access, credentials, nowMs);
  if (outcome.kind === "refusal") throw refused(outcome);
  return outcome;
}

/**
 * Throws YandexError for what the headers refuseByHead, before the body is read, where keys are asked
 * for. On an open server the service's order stays: what is wrong with a body is said first.
 */
export function refuseByHead(
  backend: Backend,
  head: Omit<YandexHead, "authorization">,
  nowMs: number,
): void {
  const access = backend.access;
  if (access.mode === "open") return;
  const authorization = readAuthorization(head.headers);
  const refusal = refusalOfHead(access, { dialect: "yandex", ...head, authorization }, nowMs);
  if (refusal !== undefined) throw refused(refusal);
}

export function refused({ name, message }: Refusal): YandexError {
  return new YandexError(names[name], message);
}

/** Undefined for a request without a signature. */
function readAuthorization(headers: HeaderReader): Authorization | undefined {
  const header = headers.get("authorization")?.trim() ?? "";
  const [algorithm = "", ...rest] = header.split(/\s+/);
  if (header === "" || algorithm.toLowerCase() === "bearer") return undefined;
  if (!algorithm.startsWith("AWS4-")) {
    throw new YandexError("AccessDeniedException", "Unknown scheme of the Authorization header");
  }
  const pieces = rest.join(" ").split(/[,\s]+/);
  const date = headers.get("x-amz-date") ?? headers.get("date") ?? "";
  const parameters = readParameters(pieces);
  if (!parameters.get("Signature") || !parameters.get("SignedHeaders") || date === "") {
    throw new YandexError("IncompleteSignature", "The signature is not complete");
  }
  const authorization = headerAuthorization(algorithm, parameters, date, headers);
  if (authorization.credential.split("/", 1)[0] === "") {
    throw new YandexError("MissingAuthenticationToken", "Access key id should be provided");
  }
  return authorization;
}
