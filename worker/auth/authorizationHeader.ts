// The parameters of an Authorization header with an AWS signature: names and values between commas or white
// space, which a dialect splits as its service does. What is missing is empty here; how to
// complain about that is the dialect's.
import type { Authorization, HeaderReader } from "./credentials.ts";

/** Pieces such as `Credential=…` by their names; a piece without a value has an empty one. */
export function readParameters(pieces: readonly string[]): ReadonlyMap<string, string> {
  return new Map(pieces.map((piece) => splitPair(piece.trim())));
}

/** What the header says, complete or not. */
export function headerAuthorization(
  algorithm: string,
  parameters: ReadonlyMap<string, string>,
  date: string,
  headers: HeaderReader,
): Authorization {
  return {
    form: "header",
    algorithm,
    credential: parameters.get("Credential") ?? "",
    signedHeaders: (parameters.get("SignedHeaders") ?? "").split(";"),
    signature: parameters.get("Signature") ?? "",
    date,
    expires: undefined,
    securityToken: headers.get("x-amz-security-token") ?? undefined,
  };
}

function splitPair(piece: string): [string, string] {
  const at = piece.indexOf("=");
  return at < 0 ? [piece, ""] : [piece.slice(0, at), piece.slice(at + 1)];
}
