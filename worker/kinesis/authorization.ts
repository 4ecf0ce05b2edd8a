// The pieces of an AWS signature, version 4, as a request carries them: in the Authorization header
// or, presigned, in the query. This file only finds them, and reports a missing one with the errors
// of the service (kinesalite index.js). It does not check the signature.
import { headerAuthorization, readParameters } from "../auth/authorizationHeader.ts";
import type { Authorization, HeaderReader } from "../auth/credentials.ts";
import { KinesisError } from "./errors.ts";

/** `query` is what follows the question mark. */
export function readAuthorization(
  headers: HeaderReader,
  query: string,
): Authorization | KinesisError {
  const header = headers.get("authorization");
  const parameters = query === "" ? undefined : new URLSearchParams(query);
  const isPresigned = parameters?.has("X-Amz-Algorithm");
  if (header && isPresigned) {
    return new KinesisError(
      "InvalidSignatureException",
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
  }
  if (header) return readHeader(header, headers);
  if (parameters && isPresigned) return readQuery(parameters);
  return new KinesisError("MissingAuthenticationTokenException", "Missing Authentication Token");
}

/** `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, by commas or spaces. */
function readHeader(header: string, headers: HeaderReader): Authorization | KinesisError {
  const [algorithm = "", ...pieces] = header.split(/[, ]/);
  const parameters = readParameters(pieces);
  const date = headers.get("x-amz-date") || headers.get("date");
  const complaints = ["Credential", "Signature", "SignedHeaders"]
    .filter((name) => !parameters.get(name))
    .map((name) => `Authorization header requires '${name}' parameter. `);
  if (!date) {
    complaints.push(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
    );
  }
  if (complaints.length > 0) return incomplete(`${complaints.join("")}Authorization=${header}`);
  return headerAuthorization(algorithm, parameters, date ?? "", headers);
}

function readQuery(parameters: URLSearchParams): Authorization | KinesisError {
  const complaints = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
  ]
    .filter((name) => !parameters.get(name))
    .map((name) => `AWS query-string parameters must include '${name}'. `);
  if (complaints.length > 0) {
    return incomplete(`${complaints.join("")}Re-examine the query-string parameters.`);
  }
  return {
    form: "query",
    algorithm: parameters.get("X-Amz-Algorithm") ?? "",
    credential: parameters.get("X-Amz-Credential") ?? "",
    signedHeaders: (parameters.get("X-Amz-SignedHeaders") ?? "").split(";"),
    signature: parameters.get("X-Amz-Signature") ?? "",
    date: parameters.get("X-Amz-Date") ?? "",
    expires: parameters.get("X-Amz-Expires") ?? undefined,
    securityToken: parameters.get("X-Amz-Security-Token") ?? undefined,
  };
}

function incomplete(message: string): KinesisError {
  return new KinesisError("IncompleteSignatureException", message);
}
