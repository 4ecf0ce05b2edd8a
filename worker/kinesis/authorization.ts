// The pieces of an AWS signature, version 4, as a request carries them: in the Authorization
// header or, presigned, in the query. Here they are only found, with the complaints of the service
// when one is missing (kinesalite index.js); whether the signature is right is not asked.
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
  const parameters = new Map(pieces.map((piece) => splitPair(piece.trim())));
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
  return {
    form: "header",
    algorithm,
    credential: parameters.get("Credential") ?? "",
    signedHeaders: (parameters.get("SignedHeaders") ?? "").split(";"),
    signature: parameters.get("Signature") ?? "",
    date: date ?? "",
    expires: undefined,
    securityToken: headers.get("x-amz-security-token") ?? undefined,
  };
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

function splitPair(piece: string): [string, string] {
  const at = piece.indexOf("=");
  return at < 0 ? [piece, ""] : [piece.slice(0, at), piece.slice(at + 1)];
}

function incomplete(message: string): KinesisError {
  return new KinesisError("IncompleteSignatureException", message);
}
